//! What is drawn: nodes, what they need, and how far they are.

use ork_core::plan::{Plan, RunIf};
use ork_core::state::RunStatus;

use crate::states::States;

/// A plan or a run to draw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The workflow's name.
    pub name: String,
    /// The run's status; `None` for a plan.
    pub status: Option<RunStatus>,
    /// The nodes, in the order of the plan.
    pub nodes: Vec<Node>,
}

/// One task, or one group of fan-out siblings.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Its name in the plan.
    pub key: String,
    /// The nodes that it needs, by position.
    pub depends_on: Vec<u32>,
    /// Whether it stands for siblings.
    pub is_fan_out: bool,
    /// How many tasks it stands for; `None` while nobody knows.
    pub size: Option<u32>,
    /// The expression without which it is skipped.
    pub when: Option<String>,
    /// When it runs although something did not succeed.
    pub run_if: Option<RunIf>,
    /// Where its tasks are; `None` for a plan.
    pub states: Option<States>,
}

impl Graph {
    /// A plan, without states.
    #[must_use]
    pub fn of_plan(plan: &Plan) -> Self {
        let nodes = plan.nodes.iter().map(|node| Node {
            key: node.key.clone(),
            depends_on: node.depends_on.clone(),
            is_fan_out: !node.fan.is_one(),
            size: node.fan.size(),
            when: node.when.clone(),
            run_if: node.run_if,
            states: None,
        });
        Self { name: plan.name.clone(), status: None, nodes: nodes.collect() }
    }

    /// Its name, and the word for a run's status.
    pub(crate) fn title(&self) -> String {
        self.status.map_or_else(|| self.name.clone(), |status| format!("{}, {status}", self.name))
    }

    /// Every dependency as (what is needed, what needs it), by position; one that names no node is left out.
    pub(crate) fn edges(&self) -> Vec<(u32, u32)> {
        let count = self.nodes.len();
        let of = |(child, node): (u32, &'_ Node)| {
            let known = node.depends_on.iter().filter(move |parent| (**parent as usize) < count);
            known.map(move |parent| (*parent, child)).collect::<Vec<_>>()
        };
        (0_u32..).zip(&self.nodes).flat_map(of).collect()
    }
}

impl Node {
    /// `cut`, `cut ×3`, `cut ×?`.
    pub(crate) fn name(&self) -> String {
        match (self.is_fan_out, self.size) {
            (false, _) => self.key.clone(),
            (true, Some(size)) => format!("{} ×{size}", self.key),
            (true, None) => format!("{} ×?", self.key),
        }
    }

    /// When it runs, in words, where that is not simply after what it needs.
    pub(crate) fn conditions(&self) -> Vec<String> {
        let run_if = self.run_if.map(|run_if| match run_if {
            RunIf::Always => "runs always".to_owned(),
            RunIf::Failed => "runs if something failed".to_owned(),
        });
        let when = self.when.as_ref().map(|when| format!("when {when}"));
        run_if.into_iter().chain(when).collect()
    }
}
