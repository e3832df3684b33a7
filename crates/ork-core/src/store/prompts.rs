//! Prompts, what models cost, and what may be used.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::Scope;
use crate::clock::Timestamp;
use crate::error::StoreResult;
use crate::event::Actor;
use crate::id::{RunId, WorkspaceId};
use crate::step::{Allowance, Cost, Rates};

/// A variable of a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PromptVariable {
    /// Its name.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// What it is where nothing is given; `None`: something must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<serde_json::Value>,
}

/// A prompt to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NewPrompt {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub id: String,
    /// What it belongs to.
    pub category: Option<String>,
    /// Where it is used, in words.
    pub context: Option<String>,
    /// The text, with `{{ vars.NAME }}` in it.
    pub text: String,
    /// Its variables.
    pub variables: Vec<PromptVariable>,
    /// Who stores it.
    pub actor: Actor,
    /// The present moment.
    pub now: Timestamp,
}

/// A prompt with one of its versions.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptRow {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its name.
    pub id: String,
    /// What it belongs to.
    pub category: Option<String>,
    /// Where it is used, in words.
    pub context: Option<String>,
    /// Its newest version.
    pub latest: u32,
    /// The version at hand, from 1.
    pub version: u32,
    /// Its text.
    pub text: String,
    /// Its variables.
    pub variables: Vec<PromptVariable>,
    /// Who wrote this version.
    pub created_by: String,
    /// When.
    pub created_at: Timestamp,
}

words!(
    /// How long a workspace's budget lasts, in UTC.
    BudgetPeriod {
        /// For ever.
        Total = "total",
        /// A day.
        Day = "day",
        /// A week from Monday.
        Week = "week",
        /// A month.
        Month = "month",
    }
);

/// A budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRow {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The run that it is for; `None`: the whole workspace.
    pub run: Option<RunId>,
    /// How long it lasts; a run's for ever.
    pub period: BudgetPeriod,
    /// When the present period began.
    pub since: Timestamp,
    /// How much may be used.
    pub allowance: Allowance,
    /// What is used.
    pub used: Cost,
    /// What is reserved.
    pub reserved: Cost,
}

/// What a model costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// The model, as it is named in steps.
    pub model: String,
    /// What its tokens cost.
    pub rates: Rates,
    /// Who said so.
    pub updated_by: String,
    /// When.
    pub updated_at: Timestamp,
}

/// Prompts.
#[async_trait]
pub trait Prompts {
    /// Stores a prompt, and answers with its newest version: a new one, or the present one if text and variables are the same;
    /// category and context change without one. Natural key: the text.
    ///
    /// # Errors
    /// `Limit` when the workspace has [`crate::limits::PROMPTS_MAX`] others; `NotFound` when there is no such workspace.
    async fn put_prompt(&self, new: &NewPrompt) -> StoreResult<PromptRow>;

    /// A prompt in its newest or in this version.
    async fn prompt(&self, workspace: WorkspaceId, id: &str, version: Option<u32>) -> StoreResult<Option<PromptRow>>;

    /// Prompts in their newest versions after this name, by name; at most `limit`.
    async fn prompts(&self, workspace: WorkspaceId, after: Option<&str>, limit: u32) -> StoreResult<Vec<PromptRow>>;

    /// The versions of a prompt before this one, newest first; at most `limit`.
    async fn prompt_versions(
        &self,
        workspace: WorkspaceId,
        id: &str,
        before: Option<u32>,
        limit: u32,
    ) -> StoreResult<Vec<PromptRow>>;

    /// Says what a model costs. Natural key: its name.
    ///
    /// # Errors
    /// `Limit` when the workspace has [`crate::limits::PRICES_MAX`] others; `NotFound` when there is no such workspace.
    async fn set_price(&self, workspace: WorkspaceId, price: &PriceRow) -> StoreResult<()>;

    /// Prices, by model; at most [`crate::limits::PRICES_MAX`].
    async fn prices(&self, workspace: WorkspaceId) -> StoreResult<Vec<PriceRow>>;

