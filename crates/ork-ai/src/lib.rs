//! How models are spoken to.
//!
//! [`Client`] makes one call of one model: one request over the house's guarded transport, whose answer is always read as a stream, so
//! that it is seen as it is written, can be stopped in the middle, and is not cut by somebody's patience with a silent connection.
//! What a call cost is certain only when its answer came whole, so everything that goes wrong is sorted by what is known of it: see
//! [`ork_core::ai::AiError`]. Part of an answer is never an answer.
//!
//! Two formats are written by hand, because they are small and must be exact; what stands in them is after the providers' own
//! documentation, as of November 2026:
//!
//! - **Chat completions**, as OpenAI has defined them and many others serve them: platform.openai.com/docs/api-reference/chat (`create`
//!   and its `streaming`), /docs/guides/structured-outputs, /docs/guides/error-codes.
//! - **Messages** of Anthropic: docs.anthropic.com/en/api/messages, /en/docs/build-with-claude/streaming,
//!   /en/docs/build-with-claude/structured-outputs, /en/api/errors, /en/api/rate-limits.
//!
//! `Retry-After` is RFC 9110's, and `retry-after-ms` that of OpenAI's servers, as its own clients read it.
//!
//! What a model writes is somebody else's text: it is bounded, and where a schema was given it is parsed, bounded again and checked
//! here, whatever the provider promises. The key goes into one header and nowhere else; no message has it, even if the provider says it.
#![deny(missing_docs)]

mod answer;
mod anthropic;
mod client;
mod dialect;
mod moment;
mod openai;
mod refusal;
mod schema;
mod wire;
mod words;

pub use client::{Client, Patience};
