//! Anthropic's messages.

use serde_json::{Map, Value, json};

use super::protocol::{Asked, Frame, Protocol, Used, fields, is_open, refuse, schemas};
use super::script::{End, Refusal};
use crate::http::Request;

const KNOWN: [&str; 7] = ["max_tokens", "messages", "model", "output_config", "stream", "system", "temperature"];
/// Keywords that schemas of answers must not have.
const UNSUPPORTED: [&str; 8] =
    ["exclusiveMaximum", "exclusiveMinimum", "maxItems", "maxLength", "maximum", "minLength", "minimum", "multipleOf"];

pub struct Anthropic;

fn wrong(message: impl Into<String>) -> Refusal {
    refuse(400, "invalid_request_error", message)
}

/// Each event says its type twice.
fn event(value: &Value) -> String {
    format!("event: {}\ndata: {value}\n\n", value["type"].as_str().unwrap_or_default())
}

fn block(index: u32, content: &Value, delta: &Value) -> String {
    event(&json!({"type": "content_block_start", "index": index, "content_block": content}))
        + &event(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
}

/// What was read without the cache stands alone; what was put there is always none.
fn usage(used: Used, output: u64) -> Value {
    json!({
        "input_tokens": used.input.saturating_sub(used.cached), "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": used.cached, "output_tokens": output,
    })
}

impl Protocol for Anthropic {
    fn word(&self) -> &'static str {
        "anthropic"
    }

    fn id_header(&self) -> &'static str {
        "request-id"
    }

    fn key<'a>(&self, request: &'a Request) -> Option<&'a str> {
        request.header("x-api-key")
    }

    fn read(&self, request: &Request) -> Result<Asked, Refusal> {
        if request.header("anthropic-version") != Some("2023-06-01") {
            return Err(wrong("anthropic-version: header is required"));
        }
        let unknown = |name: &str| wrong(format!("{name}: Extra inputs are not permitted"));
        let body = fields(request, &KNOWN, unknown)?;
        let model = body.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| wrong("model: Field required"))?.to_owned();
        let max_tokens = body.get("max_tokens").ok_or_else(|| wrong("max_tokens: Field required"))?;
        let max_tokens = max_tokens.as_u64().filter(|count| *count > 0);
        let max_tokens = max_tokens.ok_or_else(|| wrong("max_tokens: Input should be greater than or equal to 1"))?;
        if body.get("stream") != Some(&Value::Bool(true)) {
            return Err(wrong("stream: this server has streams only"));
        }
        let temperature = body.get("temperature").map(|value| value.as_f64().unwrap_or(-1.0));
        if temperature.is_some_and(|value| !(0.0..=1.0).contains(&value)) {
            return Err(wrong("temperature: Input should be between 0 and 1"));
        }
        let system = body.get("system").and_then(Value::as_str).map(str::to_owned);
        let (prompt, schema) = (messages(&body)?, format(&body)?);
        Ok(Asked { model, system, prompt, max_tokens, schema, tells_usage: true })
    }

    fn opening(&self, frame: &Frame, thought: &str) -> String {
        let used = frame.used.map(|used| usage(used, 1));
        let message = json!({
            "id": format!("msg_{}", frame.id), "type": "message", "role": "assistant", "model": frame.model,
            "content": [], "stop_reason": null, "stop_sequence": null, "usage": used,
        });
        let start = event(&json!({"type": "message_start", "message": message}));
        let thinking = if thought.is_empty() {
            String::new()
        } else {
            block(
                0,
                &json!({"type": "thinking", "thinking": "", "signature": ""}),
                &json!({"type": "thinking_delta", "thinking": thought}),
            ) + &event(&json!({
                "type": "content_block_delta", "index": 0,
                "delta": {"type": "signature_delta", "signature": "EqQBCgIYAhIM"},
            })) + &event(&json!({"type": "content_block_stop", "index": 0}))
        };
        let text = json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}});
        start + &thinking + &event(&text) + &event(&json!({"type": "ping"}))
    }

    fn piece(&self, _: &Frame, text: &str) -> String {
        let delta = json!({"type": "text_delta", "text": text});
        event(&json!({"type": "content_block_delta", "index": 1, "delta": delta}))
    }

    fn closing(&self, frame: &Frame, end: End) -> String {
        let explained = json!({"type": "refusal", "category": null, "explanation": "This request was declined."});
        let (reason, details) = match end {
            End::Length => ("max_tokens", Value::Null),
            End::Filter => ("refusal", Value::Null),
            End::Refusal => ("refusal", explained),
            _ => ("end_turn", Value::Null),
        };
        let delta = json!({"stop_reason": reason, "stop_sequence": null, "stop_details": details});
        let mut last = json!({"type": "message_delta", "delta": delta});
        if let Some(used) = frame.used {
            last["usage"] = usage(used, used.output);
        }
        event(&json!({"type": "content_block_stop", "index": 1}))
            + &event(&last)
            + &event(&json!({"type": "message_stop"}))
    }

    fn failure(&self) -> String {
        event(&json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    }

    fn refusal(&self, refusal: &Refusal, id: &str) -> Value {
        let (kind, message) = match refusal.status {
            401 => ("authentication_error", "invalid x-api-key"),
            402 => ("billing_error", "Your credit balance is too low."),
            403 => ("permission_error", "Your API key does not have permission to use the specified resource."),
            404 => ("not_found_error", "The requested resource could not be found."),
            413 => ("request_too_large", "Request exceeds the maximum size."),
            429 => ("rate_limit_error", "This request would exceed your organization's rate limit."),
            529 => ("overloaded_error", "Overloaded"),
            504 => ("timeout_error", "The request timed out."),
            500.. => ("api_error", "Internal server error"),
            _ => ("invalid_request_error", "Invalid request."),
        };
        let (kind, message) = (refusal.code.as_deref().unwrap_or(kind), refusal.message.as_deref().unwrap_or(message));
        json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": id})
    }
}

fn messages(body: &Map<String, Value>) -> Result<String, Refusal> {
    let all = body.get("messages").and_then(Value::as_array).filter(|all| !all.is_empty());
    let all = all.ok_or_else(|| wrong("messages: at least one message is required"))?;
    let mut prompt = String::new();
    for message in all {
        match (message["role"].as_str(), message["content"].as_str()) {
            (Some("user"), Some(text)) if !text.is_empty() => prompt += text,
            (Some("user"), _) => return Err(wrong("messages: user messages must have non-empty content")),
            _ => return Err(wrong("messages: Input should be 'user' or 'assistant'")),
        }
    }
    Ok(prompt)
}

fn format(body: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.get("output_config").map(|config| &config["format"]) else { return Ok(None) };
    let schema = &format["schema"];
    if format["type"] != "json_schema" || !schema.is_object() {
        return Err(wrong("output_config.format: Input should be a JSON schema"));
    }
    for schema in schemas(schema) {
        if is_open(schema) {
            return Err(wrong(
                "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false",
            ));
        }
        let few = |least: &Value| least.as_u64().is_some_and(|least| least <= 1);
        let name = UNSUPPORTED.iter().find(|name| schema.contains_key(**name)).copied();
        let name = name.or(schema.get("minItems").filter(|least| !few(least)).map(|_| "minItems"));
        if let Some(name) = name {
            return Err(wrong(format!("output_config.format.schema: property '{name}' is not supported")));
        }
    }
    Ok(Some(schema.clone()))
}
