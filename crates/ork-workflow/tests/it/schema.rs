//! The JSON Schema and the reader agree, on every example and on thousands of random documents.
//!
//! The walk over the schema is our own: the crate `jsonschema` would bring 34 packages for the dozen keywords below, and a
//! keyword that the walk does not know fails the test.

use std::fs;
use std::path::{Path, PathBuf};

use ork_core::clock::{Entropy, SeededEntropy};
use ork_workflow::{Format, Source, parse, schema};
use regex::Regex;
use serde_json::{Map, Value, json};

use crate::codes_of;

/// Whether a value fits a part of the schema.
fn fits(root: &Value, part: &Value, value: &Value) -> bool {
    if let Value::Bool(is_allowed) = part {
        return *is_allowed;
    }
    let all = |parts: &Value| parts.as_array().unwrap().iter().filter(|part| fits(root, part, value)).count();
    part.as_object().unwrap().iter().all(|(keyword, rule)| match keyword.as_str() {
        "$schema" | "$defs" | "title" | "description" | "default" | "format" => true,
        "$ref" => fits(root, root.pointer(&rule.as_str().unwrap()[1..]).unwrap(), value),
        "anyOf" => all(rule) > 0,
        "oneOf" => all(rule) == 1,
        "not" => !fits(root, rule, value),
        "enum" => rule.as_array().unwrap().contains(value),
        "type" => match rule {
            Value::Array(names) => names.iter().any(|name| is_a(name.as_str().unwrap(), value)),
            name => is_a(name.as_str().unwrap(), value),
        },
        "pattern" => value.as_str().is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "minLength" => value.as_str().is_none_or(|text| text.chars().count() as u64 >= rule.as_u64().unwrap()),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "maxItems" => value.as_array().is_none_or(|items| items.len() as u64 <= rule.as_u64().unwrap()),
        "minItems" => value.as_array().is_none_or(|items| items.len() as u64 >= rule.as_u64().unwrap()),
        "prefixItems" => value
            .as_array()
            .is_none_or(|items| rule.as_array().unwrap().iter().zip(items).all(|(rule, item)| fits(root, rule, item))),
        "items" => value.as_array().is_none_or(|items| {
            let before = part["prefixItems"].as_array().map_or(0, Vec::len);
            items.iter().skip(before).all(|item| fits(root, rule, item))
        }),
        _ => value.as_object().is_none_or(|fields| fits_fields(root, part, keyword, fields)),
    })
}

fn fits_fields(root: &Value, part: &Value, keyword: &str, fields: &Map<String, Value>) -> bool {
    let rule = &part[keyword];
    match keyword {
        "required" => rule.as_array().unwrap().iter().all(|key| fields.contains_key(key.as_str().unwrap())),
        "minProperties" => fields.len() as u64 >= rule.as_u64().unwrap(),
        "maxProperties" => fields.len() as u64 <= rule.as_u64().unwrap(),
        "propertyNames" => fields.keys().all(|key| fits(root, rule, &json!(key))),
        "dependentSchemas" => {
            let rules = rule.as_object().unwrap().iter().filter(|(key, _)| fields.contains_key(*key));
            rules.map(|(_, rule)| rule).all(|rule| fits(root, rule, &Value::Object(fields.clone())))
        }
        "properties" => fields.iter().all(|(key, value)| rule.get(key).is_none_or(|rule| fits(root, rule, value))),
        "additionalProperties" => {
            fields.iter().all(|(key, value)| part["properties"].get(key).is_some() || fits(root, rule, value))
        }
        _ => panic!("the walk does not know `{keyword}`"),
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|number| number.fract() == 0.0),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => panic!("there is no type `{name}`"),
    }
}

/// Whether this code says what a schema can say as well. Beyond it are graphs, expressions, pairs of values, and texts
/// that only a reader understands.
fn is_judged(code: &str) -> bool {
    matches!(code.strip_prefix("ORK-E0"), Some("201" | "202" | "203" | "204" | "205" | "206" | "207" | "208" | "213"))
        || matches!(
            code.strip_prefix("ORK-E0"),
            Some("216" | "301" | "302" | "309" | "310" | "311" | "314" | "410" | "411")
        )
}

