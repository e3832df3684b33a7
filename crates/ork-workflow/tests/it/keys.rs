//! Every key of the format: what it becomes where it is right, and what is said where it is wrong. A key of `keys.rs`
//! that has no case here fails.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ork_workflow::{Bound, Format, InputSpec, ScheduleSpec, Source, Workflow, codes, keys, parse};
use serde_json::{Map, Value};

/// A key, text in which it is right (none for what this build cannot run), and text in which it is wrong.
type Case = (&'static str, &'static str, &'static str);

/// Where the texts of a table stand: `@` is replaced. A text that begins a file of its own stands alone.
const FRAMES: [(&str, &str); 16] = [
    ("the file", "@\ntasks:\n  a: {command: [work]}\n"),
    ("a task", "tasks:\n  b: {command: [work]}\n  a:\n    @\n"),
    ("retry", "tasks:\n  a: {command: [work], retry: {@}}\n"),
    ("an input", "inputs:\n  x: {@}\ntasks:\n  a: {command: [work]}\n"),
    ("concurrency", "tasks:\n  a: {command: [work], concurrency: {@}}\n"),
    ("schedule", "schedule: {@}\ninputs: {size: {type: integer}}\ntasks:\n  a: {command: [work]}\n"),
    ("webhook", "webhook: {@}\ntasks:\n  a: {command: [work]}\n"),
    ("a step", "tasks:\n  a:\n    steps:\n      - {name: first, phase: setup, command: [work]}\n      - {@}\n"),
    ("ai", "tasks:\n  a:\n    steps:\n      - {name: x, phase: execution, ai: {@}}\n"),
    ("a gate", "tasks:\n  a:\n    steps:\n      - {name: x, phase: validation, gate: {@}}\n"),
    ("an artifact", "tasks:\n  a:\n    steps:\n      - {name: x, phase: execution, artifact: {@}}\n"),
    ("an approval", "tasks:\n  a:\n    steps:\n      - {name: x, phase: validation, gate: {approval: {@}}}\n"),
    ("budget", "budget: {@}\ntasks:\n  a: {command: [work]}\n"),
    (
        "budget of a step",
        "tasks:\n  a:\n    steps:\n      - {name: x, phase: execution, ai: {text: hi, model: m, max_tokens: 9, budget: {@}}}\n",
    ),
    ("a plan of jobs", "{\"jobs\": [{\"id\": \"a\", \"type\": \"cut\"}]@}\n"),
    ("a job", "{\"jobs\": [{\"id\": \"b\", \"type\": \"cut\"}, {@}]}\n"),
];

const FILE: &[Case] = &[
    ("name", "name: nightly", "name: nightly run"),
    ("description", "description: Counts orders", "description: 5"),
    ("inputs", "inputs: {size: {type: integer}}", "inputs: [size]"),
    ("labels", "labels: {team: media}", "labels: {the team: media}"),
    ("priority", "priority: 5", "priority: high"),
    ("retry", "retry: {max_attempts: 3}", "retry: 3"),
    ("timeout", "timeout: 1h30m", "timeout: 90"),
    ("on_failure", "on_failure: continue", "on_failure: carry on"),
    ("concurrency", "concurrency: {key: gpu, limit: 2}", "concurrency: 2"),
    ("webhook", "webhook: {url: \"https://example.com/hook\"}", "webhook: https://example.com/hook"),
    ("budget", "budget: {usd: 2.50}", "budget: 2.50"),
    ("env", "env: {MODE: fast}", "env: {1ST: fast}"),
    ("schedule", "schedule: {cron: \"0 3 * * *\"}", "schedule: \"0 3 * * *\""),
    ("tasks", "tasks: {a: {command: [work]}}", "tasks: [{command: [work]}]"),
    ("result", "result: \"{{ tasks.a.output }}\"", "result: \"{{ tasks.b.output }}\""),
    ("secrets", "", "secrets: [token]"),
    ("artifacts", "", "artifacts: [out]"),
    ("container", "", "container: {image: alpine}"),
    ("image", "", "image: alpine"),
];

const TASK: &[Case] = &[
    ("depends_on", "depends_on: [b]\n    command: [work]", "depends_on: [c]\n    command: [work]"),
    ("command", "command: [work, --fast]", "command: work --fast"),
    ("run", "run: work | sort", "run: work \"{{ run.id }}\""),
    ("executor", "executor: process\n    command: [work]", "executor: container\n    command: [work]"),
    ("with", "operation: cut\n    with: {size: 2}", "operation: cut\n    with: {size: 2}\n    params: {size: 2}"),
    ("operation", "operation: cut", "operation: cut it"),
    ("queue", "command: [work]\n    queue: gpu", "command: [work]\n    queue: gpu/0"),
    ("params", "operation: cut\n    params: {size: 2}", "operation: cut\n    params: {size: \"{{ inputs.size }}\"}"),
    ("env", "command: [work]\n    env: {MODE: fast}", "operation: cut\n    env: {MODE: fast}"),
    ("workdir", "command: [work]\n    workdir: sub", "command: [work]\n    workdir: [sub]"),
    ("count", "command: [work]\n    count: 3", "command: [work]\n    count: -1"),
    ("each", "command: [work]\n    each: [x, y]", "command: [work]\n    each: x"),
    (
        "when",
        "command: [work]\n    depends_on: b\n    when: tasks.b.output > 3",
        "command: [work]\n    when: \"{{ run.id }}\"",
    ),
    ("run_if", "command: [work]\n    depends_on: b\n    run_if: failed", "command: [work]\n    run_if: failure"),
    ("retry", "command: [work]\n    retry: {max_attempts: 3}", "command: [work]\n    retry: {attempts: 3}"),
    ("timeout", "command: [work]\n    timeout: 10m", "command: [work]\n    timeout: ten minutes"),
    ("priority", "command: [work]\n    priority: -1", "command: [work]\n    priority: 1.5"),
    ("concurrency", "command: [work]\n    concurrency: {key: gpu}", "command: [work]\n    concurrency: {limit: 1}"),
    ("output", "command: [work]\n    output: stdout_json", "command: [work]\n    output: json"),
    ("at_most_once", "command: [work]\n    at_most_once: true", "command: [work]\n    at_most_once: yes"),
    ("steps", "steps: [{name: x, phase: setup, run: work}]", "steps: {x: {phase: setup, run: work}}"),
    ("rounds", "steps: [{name: x, phase: setup, run: work}]\n    rounds: 3", "command: [work]\n    rounds: 3"),
    ("isolation", "", "command: [work]\n    isolation: strict"),
    ("secrets", "", "command: [work]\n    secrets: [token]"),
    ("artifacts", "", "command: [work]\n    artifacts: [out]"),
    ("container", "", "container: {image: alpine}"),
    ("image", "", "image: alpine"),
];

const RETRY: &[Case] = &[
    ("max_attempts", "max_attempts: 3", "max_attempts: 0"),
    ("delay", "delay: 500ms", "delay: 5"),
    ("factor", "factor: 1.5", "factor: 0.5"),
    ("max_delay", "delay: 2m, max_delay: 5m", "delay: 2m, max_delay: 1m"),
    ("jitter", "jitter: 0", "jitter: 20"),
    ("retry_on", "retry_on: [75, timeout]", "retry_on: [75, time]"),
];

const INPUT: &[Case] = &[
    ("type", "type: array", "type: list"),
    ("required", "required: true", "required: true, default: x"),
    ("default", "default: [1, 2]", "type: integer, default: two"),
    ("enum", "enum: [draft, final]", "enum: draft"),
    ("minimum", "type: integer, minimum: 1", "type: string, minimum: 1"),
    ("maximum", "type: number, maximum: 1.5", "type: integer, minimum: 5, maximum: 1"),
    ("pattern", "pattern: ^a+$", "pattern: \"(a\""),
    ("description", "description: How large", "description: [How, large]"),
];

const CONCURRENCY: &[Case] =
    &[("key", "key: gpu", "key: [gpu]"), ("limit", "key: gpu, limit: 2", "key: gpu, limit: 0")];

const SCHEDULE: &[Case] = &[
    ("cron", "cron: '*/15 * * * *'", "cron: '*/15 * * *'"),
    ("timezone", "cron: '0 3 * * *', timezone: Europe/Paris", "cron: '0 3 * * *', timezone: Europe/Pari"),
    ("input", "cron: '0 3 * * *', input: {size: 3}", "cron: '0 3 * * *', input: {size: large}"),
    ("overlap", "cron: '0 3 * * *', overlap: queue", "cron: '0 3 * * *', overlap: wait"),
    ("catch_up", "cron: '0 3 * * *', catch_up: all", "cron: '0 3 * * *', catch_up: yes"),
];

const WEBHOOK: &[Case] = &[
    ("url", "url: \"https://example.com/a?b=c\"", "url: \"ftp://example.com\""),
    (
        "secret",
        "url: \"http://example.com\", secret: \"{{ secrets.hook }}\"",
        "url: \"http://example.com\", secret: whsec_AAAA",
    ),
    (
        "events",
        "url: \"http://example.com\", events: [run.started, task.finished]",
        "url: \"http://example.com\", events: [run.failed]",
    ),
    ("format", "url: \"http://example.com\", format: execution", "url: \"http://example.com\", format: cloudevents"),
];

const STEP: &[Case] = &[
    ("name", "name: y, phase: execution, run: work", "name: first, phase: execution, run: work"),
    ("phase", "name: x, phase: cleanup, run: work", "name: x, run: work"),
    ("run", "name: x, phase: execution, run: work", "name: x, phase: execution, run: \"work {{ run.id }}\""),
    (
        "command",
        "name: x, phase: execution, command: [\"{{ steps.first.output }}\"]",
        "name: x, phase: execution, command: work",
    ),
    (
        "ai",
        "name: x, phase: execution, ai: {text: hi, model: m, max_tokens: 9}",
        "name: x, phase: execution, ai: {text: hi, model: m, max_tokens: 9}, env: {A: b}",
    ),
    ("gate", "name: x, phase: validation, gate: {run: work}", "name: x, phase: cleanup, gate: {run: work}"),
    (
        "artifact",
        "name: x, phase: execution, artifact: {path: \"out/*.mp4\", kind: video}",
        "name: x, phase: execution, artifact: {path: a}, env: {A: b}",
    ),
    (
        "when",
        "name: x, phase: execution, run: work, when: steps.first.status == 'success'",
        "name: x, phase: execution, run: work, when: steps.x.status == 'success'",
    ),
    (
        "timeout",
        "name: x, phase: execution, run: work, timeout: 5s",
        "name: x, phase: execution, run: work, timeout: 5",
    ),
    (
        "retry",
        "name: x, phase: execution, run: work, retry: {max_attempts: 3}",
        "name: x, phase: execution, run: work, retry: 3",
    ),
    (
        "continue_on_error",
        "name: x, phase: execution, run: work, continue_on_error: true",
        "name: x, phase: execution, run: work, continue_on_error: on",
    ),
    (
        "env",
        "name: x, phase: execution, run: work, env: {A: \"{{ secrets.token }}\", B: \"{{ prompts.p }}\"}",
        "name: x, phase: execution, gate: {approval: {}}, env: {A: b}",
    ),
];

const AI: &[Case] = &[
    ("prompt", "prompt: captions@3, model: m, max_tokens: 9", "prompt: write captions, model: m, max_tokens: 9"),
    (
        "text",
        "text: \"Say {{ task.index }}\", model: m, max_tokens: 9",
        "text: hi, prompt: captions, model: m, max_tokens: 9",
    ),
    ("system", "system: Be brief, text: hi, model: m, max_tokens: 9", "system: 5, text: hi, model: m, max_tokens: 9"),
    (
        "vars",
        "vars: {n: 3, all: [\"{{ run.id }}\"]}, prompt: captions, model: m, max_tokens: 9",
        "vars: {n: 3}, text: hi, model: m, max_tokens: 9",
    ),
    ("model", "text: hi, model: other, max_tokens: 9", "text: hi, max_tokens: 9"),
    ("api", "api: anthropic, text: hi, model: m, max_tokens: 9", "api: other, text: hi, model: m, max_tokens: 9"),
    (
        "base_url",
        "base_url: \"http://{{ secrets.host }}/v1\", text: hi, model: m, max_tokens: 9",
        "base_url: \"\", text: hi, model: m, max_tokens: 9",
    ),
    (
        "key",
        "key: \"{{ secrets['my-key'] }}\", text: hi, model: m, max_tokens: 9",
        "key: sk-1234, text: hi, model: m, max_tokens: 9",
    ),
    ("max_tokens", "text: hi, model: m, max_tokens: 10", "text: hi, model: m, max_tokens: none"),
    (
        "temperature",
        "temperature: 0.5, text: hi, model: m, max_tokens: 9",
        "temperature: 2.5, text: hi, model: m, max_tokens: 9",
    ),
    (
        "schema",
        "schema: {type: object, properties: {a: {const: \"{{ x }}\"}}}, text: hi, model: m, max_tokens: 9",
        "schema: object, text: hi, model: m, max_tokens: 9",
    ),
    (
        "budget",
        "budget: {tokens: 500, usd: 0.1}, text: hi, model: m, max_tokens: 9",
        "budget: 500, text: hi, model: m, max_tokens: 9",
    ),
];

const GATE: &[Case] = &[
    ("command", "command: [check, \"{{ run.id }}\"]", "command: check"),
    ("run", "run: check", "run: \"check {{ run.id }}\""),
    ("condition", "condition: task.round > 1", "condition: \"{{ task.round > 1 }}\""),
    ("approval", "approval: {}", "approval: {}, run: check"),
];

const ARTIFACT: &[Case] = &[
    ("path", "path: [\"out/*.mp4\", \"{{ task.index }}/**/*.json\"]", "path: ../out"),
    ("url", "url: \"{{ run.name }}/a\", name: a", "url: \"ftp://a.example/b\", name: b"),
    ("name", "path: a, name: \"out/{{ task.index }}.mp4\"", "path: a, name: /etc/passwd"),
    ("kind", "path: a, kind: video", "path: a, kind: a video"),
    ("content_type", "path: a, content_type: text/plain; charset=utf-8", "path: a, content_type: text"),
    ("size", "url: \"s3://b/c\", name: c, size: 5", "path: a, size: 5"),
    ("checksum", "url: \"s3://b/c\", name: c, checksum: \"{{ run.id }}\"", "url: \"s3://b/c\", name: c, checksum: abc"),
    ("meta", "path: a, meta: {at: \"{{ task.index }}\", n: 1}", "path: a, meta: [at]"),
    ("optional", "path: a, optional: true", "url: \"s3://b/c\", name: c, optional: true"),
];

const APPROVAL: &[Case] = &[
    ("role", "role: admin", "role: user"),
    ("expires", "expires: 24h", "expires: 24"),
    ("on_expiry", "expires: 24h, on_expiry: approve", "on_expiry: approve"),
    ("allow_self", "allow_self: false", "allow_self: no"),
    ("message", "message: \"Is {{ run.id }} good?\"", "message: [Is it good]"),
];

const BUDGET: &[Case] = &[
    ("tokens", "tokens: 200000", "tokens: 0"),
    ("usd", "usd: 2.50", "usd: 0.0000001"),
    ("on_exceeded", "tokens: 1, on_exceeded: gate", "tokens: 1, on_exceeded: wait"),
];

const ALLOWANCE: &[Case] = &[("tokens", "tokens: 500", "on_exceeded: gate"), ("usd", "usd: 0.000001", "usd: -1")];

const PLAN: &[Case] = &[
    ("jobs", "{\"jobs\": [{\"id\": \"z\", \"type\": \"cut\"}]}", "{\"jobs\": [\"cut\"]}"),
    ("name", ", \"name\": \"reel\"", ", \"name\": \"my reel\""),
    ("result", ", \"result\": [\"$a.url\", \"$b\"]", ", \"result\": {\"all\": 1, \"all\": 2}"),
    ("baseExecutionId", ", \"baseExecutionId\": null", ", \"baseExecutionId\": \"e1\""),
];

const JOB: &[Case] = &[
    ("id", "\"id\": \"a\", \"type\": \"cut\"", "\"id\": \"job 1\", \"type\": \"cut\""),
    ("type", "\"id\": \"z\", \"type\": \"merge\"", "\"id\": \"z\", \"type\": \"cut\", \"operation\": \"cut\""),
    ("operation", "\"id\": \"z\", \"operation\": \"merge\"", "\"id\": \"z\""),
    (
        "params",
        "\"id\": \"z\", \"type\": \"cut\", \"params\": [\"$b\", \"$b.url\", \"$c\"]",
        "\"id\": \"z\", \"type\": \"cut\", \"params\": \"$z\"",
    ),
    (
        "dependsOn",
        "\"id\": \"z\", \"type\": \"cut\", \"dependsOn\": [\"b\"]",
        "\"id\": \"z\", \"type\": \"cut\", \"dependsOn\": [\"c\"]",
    ),
    (
        "dependencies",
        "\"id\": \"z\", \"type\": \"cut\", \"dependencies\": [\"b\"]",
        "\"id\": \"z\", \"type\": \"cut\", \"dependencies\": \"b\"",
    ),
    (
        "output",
        "\"id\": \"z\", \"type\": \"cut\", \"output\": \"video\"",
        "\"id\": \"z\", \"type\": \"cut\", \"outputs\": \"video\"",
    ),
];

const CASES: [&[Case]; 16] = [
    FILE,
    TASK,
    RETRY,
    INPUT,
    CONCURRENCY,
    SCHEDULE,
    WEBHOOK,
    STEP,
    AI,
    GATE,
    ARTIFACT,
    APPROVAL,
    BUDGET,
    ALLOWANCE,
    PLAN,
    JOB,
];

fn read(frame: &str, text: &str) -> (String, Result<Workflow, String>) {
    let is_whole = text.starts_with("tasks:") || text.starts_with('{');
    let text = if is_whole { format!("{text}\n") } else { frame.replace('@', text) };
    let (name, format) = if text.starts_with('{') { ("plan.json", Format::Json) } else { ("flow.yaml", Format::Yaml) };
    let workflow = parse(&Source { name, text: &text, format });
    (text.clone(), workflow.map_err(|errors| said(&errors)))
}

fn said(errors: &ork_workflow::Diagnostics) -> String {
    for item in &errors.items {
        assert!(codes::find(item.code).is_some_and(|page| !page.page.is_empty()), "{} has no page", item.code);
    }
    errors.to_string()
}

/// Every value below a value, one a line: `nodes.0.key = "a"`.
fn lines(path: &str, value: &Value, found: &mut Vec<String>) {
    let mut inner = |key: &str, value: &Value| {
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        lines(&path, value, found);
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => fields.iter().for_each(|(key, value)| inner(key, value)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(at, value)| inner(&at.to_string(), value));
        }
        _ => found.push(format!("{path} = {value}")),
    }
}

