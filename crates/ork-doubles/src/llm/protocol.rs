//! What the two formats have in common.

use serde_json::{Map, Value};

use super::script::{End, Refusal};
use crate::http::Request;

/// A token has four bytes.
#[must_use]
pub fn tokens(text: &str) -> u64 {
    text.len().div_ceil(4) as u64
}

/// A request that is as it should be.
pub struct Asked {
    pub model: String,
    pub system: Option<String>,
    pub prompt: String,
    pub max_tokens: u64,
    pub schema: Option<Value>,
    /// Whether the answer says what it used.
    pub tells_usage: bool,
}

impl Asked {
    /// Tokens of what the model reads.
    pub fn tokens(&self) -> u64 {
        let schema = self.schema.as_ref().map(Value::to_string).unwrap_or_default();
        tokens(&format!("{}{}{schema}", self.system.as_deref().unwrap_or_default(), self.prompt))
    }
}

/// Tokens of an answer.
#[derive(Clone, Copy)]
pub struct Used {
    pub input: u64,
    pub output: u64,
    pub cached: u64,
}

/// An answer: its id, the model's name, and what it uses.
pub struct Frame<'a> {
    pub id: &'a str,
    pub model: &'a str,
    /// `None`: nothing is said of it.
    pub used: Option<Used>,
}

/// One of the two formats.
pub trait Protocol: Sync {
    fn word(&self) -> &'static str;
    /// The name of the header with a request's id.
    fn id_header(&self) -> &'static str;
    /// The key that a request has.
    fn key<'a>(&self, request: &'a Request) -> Option<&'a str>;
    /// What is asked, or why that is no request.
    fn read(&self, request: &Request) -> Result<Asked, Refusal>;
    /// How an answer begins, with what the model thinks first.
    fn opening(&self, frame: &Frame, thought: &str) -> String;
    /// A piece of the model's text.
    fn piece(&self, frame: &Frame, text: &str) -> String;
    /// How an answer ends that is not broken.
    fn closing(&self, frame: &Frame, end: End) -> String;
    /// An error in the middle.
    fn failure(&self) -> String;
    /// The body of a refusal.
    fn refusal(&self, refusal: &Refusal, id: &str) -> Value;
}

/// A refusal of what is no request.
pub fn refuse(status: u16, code: &str, message: impl Into<String>) -> Refusal {
    Refusal { status, code: Some(code.to_owned()), message: Some(message.into()), ..Refusal::default() }
}

/// The fields of a body, all of which must be known.
pub fn fields(request: &Request, known: &[&str], unknown: fn(&str) -> Refusal) -> Result<Map<String, Value>, Refusal> {
    let code = "invalid_request_error";
    let Ok(Value::Object(fields)) = serde_json::from_slice(&request.body) else {
        return Err(refuse(400, code, "the body is not valid JSON"));
    };
    if request.header("content-type").is_none_or(|kind| !kind.starts_with("application/json")) {
        return Err(refuse(400, code, "the content type is not `application/json`"));
    }
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(unknown(name)),
        None => Ok(fields),
    }
}

/// Every schema in a schema, itself first. What is no schema is passed over: properties by their names, and what an `enum` lists.
pub fn schemas(schema: &Value) -> Vec<&Map<String, Value>> {
    let (mut found, mut ahead) = (Vec::new(), vec![schema]);
    while let Some(next) = ahead.pop() {
        let Some(fields) = next.as_object() else { continue };
        found.push(fields);
        for (name, value) in fields {
            match name.as_str() {
                "properties" | "$defs" => ahead.extend(value.as_object().into_iter().flat_map(Map::values)),
                "anyOf" | "allOf" => ahead.extend(value.as_array().into_iter().flatten()),
                "items" => ahead.push(value),
                _ => {}
            }
        }
    }
    found
}

/// An object must say that it has no other properties.
pub fn is_open(schema: &Map<String, Value>) -> bool {
    let is_object = schema.get("type").is_some_and(|kind| kind == "object") || schema.contains_key("properties");
    is_object && schema.get("additionalProperties") != Some(&Value::Bool(false))
}
