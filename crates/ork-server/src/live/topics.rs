//! What a stream is about.

use std::collections::BTreeSet;

use ork_core::event::{EventRow, EventType};
use ork_core::id::RunId;
use ork_core::limits::TOPICS_MAX;
use ork_core::suggest::nearest;

use crate::refused::{Answer, Refused};

/// `runs`: the events of runs themselves, all of the workspace. `gates`: what becomes of gates, all of the workspace. `run:ID`:
/// all events of one run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Topics {
    runs: bool,
    gates: bool,
    of: BTreeSet<RunId>,
}

impl Topics {
    /// Reads a list with commas.
    pub fn parse(text: &str) -> Answer<Self> {
        let mut topics = Self::default();
        let words: Vec<&str> = text.split(',').collect();
        if words.len() > TOPICS_MAX {
            return Err(refuse(format!("a stream has at most {TOPICS_MAX} topics"), None));
        }
        for word in words {
            match word.split_once(':') {
                None if word == "runs" => topics.runs = true,
                None if word == "gates" => topics.gates = true,
                Some(("run", id)) => {
                    let id = id.parse().map_err(|error: ork_core::id::IdError| refuse(error.to_string(), None))?;
                    topics.of.insert(id);
                }
                _ => {
                    let near = nearest(word, ["runs", "gates", "run:ID"]).map(|near| format!("did you mean `{near}`?"));
                    return Err(refuse(format!("`{word}` is no topic: there are `runs`, `gates` and `run:ID`"), near));
                }
            }
        }
        Ok(topics)
    }

    /// The single runs.
    pub fn single(&self) -> impl Iterator<Item = RunId> + '_ {
        self.of.iter().copied()
    }

    /// Whether a row is part of it.
    pub fn want(&self, row: &EventRow) -> bool {
        let is_wanted = match row.event_type {
            EventType::Gate(_) => self.gates,
            EventType::Task(_)
            | EventType::TaskExpanded
            | EventType::TaskCancelRequested
            | EventType::TaskRetryRequested
            | EventType::AttemptLate
            | EventType::Step(_)
            | EventType::BudgetExceeded
            | EventType::BudgetRaised
            | EventType::ArtifactCreated
            | EventType::Bot(_) => false,
            EventType::RunCreated
            | EventType::Run(_)
            | EventType::RunResumed
            | EventType::RunCancelRequested
            | EventType::RunAcknowledged => self.runs,
        };
        is_wanted || self.of.contains(&row.run)
    }
}

fn refuse(message: String, hint: Option<String>) -> Refused {
    Refused::query("topics", message, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_are_read() {
        let id = "run_01890a5d-ac96-774b-bcce-b30200000000";
        let topics = Topics::parse(&format!("runs,gates,run:{id}")).ok().unwrap();
        assert!(topics.runs && topics.gates && topics.single().map(|id| id.to_string()).eq([id]));
        for bad in ["", "run", "Runs", "runs,", "runs,,runs", "gate", "run:", "run:x", "task:1", "runs ", "run:all"] {
            assert!(Topics::parse(bad).is_err(), "{bad}");
        }
        assert!(Topics::parse(&vec!["runs"; TOPICS_MAX].join(",")).is_ok());
        assert!(Topics::parse(&vec!["runs"; TOPICS_MAX + 1].join(",")).is_err());
    }
}