/// Where schema and reader disagree about a document, if they do.
fn quarrel(schema: &Value, document: &Value) -> Option<String> {
    // Inputs and delays have contradictions of numbers with the same code.
    let has_numbers = document.get("inputs").is_some() || document.to_string().contains("max_delay");
    let is_judged = |code: &&str| is_judged(code) || *code == "ORK-E0210" && !has_numbers;
    let codes = codes_of(parse(&Source { name: "flow.json", text: &document.to_string(), format: Format::Json }));
    match fits(schema, schema, document) {
        false if codes.is_empty() => Some(format!("only the schema refuses {document}")),
        true if codes.iter().any(is_judged) => Some(format!("only the reader refuses {document}: {codes:?}")),
        _ => None,
    }
}

/// Keys and what may stand there, what is right first. A word in capitals stands for one of a list below.
const WORKFLOW: &[(&str, &str)] = &[
    ("name", r#"["flow", "a b", ""]"#),
    ("description", r#"["text"]"#),
    ("inputs", r#"["INPUTS", {}]"#),
    ("labels", r#"[{"a": "b"}, {"a": 1, "b": true}, {"a b": "c"}, {"a": "{{ inputs.i }}"}]"#),
    ("priority", "[1, -5, 0, 2147483647, 2147483648, -2147483649]"),
    ("retry", r#"["RETRY"]"#),
    ("timeout", r#"["DURATION"]"#),
    ("on_failure", r#"["stop", "continue"]"#),
    ("concurrency", r#"["CONCURRENCY"]"#),
    ("budget", r#"["BUDGET"]"#),
    ("env", r#"["ENV"]"#),
    ("result", r#"["{{ inputs.i }}", {"a": [1]}, null]"#),
];
const TASK: &[(&str, &str)] = &[
    ("depends_on", r#"["a", ["a"], [], [1]]"#),
    ("executor", r#"["process", "worker", "container"]"#),
    ("with", "[{}, [1], null]"),
    ("queue", r#"["fast", "a/b", "{{ inputs.i }}"]"#),
    ("params", r#"[{"a": "{{ inputs.i }}"}, null, 5]"#),
    ("env", r#"["ENV"]"#),
    ("workdir", r#"["below", "{{ inputs.i }}"]"#),
    ("count", r#"[0, 3, 100000, 100001, -1, "{{ inputs.i }}", "3", "x {{ inputs.i }}", " {{ inputs.i }} "]"#),
    ("each", r#"[[1, 2], [], "{{ inputs.l }}", "text", ["{{ inputs.i }}"]]"#),
    ("when", r#"["inputs.i == 1", true, "{{ inputs.i }}", "", " "]"#),
    ("run_if", r#"["always", "failed", "Always"]"#),
    ("retry", r#"["RETRY"]"#),
    ("timeout", r#"["DURATION"]"#),
    ("priority", "[7]"),
    ("concurrency", r#"["CONCURRENCY"]"#),
    ("output", r#"["file", "stdout", "stdout_json", "stderr"]"#),
    ("at_most_once", r#"[true, false, "yes"]"#),
    ("rounds", "[1, 100, 0, 101, \"2\"]"),
];
const COMMAND: (&str, &str) =
    ("command", r#"[["true"], ["echo", 1, true, "{{ inputs.i }}"], [], [""], [null], "true"]"#);
const RUN: (&str, &str) = ("run", r#"["true", "a\nb", "", " \n", "echo {{ inputs.i }}", ["true"]]"#);
const WORK: &[(&str, &str)] = &[COMMAND, RUN, ("operation", r#"["render", "a b"]"#), ("steps", r#"["STEPS", [], {}]"#)];
const STEP: &[(&str, &str)] = &[
    ("when", r#"["task.round == 1", true, "{{ inputs.i }}", ""]"#),
    ("timeout", r#"["DURATION"]"#),
    ("retry", r#"["TRIES"]"#),
    ("continue_on_error", r#"[true, false, "yes"]"#),
    ("env", r#"["ENV"]"#),
];
const STEP_WORK: &[(&str, &str)] =
    &[COMMAND, RUN, ("ai", r#"["AI"]"#), ("gate", r#"["GATE"]"#), ("artifact", r#"["ARTIFACT"]"#)];
const FOUND: &[(&str, &str)] = &[
    ("path", r#"["out/*.mp4", ["a", "**/b"], "/a", "../a", "a/..", "", [], ["a", "a\\b"], 5]"#),
    ("url", r#"["https://a.example/b", "{{ inputs.i }}", "s3://b/c?d", "ftp://a/b", "https://u:p@a/b", "", 5]"#),
];
const ARTIFACT: &[(&str, &str)] = &[
    ("name", r#"["a", "out/a.mp4", "/a", "a/../b", "", 5]"#),
    ("kind", r#"["video", "a b", "{{ inputs.i }}", 5]"#),
    ("content_type", r#"["video/mp4", "text/plain; charset=utf-8", "video", "", 5]"#),
    ("size", r#"[5, "{{ inputs.i }}", -1, "5", 1.5]"#),
    ("checksum", r#"["0000000000000000000000000000000000000000000000000000000000000000", "{{ inputs.i }}", "0", 5]"#),
    ("meta", r#"[{"a": ["{{ inputs.i }}"]}, {}, [], "a"]"#),
    ("optional", r#"[true, false, "yes"]"#),
];
const QUESTION: &[(&str, &str)] = &[
    ("prompt", r#"["p", "p@3", "p@03", "p@", "p@999999999", "p@1000000000", "a b", "", 5]"#),
    ("text", r#"["text", "{{ inputs.i }}", "", " "]"#),
];
const AI: &[(&str, &str)] = &[
    ("system", r#"["text", "", 5]"#),
    ("vars", r#"[{"n": 1, "m": ["{{ inputs.i }}"]}, {"a b": 1}, [], {}]"#),
    ("api", r#"["openai", "anthropic", "other"]"#),
    ("base_url", r#"["http://localhost", "{{ secrets.url }}", ""]"#),
    (
        "key",
        r#"["{{ secrets.k }}", "{{ secrets[\"k-2\"] }}", "{{secrets['k']}}", "sk", "{{ inputs.i }}", "{{ secrets.a b }}"]"#,
    ),
    ("temperature", "[0, 1.5, 2, 2.5, -1, \"1\"]"),
    ("schema", r#"[{"type": "object"}, {}, [], "object", true]"#),
    ("budget", r#"["BUDGET"]"#),
];
const GATE: &[(&str, &str)] = &[
    COMMAND,
    RUN,
    ("condition", r#"["task.round == 1", false, "{{ inputs.i }}", "", 5]"#),
    ("approval", r#"["APPROVAL"]"#),
];
const APPROVAL: &[(&str, &str)] = &[
    ("role", r#"["operator", "editor", "admin", "viewer", "worker"]"#),
    ("expires", r#"["DURATION"]"#),
    ("on_expiry", r#"["reject", "approve", "hold", "wait"]"#),
    ("allow_self", r#"[true, false, "no"]"#),
    ("message", r#"["text", "{{ inputs.i }}", 5]"#),
];
const BUDGET: &[(&str, &str)] = &[
    ("tokens", "[1, 200000, 0, 1.5, \"5\"]"),
    ("usd", "[2.5, 0, 1000000000, -1, 1000000001, \"2\"]"),
    ("on_exceeded", r#"["fail", "gate", "ask"]"#),
];
const INPUT: &[(&str, &str)] = &[
    ("type", r#"["string", "integer", "number", "boolean", "array", "object", "int"]"#),
    ("required", "[true, false, 1]"),
    ("default", r#"[null, 1, "a", true, [1], {"a": 1}]"#),
    ("enum", r#"[[1, 2], ["a", "b"], [], "a"]"#),
    ("minimum", "[0, 1.5, \"1\"]"),
    ("maximum", "[9, -1]"),
    ("pattern", r#"["^a+$", 5]"#),
    ("description", r#"["text", null]"#),
];
const RETRY: &[(&str, &str)] = &[
    ("max_attempts", "[1, 1000, 0, 1001, 2.5, 3.0]"),
    ("delay", r#"["DURATION"]"#),
    ("factor", "[1, 2.5, 1000, 0.5, 1001]"),
    ("max_delay", r#"["DURATION", "9d"]"#),
    ("jitter", "[0, 0.5, 1, 1.5, -0.1]"),
    ("retry_on", r#"[[75, "timeout"], ["lost"], [], [0], [256], ["late"], "timeout"]"#),
];
const CONCURRENCY: &[(&str, &str)] =
    &[("key", r#"["k", 5, true, "", "{{ inputs.i }}", null]"#), ("limit", "[1, 100000, 0, 100001, \"2\"]")];
const DURATION: &str = r#"["500ms", "30s", "10m", "1h30m", "2d", "1h1m1s1ms", "1m1h", "10", "s", "", "1.5h", "1s ", "0s", "1s1s", "-1s", 5]"#;
const ENV: &str = r#"[{}, {"A": "b"}, {"A": 1.5, "_b2": true}, {"A": null}, {"1A": "b"}, {"ORK_A": "b"}, {"ORKA": "{{ inputs.i }}"}, ["A"]]"#;
/// Keys that may stand anywhere by mistake.
const STRAY: [&str; 6] = ["schedule", "jobs", "steps", "needs", "min", "limit"];
/// What may stand anywhere by mistake.
const ODD: &str = r#"[null, true, 0, -1, 1.5, "", "text", "{{ inputs.i }}", [], ["a"], {}, {"a": 1}]"#;

struct Writer(SeededEntropy);

impl Writer {
    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.0.next_u64() % most as u64).unwrap()
    }

    fn one_of(&mut self, list: &str) -> Value {
        let list: Vec<Value> = serde_json::from_str(list).unwrap();
        let at = self.below(list.len());
        list[at].clone()
    }

    fn mostly_first(&mut self, list: &str) -> Value {
        if self.below(8) == 0 {
            return self.one_of(list);
        }
        let list: Value = serde_json::from_str(list).unwrap();
        list[0].clone()
    }

    /// A mapping with some of these keys, most of them with what fits there.
    fn mapping(&mut self, keys: &[(&str, &str)], rarity: usize) -> Value {
        let mut fields = Map::new();
        for (key, list) in keys {
            if self.below(rarity) == 0 {
                let value = if self.below(30) == 0 { self.one_of(ODD) } else { self.value(list) };
                fields.insert((*key).into(), value);
            }
        }
        if self.below(40) == 0 {
            fields.insert(STRAY[self.below(STRAY.len())].into(), json!({}));
        }
        Value::Object(fields)
    }

    fn value(&mut self, list: &str) -> Value {
        let value = self.mostly_first(list);
        match value.as_str().unwrap_or_default() {
            "INPUTS" => json!({"i": self.mapping(INPUT, 4), "l": {"type": "array"}}),
            "RETRY" => self.mapping(RETRY, 3),
            "TRIES" => json!({"max_attempts": self.mostly_first("[3, 100, 101, 0]")}),
            "STEPS" => self.steps(),
            "AI" => self.ai(),
            "GATE" => self.works(GATE, json!({})),
            "ARTIFACT" => {
                let artifact = self.mapping(ARTIFACT, 3);
                self.works(FOUND, artifact)
            }
            "APPROVAL" => self.mapping(APPROVAL, 3),
            "BUDGET" => self.mapping(BUDGET, 2),
            "CONCURRENCY" => self.mapping(CONCURRENCY, 2),
            "DURATION" => self.mostly_first(DURATION),
            "ENV" => self.mostly_first(ENV),
            _ => value,
        }
    }

    fn task(&mut self) -> Value {
        if self.below(40) == 0 {
            return self.one_of(ODD);
        }
        let task = self.mapping(TASK, 12);
        self.works(WORK, task)
    }

    /// One of these, most of the time.
    fn works(&mut self, works: &[(&str, &str)], mut of: Value) -> Value {
        let count = if self.below(20) == 0 { self.below(4) } else { 1 };
        for _ in 0..count {
            let (key, list) = works[self.below(works.len())];
            of[key] = self.value(list);
        }
        of
    }

    fn steps(&mut self) -> Value {
        let phases = [r#"["setup", "set-up"]"#, r#"["execution", "cleanup"]"#, r#"["validation"]"#, r#"["cleanup"]"#];
        let mut steps = Vec::new();
        for (at, phase) in phases.into_iter().enumerate() {
            if self.below(2) == 0 {
                let step = self.mapping(STEP, 8);
                let mut step = self.works(STEP_WORK, step);
                step["name"] = self.mostly_first(&format!(r#"["step{at}", "a b", "step0", ""]"#));
                step["phase"] = self.mostly_first(phase);
                if self.below(40) == 0 {
                    step.as_object_mut().unwrap().remove(["name", "phase"][self.below(2)]);
                }
                steps.push(step);
            }
        }
        Value::Array(steps)
    }

    fn ai(&mut self) -> Value {
        let ai = self.mapping(AI, 6);
        let mut ai = self.works(QUESTION, ai);
        for (key, list) in [("model", r#"["m", "", 5]"#), ("max_tokens", "[800, 1000000, 0, 1000001, \"5\"]")] {
            if self.below(30) > 0 {
                ai[key] = self.mostly_first(list);
            }
        }
        ai
    }

    fn document(&mut self) -> Value {
        if self.below(100) == 0 {
            return self.one_of(ODD);
        }
        let mut document = self.mapping(WORKFLOW, 10);
        let keys = self.mostly_first(r#"[["a"], ["a", "b-2"], ["b c"], []]"#);
        let tasks = keys.as_array().unwrap().iter().map(|key| (key.as_str().unwrap().to_owned(), self.task()));
        let tasks = Value::Object(tasks.collect());
        document["tasks"] = if self.below(60) == 0 { self.one_of(ODD) } else { tasks };
        document
    }
}

#[test]
fn random_documents_get_one_verdict() {
    let schema = schema();
    let mut writer = Writer(SeededEntropy::new(1));
    let (mut good, mut quarrels) = (0, Vec::new());
    let total = 20_000;
    for _ in 0..total {
        let document = writer.document();
        good += usize::from(fits(&schema, &schema, &document));
        quarrels.extend(quarrel(&schema, &document));
    }
    assert!(
        quarrels.is_empty(),
        "{} quarrels, such as\n{}",
        quarrels.len(),
        quarrels[..quarrels.len().min(20)].join("\n")
    );
    assert!((total / 5..total * 4 / 5).contains(&good), "{good} of {total} are good");
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The workflows that we show: examples, templates, and what stands in the documentation.
fn shown() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let folder = fs::read_dir(root().join("examples")).unwrap();
    for path in folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "yaml")) {
        found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
    }
    for name in ["hello", "etl", "media", "batch"] {
        let path = root().join(format!("crates/ork/templates/{name}/{name}.yaml"));
        found.push((name.to_owned(), fs::read_to_string(path).unwrap()));
    }
    for page in ["README.md", "docs/workflow-file.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        let blocks = text.split("```yaml\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
        found.extend(blocks.map(|block| (page.to_owned(), block)));
    }
    found
}

#[test]
fn what_is_shown_fits() {
    let schema = schema();
    let files = shown();
    assert!(files.len() >= 10, "{} files", files.len());
    for (name, text) in files {
        let document: Value = serde_saphyr::from_str(&text).unwrap();
        assert!(fits(&schema, &schema, &document), "{name}");
        let read = parse(&Source { name: "shown.yaml", text: &text, format: Format::Yaml });
        assert!(read.is_ok(), "{name}: {}", read.unwrap_err());
    }
}

#[test]
fn a_wrong_key_does_not_fit() {
    let schema = schema();
    assert!(fits(&schema, &schema, &json!({"tasks": {"a": {"run": "true"}}})));
    for wrong in [json!({"tasks": {"a": {"run": "true", "depend_on": []}}}), json!({"task": {}}), json!({"tasks": {}})]
    {
        assert!(!fits(&schema, &schema, &wrong), "{wrong}");
    }
}