/// What a run would have, one thing a line.
fn meaning(workflow: &Workflow) -> Vec<String> {
    let mut found: Vec<String> = workflow.inputs().iter().map(input).collect();
    let given = workflow.inputs().iter().filter(|spec| spec.required).map(|spec| (spec.name.clone(), "x".into()));
    let Bound { plan, .. } = workflow.bind(&given.collect::<Map<_, _>>()).unwrap_or_else(|errors| panic!("{errors}"));
    lines("", &serde_json::to_value(&plan).unwrap(), &mut found);
    found.extend(workflow.schedule().map(|schedule| {
        let ScheduleSpec { cron, timezone, input, overlap, catch_up, .. } = schedule;
        let input = Value::Object(input.clone());
        format!("schedule {cron} {timezone}, input {input}, overlap {}, catch_up {}", overlap.word(), catch_up.word())
    }));
    found
}

fn input(spec: &InputSpec) -> String {
    let InputSpec { name, kind, required, default, choices, minimum, maximum, pattern, description, .. } = spec;
    let mut said = format!("input {name}: {}", kind.name());
    if *required {
        said += ", required";
    }
    for (key, value) in [("default", default), ("enum", &(!choices.is_empty()).then(|| choices.clone().into()))] {
        if let Some(value) = value {
            let _ = write!(said, ", {key} {value}");
        }
    }
    for (key, value) in [("minimum", minimum), ("maximum", maximum)] {
        if let Some(value) = value {
            let _ = write!(said, ", {key} {value}");
        }
    }
    for (key, value) in [("pattern", pattern), ("description", description)] {
        if let Some(value) = value {
            let _ = write!(said, ", {key} {value:?}");
        }
    }
    said
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n").collect()
}

