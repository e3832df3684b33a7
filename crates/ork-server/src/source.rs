//! Workflows in requests, and what is wrong with them.

use ork_api::Fault;
use ork_workflow::{Diagnostic, Diagnostics, Format, Source, Workflow, parse};
use serde_json::value::RawValue;

use crate::refused::{Answer, Code, Refused};

/// A workflow as it was sent.
pub struct Sent<'a> {
    /// The member that brought it.
    pub member: &'static str,
    /// Its text.
    pub text: &'a str,
    format: Format,
}

impl<'a> Sent<'a> {
    /// The one of the two that was sent.
    pub fn of(workflow: Option<&'a str>, plan: Option<&'a RawValue>) -> Answer<Self> {
        match (workflow, plan) {
            (Some(text), None) => {
                // JSON is not quite YAML: tabs, for one.
                let format = if text.trim_start().starts_with('{') { Format::Json } else { Format::Yaml };
                Ok(Self { member: "workflow", text, format })
            }
            (None, Some(plan)) => Ok(Self { member: "plan", text: plan.get(), format: Format::Json }),
            (Some(_), Some(_)) => {
                Err(Refused::new(Code::InvalidBody, "`workflow` and `plan` exclude each other")
                    .hint("send one of them"))
            }
            (None, None) => {
                let hint = "send the text of a workflow file as `workflow`, or a plan as `plan`";
                Err(Refused::new(Code::InvalidBody, "there is no workflow").hint(hint))
            }
        }
    }

    /// Reads it.
    pub fn parse(&self) -> Result<Workflow, Diagnostics> {
        parse(&Source { name: self.member, text: self.text, format: self.format })
    }

    /// What is wrong with it, as a refusal.
    pub fn refuse(&self, diagnostics: &Diagnostics) -> Refused {
        let count = diagnostics.items.len() + diagnostics.more;
        let errors = if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
        let detail = format!("the workflow has {errors}; nothing was created");
        Refused::new(Code::InvalidWorkflow, detail).errors(self.faults(diagnostics))
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
