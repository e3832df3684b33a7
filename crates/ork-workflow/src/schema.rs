//! The JSON Schema of a workflow file, for editors. Whatever it refuses the reader refuses too; the reader is stricter,
//! for graphs, expressions and pairs of values are beyond a schema. `tests/it/schema.rs` holds them together.

mod steps;

use ork_core::limits::{ATTEMPTS_MAX, LABELS_MAX, ROUNDS_MAX, STEPS_MAX, TASKS_MAX, TRIES_MAX};
use serde_json::{Map, Value, json};

use crate::{budget, keys};

/// A template in a text, where none may stand.
const BRACES: &str = "\\{\\{";
/// A text that is the name of a secret.
const SECRET: &str =
    r#"^\s*\{\{\s*secrets(\.[A-Za-z0-9._-]{1,128}|\["[A-Za-z0-9._-]{1,128}"\]|\['[A-Za-z0-9._-]{1,128}'\])\s*\}\}\s*$"#;

/// The JSON Schema (2020-12) of a workflow file.
#[must_use]
pub fn schema() -> Value {
    let mut root = object(keys::WORKFLOW.keys, workflow_key);
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Ork workflow",
        "required": ["tasks"],
        "$defs": {
            "task": task(),
            "step": steps::step(),
            "ai": steps::ai(),
            "gate": steps::gate(),
            "artifact": steps::artifact(),
            "approval": steps::approval(),
            "retry": object(keys::RETRY.keys, |key| retry_key(key, ATTEMPTS_MAX)),
            "tries": object(keys::RETRY.keys, |key| retry_key(key, TRIES_MAX)),
            "budget": budget(object(keys::BUDGET.keys, budget_key)),
            "allowance": budget(object(keys::ALLOWANCE.keys, budget_key)),
            "input": object(keys::INPUT.keys, input_key),
            "concurrency": with(object(keys::CONCURRENCY.keys, concurrency_key), "required", json!(["key"])),
            "schedule": with(object(keys::SCHEDULE.keys, schedule_key), "required", json!(["cron"])),
            "webhook": with(object(keys::WEBHOOK.keys, webhook_key), "required", json!(["url"])),
            "name": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
            "duration": {"type": "string", "pattern": "^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$", "minLength": 2},
            "time_limit": {"$ref": "#/$defs/duration", "not": {"pattern": "^(0+(d|h|m|s|ms))+$"}},
            "priority": {"type": "integer", "minimum": i32::MIN, "maximum": i32::MAX, "default": 0},
            "scalar": {"type": ["string", "number", "boolean"]},
            "text": {"type": "string", "pattern": "\\S"},
            "condition": {
                "anyOf": [{"type": "boolean"}, {"type": "string", "pattern": "\\S", "not": {"pattern": BRACES}}]
            },
            "command": {
                "type": "array",
                "minItems": 1,
                "prefixItems": [{"$ref": "#/$defs/scalar", "minLength": 1}],
                "items": {"$ref": "#/$defs/scalar"}
            },
            "script": {"type": "string", "pattern": "\\S", "not": {"pattern": BRACES}},
            "template": {"type": "string", "pattern": "^\\{\\{[\\s\\S]*\\}\\}$"},
            "env": {
                "type": "object",
                "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": {"pattern": "^ORK_"}},
                "additionalProperties": {"$ref": "#/$defs/scalar"}
            }
        }
    });
    if let (Value::Object(root), Value::Object(head)) = (&mut root, head) {
        root.extend(head);
    }
    root
}

/// A mapping with these keys and no others.
fn object(keys: &[&str], describe: impl Fn(&str) -> Value) -> Value {
    let properties: Map<String, Value> = keys.iter().map(|key| ((*key).to_owned(), describe(key))).collect();
    json!({"type": "object", "additionalProperties": false, "properties": properties})
}

fn with(mut schema: Value, key: &str, value: Value) -> Value {
    schema[key] = value;
    schema
}

fn refer(name: &str) -> Value {
    json!({"$ref": format!("#/$defs/{name}")})
}

fn described(schema: Value, description: &str) -> Value {
    with(schema, "description", description.into())
}

fn map_of(definition: &str) -> Value {
    json!({"type": "object", "propertyNames": refer("name"), "additionalProperties": refer(definition)})
}

