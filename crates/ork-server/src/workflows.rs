//! Workflows as texts that are stored and read again.

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::graph::RevisionRef;
use ork_core::json::{Json, JsonError};
use ork_core::store::{Applied, NewSchedule, RevisionRow, ScheduleSpec, WorkflowRow};
use ork_workflow::{Times, Workflow};
pub use ork_workflow::{parse_either as parse_file, parse_text as parse};
use sha2::{Digest, Sha256};

use crate::look::Look;
use crate::view::moment;

/// When runs of a workflow begin by themselves, from now on; `None` when it does not say so.
///
/// # Errors
/// When the inputs that it gives them cannot be stored.
pub fn schedule(workflow: &Workflow, now: Timestamp) -> Result<Option<NewSchedule>, JsonError> {
    let Some(spec) = workflow.schedule() else { return Ok(None) };
    let next_at = Times::new(&spec.cron, &spec.timezone).ok().and_then(|times| times.next(now));
    let input = Json::from_value(&serde_json::Value::Object(spec.input.clone()))?;
    let (cron, timezone) = (spec.cron.clone(), spec.timezone.clone());
    let spec = ScheduleSpec { cron, timezone, input, overlap: spec.overlap, catch_up: spec.catch_up };
    // The file was checked: a time comes.
    Ok(next_at.map(|next_at| NewSchedule { spec, next_at }))
}

/// SHA-256 of a text, in hexadecimal digits.
#[must_use]
pub fn hash(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The newest revision of a workflow, with its text; `None` when there is none of that name.
///
/// # Errors
/// When the store cannot be read.
pub async fn newest(look: Look<'_>, name: &str) -> StoreResult<Option<(RevisionRef, String)>> {
    let Some(row) = look.store.workflow(look.scope, name).await? else { return Ok(None) };
    let source = look.store.revision_source(look.scope, row.revision.id).await?;
    Ok(source.map(|source| (RevisionRef { workflow: row.id, revision: row.revision.id }, source)))
}

/// A workflow with the text of its newest revision, or of this one; `None` when there is none.
///
/// # Errors
/// When the store cannot be read.
pub async fn show(look: Look<'_>, name: &str, revision: Option<u32>) -> StoreResult<Option<ork_api::Workflow>> {
    let Some(mut row) = look.store.workflow(look.scope, name).await? else { return Ok(None) };
    if let Some(number) = revision.filter(|number| *number != row.revision.number) {
        let before = Some(number.saturating_add(1));
        let found = look.store.revisions(look.scope, row.id, before, 1).await?.pop();
        let Some(found) = found.filter(|found| found.number == number) else { return Ok(None) };
        row.revision = found;
    }
    let source = look.store.revision_source(look.scope, row.revision.id).await?;
    Ok(source.map(|source| ork_api::Workflow { summary: summary(&row), source }))
}

/// The word for what became of a text.
#[must_use]
pub const fn word(applied: Applied) -> &'static str {
    match applied {
        Applied::Created => "created",
        Applied::Updated => "updated",
        Applied::Unchanged => "unchanged",
        Applied::Refused => "refused",
    }
}

/// A workflow as lists show it.
#[must_use]
pub fn summary(row: &WorkflowRow) -> ork_api::WorkflowSummary {
    ork_api::WorkflowSummary {
        id: row.id.to_string(),
        name: row.name.clone(),
        description: row.description.clone(),
        revision: revision(&row.revision),
        created_at: moment(row.created_at),
        updated_at: moment(row.updated_at),
    }
}

/// What became of a text, and the workflow as it is now.
#[must_use]
pub fn applied(applied: Applied, row: &WorkflowRow) -> ork_api::AppliedWorkflow {
    ork_api::AppliedWorkflow { applied: word(applied).to_owned(), workflow: summary(row) }
}

/// A revision.
#[must_use]
pub fn revision(row: &RevisionRow) -> ork_api::Revision {
    ork_api::Revision {
        id: row.id.to_string(),
        number: row.number,
        hash: row.hash.clone(),
        created_by: row.created_by.clone(),
        created_at: moment(row.created_at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_apart_by_their_hash() {
        assert_eq!(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }

    #[test]
    fn a_text_may_begin_like_the_other_format() {
        let name = |text| parse("film", text).map(|workflow| workflow.name().to_owned()).ok();
        assert_eq!(name("tasks: {a: {run: echo}}").as_deref(), Some("film"));
        let dotted = parse("film.v2", "tasks: {a: {run: echo}}").map(|workflow| workflow.name().to_owned());
        assert_eq!(dotted.ok().as_deref(), Some("film.v2"));
        assert_eq!(name("{\"name\": \"x\",\t\"tasks\": {\"a\": {\"run\": \"echo\"}}}").as_deref(), Some("x"));
        assert_eq!(name("{name: y, tasks: {a: {run: echo}}}").as_deref(), Some("y"));
        assert_eq!(name("{name: y, tasks: }}"), None);
    }
}
