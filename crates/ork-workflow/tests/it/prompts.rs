//! The texts of stored prompts.

use std::collections::BTreeMap;

use ork_core::store::PromptVariable;
use ork_workflow::{prompt_template, render_prompt};
use serde_json::{Value, json};

fn declared() -> Vec<PromptVariable> {
    ["topic", "n", "house-style"]
        .map(|name| PromptVariable { name: name.into(), description: None, default: None })
        .into()
}

fn vars(value: Value) -> BTreeMap<String, Value> {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_prompt_reads_its_variables_and_nothing_else() {
    let good = "Write {{ vars.n }} lines on {{ vars.topic | upper }} in {{ vars['house-style'] if vars.n > 1 else '' }}. {{ \"{{\" }}";
    assert_eq!(prompt_template(good, &declared()), Ok(()));
    assert_eq!(prompt_template("no braces", &[]), Ok(()));
    let wrong: Vec<String> = [
        "{{ vars.topc }} {{ vars.m }} {{ topic }} {{ inputs.x }} {{ secrets.key }}",
        "{{ vars }} {{ vars[vars.n] }}",
        "{{ vars.topic",
        "{% if vars.n %}{% endif %}",
        "{{ vars.topic | uper }} {{ vars.topic.upper() }} {{ 1 + }}",
        "{{ vars.house-style }}",
    ]
    .map(|text| format!("{text}\n  {}", prompt_template(text, &declared()).unwrap_err().join("\n  ")))
    .into();
    insta::assert_snapshot!(wrong.join("\n"));
    assert!(prompt_template("{{ vars.x }}", &[]).unwrap_err()[0].contains("declare it"));
}

#[test]
fn values_are_put_into_a_prompt_as_they_are() {
    let text = "{{ vars.topic }}: {{ vars.n }} of {{ vars.list }}, {{ vars.list | length }}";
    let filled = render_prompt(text, vars(json!({"topic": "the coast", "n": 3, "list": ["a", {"b": null}]})));
    assert_eq!(filled.unwrap(), r#"the coast: 3 of ["a",{"b":null}], 2"#);
    assert_eq!(render_prompt("{{ vars.n }}", vars(json!({"n": 3}))).unwrap(), "3");
    let missing = render_prompt("{{ vars.n }} {{ vars.m }}", vars(json!({"n": 3}))).unwrap_err();
    assert_eq!((missing.code, missing.message.contains("`m`")), ("ORK-E0420", true), "{missing}");
    let large = "x".repeat(600 << 10);
    assert_eq!(render_prompt("{{ vars.n }}{{ vars.n }}", vars(json!({"n": large}))).unwrap_err().code, "ORK-E0422");
}

/// A value may come from a stranger, or from a model: braces in it are text (attack 40).
#[test]
fn a_value_is_never_a_template() {
    let evil = "{{ 7*7 }} {{ vars.other }} {% raw %}";
    let values = || vars(json!({"topic": evil, "other": "hidden", "deep": [{"a": evil}]}));
    assert_eq!(render_prompt("{{ vars.topic }}", values()).unwrap(), evil);
    assert_eq!(render_prompt("a {{ vars.topic }} b", values()).unwrap(), format!("a {evil} b"));
    assert!(render_prompt("{{ vars.deep }}", values()).unwrap().contains("{{ 7*7 }}"));
}