fn workflow_key(key: &str) -> Value {
    match key {
        "name" => described(refer("name"), "The workflow's name; without it, the file's."),
        "description" => json!({"type": "string"}),
        "inputs" => described(map_of("input"), "What a run is given, read as inputs.NAME."),
        "labels" => described(
            with(map_of("scalar"), "maxProperties", LABELS_MAX.into()),
            "Labels of the run; their values may read inputs.",
        ),
        "priority" => described(refer("priority"), "Higher goes first."),
        "retry" => described(refer("retry"), "The default for all tasks."),
        "timeout" => described(refer("time_limit"), "The whole run's time limit."),
        "on_failure" => {
            described(json!({"enum": keys::ON_FAILURE}), "What happens to the rest when a task fails; default stop.")
        }
        "concurrency" => described(refer("concurrency"), "How many runs with the same key may be live at once."),
        "webhook" => described(refer("webhook"), "Whom the run tells of itself."),
        "budget" => described(refer("budget"), "What the models of a run may use."),
        "env" => described(refer("env"), "Variables of every command and script; a task's own go before them."),
        "schedule" => described(refer("schedule"), "When runs begin by themselves, once the workflow is stored."),
        "tasks" => {
            json!({"type": "object", "minProperties": 1, "propertyNames": refer("name"), "additionalProperties": refer("task")})
        }
        _ => described(json!({}), "The run's result: JSON whose strings may read tasks."),
    }
}

fn task() -> Value {
    let work = one_of(&["command", "run", "steps", "operation"]);
    let process = json!({"properties": {"executor": {"enum": ["process"]}}});
    let worker = json!({"executor": {"enum": ["worker"]}, "env": false, "workdir": false, "output": false});
    let kinds = json!({
        "command": process,
        "run": process,
        "steps": process,
        "rounds": {"required": ["steps"]},
        "operation": {"properties": worker}
    });
    let pairs = json!({"anyOf": [{"required": ["with", "params"]}, {"required": ["count", "each"]}]});
    let task = with(object(keys::TASK.keys, task_key), "oneOf", work);
    with(with(task, "dependentSchemas", kinds), "not", pairs)
}

/// Exactly one of these keys is there.
fn one_of(keys: &[&str]) -> Value {
    keys.iter().map(|key| json!({"required": [key]})).collect()
}

fn task_key(key: &str) -> Value {
    match key {
        "depends_on" => described(
            json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
            "Tasks that must be over first.",
        ),
        "command" => described(refer("command"), "A program and its arguments."),
        "run" => described(refer("script"), "A shell script; it cannot hold templates."),
        "steps" => described(
            json!({"type": "array", "minItems": 1, "maxItems": STEPS_MAX, "items": refer("step")}),
            "The work in parts that follow each other: setup, execution, validation, cleanup.",
        ),
        "rounds" => described(
            json!({"type": "integer", "minimum": 1, "maximum": ROUNDS_MAX, "default": 1}),
            "How often execution and validation are tried in one attempt.",
        ),
        "executor" => json!({"enum": keys::EXECUTORS}),
        "params" | "with" => described(json!({}), "JSON, in $ORK_PARAMS or for a handler."),
        "operation" => {
            described(refer("name"), "What is to be done by whoever serves it: a command of ork.toml, or a worker.")
        }
        "queue" => {
            described(refer("name"), "The queue that workers take it from; default: the operation, or `default`.")
        }
        "env" => refer("env"),
        "workdir" => described(json!({"type": "string"}), "Where it runs."),
        "count" => described(
            json!({"anyOf": [{"type": "integer", "minimum": 0, "maximum": TASKS_MAX}, refer("template")]}),
            "So many siblings, told apart by task.index.",
        ),
        "each" => described(
            json!({"anyOf": [{"type": "array"}, refer("template")]}),
            "One sibling for each item, as task.item.",
        ),
        "when" => described(refer("condition"), "A bare expression; when it is false the task is skipped."),
        "run_if" => json!({"enum": keys::RUN_IF}),
        "retry" => refer("retry"),
        "timeout" => described(refer("time_limit"), "One attempt's time limit."),
        "priority" => refer("priority"),
        "concurrency" => {
            described(refer("concurrency"), "How many tasks with the same key may run at once, across runs.")
        }
        "output" => described(json!({"enum": keys::OUTPUT}), "Where the output is read from; default file."),
        _ => described(json!({"type": "boolean"}), "An interrupted attempt fails the task and is never repeated."),
    }
}

fn budget(schema: Value) -> Value {
    with(schema, "anyOf", one_of(&["tokens", "usd"]))
}

fn budget_key(key: &str) -> Value {
    match key {
        "tokens" => described(
            json!({"type": "integer", "minimum": 1, "maximum": budget::TOKENS_MAX}),
            "Tokens, in and out together.",
        ),
        "usd" => described(
            json!({"type": "number", "minimum": 0, "maximum": budget::USD_MAX}),
            "US dollars, with at most six decimals.",
        ),
        _ => described(
            json!({"enum": keys::ON_EXCEEDED}),
            "A call that does not fit fails its step, or waits for somebody to allow it; default fail.",
        ),
    }
}

