//! Tasks with steps: what becomes of them, what they read, and what they see.

use std::collections::{BTreeMap, BTreeSet};

use ork_core::plan::Plan;
use ork_core::step::StepWork;
use ork_workflow::{Scope, StepView, condition, evaluate, prompts, prompts_of, references, render, secrets};
use serde_json::{Map, Value, json};

use crate::yaml;

/// Every kind of step, with all that may stand in it.
const REVIEW: &str = r#"
name: review
inputs: {topic: {default: "the coast"}, model: {default: some-model}}
budget: {tokens: 200000, usd: 2.50, on_exceeded: gate}
env: {STYLE: "{{ prompts.style }}"}
tasks:
  cut: {run: ./cut.sh, count: 2}
  review:
    depends_on: [cut]
    rounds: 3
    env: {TOKEN: "{{ secrets.token }}", PAGE: "{{ prompts['house-rules'] }}"}
    params: {clips: "{{ tasks.cut.outputs }}"}
    steps:
      - {name: fetch, phase: setup, command: [./fetch.sh, "{{ inputs.topic }}", "{{ tasks.cut.outputs[0] }}"], timeout: 1m}
      - name: caption
        phase: execution
        ai:
          prompt: captions@3
          vars: {n: 3, topic: "{{ inputs.topic }}", of: ["{{ steps.fetch.output.title }}"]}
          system: "Be brief. {{ prompts.tone }}"
          model: "{{ inputs.model }}"
          max_tokens: 800
          temperature: 0.5
          schema: {type: object, properties: {text: {type: string, const: "{{ kept }}"}}}
          budget: {usd: 0.1}
      - name: polish
        phase: execution
        when: steps.caption.status == 'success' and task.round > 1
        ai:
          text: "Polish {{ steps.caption.output.text }} after {{ task.feedback | tojson }}"
          api: anthropic
          base_url: "{{ secrets.models_url }}"
          key: "{{ secrets.models_key }}"
          model: m
          max_tokens: 500
        retry: {max_attempts: 2}
      - {name: lint, phase: validation, gate: {command: [./check.sh, "{{ task.round }}"]}, env: {KEY: "{{ secrets.lint }}"}}
      - {name: short, phase: validation, gate: {condition: steps.caption.output.text | length < 200}, continue_on_error: true}
      - name: approve
        phase: validation
        gate: {approval: {role: editor, expires: 24h, on_expiry: hold, allow_self: false, message: "{{ steps.lint.output }} of {{ inputs.topic }}"}}
      - {name: ready, phase: validation, gate: {run: test -e ready}}
      - {name: tidy, phase: cleanup, run: rm -rf cache}
result: "{{ tasks.review.output }}"
"#;

fn plan(given: &Value) -> Plan {
    let workflow = yaml(REVIEW).unwrap_or_else(|errors| panic!("{errors}"));
    workflow.bind(given.as_object().unwrap()).unwrap_or_else(|errors| panic!("{errors}")).plan
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(str::to_owned).into()
}

#[test]
fn steps_become_part_of_the_plan_and_come_back_from_it() {
    let plan = plan(&json!({}));
    insta::assert_snapshot!(serde_json::to_string_pretty(&plan).unwrap());
    let stored = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&stored).unwrap(), plan);
    let json = json!({"tasks": {"a": {"rounds": 2, "steps": [
        {"name": "x", "phase": "execution", "ai": {"text": "hi", "model": "m", "max_tokens": 9}},
        {"name": "y", "phase": "validation", "gate": {"approval": {}}}
    ]}}});
    let workflow = ork_workflow::parse_text("plan", &json.to_string()).unwrap_or_else(|errors| panic!("{errors}"));
    let node = &workflow.bind(&Map::new()).unwrap().plan.nodes[0];
    assert_eq!((node.action.rounds, node.action.steps.len(), node.action.executor.as_str()), (2, 2, "process"));
}

#[test]
fn what_steps_read_is_known_before_they_run() {
    let plan = plan(&json!({}));
    let [cut, review] = plan.nodes.as_slice() else { panic!("two nodes") };
    assert_eq!(references(review), names(["cut"]));
    assert_eq!(secrets(cut), names([]));
    assert_eq!(secrets(review), names(["token", "models_url", "models_key", "lint"]));
    let named = |list: &[(&str, Option<u32>)]| list.iter().map(|(id, version)| ((*id).to_owned(), *version)).collect();
    assert_eq!(prompts_of(cut), named(&[("style", None)]));
    let all: BTreeSet<_> = named(&[("captions", Some(3)), ("house-rules", None), ("style", None), ("tone", None)]);
    assert_eq!(prompts_of(review), all);
    assert_eq!(prompts(&plan), all);
}

