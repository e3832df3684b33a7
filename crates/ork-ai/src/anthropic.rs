//! Anthropic's messages.

use ork_core::ai::AiCall;
use ork_core::step::Tokens;
use ork_http::sse::Event;
use serde_json::{Value, json};

use crate::dialect;
use crate::wire::{End, Reader, Said, count, failure, value};

/// The provider's own address.
pub const BASE: &str = "https://api.anthropic.com";
/// The only version of the API in which events have names; it has been the current one since 2023.
const VERSION: &str = "2023-06-01";

pub fn headers(call: &AiCall) -> Vec<(String, String)> {
    let version = ("anthropic-version".to_owned(), VERSION.to_owned());
    let key = call.key.as_ref().map(|key| ("x-api-key".to_owned(), key.clone()));
    [version].into_iter().chain(key).collect()
}

/// JSON is asked for by `output_config.format`, which has been generally available since early 2026. A forced tool with the schema as its
/// input was the older way: the newest models refuse it, because they always think first.
pub fn body(call: &AiCall) -> Value {
    let mut body = json!({
        "model": call.model,
        "max_tokens": call.max_tokens,
        "messages": [{"role": "user", "content": call.prompt}],
        "stream": true,
    });
    if let Some(system) = &call.system {
        body["system"] = json!(system);
    }
    if let Some(temperature) = call.temperature {
        body["temperature"] = json!(temperature);
    }
    if let Some(schema) = &call.schema {
        let format = json!({"type": "json_schema", "schema": dialect::narrowed(schema)});
        body["output_config"] = json!({"format": format});
    }
    body
}

/// Reads the events of a message. Those that are not known are passed over: the documentation says that there will be more.
#[derive(Default)]
pub struct Events {
    /// What was read and not cached before, what was put into the cache, and what came from there: `input_tokens` is the first alone.
    fresh: u64,
    written: u64,
    cached: u64,
}

impl Reader for Events {
    fn read(&mut self, event: &Event, said: &mut Said) -> Result<(), String> {
        let event = value(event)?;
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => {
                said.model = event["message"]["model"].as_str().map(str::to_owned);
                self.note(&event["message"]["usage"]);
            }
            "content_block_start" => said.text += event["content_block"]["text"].as_str().unwrap_or_default(),
            // A thought has other names for what it says.
            "content_block_delta" => said.text += event["delta"]["text"].as_str().unwrap_or_default(),
            "message_delta" => {
                self.note(&event["usage"]);
                self.total(&event["usage"], said);
                end(&event["delta"], said);
            }
            "message_stop" => said.is_over = true,
            "error" => return Err(failure(&event["error"])),
            _ => {}
        }
        Ok(())
    }
}

impl Events {
    /// Later counts have the earlier ones in them, and may leave some out.
    fn note(&mut self, usage: &Value) {
        let known = [
            (&mut self.fresh, "input_tokens"),
            (&mut self.written, "cache_creation_input_tokens"),
            (&mut self.cached, "cache_read_input_tokens"),
        ];
        for (kept, name) in known {
            *kept = count(&usage[name]).unwrap_or(*kept);
        }
    }

    /// What was written is known at the end only: the first event has the count of its own moment.
    fn total(&self, usage: &Value, said: &mut Said) {
        if let Some(output) = count(&usage["output_tokens"]) {
            let input = self.fresh + self.written + self.cached;
            said.tokens = Some(Tokens { input, output, cached: self.cached });
        }
    }
}

fn end(delta: &Value, said: &mut Said) {
    let Some(reason) = delta["stop_reason"].as_str() else { return };
    said.end = Some(match reason {
        "end_turn" | "stop_sequence" => End::Whole,
        "max_tokens" | "model_context_window_exceeded" => End::Length,
        "refusal" => End::Refusal,
        other => End::Other(other.to_owned()),
    });
    if let Some(why) = delta["stop_details"]["explanation"].as_str() {
        why.clone_into(&mut said.refusal);
    }
}
