//! The one expression language: minijinja's expressions, with fewer ways to go wrong.
//!
//! What is different from Jinja: there are no statements, no comments, no functions and no methods; an undefined value
//! is an error; `<`, `<=`, `>` and `>=` compare numbers with numbers and text with text, nothing else; `*` multiplies
//! numbers. An expression is read by our own tokenizer first, which bounds its size, finds every name that it reads
//! (with its place), and puts guard functions where minijinja is more lenient. Then minijinja compiles and runs it.

mod environment;
mod evaluate;
mod filters;
mod guard;
mod names;
mod template;
mod token;
mod value;

pub use evaluate::{Scope, Secrets, StepView, TaskView, TemplateError, as_text, condition, evaluate, render};
pub(crate) use names::{Reference, Step, analyse};
pub(crate) use template::{Part, Template, literal};

/// Bytes of one expression.
pub const EXPRESSION_BYTES_MAX: usize = 4 << 10;
/// Tokens of one expression. It bounds the depth of the syntax tree, which minijinja walks by recursion.
pub const TOKENS_MAX: usize = 256;
/// Instructions that one evaluation may take.
pub const FUEL: u64 = 10_000;

/// What is wrong with an expression: bytes are counted from its own start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub code: &'static str,
    pub start: usize,
    pub end: usize,
    pub message: String,
    pub hint: Option<String>,
}

impl Flaw {
    pub fn new(code: &'static str, start: usize, end: usize, message: impl Into<String>) -> Self {
        Self { code, start, end, message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same flaw, counted from the start of the text that holds the expression.
    pub fn shifted(mut self, by: usize) -> Self {
        self.start += by;
        self.end += by;
        self
    }
}
