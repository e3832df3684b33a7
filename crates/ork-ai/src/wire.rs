//! What the two formats have in common.

use ork_core::ai::{AiCall, AiError};
use ork_core::step::{AiApi, Tokens};
use ork_http::Call;
use ork_http::sse::Event;
use serde_json::Value;

use crate::{anthropic, openai};

/// Tokens that a call can use: more is no count, and no store has room for it.
const TOKENS_MAX: u64 = 1 << 40;

/// What a stream has said so far.
#[derive(Debug, Default)]
pub struct Said {
    /// What the model wrote.
    pub text: String,
    /// Why it does not want to.
    pub refusal: String,
    /// The model, as it calls itself.
    pub model: Option<String>,
    /// What all of it used.
    pub tokens: Option<Tokens>,
    /// Why there is no more text.
    pub end: Option<End>,
    /// Nothing follows.
    pub is_over: bool,
}

/// Why there is no more text.
#[derive(Debug, PartialEq, Eq)]
pub enum End {
    /// The model was done.
    Whole,
    /// It had no more tokens.
    Length,
    /// The provider or the model does not want to.
    Refusal,
    /// Something that nobody asked for.
    Other(String),
}

/// Reads the events of a stream.
pub trait Reader: Send {
    /// Takes the next event.
    ///
    /// # Errors
    /// When the provider says that it failed, or says nothing that can be read.
    fn read(&mut self, event: &Event, said: &mut Said) -> Result<(), String>;
}

/// What reads the events of an answer.
pub fn reader(api: AiApi) -> Box<dyn Reader> {
    match api {
        AiApi::Openai => Box::new(openai::Chunks),
        AiApi::Anthropic => Box::new(anthropic::Events::default()),
    }
}

/// The request of a call.
pub fn request(call: &AiCall) -> Result<Call, AiError> {
    let (base, path) = match call.api {
        AiApi::Openai => (openai::BASE, "/chat/completions"),
        AiApi::Anthropic => (anthropic::BASE, "/v1/messages"),
    };
    let base = call.base_url.as_deref().unwrap_or(base);
    if base.contains(['?', '#']) {
        let message = "the provider's address may not be called: it holds a query or a fragment".to_owned();
        return Err(AiError::Refused { message, is_retryable: false, retry_after_ms: None });
    }
    let (own, body) = match call.api {
        AiApi::Openai => (openai::headers(call), openai::body(call)),
        AiApi::Anthropic => (anthropic::headers(call), anthropic::body(call)),
    };
    let mut headers = vec![
        ("content-type".to_owned(), "application/json".to_owned()),
        ("accept".to_owned(), "text/event-stream".to_owned()),
        ("user-agent".to_owned(), concat!("ork/", env!("CARGO_PKG_VERSION")).to_owned()),
    ];
    headers.extend(own);
    let url = format!("{}{path}", base.trim_end_matches('/'));
    Ok(Call { method: "POST".to_owned(), url, headers, body: body.to_string().into_bytes() })
}

/// What an event says.
pub fn value(event: &Event) -> Result<Value, String> {
    serde_json::from_str(&event.data).map_err(|error| format!("an event is not valid JSON: {error}"))
}

/// What an event that tells of an error says.
pub fn failure(error: &Value) -> String {
    let text = |name: &str| error[name].as_str();
    let word = text("code").or(text("type")).unwrap_or("error");
    format!("the provider says `{word}`: {}", text("message").unwrap_or("nothing more"))
}

/// A number of tokens, if it says one.
pub fn count(value: &Value) -> Option<u64> {
    Some(value.as_u64()?.min(TOKENS_MAX))
}
