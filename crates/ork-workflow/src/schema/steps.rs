//! Steps, and what stands in them.

use ork_core::limits::{AI_TOKENS_MAX, PROMPT_VARIABLES_MAX};
use serde_json::{Value, json};

use super::{SECRET, described, object, one_of, refer, with};
use crate::artifact::PATHS_MAX;
use crate::keys;

/// The name of a stored prompt, with its version if need be.
const PROMPT: &str = "^[A-Za-z0-9._-]{1,128}(@[1-9][0-9]{0,8})?$";

/// Paths that lead out of a folder.
const OUTSIDE: &str = r"^/|(^|/)\.\.(/|$)|\\|//|/$";

/// A step of a task.
pub fn step() -> Value {
    let decided_once = json!({"properties": {"env": false, "timeout": false, "retry": false}});
    let by_process = json!({"properties": {"gate": {"anyOf": [{"required": ["command"]}, {"required": ["run"]}]}}});
    let kinds = json!({
        "ai": {"properties": {"env": false}},
        "artifact": {"properties": {"env": false}},
        "gate": {
            "properties": {"phase": {"enum": keys::PHASES.into_iter().filter(|phase| *phase != "cleanup").collect::<Vec<_>>()}},
            "anyOf": [by_process, decided_once]
        }
    });
    let step = with(object(keys::STEP.keys, step_key), "required", json!(["name", "phase"]));
    with(with(step, "oneOf", one_of(&["command", "run", "ai", "gate", "artifact"])), "dependentSchemas", kinds)
}

fn step_key(key: &str) -> Value {
    match key {
        "name" => described(refer("name"), "Others read it as steps.NAME."),
        "phase" => described(json!({"enum": keys::PHASES}), "Phases follow each other in this order."),
        "run" => described(refer("script"), "A shell script; it cannot hold templates."),
        "command" => described(refer("command"), "A program and its arguments."),
        "ai" => described(refer("ai"), "A model is asked."),
        "gate" => described(refer("gate"), "It lets the attempt pass, or not."),
        "artifact" => described(refer("artifact"), "Files are kept, or one that is elsewhere is named."),
        "when" => described(refer("condition"), "A bare expression; when it is false the step is skipped."),
        "timeout" => described(refer("time_limit"), "The time limit of one try."),
        "retry" => described(refer("tries"), "When a try that failed is followed by another."),
        "continue_on_error" => described(json!({"type": "boolean"}), "Its failure is not the attempt's."),
        _ => refer("env"),
    }
}

/// `ai` of a step.
pub fn ai() -> Value {
    let ai = with(object(keys::AI.keys, ai_key), "required", json!(["model", "max_tokens"]));
    let ai = with(ai, "oneOf", one_of(&["prompt", "text"]));
    with(ai, "dependentSchemas", json!({"vars": {"required": ["prompt"]}}))
}

fn ai_key(key: &str) -> Value {
    match key {
        "prompt" => described(json!({"type": "string", "pattern": PROMPT}), "A stored prompt: ID, or ID@VERSION."),
        "text" => described(refer("text"), "What is asked, in place of a stored prompt."),
        "system" => described(json!({"type": "string"}), "What the model is told before."),
        "vars" => described(
            json!({"type": "object", "propertyNames": refer("name"), "maxProperties": PROMPT_VARIABLES_MAX}),
            "The values of the prompt's variables.",
        ),
        "model" => described(refer("text"), "The model, as its provider names it."),
        "api" => described(json!({"enum": keys::AI_APIS}), "How it is spoken to; default openai."),
        "base_url" => described(refer("text"), "Where it is, if that is not its provider's own address."),
        "key" => described(json!({"type": "string", "pattern": SECRET}), "The name of the secret that is its key."),
        "max_tokens" => described(
            json!({"type": "integer", "minimum": 1, "maximum": AI_TOKENS_MAX}),
            "Tokens that the answer may have.",
        ),
        "temperature" => json!({"type": "number", "minimum": 0, "maximum": 2}),
        "schema" => described(json!({"type": "object"}), "The JSON Schema of the answer; without one it is text."),
        _ => described(refer("allowance"), "What all tries and rounds of the step may use."),
    }
}

/// `gate` of a step.
pub fn gate() -> Value {
    with(object(keys::GATE.keys, gate_key), "oneOf", one_of(keys::GATE.keys))
}

fn gate_key(key: &str) -> Value {
    match key {
        "command" => described(refer("command"), "It passes when this program succeeds."),
        "run" => described(refer("script"), "It passes when this script succeeds."),
        "condition" => described(refer("condition"), "It passes when this expression is true."),
        _ => described(refer("approval"), "It passes when somebody says so."),
    }
}

/// `artifact` of a step.
pub fn artifact() -> Value {
    let kinds = json!({
        "path": {"properties": {"size": false, "checksum": false}},
        "url": {"required": ["name"], "properties": {"optional": false}}
    });
    let artifact = with(object(keys::ARTIFACT.keys, artifact_key), "oneOf", one_of(&["path", "url"]));
    with(artifact, "dependentSchemas", kinds)
}

fn artifact_key(key: &str) -> Value {
    let path = json!({"type": "string", "minLength": 1, "not": {"pattern": OUTSIDE}});
    let text = |pattern: &str| json!({"type": "string", "anyOf": [{"pattern": pattern}, {"pattern": "\\{\\{"}]});
    match key {
        "path" => described(
            json!({"anyOf": [path, {"type": "array", "minItems": 1, "maxItems": PATHS_MAX, "items": path}]}),
            "Patterns below the folder of the steps: `*`, `?`, `[a-z]`, `**`.",
        ),
        "url" => {
            described(text("^(https?|s3|gs|az)://[^/?#@\\s]+([/?#]\\S*)?$"), "Where the file is, in place of `path`.")
        }
        "name" => described(
            json!({"type": "string", "minLength": 1, "not": {"pattern": OUTSIDE}}),
            "What it is called; without it as in the folder.",
        ),
        "kind" => described(refer("name"), "What it is, in a word of yours; default file."),
        "content_type" => described(
            json!({"type": "string", "pattern": "^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+ *(;.*)?$", "maxLength": 255}),
            "Its media type; without it by the end of its name.",
        ),
        "size" => described(
            json!({"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "\\{\\{"}]}),
            "How many bytes the file at `url` has.",
        ),
        "checksum" => described(text("^[0-9a-f]{64}$"), "The SHA-256 of the file at `url`."),
        "meta" => described(json!({"type": "object"}), "What else there is to say."),
        _ => described(json!({"type": "boolean", "default": false}), "It is no failure when no file matches."),
    }
}

/// `approval` of a gate.
pub fn approval() -> Value {
    let needs = json!({"on_expiry": {"required": ["expires"]}});
    with(object(keys::APPROVAL.keys, approval_key), "dependentSchemas", needs)
}

fn approval_key(key: &str) -> Value {
    match key {
        "role" => described(json!({"enum": keys::DECIDERS}), "The least role of whoever decides; default operator."),
        "expires" => described(refer("time_limit"), "How long there is time."),
        "on_expiry" => described(json!({"enum": keys::ON_EXPIRY}), "What happens then; default reject."),
        "allow_self" => {
            described(json!({"type": "boolean", "default": true}), "Whether whoever started the run may decide.")
        }
        _ => described(json!({"type": "string"}), "What is asked, in words."),
    }
}
