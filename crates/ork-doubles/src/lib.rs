//! Servers that behave like those of providers, so that tests need neither the network nor an account. They hold their callers to the
//! documented protocol, do what a script says, well or badly, and keep a journal of what they were asked. Never shipped.
#![deny(missing_docs)]

mod http;
pub mod llm;
