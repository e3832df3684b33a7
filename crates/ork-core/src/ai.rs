//! The contract between the engine and whatever speaks to models.

use std::fmt;

use async_trait::async_trait;
use serde_json::Value;

use crate::executor::AttemptIo;
use crate::step::{AiApi, Tokens};

/// One call of a model, with every expression already evaluated.
#[derive(Clone)]
pub struct AiCall {
    /// How it is spoken to.
    pub api: AiApi,
    /// Where; `None`: the provider's own address.
    pub base_url: Option<String>,
    /// The key.
    pub key: Option<String>,
    /// The model's name.
    pub model: String,
    /// What it is told before.
    pub system: Option<String>,
    /// What it is asked.
    pub prompt: String,
    /// Tokens that the answer may have.
    pub max_tokens: u32,
    /// How free the answer is.
    pub temperature: Option<f64>,
    /// The JSON Schema of the answer.
    pub schema: Option<Value>,
}

/// Without the key and the texts, which may hold secrets.
impl fmt::Debug for AiCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("AiCall");
        shown.field("api", &self.api).field("model", &self.model).finish_non_exhaustive()
    }
}

impl AiCall {
    /// Tokens of what the model reads, at the most: no token is shorter than a byte, and what a provider puts around the texts is
    /// less than the allowance for it.
    #[must_use]
    pub fn input_tokens_max(&self) -> u64 {
        let schema = self.schema.as_ref().map_or(0, |schema| schema.to_string().len());
        let bytes = self.prompt.len() + self.system.as_ref().map_or(0, String::len) + schema;
        bytes as u64 + Self::INPUT_TOKENS_AROUND
    }

    /// What a provider puts around the texts, at the most.
    pub const INPUT_TOKENS_AROUND: u64 = 512;
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub struct AiAnswer {
    /// What the model wrote.
    pub text: String,
    /// The same as a value, when there is a schema.
    pub value: Option<Value>,
    /// The model that answered, as it calls itself.
    pub model: String,
    /// What it used.
    pub tokens: Tokens,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq)]
pub enum AiError {
    /// The provider did nothing, and nothing is charged: the key is wrong, it is too busy.
    Refused {
        /// Why, in words.
        message: String,
        /// Whether trying again could help.
        is_retryable: bool,
        /// How long it asks to be left alone, in milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// Nobody knows what became of the call: it may be charged in full.
    Lost {
        /// What happened, in words.
        message: String,
    },
    /// There is an answer, and it cannot be used: it ends in the middle, or is not what the schema says.
    Unusable {
        /// Why, in words.
        message: String,
        /// What it used, if it said so.
        tokens: Option<Tokens>,
    },
    /// The call was stopped. It may be charged in full.
    Stopped,
}

/// Something that speaks to models.
#[async_trait]
pub trait Ai: Send + Sync {
    /// Makes one call: one request, never repeated here. What the model writes is told to `io` as standard output as it comes. When
    /// `io.stopped()` ends first, the call ends at once.
    ///
    /// # Errors
    /// See [`AiError`].
    async fn call(&self, call: AiCall, io: &dyn AttemptIo) -> Result<AiAnswer, AiError>;
}
