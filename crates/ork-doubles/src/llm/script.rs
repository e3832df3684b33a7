//! What a provider does.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What it does with each request. As JSON: `{"rules": [{"prompt": "poem", "then": {"answer": {"text": "Roses"}}}]}`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// Keys that are let in; without any, everybody is.
    pub keys: Vec<String>,
    /// The first that fits a request counts.
    pub rules: Vec<Rule>,
    /// What is done where none fits.
    pub otherwise: Behaviour,
}

/// What it does with some requests.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// Part of their prompt; an empty text is part of all.
    pub prompt: String,
    /// How often the rule fits; always without a number.
    pub times: Option<u32>,
    /// What is done.
    pub then: Behaviour,
}

/// What it does with a request.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// The model answers.
    Answer(Answer),
    /// It is refused before that.
    Refuse(Refusal),
    /// Nothing ever comes.
    Hang,
    /// The connection ends without an answer.
    Close,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self::Answer(Answer::default())
    }
}

/// What a model answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Answer {
    /// What it writes; what has more tokens than the request allows is cut.
    pub text: String,
    /// What it writes, as a value: it stands for the text.
    pub json: Option<Value>,
    /// What it thinks before. It is billed.
    pub thought: String,
    /// How long it rests before each piece of its text, in milliseconds.
    pub pause_ms: u64,
    /// How it ends.
    pub end: End,
    /// What is said of its tokens.
    pub billing: Billing,
}

impl Default for Answer {
    fn default() -> Self {
        Self {
            text: "ok".to_owned(),
            json: None,
            thought: String::new(),
            pause_ms: 0,
            end: End::Whole,
            billing: Billing::Counted,
        }
    }
}

/// How an answer ends. What breaks it breaks it in the middle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The model is done.
    #[default]
    Whole,
    /// It has no more tokens.
    Length,
    /// The provider's filter ends it.
    Filter,
    /// The model says that it does not want to.
    Refusal,
    /// The provider reports an error.
    Error,
    /// The connection breaks.
    Cut,
    /// The answer ends as if it were whole, without saying so.
    Short,
    /// Nothing comes any more.
    Hang,
}

/// What is said of an answer's tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Billing {
    /// How many there are.
    #[default]
    Counted,
    /// Nothing.
    Silent,
    /// These.
    These {
        /// What was read, cached or not.
        input: u64,
        /// What was written.
        output: u64,
        /// What of `input` was cached.
        cached: u64,
    },
}

/// How a request is refused.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// Headers, such as `retry-after`.
    pub headers: BTreeMap<String, String>,
    /// In words; what the provider says with this status where there are none.
    pub message: Option<String>,
    /// The error's code or type; that of the status where there is none.
    pub code: Option<String>,
}

impl Behaviour {
    /// The model writes this.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self::Answer(Answer { text: text.to_owned(), ..Answer::default() })
    }

    /// The model writes this value.
    #[must_use]
    pub fn json(value: Value) -> Self {
        Self::Answer(Answer { json: Some(value), ..Answer::default() })
    }

    /// The model writes this, and it ends so.
    #[must_use]
    pub fn ending(text: &str, end: End) -> Self {
        Self::Answer(Answer { text: text.to_owned(), end, ..Answer::default() })
    }

    /// It is refused with this status and these headers.
    #[must_use]
    pub fn refuse(status: u16, headers: &[(&str, &str)]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self::Refuse(Refusal { status, headers, ..Refusal::default() })
    }
}

impl Script {
    /// Does the same with every request.
    #[must_use]
    pub fn always(behaviour: Behaviour) -> Self {
        Self { otherwise: behaviour, ..Self::default() }
    }

    /// Also does this with requests whose prompt has this in it, as often as said.
    #[must_use]
    pub fn when(mut self, prompt: &str, times: Option<u32>, then: Behaviour) -> Self {
        self.rules.push(Rule { prompt: prompt.to_owned(), times, then });
        self
    }
}