#[test]
fn what_any_part_of_a_step_reads_must_come_before_it() {
    for step in [
        r#"run: work, when: "tasks.cut.outputs == []""#,
        r#"gate: {condition: "tasks.cut.outputs == []"}"#,
        r#"gate: {command: [work, "{{ tasks.cut.outputs }}"]}"#,
        r#"gate: {approval: {message: "{{ tasks.cut.outputs }}"}}"#,
        r#"ai: {text: "{{ tasks.cut.outputs }}", model: m, max_tokens: 9}"#,
        r#"ai: {text: a, model: "{{ tasks.cut.outputs[0] }}", max_tokens: 9}"#,
        r#"ai: {text: a, model: m, max_tokens: 9, base_url: "{{ tasks.cut.outputs[0] }}"}"#,
        r#"ai: {text: a, model: m, max_tokens: 9, system: "{{ tasks.cut.outputs[0] }}"}"#,
        r#"ai: {prompt: p, vars: {n: ["{{ tasks.cut.outputs }}"]}, model: m, max_tokens: 9}"#,
        r#"run: work, env: {A: "{{ tasks.cut.outputs }}"}"#,
    ] {
        let file = format!(
            "tasks:\n  cut: {{run: work, count: 2}}\n  a: {{depends_on: cut, steps: [{{name: x, phase: setup, {step}}}]}}\n"
        );
        let workflow = yaml(&file).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(references(&workflow.bind(&Map::new()).unwrap().plan.nodes[1]), names(["cut"]), "{file}");
        let unrelated = file.replace("depends_on: cut, ", "");
        assert_eq!(crate::codes_of(yaml(&unrelated)), ["ORK-E0407"], "{unrelated}");
    }
}

/// A model may answer with a template, and so may whoever gives an input: it stays what it is (attack 40).
#[test]
fn what_inputs_and_steps_give_is_never_a_template() {
    let evil = "{{ 7*7 }} {{ secrets.token }} {% x %}";
    let plan = plan(&json!({"topic": evil, "model": evil}));
    let steps = &plan.nodes[1].action.steps;
    let view = |output| StepView { output, status: "success".into(), error: None };
    let scope = Scope {
        inputs: json!({"topic": evil}),
        task: Some(json!({"round": 2, "feedback": [{"step": "lint", "output": evil, "error": "no"}]})),
        tasks: BTreeMap::from([(
            "cut".into(),
            ork_workflow::TaskView::Many { outputs: vec![json!(evil)], statuses: vec!["success".into()] },
        )]),
        steps: BTreeMap::from([
            ("fetch".into(), view(json!({"title": evil}))),
            ("caption".into(), view(json!({"text": evil}))),
            ("lint".into(), view(json!(evil))),
        ]),
        prompts: BTreeMap::from([("tone".into(), evil.into())]),
        ..Scope::default()
    };
    let filled = |value: Value| render(&value, &scope).unwrap();
    let StepWork::Command(words) = &steps[0].work else { panic!("a command") };
    assert_eq!(filled(json!(words)), json!(["./fetch.sh", evil, evil]));
    let StepWork::Ai(ai) = &steps[1].work else { panic!("a model") };
    assert_eq!(filled(json!(ai.vars)), json!({"n": 3, "topic": evil, "of": [evil]}));
    assert_eq!(filled(json!([ai.model, ai.system])), json!([evil, format!("Be brief. {evil}")]));
    assert_eq!(ai.schema.as_ref().unwrap()["properties"]["text"]["const"], "{{ kept }}");
    let StepWork::Ai(ai) = &steps[2].work else { panic!("a model") };
    let asked = filled(json!(ai.text));
    assert!(asked.as_str().unwrap().contains(evil) && !asked.to_string().contains("49"), "{asked}");
    let StepWork::Approval(approval) = &steps[5].work else { panic!("an approval") };
    assert_eq!(filled(json!(approval.message)), json!(format!("{evil} of {evil}")));
}

#[test]
fn expressions_see_steps_rounds_and_prompts() {
    let scope = Scope {
        task: Some(json!({"round": 2, "feedback": [{"step": "lint", "output": {"line": 3}, "error": "exit code 1"}]})),
        steps: BTreeMap::from([
            ("cut-it".into(), StepView { output: json!({"n": [1, 2]}), status: "success".into(), error: None }),
            (
                "lint".into(),
                StepView { output: Value::Null, status: "failed".into(), error: Some("exit code 1".into()) },
            ),
        ]),
        prompts: BTreeMap::from([("house-rules".into(), "Say {{ vars.n }}".into())]),
        ..Scope::default()
    };
    let check = |expression: &str, wanted: Value| {
        assert_eq!(evaluate(expression, &scope).map_err(|error| error.to_string()), Ok(wanted), "{expression}");
    };
    check("steps['cut-it'].output.n | sum", json!(3));
    check("[steps['cut-it'].error, steps.lint.error, steps.lint.output]", json!([null, "exit code 1", null]));
    check("task.round > 1 and task.feedback[0].output.line == 3", json!(true));
    check("prompts['house-rules'] ~ '.'", json!("Say {{ vars.n }}."));
    assert_eq!(condition("steps.lint.status == 'failed'", &scope), Ok(true));
    let said = |expression: &str| evaluate(expression, &scope).expect_err(expression).to_string();
    insta::assert_snapshot!(
        [
            "steps.fetch.output",
            "steps['cut-it'].output.m",
            "prompts.other",
            "steps.lint.output.x",
            "vars.n",
            "secrets.s ~ steps.lint.status"
        ]
        .map(said)
        .join("\n")
    );
}

#[test]
fn a_model_is_asked_again_and_a_program_is_not() {
    let plan = plan(&json!({}));
    let tries: Vec<u32> = plan.nodes[1].action.steps.iter().map(|step| step.retry.max_attempts).collect();
    assert_eq!(tries, [1, 4, 2, 1, 1, 1, 1, 1]);
    let file = "retry: {max_attempts: 9}\ntasks:\n  a: {steps: [{name: x, phase: setup, run: work}]}\n";
    let plan = yaml(file).unwrap().bind(&Map::new()).unwrap().plan;
    let node = &plan.nodes[0];
    assert_eq!((node.retry.max_attempts, node.action.steps[0].retry.max_attempts), (9, 1), "the file's are the tasks'");
}
