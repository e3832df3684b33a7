//! Calls about steps and the decisions that they wait for.

use ork_api::{Decide, Gate, Link, NewLink, Page, Step};

use crate::calls::paged;
use crate::error::ClientResult;
use crate::wire::{Ask, Client, body};

/// A page of gates.
#[derive(Debug, Clone, Default)]
pub struct Gates {
    /// Only those of this run.
    pub run: Option<String>,
    /// Those that are decided as well.
    pub all: bool,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Rows of the page, 1 to 200.
    pub limit: u32,
}

impl Client {
    /// A page of the steps of a task.
    ///
    /// # Errors
    /// As [`Self::version`]; the same for all that follow.
    pub async fn steps(&self, task: &str, cursor: Option<&str>, limit: u32) -> ClientResult<Page<Step>> {
        self.call(Ask { query: paged(cursor, limit), ..Ask::get(format!("/tasks/{task}/steps")) }).await
    }

    /// A page of gates, newest first.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn gates(&self, asked: &Gates) -> ClientResult<Page<Gate>> {
        let mut query = paged(asked.cursor.as_deref(), asked.limit);
        query.push(("status", if asked.all { "all" } else { "open" }.to_owned()));
        query.extend(asked.run.iter().map(|run| ("run", run.clone())));
        self.call(Ask { query, ..Ask::get("/gates") }).await
    }

    /// A gate.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn gate(&self, gate: &str) -> ClientResult<Gate> {
        self.call(Ask::get(format!("/gates/{gate}"))).await
    }

    /// Approves or rejects. The same again changes nothing.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn decide(&self, gate: &str, approve: bool, wish: &Decide) -> ClientResult<Gate> {
        let verb = if approve { "approve" } else { "reject" };
        self.call(Ask { body: body(wish), ..Ask::post(format!("/gates/{gate}/{verb}")) }).await
    }

    /// Makes a link with which somebody decides who has no token.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn link(&self, gate: &str, wish: &NewLink) -> ClientResult<Link> {
        self.call(Ask { body: body(wish), ..Ask::post(format!("/gates/{gate}/links")) }).await
    }
}
