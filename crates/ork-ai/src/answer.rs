//! From what a stream has said to an answer, or to why it is none.

use ork_core::ai::{AiAnswer, AiCall, AiError};
use ork_core::json::Json;
use ork_core::limits::NAME_BYTES_MAX;
use ork_core::step::Tokens;
use serde_json::Value;

use crate::schema;
use crate::wire::{End, Said};
use crate::words;

pub fn of(call: &AiCall, said: Said) -> Result<AiAnswer, AiError> {
    let unusable = |message: String| AiError::Unusable { message, tokens: said.tokens };
    match &said.end {
        None => {
            let message = "the answer broke off: it ended without saying why".to_owned();
            return Err(AiError::Lost { message });
        }
        Some(End::Length) => {
            return Err(unusable(format!("the answer ends in the middle: it may have {} tokens", call.max_tokens)));
        }
        Some(End::Refusal) if said.refusal.is_empty() => {
            return Err(unusable("the provider refuses this content".to_owned()));
        }
        Some(End::Other(reason)) => return Err(unusable(format!("the answer ends for another reason: `{reason}`"))),
        Some(End::Refusal | End::Whole) => {}
    }
    if !said.refusal.is_empty() {
        return Err(unusable(format!("the model refuses: {}", said.refusal)));
    }
    if said.text.contains('\0') {
        return Err(unusable("the answer holds a NUL character".to_owned()));
    }
    let value = call.schema.as_ref().map(|schema| value(schema, &said.text)).transpose().map_err(unusable)?;
    let model = said.model.as_deref().map(words::plain).filter(|model| !model.is_empty());
    let model = model.unwrap_or_else(|| call.model.clone());
    let model = model[..model.floor_char_boundary(NAME_BYTES_MAX)].to_owned();
    // Who does not say what it used may have used all that it was allowed.
    let most = || Tokens { input: call.input_tokens_max(), output: call.max_tokens.into(), cached: 0 };
    Ok(AiAnswer { tokens: said.tokens.unwrap_or_else(most), text: said.text, value, model })
}

/// The text as a value that can be kept and is what the schema says.
fn value(schema: &Value, text: &str) -> Result<Value, String> {
    let value = Json::parse(text).map_err(|error| format!("the answer cannot be used: {error}"))?.value();
    schema::check(schema, &value).map_err(|misfit| format!("the answer is not what its schema says: {misfit}"))?;
    Ok(value)
}
