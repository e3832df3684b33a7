//! Stored prompts, as attempts read them.

use std::collections::BTreeMap;

use ork_core::plan::Node;
use ork_core::store::PromptRow;

use crate::assignment::{Unprepared, patiently};
use crate::expressions;
use crate::live::Live;

/// A prompt in the version that is named, else in the one that the run began with.
pub async fn get(live: &Live, id: &str, version: Option<u32>) -> Result<PromptRow, Unprepared> {
    let workspace = live.ticket.claimed.workspace;
    let version = version.or_else(|| live.ticket.plan.plan.prompts.get(id).copied());
    let found = patiently(live, || live.parts.store.prompt(workspace, id, version)).await?;
    let shown = version.map_or_else(|| id.to_owned(), |version| format!("{id}@{version}"));
    found.ok_or_else(|| expressions::failed(format!("there is no prompt `{shown}`")).into())
}

/// The texts of the prompts that a node's expressions read.
pub async fn texts(live: &Live, node: &Node) -> Result<BTreeMap<String, String>, Unprepared> {
    let mut texts = BTreeMap::new();
    for id in expressions::prompts(node) {
        let text = get(live, &id, None).await?.text;
        texts.insert(id, text);
    }
    Ok(texts)
}
