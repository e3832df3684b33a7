//! Chat completions, as OpenAI has defined them and many others serve them.

use ork_core::ai::AiCall;
use ork_core::step::Tokens;
use ork_http::sse::Event;
use serde_json::{Value, json};

use crate::dialect;
use crate::wire::{End, Reader, Said, count, failure, value};

/// The provider's own address.
pub const BASE: &str = "https://api.openai.com/v1";

pub fn headers(call: &AiCall) -> Vec<(String, String)> {
    call.key.iter().map(|key| ("authorization".to_owned(), format!("Bearer {key}"))).collect()
}

pub fn body(call: &AiCall) -> Value {
    let system = call.system.iter().map(|text| json!({"role": "system", "content": text}));
    let messages: Vec<Value> = system.chain([json!({"role": "user", "content": call.prompt})]).collect();
    let mut body = json!({
        "model": call.model,
        "messages": messages,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    body[limit(call)] = call.max_tokens.into();
    if let Some(temperature) = call.temperature {
        body["temperature"] = json!(temperature);
    }
    if let Some(schema) = &call.schema {
        let named = json!({"name": "answer", "schema": schema, "strict": dialect::is_strict(schema)});
        body["response_format"] = json!({"type": "json_schema", "json_schema": named});
    }
    body
}

/// OpenAI has put `max_completion_tokens` in the place of `max_tokens`, which its newer models refuse. Others know the old name best; one
/// that does not know the new one would pass over it, and nothing would bound what the answer costs. A server that wants the new one
/// says so.
fn limit(call: &AiCall) -> &'static str {
    let base = call.base_url.as_deref().unwrap_or(BASE);
    if base.starts_with("https://api.openai.com/") { "max_completion_tokens" } else { "max_tokens" }
}

/// Reads `chat.completion.chunk`s.
pub struct Chunks;

impl Reader for Chunks {
    fn read(&mut self, event: &Event, said: &mut Said) -> Result<(), String> {
        if event.data.trim() == "[DONE]" {
            said.is_over = true;
            return Ok(());
        }
        let chunk = value(event)?;
        if let Some(error) = chunk.get("error").filter(|error| !error.is_null()) {
            return Err(failure(error));
        }
        if let Some(model) = chunk["model"].as_str().filter(|model| !model.is_empty()) {
            said.model = Some(model.to_owned());
        }
        // With the last chunk, which has no choices; some say it with every one.
        said.tokens = tokens(&chunk["usage"]).or(said.tokens);
        let choice = &chunk["choices"][0];
        said.text += choice["delta"]["content"].as_str().unwrap_or_default();
        said.refusal += choice["delta"]["refusal"].as_str().unwrap_or_default();
        if let Some(reason) = choice["finish_reason"].as_str() {
            said.end = Some(match reason {
                "stop" => End::Whole,
                "length" => End::Length,
                "content_filter" => End::Refusal,
                other => End::Other(other.to_owned()),
            });
        }
        Ok(())
    }
}

/// `prompt_tokens` has the cached ones in it, `completion_tokens` those of the model's thoughts.
fn tokens(usage: &Value) -> Option<Tokens> {
    let (input, output) = (count(&usage["prompt_tokens"])?, count(&usage["completion_tokens"])?);
    let cached = count(&usage["prompt_tokens_details"]["cached_tokens"]).unwrap_or(0).min(input);
    Some(Tokens { input, output, cached })
}
