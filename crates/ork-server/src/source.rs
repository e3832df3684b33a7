//! Workflows in requests, and what is wrong with them.

use ork_api::Fault;
use ork_core::pin::Unfit;
use ork_workflow::{Diagnostic, Diagnostics, Workflow};
use serde_json::value::RawValue;

use crate::refused::{Answer, Code, Refused};
use crate::workflows;

/// A workflow that a request brings or names.
pub struct Sent<'a> {
    /// The member of the body that does.
    pub member: &'static str,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Sent<'a> {
    /// The one of the two that was sent.
    pub fn of(source: Option<&'a str>, plan: Option<&'a RawValue>) -> Answer<Self> {
        match (source, plan) {
            (Some(text), None) => Ok(Self { member: "source", text }),
            (None, Some(plan)) => Ok(Self { member: "plan", text: plan.get() }),
            (Some(_), Some(_)) => {
                Err(Refused::new(Code::InvalidBody, "`source` and `plan` exclude each other").hint("send one of them"))
            }
            (None, None) => {
                let hint = "send the text of a workflow file as `source`, or a plan as `plan`";
                Err(Refused::new(Code::InvalidBody, "there is no workflow").hint(hint))
            }
        }
    }

    /// Reads it. `name` is that of a workflow which has none of its own.
    pub fn parse(&self, name: &str) -> Result<Workflow, Diagnostics> {
        workflows::parse(name, self.text)
    }

    /// What is wrong with it, as a refusal.
    pub fn refuse(&self, diagnostics: &Diagnostics) -> Refused {
        let count = diagnostics.items.len() + diagnostics.more;
        let errors = if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
        let detail = format!("the workflow has {errors}; nothing was created");
        Refused::new(Code::InvalidWorkflow, detail).errors(self.faults(diagnostics))
    }

    /// What its plan says about prompts that cannot be, as a refusal.
    pub fn refuse_prompts(&self, unfit: Vec<Unfit>) -> Refused {
        let fault = |Unfit { place, message, hint }| Fault {
            pointer: format!("/{}", self.member),
            message: format!("`{place}`: {message}"),
            hint,
            ..Fault::default()
        };
        let errors: Vec<Fault> = unfit.into_iter().map(fault).collect();
        let first = errors.first().map(|fault| fault.message.clone()).unwrap_or_default();
        Refused::new(Code::InvalidWorkflow, format!("{first}; nothing was created")).errors(errors)
    }

    /// What is wrong with it.
    pub fn faults(&self, diagnostics: &Diagnostics) -> Vec<Fault> {
        let fault = |item: &Diagnostic| Fault {
            pointer: format!("/{}", self.member),
            code: Some(item.code.to_owned()),
            message: item.message.clone(),
            hint: item.hint.clone(),
            line: item.place.map(|place| place.line),
            column: item.place.map(|place| place.column),
        };
        diagnostics.items.iter().map(fault).collect()
    }
}
