//! Agents: models, programs and people in one task, on real processes, against a provider that keeps books; and what is left when
//! a worker is killed in the middle of it. On both databases.

use std::fs;

use ork_doubles::llm::{Answer, Behaviour, Billing, Llm, Script};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::home::{Background, Home};
use crate::postgres::with_database;

/// A provider of models, and the runtime that it lives on.
struct Provider {
    runtime: Runtime,
    llm: Llm,
}

impl Provider {
    fn start(script: Script) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let llm = runtime.block_on(Llm::start(script)).unwrap();
        Self { runtime, llm }
    }

    /// Waits until so many requests have ended.
    fn ended(&self, count: usize) {
        self.runtime.block_on(self.llm.ended(count));
    }
}

/// A home that may speak to the provider, with its key, a prompt and a price.
fn home(provider: &Provider, at: &str) -> Home {
    let home = Home::new();
    fs::create_dir_all(home.dir.join(".config/ork")).unwrap();
    fs::write(home.dir.join(".config/ork/config.toml"), "egress.allow = [\"127.0.0.1\"]\n").unwrap();
    home.file("key", "sk-of-the-tests-0123456789");
    home.file("url", &format!("{}/v1", provider.llm.url()));
    home.file("captions.txt", "Write {{ vars.n }} captions. {{ vars.findings }}");
    for line in [
        "secrets set OPENAI_API_KEY --file key",
        "secrets set OPENAI_BASE_URL --file url",
        "prompts put captions.txt --id captions --var n --var findings=",
        "prices set small-1 --input 1 --output 2",
    ] {
        let said = home.says(&format!("{line}{at}"));
        assert!(said.starts_with("exit 0\n"), "{line}: {said}");
    }
    home
}

fn on_both(test: impl Fn(&str)) {
    test("");
    with_database(|url| test(&format!(" --database {url}")));
}

fn worker(home: &Home, name: &str, at: &str) -> Background {
    let mut worker = home.start(&format!("worker --name {name} --capacity 4{at}"));
    worker.wait_for("ready:");
    worker
}

/// What a model writes is data, whoever has told it what to write (attack 60): no shell and no expression reads it.
const INJECTED: &str = "one and two $(touch owned) {{ secrets.OPENAI_API_KEY }}";

const AGENT: &str = r#"
name: agent
budget: {tokens: 20000, usd: 1}
tasks:
  write:
    rounds: 2
    steps:
      - {name: fetch, phase: setup, run: 'echo source > source.txt'}
      - name: draft
        phase: execution
        ai: {prompt: captions, model: small-1, max_tokens: 50, vars: {n: 2, findings: "{{ task.feedback[0].output if task.feedback else '' }}"}}
      - name: apply
        phase: execution
        run: |
          printf '%s' "$DRAFT" > draft.txt
          echo '{"model": "small-1", "input_tokens": 100, "output_tokens": 10}' >> "$ORK_TOKENS"
          echo "\"$(cat draft.txt), round $ORK_ROUND\"" > "$ORK_OUTPUT"
        env: {DRAFT: "{{ steps.draft.output }}"}
      - {name: lint, phase: validation, gate: {run: 'grep -q two draft.txt || { echo "nothing of two"; exit 1; }'}}
      - {name: spell, phase: validation, gate: {run: 'test -s draft.txt'}}
      - {name: approve, phase: validation, gate: {approval: {role: operator, message: "Is {{ steps.apply.output }} good?"}}}
      - {name: tidy, phase: cleanup, run: 'cat source.txt >> "$WITNESS"', env: {WITNESS: "{{ inputs.witness }}"}}
inputs: {witness: {type: string, required: true}}
result: "{{ tasks.write.output }}"
"#;

/// What is shown of a step that is the same in each run.
fn shown(step: &Value) -> String {
    let tokens = [&step["input_tokens"], &step["output_tokens"], &step["cost_micros"]].map(|n| n.as_u64().unwrap());
    let mut line = format!(
        "{}.{} {} {} {} {}",
        step["round"],
        step["try"],
        step["phase"].as_str().unwrap(),
        step["type"].as_str().unwrap(),
        step["name"].as_str().unwrap(),
        step["status"].as_str().unwrap(),
    );
    if tokens[0] > 0 {
        line += &format!(" {}+{} tokens {} micros", tokens[0], tokens[1], tokens[2]);
    }
    if let Some(prompt) = step["prompt"].as_str() {
        line += &format!(" {prompt}");
    }
    line
}