    /// Removes a price. False when there is none.
    async fn delete_price(&self, workspace: WorkspaceId, model: &str) -> StoreResult<bool>;

    /// Sets the workspace's budget of this period; what is used stays. `None` removes it.
    ///
    /// # Errors
    /// `NotFound` when there is no such workspace.
    async fn set_budget(
        &self,
        workspace: WorkspaceId,
        period: BudgetPeriod,
        allowance: Option<Allowance>,
        now: Timestamp,
    ) -> StoreResult<()>;

    /// The workspace's budgets, as they are at `now`: one whose period is over counts from nothing again.
    async fn budgets(&self, workspace: WorkspaceId, now: Timestamp) -> StoreResult<Vec<BudgetRow>>;

    /// A run's budget.
    async fn run_budget(&self, scope: Scope, run: RunId) -> StoreResult<Option<BudgetRow>>;
}

impl BudgetPeriod {
    /// When the period began in which `now` lies.
    #[must_use]
    pub fn start(self, now: Timestamp) -> Timestamp {
        const DAY: i64 = 86_400_000_000;
        let days = now.micros().div_euclid(DAY);
        let start = match self {
            Self::Total => return Timestamp::default(),
            Self::Day => days,
            // 1970-01-01 was a Thursday.
            Self::Week => days - (days + 3).rem_euclid(7),
            Self::Month => first_of_month(days),
        };
        Timestamp::from_micros(start * DAY)
    }
}

/// The first day of a day's month, both counted from 1970-01-01: by the civil calendar, whose years begin in March here.
const fn first_of_month(days: i64) -> i64 {
    let z = days + 719_468;
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5;
    days - day
}

impl BudgetRow {
    /// Whether so much more fits.
    #[must_use]
    pub fn fits(&self, wanted: Cost) -> bool {
        fits(self.allowance, self.taken(), wanted)
    }

    /// What is used or reserved.
    #[must_use]
    pub const fn taken(&self) -> Cost {
        self.used.plus(self.reserved)
    }

    /// The same budget at `now`: what was used in an earlier period counts no more.
    #[must_use]
    pub fn at(mut self, now: Timestamp) -> Self {
        let start = self.period.start(now);
        if start > self.since {
            self.since = start;
            self.used = Cost::default();
        }
        self
    }
}

/// Whether `wanted` fits into an allowance of which `taken` is gone.
#[must_use]
pub fn fits(allowance: Allowance, taken: Cost, wanted: Cost) -> bool {
    let one =
        |limit: Option<u64>, taken: u64, wanted: u64| limit.is_none_or(|limit| taken.saturating_add(wanted) <= limit);
    one(allowance.tokens, taken.tokens, wanted.tokens) && one(allowance.micros, taken.micros, wanted.micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_where_the_calendar_says() {
        const DAY: i64 = 86_400_000_000;
        for (day, week, month) in [
            (20783, 20780, 20758), // 2026-11-26
            (19782, 19779, 19754), // 2024-02-29
            (19783, 19779, 19783), // 2024-03-01
            (0, -3, 0),            // 1970-01-01
        ] {
            for now in [day * DAY, (day + 1) * DAY - 1].map(Timestamp::from_micros) {
                let start = |period: BudgetPeriod| period.start(now).micros();
                assert_eq!(start(BudgetPeriod::Day), day * DAY);
                assert_eq!(start(BudgetPeriod::Week), week * DAY);
                assert_eq!(start(BudgetPeriod::Month), month * DAY);
            }
        }
    }

    #[test]
    fn both_limits_count() {
        let allowance = Allowance { tokens: Some(10), micros: Some(5) };
        let cost = |tokens, micros| Cost { tokens, micros };
        assert!(fits(allowance, cost(4, 2), cost(6, 3)));
        assert!(!fits(allowance, cost(4, 2), cost(7, 0)));
        assert!(!fits(allowance, cost(4, 2), cost(0, 4)));
        assert!(fits(Allowance::default(), cost(u64::MAX, u64::MAX), cost(1, 1)));
    }
}
