//! OpenAI's chat completions.

use serde_json::{Map, Value, json};

use super::protocol::{Asked, Frame, Protocol, fields, is_open, refuse, schemas};
use super::script::{End, Refusal};
use crate::http::Request;

const KNOWN: [&str; 8] = [
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "response_format",
    "stream",
    "stream_options",
    "temperature",
];

pub struct Openai;

fn wrong(message: impl Into<String>) -> Refusal {
    refuse(400, "invalid_request_error", message)
}

fn event(value: &Value) -> String {
    format!("data: {value}\n\n")
}

/// Every chunk names the usage, as null but in the last one, when it was asked for.
fn chunk(frame: &Frame, delta: &Value, reason: Option<&str>) -> String {
    let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason});
    event(&json!({
        "id": format!("chatcmpl-{}", frame.id), "object": "chat.completion.chunk", "created": 1_764_000_000,
        "model": frame.model, "choices": [choice], "usage": null,
    }))
}

impl Protocol for Openai {
    fn word(&self) -> &'static str {
        "openai"
    }

    fn id_header(&self) -> &'static str {
        "x-request-id"
    }

    fn key<'a>(&self, request: &'a Request) -> Option<&'a str> {
        request.header("authorization")?.strip_prefix("Bearer ")
    }

    fn read(&self, request: &Request) -> Result<Asked, Refusal> {
        let unknown = |name: &str| wrong(format!("Unrecognized request argument supplied: {name}"));
        let body = fields(request, &KNOWN, unknown)?;
        let model = body.get("model").and_then(Value::as_str).filter(|model| !model.is_empty());
        let model = model.ok_or_else(|| wrong("you must provide a model parameter"))?.to_owned();
        let (system, prompt) = messages(&body)?;
        if body.get("stream") != Some(&Value::Bool(true)) {
            return Err(wrong("this server has streams only"));
        }
        let temperature = body.get("temperature").map(|value| value.as_f64().unwrap_or(-1.0));
        if temperature.is_some_and(|value| !(0.0..=2.0).contains(&value)) {
            return Err(wrong("Invalid 'temperature': it must be between 0 and 2"));
        }
        let tells_usage = body.get("stream_options").is_some_and(|options| options["include_usage"] == true);
        let (max_tokens, schema) = (limit(&body)?, format(&body)?);
        Ok(Asked { model, system, prompt, max_tokens, schema, tells_usage })
    }

    fn opening(&self, frame: &Frame, _: &str) -> String {
        chunk(frame, &json!({"role": "assistant", "content": "", "refusal": null}), None)
    }

    fn piece(&self, frame: &Frame, text: &str) -> String {
        chunk(frame, &json!({"content": text}), None)
    }

    fn closing(&self, frame: &Frame, end: End) -> String {
        let said = match end {
            End::Refusal => chunk(frame, &json!({"refusal": "I cannot help with that."}), None),
            _ => String::new(),
        };
        let reason = match end {
            End::Length => "length",
            End::Filter => "content_filter",
            _ => "stop",
        };
        let usage = frame.used.map(|used| {
            event(&json!({
                "id": format!("chatcmpl-{}", frame.id), "object": "chat.completion.chunk", "created": 1_764_000_000,
                "model": frame.model, "choices": [],
                "usage": {
                    "prompt_tokens": used.input, "completion_tokens": used.output,
                    "total_tokens": used.input.saturating_add(used.output),
                    "prompt_tokens_details": {"cached_tokens": used.cached, "audio_tokens": 0},
                    "completion_tokens_details": {"reasoning_tokens": 0},
                },
            }))
        });
        said + &chunk(frame, &json!({}), Some(reason)) + &usage.unwrap_or_default() + "data: [DONE]\n\n"
    }

    fn failure(&self) -> String {
        let message = "The server had an error while processing your request. Sorry about that!";
        event(&json!({"error": {"message": message, "type": "server_error", "param": null, "code": null}}))
    }

    fn refusal(&self, refusal: &Refusal, _: &str) -> Value {
        let (kind, code, message) = match refusal.status {
            401 => ("invalid_request_error", Some("invalid_api_key"), "Incorrect API key provided."),
            403 => ("invalid_request_error", Some("unsupported_country_region_territory"), "Country not supported."),
            404 => ("invalid_request_error", Some("model_not_found"), "The model does not exist."),
            429 => ("requests", Some("rate_limit_exceeded"), "Rate limit reached for requests."),
            500.. => ("server_error", None, "The server had an error while processing your request."),
            _ => ("invalid_request_error", None, "Invalid request."),
        };
        let (code, message) = (refusal.code.as_deref().or(code), refusal.message.as_deref().unwrap_or(message));
        json!({"error": {"message": message, "type": kind, "param": null, "code": code}})
    }
}

fn messages(body: &Map<String, Value>) -> Result<(Option<String>, String), Refusal> {
    let all = body.get("messages").and_then(Value::as_array).filter(|all| !all.is_empty());
    let all = all.ok_or_else(|| wrong("[] is too short - 'messages'"))?;
    let (mut system, mut prompt) = (None, String::new());
    for message in all {
        let text = message["content"].as_str().ok_or_else(|| wrong("Invalid value for 'content'"))?;
        match message["role"].as_str() {
            Some("system" | "developer") => system = Some(text.to_owned()),
            Some("user") => prompt += text,
            _ => return Err(wrong("Invalid value for 'role'")),
        }
    }
    Ok((system, prompt))
}

fn limit(body: &Map<String, Value>) -> Result<u64, Refusal> {
    let value = match (body.get("max_tokens"), body.get("max_completion_tokens")) {
        (Some(_), Some(_)) => {
            return Err(wrong("Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."));
        }
        (None, None) => return Ok(u64::MAX),
        (value, other) => value.or(other),
    };
    let count = value.and_then(Value::as_u64).filter(|count| *count > 0);
    count.ok_or_else(|| wrong("Invalid 'max_tokens': integer below minimum value. Expected a value >= 1."))
}

/// A strict schema leaves nothing open.
fn format(body: &Map<String, Value>) -> Result<Option<Value>, Refusal> {
    let Some(format) = body.get("response_format") else { return Ok(None) };
    let named = &format["json_schema"];
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 64
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if format["type"] != "json_schema" || !named["name"].as_str().is_some_and(is_name) || !named["schema"].is_object() {
        return Err(wrong("Invalid value for 'response_format'"));
    }
    let schema = &named["schema"];
    let is_optional = |schema: &Map<String, Value>| {
        let known = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        known.is_some_and(|known| known.keys().any(|name| !required.iter().any(|one| one == name.as_str())))
    };
    if named["strict"] == true && schemas(schema).iter().any(|schema| is_open(schema) || is_optional(schema)) {
        return Err(wrong(
            "Invalid schema for response_format: 'additionalProperties' is required to be supplied and to be false",
        ));
    }
    Ok(Some(schema.clone()))
}