fn retry_key(key: &str, most: u32) -> Value {
    match key {
        "max_attempts" => json!({"type": "integer", "minimum": 1, "maximum": most, "default": 1}),
        "delay" | "max_delay" => refer("duration"),
        "factor" => json!({"type": "number", "minimum": 1, "maximum": 1000, "default": 2}),
        "jitter" => json!({"type": "number", "minimum": 0, "maximum": 1, "default": 0.2}),
        _ => {
            json!({"type": "array", "minItems": 1, "items": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 255}, {"enum": ["timeout", "lost"]}]}})
        }
    }
}

fn input_key(key: &str) -> Value {
    match key {
        "type" => json!({"enum": keys::TYPES}),
        "required" => json!({"type": "boolean", "default": false}),
        "enum" => json!({"type": "array", "minItems": 1}),
        "minimum" | "maximum" => json!({"type": "number"}),
        "pattern" => json!({"type": "string", "format": "regex"}),
        "description" => json!({"type": "string"}),
        _ => json!({}),
    }
}

fn concurrency_key(key: &str) -> Value {
    match key {
        "key" => described(
            json!({"$ref": "#/$defs/scalar", "minLength": 1}),
            "Those with the same key share the limit; it may read inputs.",
        ),
        _ => json!({"type": "integer", "minimum": 1, "maximum": TASKS_MAX, "default": 1}),
    }
}

fn schedule_key(key: &str) -> Value {
    match key {
        "cron" => described(
            json!({"type": "string", "pattern": "\\S"}),
            "Minute, hour, day of the month, month, day of the week: `30 3 * * mon-fri`.",
        ),
        "timezone" => described(json!({"type": "string"}), "An IANA name such as Europe/Paris; default UTC."),
        "input" => described(json!({"type": "object"}), "The inputs of each run."),
        "overlap" => described(
            json!({"enum": keys::OVERLAP}),
            "At a time at which the run before is live: no run, a run after it, or a run beside it; default skip.",
        ),
        _ => described(
            json!({"enum": keys::CATCH_UP}),
            "For times that passed while nothing served the database: no run, one for the last, or one each; default latest.",
        ),
    }
}

fn webhook_key(key: &str) -> Value {
    match key {
        "url" => described(
            json!({"type": "string", "minLength": 1}),
            "Where messages go: http or https; it may read inputs.",
        ),
        "secret" => described(
            json!({"type": "string", "pattern": SECRET}),
            "What they are signed with: the name of a secret of the workspace.",
        ),
        "events" => described(
            json!({"type": "array", "minItems": 1, "items": {"enum": keys::WEBHOOK_EVENTS}}),
            "What is told; default run.finished.",
        ),
        _ => described(json!({"enum": keys::WEBHOOK_FORMATS}), "How messages look; default standard."),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::schema;
    use crate::keys::{
        AI, ALLOWANCE, APPROVAL, ARTIFACT, BUDGET, CONCURRENCY, GATE, INPUT, RETRY, SCHEDULE, STEP, TASK, Table,
        WEBHOOK, WORKFLOW,
    };

    #[test]
    fn the_schema_has_the_readers_keys() {
        let schema = schema();
        let check = |table: &Table, pointer: &str| {
            let properties =
                schema.pointer(pointer).and_then(|object| object["properties"].as_object()).expect("an object");
            let written: BTreeSet<&str> = properties.keys().map(String::as_str).collect();
            assert_eq!(written, table.keys.iter().copied().collect(), "{pointer}");
        };
        check(&WORKFLOW, "");
        check(&TASK, "/$defs/task");
        check(&RETRY, "/$defs/retry");
        check(&INPUT, "/$defs/input");
        check(&CONCURRENCY, "/$defs/concurrency");
        check(&SCHEDULE, "/$defs/schedule");
        check(&WEBHOOK, "/$defs/webhook");
        check(&STEP, "/$defs/step");
        check(&RETRY, "/$defs/tries");
        check(&AI, "/$defs/ai");
        check(&GATE, "/$defs/gate");
        check(&ARTIFACT, "/$defs/artifact");
        check(&APPROVAL, "/$defs/approval");
        check(&BUDGET, "/$defs/budget");
        check(&ALLOWANCE, "/$defs/allowance");
    }

    #[test]
    fn every_reference_of_the_schema_leads_somewhere() {
        let schema = schema();
        let mut open = vec![&schema];
        let mut seen = 0;
        while let Some(value) = open.pop() {
            if let Some(target) = value.get("$ref").and_then(|target| target.as_str()) {
                assert!(schema.pointer(target.trim_start_matches('#')).is_some(), "{target}");
                seen += 1;
            }
            match value {
                serde_json::Value::Array(items) => open.extend(items),
                serde_json::Value::Object(fields) => open.extend(fields.values()),
                _ => {}
            }
        }
        assert!(seen > 10);
    }
}
