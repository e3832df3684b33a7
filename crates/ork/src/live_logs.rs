//! What the tasks of this process write, line by line as they write it.

use std::collections::BTreeMap;

use ork_core::executor::Stream;
use ork_core::id::TaskRef;
use ork_engine::{Observation, Subject};

use crate::log_text::{Lines, shown};
use crate::names::Names;
use crate::output::{faint, warn};

/// Lines that are not over yet, by attempt.
#[derive(Default)]
pub struct LiveLogs {
    open: BTreeMap<(TaskRef, u32), Lines>,
}

impl LiveLogs {
    /// Takes in what an engine saw.
    pub fn take(&mut self, seen: &Observation, names: &Names) {
        match seen {
            Observation::Log { subject, stream, bytes } => {
                let lines = self.open.entry((subject.task, subject.attempt)).or_default();
                tell(subject, names, lines.take(*stream, bytes));
            }
            Observation::Settled { subject, .. } => {
                if let Some(mut lines) = self.open.remove(&(subject.task, subject.attempt)) {
                    tell(subject, names, lines.rest());
                }
            }
            _ => {}
        }
    }

    /// Some observations came too fast to be seen.
    pub fn miss(&mut self, count: u64) {
        self.open.clear();
        warn(faint(&format!("… {count} pieces were too fast to be shown: ork runs logs last")));
    }
}

fn tell(subject: &Subject, names: &Names, lines: Vec<(Stream, String)>) {
    // The first may write before anybody has read how many siblings it has.
    let name = names.place(subject.task.n).map_or_else(|| subject.key.to_string(), |place| place.to_string());
    let name = faint(&format!("{name} |"));
    for (stream, line) in lines {
        warn(format!("{name} {}", shown(stream, &line)));
    }
}
