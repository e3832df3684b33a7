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
        ..Scope::default()
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

#[test]
fn expressions_that_fail_say_why() {
    let lines: Vec<String> = [
        "tasks.probe.output.format.duratoin",
        "tasks.probe.output.list[5]",
        "inputs.name.length",
        "inputs.nme ~ 'x'",
        "tasks.probe.output.format.duration > 10.0",
        "none < 1",
        "[1] < [2]",
        "[3, 'a'] | sort",
        "[3, 'a'] | max",
        "'x' * 1000000000",
        "[inputs.missing]",
        "inputs.name | int",
        "inputs.name + 1",
        "1 / 0",
        "1 // 0",
        "9223372036854775807 * 9223372036854775807 * 9223372036854775807",
        "2 ** 1000",
        "inputs.name | replace('', 'x' | replace('x', inputs.name)) | fromjson",
        "{1: 2}",
        "task.item.file | map(attribute='x')",
        "[{'a': 1}, {}] | map(attribute='a')",
    ]
    .map(|expression| format!("{expression:<60} {}", show(expression)))
    .into();
    insta::assert_snapshot!(lines.join("\n"));
    assert!(show("inputs.nme").starts_with("ORK-E0420") || show("inputs.nme").contains("\"ORK-E0420\""));
}

#[test]
fn results_are_bounded() {
    let mut scope = scope();
    scope.inputs = json!({"big": "x".repeat(1 << 20), "list": vec!["y".repeat(1 << 10); 512]});
    let code = |expression: &str| evaluate(expression, &scope).map(|_| ()).map_err(|error| error.code);
    assert_eq!(code("inputs.big ~ inputs.big"), Err("ORK-E0422"));
    assert_eq!(code("[inputs.big, inputs.big]"), Err("ORK-E0422"));
    assert_eq!(code("inputs.big | replace('x', inputs.big)"), Err("ORK-E0424"));
    assert_eq!(code("inputs.list | join(inputs.big)"), Err("ORK-E0424"));
    assert_eq!(code("'a' < 1"), Err("ORK-E0421"));
    let doubled = format!("{}{}", "[".repeat(20), "]".repeat(20));
    assert_eq!(code(&doubled), Ok(()));
    let pair = json!({"a": "{{ inputs.big }}", "b": "{{ inputs.big }}"});
    assert_eq!(render(&pair, &scope).map_err(|error| error.code), Err("ORK-E0422"));
}

#[test]
fn numbers_survive_as_they_are() {
    let mut scope = scope();
    scope.inputs = serde_json::from_str(r#"{"u": 18446744073709551615, "i": -9223372036854775808, "w": 170141183460469231731687303715884105727, "f": 0.1, "e": 1e3}"#).unwrap();
    let rendered = render(&json!({"u": "{{ inputs.u }}", "i": "{{ inputs.i }}", "w": "{{ inputs.w }}", "f": "{{ inputs.f }}", "e": "{{ inputs.e }}", "t": "{{ inputs.u }} {{ inputs.f }} {{ inputs.f > 0 }} [{{ none }}]"}), &scope).unwrap();
    assert_eq!(
        rendered.to_string(),
        r#"{"u":18446744073709551615,"i":-9223372036854775808,"w":170141183460469231731687303715884105727,"f":0.1,"e":1000.0,"t":"18446744073709551615 0.1 true []"}"#
    );
}
