//! What expressions give at run time.

use std::collections::BTreeMap;

use ork_workflow::{Scope, TaskView, condition, evaluate, render};
use serde_json::{Value, json};

fn scope() -> Scope {
    let one = |output: Value| TaskView::One { output, status: "success".into() };
    let many = TaskView::Many {
        outputs: vec![json!({"n": 3}), json!({"n": 1}), Value::Null],
        statuses: vec!["success".into(); 3],
    };
    Scope {
        inputs: json!({"name": "a b", "clips": 3, "ratio": 1.5, "evil": "{{ run.id }}", "none": null, "big": 9_007_199_254_740_993_u64}),
        run: json!({"id": "run_1", "name": "flow"}),
        task: Some(json!({"id": "task_1", "key": "cut", "index": 2, "item": {"file": "x.mp4"}, "attempt": 1})),
        tasks: BTreeMap::from([
            ("probe".into(), one(json!({"format": {"duration": "12.5"}, "list": [1, 2]}))),
            ("cut-it".into(), many),
        ]),
    }
}

/// What an expression gives, or why it gives nothing.
fn show(expression: &str) -> String {
    evaluate(expression, &scope()).map_or_else(|error| format!("{} {error}", error.code), |value| value.to_string())
}

#[test]
fn expressions_give_values() {
    let check = |expression: &str, wanted: &str| assert_eq!(show(expression), wanted, "{expression}");
    check("inputs.clips + 1", "4");
    check("inputs.big", "9007199254740993");
    check("inputs.ratio * 2", "3.0");
    check("tasks.probe.output.format.duration | float > 10.0", "true");
    check("tasks['cut-it'].outputs | reject('none') | map(attribute='n') | sort", "[1,3]");
    check("tasks['cut-it'].outputs[0].n < 2 or not inputs.clips >= 4", "true");
    check("1 < inputs.clips <= 3", "true");
    check("'a' if inputs.none is none else 'b'", "\"a\"");
    check("{'a': [inputs.clips, task.item.file], 'b': none}", r#"{"a":[3,"x.mp4"],"b":null}"#);
    check("inputs.missing | default(7)", "7");
    check("2 * 3 + 4 * -5 - 6 / 2", "-17.0");
    check("inputs.name ~ '/' ~ task.index", "\"a b/2\"");
    check("'a b' in [inputs.name] and 'z' not in inputs.name", "true");
    check("'/a/b.tar.gz' | basename | stem", "\"b.tar\"");
}

#[test]
fn conditions_give_true_or_false() {
    assert_eq!(condition("inputs.clips == 3 and tasks.probe.status == 'success'", &scope()), Ok(true));
    assert_eq!(condition("inputs.clips", &scope()).map_err(|error| error.code), Err("ORK-E0423"));
}

#[test]
fn a_whole_template_keeps_its_type_and_data_is_never_evaluated() {
    let template = json!({"n": "{{ inputs.clips }}", "text": "n={{ inputs.clips }}", "evil": "{{ inputs.evil }}",
        "also": "x {{ inputs.evil }}", "{{ key }}": [1, "{{ task.item }}"]});
    let wanted = json!({"n": 3, "text": "n=3", "evil": "{{ run.id }}", "also": "x {{ run.id }}", "{{ key }}": [1, {"file": "x.mp4"}]});
    assert_eq!(render(&template, &scope()), Ok(wanted));
}