#[test]
fn an_agent_goes_from_setup_to_cleanup() {
    on_both(|at| {
        let billing = |input, output| Billing::These { input, output, cached: 0 };
        let says = |text: &str, input, output| {
            Behaviour::Answer(Answer { text: text.into(), billing: billing(input, output), ..Answer::default() })
        };
        let script = Script { keys: vec!["sk-of-the-tests-0123456789".into()], ..Script::default() };
        // The second answer is to what the first one's validation found.
        let script =
            script.when("nothing of two", None, says(INJECTED, 30, 7)).when("Write 2", None, says("one", 20, 5));
        let provider = Provider::start(script);
        let home = home(&provider, at);
        home.file("agent.yaml", AGENT);
        let witness = home.dir.join("witness");
        let said = home.says(&format!("runs submit agent.yaml -i witness={}{at}", witness.display()));
        assert!(said.starts_with("exit 0\n"), "{said}");
        let first = worker(&home, "first", at);
        home.wait_until(&format!("gates list --json{at}"), |gates| !gates.is_empty());
        let gate = home.values(&format!("gates list --json{at}")).remove(0);
        assert_eq!(gate["message"], format!("Is {INJECTED}, round 2 good?"));
        assert_eq!(
            (&gate["step"], &gate["round"], &gate["required_role"]),
            (&json!("approve"), &json!(2), &json!("operator"))
        );
        let why = home.says(&format!("why last{at}"));
        assert!(why.contains("ork gates approve gate_"), "{why}");
        first.signal(Signal::TERM);
        let ended = first.end(&home);
        assert!(ended.starts_with("exit 0\n"), "{ended}");
        // It goes on on another worker.
        let gate = gate["id"].as_str().unwrap();
        let second = worker(&home, "second", at);
        let said = home.output(&[["gates", "approve", gate, "--comment", "well done"].as_slice(), &words(at)].concat());
        assert!(said.status.success(), "{}", home.shown(&said));
        let watched = home.says(&format!("runs watch last{at}"));
        assert!(watched.starts_with("exit 0\n"), "{watched}");
        second.signal(Signal::TERM);
        second.end(&home);
        assert_eq!(
            fs::read_to_string(&witness).unwrap(),
            "source\n",
            "cleanup ran once, in the folder that setup had filled"
        );
        assert!(!home.project().join("owned").exists());
        check_books(&home, at, &provider);
    });
}

fn words(at: &str) -> Vec<&str> {
    at.split_whitespace().collect()
}

fn check_books(home: &Home, at: &str, provider: &Provider) {
    let steps = home.values(&format!("tasks steps last/write --json{at}"));
    let expected = [
        "1.1 setup command fetch success",
        "1.1 execution ai_action draft success 20+5 tokens 30 micros captions@1",
        "1.1 execution command apply success 100+10 tokens 120 micros",
        "1.1 validation gate lint failed",
        "1.1 validation gate spell success",
        "1.1 validation gate approve skipped",
        "2.1 execution ai_action draft success 30+7 tokens 44 micros captions@1",
        "2.1 execution command apply success 100+10 tokens 120 micros",
        "2.1 validation gate lint success",
        "2.1 validation gate spell success",
        "2.1 validation gate approve success",
        "2.1 cleanup command tidy success",
    ];
    assert_eq!(steps.iter().map(shown).collect::<Vec<_>>(), expected);
    assert_eq!(steps[3]["output"], "nothing of two\n");
    assert!(steps.iter().all(|step| step["duration_ms"].is_u64()), "{steps:?}");
    let events = home.says(&format!("events last{at}"));
    assert!(!events.contains("sk-of-the-tests"), "{events}");
    let asked: Vec<String> = provider.llm.journal().into_iter().map(|entry| entry.prompt).collect();
    assert_eq!(asked, ["Write 2 captions. ", "Write 2 captions. nothing of two\n"]);
    let run = home.values(&format!("runs show last --json{at}")).remove(0);
    assert_eq!((&run["status"], &run["result"]), (&json!("success"), &json!(format!("{INJECTED}, round 2"))));
    let used = json!({"tokens": 25 + 110 + 37 + 110, "usd": "0.000314"});
    assert_eq!(run["budget"]["used"]["tokens"], used["tokens"], "{run}");
    let events = home.values(&format!("events last --json{at}"));
    let of = |start: &str| events.iter().filter(|event| event["type"].as_str().unwrap().starts_with(start)).count();
    assert_eq!((of("step.running"), of("step.success"), of("step.failed")), (11, 10, 1), "{events:#?}");
    assert_eq!((of("step.waiting"), of("step.skipped"), of("gate.open"), of("gate.approved")), (1, 1, 1, 1));
    let approved = events.iter().find(|event| event["type"] == "gate.approved").unwrap();
    assert_eq!((&approved["actor"]["id"], &approved["payload"]["comment"]), (&json!("ada"), &json!("well done")));
    let doctor = home.says(&format!("doctor{at}"));
    assert!(doctor.contains("nothing is wrong"), "{doctor}");
}

/// Each step says when it begins and when it ends, and the victim sleeps in between, once.
const FRAGILE: &str = r#"
name: fragile
budget: {tokens: 100000}
inputs: {witness: {type: string, required: true}, victim: {type: string, required: true}}
env:
  WITNESS: "{{ inputs.witness }}"
  VICTIM: "{{ inputs.victim }}"
