//! What models are asked with: prompts, prices, budgets.

use anyhow::Result;
use async_trait::async_trait;
use ork_api::{Allowance, Budget, Price, Prompt, PromptSummary, PromptVersion, PutPrompt, SetPrice};
use ork_core::limits::PAGE_MAX;
use ork_core::store::BudgetPeriod;
use ork_server::{budgets, prompts};

use super::remote::{Remote, found};
use crate::exit_code::Refusal;
use crate::world::World;

/// What commands ask about prompts, prices and budgets. `None` is for what does not exist.
#[async_trait]
pub trait Means: Send + Sync {
    /// Stores a prompt; its newest version.
    async fn put_prompt(&self, id: &str, prompt: PutPrompt) -> Result<PromptVersion>;
    async fn prompts(&self) -> Result<Vec<PromptSummary>>;
    /// A prompt in its newest version, or in this one.
    async fn prompt(&self, id: &str, version: Option<u32>) -> Result<Option<Prompt>>;
    /// Its versions, newest first.
    async fn prompt_versions(&self, id: &str) -> Result<Option<Vec<PromptVersion>>>;
    async fn prices(&self) -> Result<Vec<Price>>;
    async fn set_price(&self, model: &str, price: &SetPrice) -> Result<Price>;
    async fn delete_price(&self, model: &str) -> Result<bool>;
    async fn budgets(&self) -> Result<Vec<Budget>>;
    async fn set_budget(&self, period: BudgetPeriod, limit: &Allowance) -> Result<()>;
    async fn delete_budget(&self, period: BudgetPeriod) -> Result<bool>;
}

#[async_trait]
impl Means for World {
    async fn put_prompt(&self, id: &str, prompt: PutPrompt) -> Result<PromptVersion> {
        let new = prompts::new((self.workspace, id), prompt, (&self.actor(), self.now())).map_err(Refusal::from)?;
        Ok(prompts::shape(&self.store.put_prompt(&new).await?))
    }

    async fn prompts(&self) -> Result<Vec<PromptSummary>> {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let page = self.store.prompts(self.workspace, after.as_deref(), PAGE_MAX).await?;
            found.extend(page.iter().map(prompts::summary));
            match page.last() {
                Some(last) if page.len() == PAGE_MAX as usize => after = Some(last.id.clone()),
                _ => return Ok(found),
            }
        }
    }

    async fn prompt(&self, id: &str, version: Option<u32>) -> Result<Option<Prompt>> {
        Ok(prompts::show(self.look(), (self.workspace, id), version).await?)
    }

    async fn prompt_versions(&self, id: &str) -> Result<Option<Vec<PromptVersion>>> {
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = self.store.prompt_versions(self.workspace, id, before, PAGE_MAX).await?;
            found.extend(page.iter().map(prompts::shape));
            match page.last() {
                Some(last) if page.len() == PAGE_MAX as usize => before = Some(last.version),
                _ => return Ok((!found.is_empty()).then_some(found)),
            }
        }
    }

    async fn prices(&self) -> Result<Vec<Price>> {
        Ok(self.store.prices(self.workspace).await?.iter().map(budgets::price_shape).collect())
    }

    async fn set_price(&self, model: &str, price: &SetPrice) -> Result<Price> {
        let row = budgets::price(model, price, (&self.actor(), self.now())).map_err(Refusal::from)?;
        self.store.set_price(self.workspace, &row).await?;
        Ok(budgets::price_shape(&row))
    }

    async fn delete_price(&self, model: &str) -> Result<bool> {
        Ok(self.store.delete_price(self.workspace, model).await?)
    }

    async fn budgets(&self) -> Result<Vec<Budget>> {
        Ok(self.store.budgets(self.workspace, self.now()).await?.iter().map(budgets::shape).collect())
    }

    async fn set_budget(&self, period: BudgetPeriod, limit: &Allowance) -> Result<()> {
        let allowance = budgets::allowance(limit).map_err(Refusal::from)?;
        Ok(self.store.set_budget(self.workspace, period, Some(allowance), self.now()).await?)
    }

    async fn delete_budget(&self, period: BudgetPeriod) -> Result<bool> {
        let is_there = self.store.budgets(self.workspace, self.now()).await?.iter().any(|row| row.period == period);
        self.store.set_budget(self.workspace, period, None, self.now()).await?;
        Ok(is_there)
    }
}

#[async_trait]
impl Means for Remote {
    async fn put_prompt(&self, id: &str, prompt: PutPrompt) -> Result<PromptVersion> {
        Ok(self.client.put_prompt(id, &prompt).await?)
    }

    async fn prompts(&self) -> Result<Vec<PromptSummary>> {
        let (mut found, mut cursor): (Vec<PromptSummary>, _) = (Vec::new(), None);
        loop {
            let page = self.client.prompts(cursor.as_deref(), PAGE_MAX).await?;
            for row in page.items {
                self.in_order(found.last().is_none_or(|last| row.id > last.id))?;
                found.push(row);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(found);
            }
        }
    }

    async fn prompt(&self, id: &str, version: Option<u32>) -> Result<Option<Prompt>> {
        Ok(found(self.client.prompt(id, version).await)?)
    }

    async fn prompt_versions(&self, id: &str) -> Result<Option<Vec<PromptVersion>>> {
        let (mut all, mut cursor): (Vec<PromptVersion>, _) = (Vec::new(), None);
        loop {
            let answer = self.client.prompt_versions(id, cursor.as_deref(), PAGE_MAX).await;
            let Some(page) = found(answer)? else { return Ok(None) };
            for row in page.items {
                self.in_order(all.last().is_none_or(|last| row.summary.version < last.summary.version))?;
                all.push(row);
            }
            cursor = page.next_cursor;
            if cursor.is_none() {
                return Ok(Some(all));
            }
        }
    }

    async fn prices(&self) -> Result<Vec<Price>> {
        Ok(self.client.prices().await?.items)
    }

    async fn set_price(&self, model: &str, price: &SetPrice) -> Result<Price> {
        Ok(self.client.set_price(model, price).await?)
    }

    async fn delete_price(&self, model: &str) -> Result<bool> {
        Ok(self.client.delete_price(model).await?.deleted)
    }

    async fn budgets(&self) -> Result<Vec<Budget>> {
        Ok(self.client.budgets().await?.items)
    }

    async fn set_budget(&self, period: BudgetPeriod, limit: &Allowance) -> Result<()> {
        Ok(self.client.set_budget(period.word(), limit).await.map(drop)?)
    }

    async fn delete_budget(&self, period: BudgetPeriod) -> Result<bool> {
        Ok(self.client.delete_budget(period.word()).await?.deleted)
    }
}
