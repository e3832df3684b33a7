//! What the tasks of this process write, line by line as they write it.

use std::collections::BTreeMap;

use ork_core::executor::Stream;
use ork_core::id::TaskRef;
use ork_core::store::LogChunk;
use ork_engine::{Observation, Subject};

use crate::log_text::{Lines, clean};
use crate::output::{faint, warn};

/// Lines that are not over yet, by attempt.
#[derive(Default)]
pub struct LiveLogs {
    open: BTreeMap<(TaskRef, u32), Lines>,
}

impl LiveLogs {
    /// Takes in what an engine saw.
    pub fn take(&mut self, seen: &Observation) {
        match seen {
            Observation::Log { subject, stream, bytes } => {
                let lines = self.open.entry((subject.task, subject.attempt)).or_default();
                let bytes = bytes.to_vec();
                let chunk =
                    LogChunk { task: subject.task, attempt: subject.attempt, position: 0, stream: *stream, bytes };
                tell(subject, lines.take(&chunk));
            }
            Observation::Settled { subject, .. } => {
                if let Some(mut lines) = self.open.remove(&(subject.task, subject.attempt)) {
                    tell(subject, lines.rest());
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

fn tell(subject: &Subject, lines: Vec<(Stream, String)>) {
    let index = if subject.index > 0 { format!("/{}", subject.index) } else { String::new() };
    let name = faint(&format!("{}{index} |", subject.key));
    for (_, line) in lines {
        warn(format!("{name} {}", clean(&line)));
    }
}
