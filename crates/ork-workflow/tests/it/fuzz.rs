//! Whatever is done to a good file, reading it does not panic, and neither does running what is left of it.

use ork_workflow::{Format, Scope, Source, condition, evaluate, parse, render};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const GOOD: &str = r#"name: reel
inputs:
  clips: {type: integer, default: 3, minimum: 1}
  names: {default: [a, "b c"]}
labels: {clips: "{{ inputs.clips }}"}
retry: {max_attempts: 4, delay: 1s, retry_on: [75, timeout]}
env: {A: &a "x{{ inputs.clips }}y", B: *a}
tasks:
  probe: {command: [echo, 010, "{{ inputs.names[0] }}"], output: stdout_json}
  cut-it:
    depends_on: [probe]
    each: "{{ inputs.names }}"
    run: |
      echo "$A"
    env: {ITEM: "{{ task.item | upper }}"}
  last:
    depends_on: cut-it
    when: tasks.probe.output.n | default(1) > 0 and not false
    operation: merge
    params: {of: "{{ tasks['cut-it'].outputs | length }} of {{ inputs.clips * 2 }}", deep: [{a: ["{{ run.id }}"]}]}
  review:
    depends_on: probe
    rounds: 3
    steps:
      - {name: fetch, phase: setup, command: [echo, "{{ inputs.names[0] }}"], retry: {max_attempts: 2}}
      - name: write
        phase: execution
        ai:
          text: "{{ steps.fetch.output }} {{ task.feedback | tojson }} {{ prompts.style }}"
          model: m
          max_tokens: 800
          key: "{{ secrets.key }}"
          schema: {type: object}
          budget: {usd: 0.25}
      - {name: more, phase: execution, ai: {prompt: captions@3, vars: {n: "{{ task.round }}"}, model: m, max_tokens: 8}}
      - {name: lint, phase: validation, gate: {run: ./check.sh}, env: {A: "{{ steps.write.output }}"}}
      - {name: ask, phase: validation, gate: {approval: {expires: 1h, message: "{{ steps.lint.error }}?"}}}
      - {name: good, phase: validation, gate: {condition: steps.write.output.ok}, continue_on_error: true}
      - {name: tidy, phase: cleanup, run: rm -f x, when: steps.fetch.status == 'success'}
budget: {tokens: 5000, usd: 2.50, on_exceeded: gate}
result: {last: "{{ tasks.last.output }}"}
"#;

/// A piece that a mutation puts in.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "{{", "}}", "{", "[", "]", ": ", "- ", "&a ", "*a", "!!x ", "|", "\"", "'", "\t", "\n", "\r\n", "#", "%",
            "?", "\u{feff}", "\0", "é", "---\n", "<<: ", "tasks", "null", ".inf", "1e999", "not ", " < ", " * ", "{%",
            "%}"
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ]
}

fn mutate(text: &str, edits: &[(prop::sample::Index, usize, String)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, removed, added) in edits {
        let at = at.index(chars.len() + 1);
        let end = (at + removed).min(chars.len());
        chars.splice(at..end, added.chars());
    }
    chars.into_iter().collect()
}

fn scope() -> Scope {
    Scope {
        inputs: json!({"clips": 3, "names": ["a"]}),
        run: json!({"id": "run_1"}),
        task: Some(json!({"item": "x"})),
        ..Scope::default()
    }
}

fn exercise(text: &str, format: Format) {
    match parse(&Source { name: "flow.yaml", text, format }) {
        Err(errors) => {
            assert!(!errors.items.is_empty());
            assert!(!errors.to_string().is_empty());
            let _ = errors.to_json().to_string();
        }
        Ok(workflow) => {
            if let Ok(bound) = workflow.bind(&Map::new()) {
                for node in &bound.plan.nodes {
                    let _ =
                        (ork_workflow::references(node), ork_workflow::secrets(node), ork_workflow::prompts_of(node));
                    let _ = render(&node.action.params, &scope());
                    let _ = node.when.as_ref().map(|when| condition(when, &scope()));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_file_never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, piece()), 1..8)) {
        exercise(&mutate(GOOD, &edits), Format::Yaml);
    }

    #[test]
    fn a_changed_json_file_never_panics(edits in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..6, piece()), 1..6)) {
        let good = r#"{"name": "x", "tasks": {"a": {"operation": "b", "params": {"n": [1, -2.5e3, null, true, "\u00e9\n"]}}}}"#;
        exercise(&mutate(good, &edits), Format::Json);
    }

    #[test]
    fn an_odd_expression_never_panics(words in prop::collection::vec(prop::sample::select(vec![
        "inputs.clips", "inputs.names", "task.item", "1", "2.5", "'x'", "+", "-", "*", "/", "//", "%", "**", "~", "<", "<=", "==", "!=", "in",
        "not", "and", "or", "is", "defined", "if", "else", "(", ")", "[", "]", "{", "}", ",", ":", ".", "|", "length", "int", "first", "=", "true", "none",
    ]), 1..14)) {
        let expression = words.join(" ");
        let _ = evaluate(&expression, &scope());
        let template = format!("a {{{{ {expression} }}}} b");
        let _ = render(&Value::String(template.clone()), &scope());
        let _ = ork_workflow::prompt_template(&template, &[]);
    }
}

#[test]
fn the_file_that_is_changed_is_good() {
    let workflow = parse(&Source { name: "flow.yaml", text: GOOD, format: Format::Yaml })
        .unwrap_or_else(|errors| panic!("{errors}"));
    assert!(workflow.bind(&Map::new()).is_ok());
}
