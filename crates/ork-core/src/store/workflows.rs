//! Stored workflows: a name, and the versions that were applied under it.

use async_trait::async_trait;

use super::{NewSchedule, Scope};
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::id::{RevisionId, WorkflowId, WorkspaceId};

/// What the workflow must be for a change to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Expected {
    /// Whatever it is.
    #[default]
    Anything,
    /// It does not exist, or it was deleted.
    Absent,
    /// It exists.
    Present,
    /// This is the number of its newest revision.
    Revision(u32),
}

/// A text to be applied under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewRevision {
    /// Whose.
    pub workspace: WorkspaceId,
    /// The name.
    pub name: String,
    /// The workflow's id, if it is new.
    pub workflow: WorkflowId,
    /// The revision's id, if it is new.
    pub revision: RevisionId,
    /// What the text says of itself.
    pub description: Option<String>,
    /// The text. It was checked by then.
    pub source: String,
    /// Tells texts apart: equal texts have equal hashes, and others have others.
    pub hash: String,
    /// When runs of it begin by themselves, if it says so.
    pub schedule: Option<NewSchedule>,
    /// Under which condition.
    pub expected: Expected,
    /// Who applies it.
    pub actor: Actor,
    /// The present moment.
    pub now: Timestamp,
}

/// What became of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// The workflow is new, or came back.
    Created,
    /// It has one more revision.
    Updated,
    /// It was so already.
    Unchanged,
    /// The workflow is not what was expected; nothing changed.
    Refused,
}

/// What became of a wish to delete a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone from lists, and no run of it can be created. Its runs and revisions stay.
    Done,
    /// There is none of that name.
    Missing,
    /// It is not what was expected; nothing changed.
    Refused,
}

/// A workflow as a change finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Current<'a> {
    /// The number of its newest revision.
    pub number: u32,
    /// The hash of that.
    pub hash: &'a str,
    /// It was deleted.
    pub is_deleted: bool,
}

impl Expected {
    /// Whether a workflow is what was expected.
    #[must_use]
    pub fn is_met(self, current: Option<Current<'_>>) -> bool {
        let live = current.filter(|current| !current.is_deleted);
        match self {
            Self::Anything => true,
            Self::Absent => live.is_none(),
            Self::Present => live.is_some(),
            Self::Revision(number) => live.is_some_and(|current| current.number == number),
        }
    }
}

impl NewRevision {
    /// What becomes of this text, and the number of the revision that it is: a new one only if the text differs from the
    /// newest.
    #[must_use]
    pub fn apply(&self, current: Option<Current<'_>>) -> (Applied, u32) {
        if !self.expected.is_met(current) {
            return (Applied::Refused, 0);
        }
        match current {
            None => (Applied::Created, 1),
            Some(current) => {
                let is_same = current.hash == self.hash;
                let applied = match (current.is_deleted, is_same) {
                    (true, _) => Applied::Created,
                    (false, true) => Applied::Unchanged,
                    (false, false) => Applied::Updated,
                };
                (applied, if is_same { current.number } else { current.number + 1 })
            }
        }
    }
}

/// A stored workflow with its newest revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkflowRow {
    /// Its id.
    pub id: WorkflowId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: String,
    /// What its text says of itself.
    pub description: Option<String>,
    /// Its newest revision.
    pub revision: RevisionRow,
    /// When it was applied first.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A revision, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRow {
    /// Its id.
    pub id: RevisionId,
    /// Its number, from 1.
    pub number: u32,
    /// The hash of its text.
    pub hash: String,
    /// Who applied it.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

/// Workflows.
#[async_trait]
pub trait Workflows {
    /// Applies a text under a name. Natural key: workspace, name, hash: the same again is [`Applied::Unchanged`].
    ///
    /// Its schedule becomes what the text says, in the same transaction. One that was there stays enabled or disabled, and keeps
    /// its next time when `cron` and the time zone are the same.
    async fn apply_workflow(&self, new: &NewRevision) -> StoreResult<Applied>;

    /// A workflow by its name; `None` when there is none in scope, or it was deleted.
    async fn workflow(&self, scope: Scope, name: &str) -> StoreResult<Option<WorkflowRow>>;

    /// Workflows after this name, by name; at most `limit`.
    async fn workflows(&self, scope: Scope, after: Option<&str>, limit: u32) -> StoreResult<Vec<WorkflowRow>>;

    /// The revisions of a workflow before this number, newest first; at most `limit`.
    async fn revisions(
        &self,
        scope: Scope,
        workflow: WorkflowId,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<RevisionRow>>;

    /// The text of a revision.
    async fn revision_source(&self, scope: Scope, revision: RevisionId) -> StoreResult<Option<String>>;

    /// Deletes a workflow, and its schedule. The next apply brings it back, with all of its revisions.
    async fn delete_workflow(
        &self,
        workspace: WorkspaceId,
        name: &str,
        expected: Expected,
        now: Timestamp,
    ) -> StoreResult<Deleted>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expected_decides() {
        let new = |expected| NewRevision {
            workspace: WorkspaceId::DEFAULT,
            name: "a".into(),
            workflow: WorkflowId::from_uuid(uuid::Uuid::nil()),
            revision: RevisionId::from_uuid(uuid::Uuid::nil()),
            description: None,
            source: String::new(),
            hash: "h".into(),
            schedule: None,
            expected,
            actor: Actor::user("ada"),
            now: Timestamp::from_micros(0),
        };
        let is = |hash, is_deleted| Some(Current { number: 3, hash, is_deleted });
        let cases = [
            (Expected::Anything, None, (Applied::Created, 1)),
            (Expected::Absent, None, (Applied::Created, 1)),
            (Expected::Present, None, (Applied::Refused, 0)),
            (Expected::Revision(1), None, (Applied::Refused, 0)),
            (Expected::Anything, is("h", false), (Applied::Unchanged, 3)),
            (Expected::Anything, is("other", false), (Applied::Updated, 4)),
            (Expected::Absent, is("h", false), (Applied::Refused, 0)),
            (Expected::Absent, is("h", true), (Applied::Created, 3)),
            (Expected::Anything, is("other", true), (Applied::Created, 4)),
            (Expected::Revision(3), is("other", false), (Applied::Updated, 4)),
            (Expected::Revision(2), is("other", false), (Applied::Refused, 0)),
            (Expected::Revision(3), is("other", true), (Applied::Refused, 0)),
        ];
        for (expected, current, answer) in cases {
            assert_eq!(new(expected).apply(current), answer, "{expected:?} {current:?}");
        }
    }
}
