//! What a run keeps: each artifact has its event, and its bytes are its own.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{EventType, TaskSet};
use crate::store::RunDump;

/// Each artifact is told of once, and nothing else is.
pub(super) fn artifacts_are_told(dump: &RunDump, wrong: &mut Vec<String>) {
    let mut told: BTreeMap<String, u32> = BTreeMap::new();
    for event in dump.events.iter().filter(|event| event.event_type == EventType::ArtifactCreated) {
        let said = event.payload.as_ref().map(crate::json::Json::value).unwrap_or_default();
        let id = said["artifact"].as_str().unwrap_or_default().to_owned();
        let row = dump.artifacts.iter().find(|row| row.artifact.id.to_string() == id);
        let tasks = |n: Option<u32>| n.map(|n| TaskSet::of(vec![n])).unwrap_or_default();
        match row {
            None => wrong.push(format!("event {} tells of `{id}`, which is not there", event.seq)),
            Some(row) if said != row.artifact.told() || event.tasks != tasks(row.artifact.from.n) => {
                wrong.push(format!("event {} tells of `{id}` what is not stored", event.seq));
            }
            Some(_) => {}
        }
        *told.entry(id).or_default() += 1;
    }
    for row in &dump.artifacts {
        let count = told.get(&row.artifact.id.to_string()).copied().unwrap_or(0);
        if count != 1 {
            wrong.push(format!("{count} events tell of `{}`", row.artifact.id));
        }
    }
}

/// No id and no key stands twice, and what is there belongs to the run.
pub(super) fn bytes_are_named_once(dump: &RunDump, wrong: &mut Vec<String>) {
    let (mut ids, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for row in &dump.artifacts {
        let id = row.artifact.id;
        if !ids.insert(id) {
            wrong.push(format!("there are two artifacts `{id}`"));
        }
        if row.artifact.at.key().is_some_and(|key| !keys.insert(key)) {
            wrong.push(format!("`{id}` names bytes that another artifact names"));
        }
        if (row.artifact.run, row.workspace) != (dump.head.run, dump.head.workspace) {
            wrong.push(format!("`{id}` is of another run or workspace"));
        }
    }
}