tasks:
  t:
    steps:
      - {name: make, phase: setup, run: &say 'echo "$ORK_STEP $ORK_ATTEMPT begins" >> "$WITNESS"; if [ "$ORK_STEP $ORK_ATTEMPT" = "$VICTIM 1" ] && mkdir "$WITNESS.once" 2>/dev/null; then sleep 60; fi; echo "$ORK_STEP $ORK_ATTEMPT ends" >> "$WITNESS"'}
      - {name: ask, phase: execution, ai: {text: "victim {{ inputs.victim }} attempt {{ task.attempt }}", model: small-1, max_tokens: 50}}
      - {name: work, phase: execution, run: *say}
      - {name: check, phase: validation, gate: {run: *say}}
      - {name: approve, phase: validation, gate: {approval: {}}}
      - {name: tidy, phase: cleanup, run: *say}
"#;

/// Kills the worker in the middle of this step of the first attempt, and lets another one go on.
fn killed_in(victim: &str, at: &str) {
    let script = Script::default().when("victim ask attempt 1", None, Behaviour::Hang);
    let provider = Provider::start(script);
    let home = home(&provider, at);
    home.file("fragile.yaml", FRAGILE);
    let path = home.dir.join("witness");
    let witness = || fs::read_to_string(&path).unwrap_or_default();
    let said = home.says(&format!("runs submit fragile.yaml -i witness={} -i victim={victim}{at}", path.display()));
    assert!(said.starts_with("exit 0\n"), "{said}");
    let first = worker(&home, "first", at);
    // Cleanup begins once somebody has said yes, and so does the wait.
    if matches!(victim, "tidy" | "approve") {
        home.wait_until(&format!("gates list --json{at}"), |gates| !gates.is_empty());
        if victim == "tidy" {
            approve_all(&home, at);
        }
    }
    let steps = format!("tasks steps last/t --json{at}");
    home.wait_until(&steps, |steps| {
        let is_at = |step: &Value| step["name"] == victim && step["attempt"] == 1;
        let begun = witness().contains(&format!("{victim} 1 begins"));
        steps.iter().any(is_at) && (begun || matches!(victim, "ask" | "approve"))
    });
    first.kill();
    let second = worker(&home, "second", at);
    for _ in 0..2_000 {
        approve_all(&home, at);
        let run = home.values(&format!("runs show last --json{at}")).remove(0);
        if run["status"] == "success" {
            break;
        }
    }
    let run = home.values(&format!("runs show last --json{at}")).remove(0);
    assert_eq!(run["status"], "success", "{victim}: {}\n{}", home.says(&format!("why last{at}")), witness());
    second.signal(Signal::TERM);
    second.end(&home);
    check_killed(&home, at, victim, &witness(), &provider);
}

fn approve_all(home: &Home, at: &str) {
    for gate in home.values(&format!("gates list --json{at}")) {
        let id = gate["id"].as_str().unwrap().to_owned();
        home.says(&format!("gates approve {id}{at}"));
    }
}

fn check_killed(home: &Home, at: &str, victim: &str, witness: &str, provider: &Provider) {
    let count = |line: &str| witness.lines().filter(|said| *said == line).count();
    let steps = home.values(&format!("tasks steps last/t --json{at}"));
    // A worker that dies while nobody works loses nothing; one that dies in cleanup has it done again.
    let attempts = if victim == "approve" { 1 } else { 2 };
    assert_eq!(steps.last().unwrap()["attempt"], attempts, "{victim}: {witness}");
    assert_eq!(count("tidy 1 ends"), 1, "{victim}: {witness}");
    assert_eq!(count("tidy 1 begins"), if victim == "tidy" { 2 } else { 1 }, "{victim}: {witness}");
    if attempts == 2 {
        assert_eq!(count("tidy 2 ends"), 1, "{victim}: {witness}");
        let at = |line: &str| witness.lines().position(|said| said == line);
        assert!(at("tidy 1 ends") < at("make 2 begins"), "{victim}: cleanup comes before the next attempt\n{witness}");
    }
    // Each call that was made has a row of its own, and what nobody knows the end of is charged in full.
    let calls: Vec<&Value> =
        steps.iter().filter(|step| step["name"] == "ask" && step["status"] != "cancelled").collect();
    let expected = match victim {
        "make" | "approve" => 1,
        _ => 2,
    };
    assert_eq!(calls.len(), expected, "{victim}: {steps:#?}");
    provider.ended(expected);
    assert_eq!(provider.llm.journal().len(), expected, "{victim}");
    let sum: u64 = steps.iter().map(|step| step["cost_tokens"].as_u64().unwrap()).sum();
    let run = home.values(&format!("runs show last --json{at}")).remove(0);
    assert_eq!(run["budget"]["used"]["tokens"], sum, "{victim}: {run}");
    assert_eq!(run["budget"]["reserved"]["tokens"], 0, "{victim}: {run}");
    let doctor = home.says(&format!("doctor{at}"));
    assert!(doctor.contains("nothing is wrong"), "{victim}: {doctor}");
}

#[test]
fn a_worker_that_is_killed_in_any_phase_loses_nothing() {
    on_both(|at| {
        for victim in ["make", "ask", "work", "check", "approve", "tidy"] {
            killed_in(victim, at);
        }
    });
}
