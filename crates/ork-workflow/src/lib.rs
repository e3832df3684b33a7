//! Workflow files: YAML and JSON to a checked plan, with every error at its place, and the expressions in it.
//!
//! ```text
//! text ── yaml | json ──► tree (every value knows its place)
//!      ── workflow, task, step, input, policy ──► a draft of the plan; sight checks what expressions read, graph the order
//!      ── bind (the inputs of one run) ──► ork_core::plan::Plan
//! at dispatch: references, render, condition, evaluate
//! ```
//!
//! Nothing here does I/O, and everything is bounded: bytes, nesting, nodes, errors, steps of an expression.
#![deny(missing_docs)]

mod ai;
mod artifact;
mod bind;
mod budget;
pub mod codes;
mod cron;
mod diagnostic;
mod duration;
mod expression;
mod fields;
mod gate;
mod graph;
mod input;
mod jobs;
mod json;
pub mod keys;
mod peers;
mod policy;
mod prompt;
mod reads;
mod schedule;
mod schema;
mod sight;
mod source;
mod step;
mod task;
mod tree;
mod webhook;
mod work;
mod workflow;
mod yaml;

pub use bind::Bound;
pub use diagnostic::{Diagnostic, Diagnostics, ERRORS_MAX, Snippet};
pub use expression::{
    EXPRESSION_BYTES_MAX, FUEL, Scope, Secrets, StepView, TOKENS_MAX, TaskView, TemplateError, as_text, condition,
    evaluate, render,
};
pub use input::{InputSpec, InputType};
use ork_core::suggest;
pub use ork_core::suggest::nearest;
pub use prompt::{prompt_template, render_prompt};
pub use reads::{prompts, prompts_of, reads_only, references, references_of_result, secrets};
pub use schedule::{ScheduleSpec, Times};
pub use schema::schema;
pub use source::{Format, Place, Source};
pub use workflow::{Workflow, parse, parse_either, parse_text};
