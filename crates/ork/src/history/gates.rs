//! Steps, and the decisions that they wait for.

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{Decide, Gate, Link, NewLink, RunBudget, Spent, Step};
use ork_client::Gates as Asked;
use ork_core::access::Role;
use ork_core::id::{GateId, RunId, TaskRef};
use ork_core::limits::PAGE_MAX;
use ork_core::store::GateFilter;
use ork_server::gates::{self, Decider};
use ork_server::{budgets, links, steps};

use super::remote::{Remote, found};
use crate::entropy::OsEntropy;
use crate::exit_code::Refusal;
use crate::world::World;

/// Which gates are wanted: the newest first.
#[derive(Debug, Clone, Copy, Default)]
pub struct WantedGates {
    /// Only those of this run.
    pub run: Option<RunId>,
    /// Those that are decided as well.
    pub all: bool,
    /// At most so many.
    pub limit: u32,
}

/// What commands ask about steps and gates.
#[async_trait]
pub trait Gates: Send + Sync {
    async fn steps(&self, task: TaskRef) -> Result<Vec<Step>>;
    /// What the models of a task have used; `None` when it has no steps.
    async fn spent(&self, task: TaskRef) -> Result<Option<Spent>>;
    async fn run_budget(&self, run: RunId) -> Result<Option<RunBudget>>;
    async fn gates(&self, wanted: WantedGates) -> Result<Vec<Gate>>;
    async fn gate(&self, id: GateId) -> Result<Option<Gate>>;
    async fn decide(&self, id: GateId, approve: bool, wish: &Decide) -> Result<Gate>;
    /// Makes a link; its address begins with that of the server, if there is one.
    async fn link(&self, id: GateId, wish: NewLink) -> Result<(Link, String)>;
}

/// Whoever has the database in hand may do all that an admin may.
fn decider<'a>(actor: &'a ork_core::event::Actor) -> Decider<'a> {
    Decider { role: Role::Admin, actor }
}

#[async_trait]
impl Gates for World {
    async fn steps(&self, task: TaskRef) -> Result<Vec<Step>> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.store.steps(self.scope(), task, after, PAGE_MAX).await?;
            found.extend(page.iter().map(steps::shape));
            match page.last() {
                Some(last) if page.len() == PAGE_MAX as usize => after = Some(last.key),
                _ => return Ok(found),
            }
        }
    }

    async fn spent(&self, task: TaskRef) -> Result<Option<Spent>> {
        Ok(steps::spent(self.look(), task).await.map_err(Refusal::from)?)
    }

    async fn run_budget(&self, run: RunId) -> Result<Option<RunBudget>> {
        Ok(budgets::run_budget(self.look(), run).await.map_err(Refusal::from)?)
    }

    async fn gates(&self, wanted: WantedGates) -> Result<Vec<Gate>> {
        let (mut rows, mut left) = (Vec::new(), wanted.limit);
        let mut filter = GateFilter { run: wanted.run, open: !wanted.all, ..GateFilter::default() };
        while left > 0 {
            filter.limit = left.min(PAGE_MAX);
            let page = gates::list(self.look(), filter.clone()).await.map_err(Refusal::from)?;
            filter.before = page.last().map(|row| row.id);
            left = if page.len() < filter.limit as usize { 0 } else { left - filter.limit };
            rows.extend(page.iter().map(gates::shape));
        }
        Ok(rows)
    }

    async fn gate(&self, id: GateId) -> Result<Option<Gate>> {
        Ok(self.store.gate(self.scope(), id).await?.as_ref().map(gates::shape))
    }

    async fn decide(&self, id: GateId, approve: bool, wish: &Decide) -> Result<Gate> {
        let row = gates::decide(self.look(), decider(&self.actor()), id, approve, wish).await;
        Ok(gates::shape(&row.map_err(Refusal::from)?))
    }

    async fn link(&self, id: GateId, wish: NewLink) -> Result<(Link, String)> {
        let key = self.keys.read_or_make().and_then(|_| self.keys.token_key())?;
        let (actor, mut entropy) = (self.actor(), OsEntropy);
        let who = (self.workspace, decider(&actor));
        let link = links::make(self.look(), who, id, wish, (&key, &mut entropy)).await.map_err(Refusal::from)?;
        let path = link.path.clone();
        Ok((link, path))
    }
}

#[async_trait]
impl Gates for Remote {
    async fn steps(&self, task: TaskRef) -> Result<Vec<Step>> {
        let (mut found, mut cursor, task) = (Vec::new(), None::<String>, task.id().to_string());
        loop {
            let page = self.client.steps(&task, cursor.as_deref(), PAGE_MAX).await?;
            self.in_order(page.next_cursor.is_none() || (page.next_cursor != cursor && !page.items.is_empty()))?;
            found.extend(page.items);
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    async fn spent(&self, task: TaskRef) -> Result<Option<Spent>> {
        Ok(found(self.client.task(&task.id().to_string()).await)?.and_then(|task| task.spent))
    }

    async fn run_budget(&self, run: RunId) -> Result<Option<RunBudget>> {
        Ok(found(self.client.run(&run.to_string()).await)?.and_then(|run| run.budget))
    }

    async fn gates(&self, wanted: WantedGates) -> Result<Vec<Gate>> {
        let mut found: Vec<Gate> = Vec::new();
        let run = wanted.run.map(|run| run.to_string());
        let mut asked = Asked { run, all: wanted.all, cursor: None, limit: wanted.limit.min(PAGE_MAX) };
        loop {
            let page = self.client.gates(&asked).await?;
            for row in page.items {
                self.in_order(found.last().is_none_or(|last| row.id < last.id))?;
                found.push(row);
            }
            let left = wanted.limit.saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
            (asked.cursor, asked.limit) = (page.next_cursor, left.min(PAGE_MAX));
            if asked.limit == 0 || asked.cursor.is_none() {
                found.truncate(wanted.limit as usize);
                return Ok(found);
            }
        }
    }

    async fn gate(&self, id: GateId) -> Result<Option<Gate>> {
        Ok(found(self.client.gate(&id.to_string()).await)?)
    }

    async fn decide(&self, id: GateId, approve: bool, wish: &Decide) -> Result<Gate> {
        Ok(self.client.decide(&id.to_string(), approve, wish).await?)
    }

    async fn link(&self, id: GateId, wish: NewLink) -> Result<(Link, String)> {
        let link = self.client.link(&id.to_string(), &wish).await?;
        let address = format!("{}{}", self.client.address(), link.path);
        Ok((link, address))
    }
}