/// What a table's cases show, key by key.
fn shown(frame: &str, cases: &[Case]) -> String {
    // What is there without the key; what a task or a job cannot do without is plain.
    let plain = match frame {
        _ if frame.contains("    @") => "command: [work]",
        _ if frame.contains("concurrency: {@}") => "key: other",
        _ if frame.contains("schedule: {@}") => "cron: '0 3 * * *'",
        _ if frame.contains("- {@}") => "name: x, phase: execution, command: [other]",
        _ if frame.contains("ai: {@}") => "text: hi, model: m, max_tokens: 9",
        _ if frame.contains("gate: {@}") => "condition: true",
        _ if frame.contains("artifact: {@}") => "path: other",
        _ if frame.contains("budget: {@}") => "tokens: 1",
        _ if frame.contains("webhook: {@}") => "url: \"http://other.example\"",
        _ if frame.contains(", {@}]") => "\"id\": \"z\", \"type\": \"cut\"",
        _ => "",
    };
    let without: BTreeSet<String> = meaning(&read(frame, plain).1.unwrap()).into_iter().collect();
    let mut shown = String::new();
    for (key, right, wrong) in cases {
        let _ = writeln!(shown, "==== {key}");
        if right.is_empty() {
            shown += "not in this build\n";
        } else {
            let (text, workflow) = read(frame, right);
            let workflow = workflow.unwrap_or_else(|said| panic!("{key}: {said}"));
            let new: String =
                meaning(&workflow).into_iter().filter(|line| !without.contains(line)).map(|line| line + "\n").collect();
            let new = if new.is_empty() { "what it is without the key\n".to_owned() } else { new };
            let _ = write!(shown, "right:\n{}becomes:\n{}", indented(&text), indented(&new));
        }
        let Err(said) = read(frame, wrong).1 else { panic!("{key}: taken: {wrong}") };
        assert!(said.contains(key), "nothing is said of `{key}`:\n{said}");
        let _ = write!(shown, "wrong:\n{}", indented(&said));
    }
    shown
}

#[test]
fn every_key_is_taken_refused_and_explained() {
    for ((table, cases), (what, frame)) in keys::TABLES.iter().zip(CASES).zip(FRAMES) {
        let known: Vec<&str> = table.keys.iter().chain(table.later).copied().collect();
        let told: Vec<&str> = cases.iter().map(|(key, ..)| *key).collect();
        assert_eq!(told, known, "the cases of {what} are not its keys");
        for (key, right, _) in cases {
            assert_eq!(right.is_empty(), table.later.contains(key), "{key}");
        }
        insta::with_settings!({omit_expression => true}, {
            insta::assert_snapshot!(what.replace(' ', "_"), shown(frame, cases));
        });
    }
    let page = include_str!("../../../../docs/workflow-file.md");
    for key in keys::TABLES.iter().flat_map(|table| table.keys) {
        assert!(page.contains(&format!("`{key}`")), "docs/workflow-file.md says nothing of `{key}`");
    }
    let tables = include_str!("../../src/keys.rs").matches(": Table =").count();
    assert_eq!(tables, keys::TABLES.len(), "a table of keys is not in `TABLES`");
}
