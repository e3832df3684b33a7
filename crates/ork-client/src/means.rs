//! Calls about what models are asked with: prompts, prices, budgets.

use hyper::Method;
use ork_api::{
    Allowance, Budget, DeletedBudget, DeletedPrice, Page, Price, Prompt, PromptSummary, PromptVersion, PutPrompt,
    SetPrice,
};

use crate::calls::paged;
use crate::error::ClientResult;
use crate::wire::{Ask, Client, body, encoded};

impl Client {
    /// Stores a prompt. What is there already changes nothing.
    ///
    /// # Errors
    /// As [`Self::version`]; the same for all that follow.
    pub async fn put_prompt(&self, id: &str, prompt: &PutPrompt) -> ClientResult<PromptVersion> {
        let path = format!("/prompts/{}", encoded(id));
        self.call(Ask { method: Method::PUT, body: body(prompt), ..Ask::get(path) }).await
    }

    /// A page of prompts, by name.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn prompts(&self, cursor: Option<&str>, limit: u32) -> ClientResult<Page<PromptSummary>> {
        self.call(Ask { query: paged(cursor, limit), ..Ask::get("/prompts") }).await
    }

    /// A prompt in its newest version, or in this one.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn prompt(&self, id: &str, version: Option<u32>) -> ClientResult<Prompt> {
        let query = version.iter().map(|version| ("version", version.to_string())).collect();
        self.call(Ask { query, ..Ask::get(format!("/prompts/{}", encoded(id))) }).await
    }

    /// A page of the versions of a prompt, newest first.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn prompt_versions(
        &self,
        id: &str,
        cursor: Option<&str>,
        limit: u32,
    ) -> ClientResult<Page<PromptVersion>> {
        let path = format!("/prompts/{}/versions", encoded(id));
        self.call(Ask { query: paged(cursor, limit), ..Ask::get(path) }).await
    }

    /// What models cost, by name.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn prices(&self) -> ClientResult<Page<Price>> {
        self.call(Ask::get("/prices")).await
    }

    /// Says what a model costs.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn set_price(&self, model: &str, price: &SetPrice) -> ClientResult<Price> {
        let path = format!("/prices/{}", encoded(model));
        self.call(Ask { method: Method::PUT, body: body(price), ..Ask::get(path) }).await
    }

    /// Forgets what a model costs.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn delete_price(&self, model: &str) -> ClientResult<DeletedPrice> {
        self.call(Ask { method: Method::DELETE, ..Ask::get(format!("/prices/{}", encoded(model))) }).await
    }

    /// The budgets of the workspace.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn budgets(&self) -> ClientResult<Page<Budget>> {
        self.call(Ask::get("/budgets")).await
    }

    /// Says how much may be used in a period.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn set_budget(&self, period: &str, limit: &Allowance) -> ClientResult<Budget> {
        let path = format!("/budgets/{}", encoded(period));
        self.call(Ask { method: Method::PUT, body: body(limit), ..Ask::get(path) }).await
    }

    /// Takes a budget away.
    ///
    /// # Errors
    /// As [`Self::version`].
    pub async fn delete_budget(&self, period: &str) -> ClientResult<DeletedBudget> {
        self.call(Ask { method: Method::DELETE, ..Ask::get(format!("/budgets/{}", encoded(period))) }).await
    }
}
