//! The filter language: text in, meaning or error out.

mod complete;
mod parse;
mod print;
