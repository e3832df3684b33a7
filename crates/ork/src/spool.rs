//! Outcomes that wait on disk while PostgreSQL is away: a file for each worker, a line of JSON for each outcome.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;

use ork_core::id::WorkerId;
use ork_core::store::Settle;
use ork_engine::Spool;

/// The folder of one database's workers on this machine; made when it is needed.
pub struct Files {
    folder: PathBuf,
}

const SUFFIX: &str = ".jsonl";

impl Files {
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, worker: WorkerId) -> PathBuf {
        self.folder.join(format!("{worker}{SUFFIX}"))
    }

    fn append(&self, worker: WorkerId, settles: &[Settle]) -> io::Result<()> {
        DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let mut text = Vec::new();
        for settle in settles {
            serde_json::to_writer(&mut text, settle)?;
            text.push(b'\n');
        }
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(self.path(worker))?;
        file.write_all(&text)?;
        file.sync_all()?;
        // The name is on disk only when the folder is.
        File::open(&self.folder)?.sync_all()
    }

    fn read(&self) -> io::Result<Vec<(WorkerId, Vec<Settle>)>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut kept = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let worker = name.to_str().and_then(|name| name.strip_suffix(SUFFIX)).and_then(|id| id.parse().ok());
            let Some(worker) = worker else { continue };
            let text = fs::read_to_string(entry.path())?;
            // The last line is torn when the machine died while it was written: then nobody was told that it is kept.
            kept.push((worker, text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()));
        }
        Ok(kept)
    }
}

impl Spool for Files {
    fn keep(&self, worker: WorkerId, settles: &[Settle]) -> Result<(), String> {
        self.append(worker, settles).map_err(|error| format!("`{}`: {error}", self.path(worker).display()))
    }

    fn kept(&self) -> Result<Vec<(WorkerId, Vec<Settle>)>, String> {
        self.read().map_err(|error| format!("`{}`: {error}", self.folder.display()))
    }

    fn forget(&self, worker: WorkerId) {
        // What is still there is settled again, and nothing comes of it.
        fs::remove_file(self.path(worker)).ok();
    }
}

#[cfg(test)]
mod tests {
    use ork_core::attempt::{Failure, FailureKind, Outcome, Usage};
    use ork_core::clock::{SeededEntropy, Timestamp};
    use ork_core::graph::{LeaseId, ProcessEnd};
    use ork_core::id::{RunId, TaskRef};
    use ork_core::json::Json;

    use super::*;

    fn settle(n: u32, outcome: Outcome) -> Settle {
        let mut dice = SeededEntropy::new(u64::from(n));
        Settle {
            task: TaskRef { run: RunId::new(Timestamp::default(), &mut dice), n },
            attempt: 2,
            lease: LeaseId(i64::MIN + i64::from(n)),
            outcome,
            started_at: Some(Timestamp::from_micros(1_700_000_000_000_001)),
            finished_at: Timestamp::from_micros(1_700_000_000_000_002),
            end: ProcessEnd {
                exit_code: Some(3),
                signal: None,
                usage: Usage { cpu_ms: 4, memory_bytes_max: u64::from(u32::MAX) + 5 },
            },
            random: u64::MAX,
        }
    }

    #[test]
    fn every_outcome_comes_back_as_it_was_and_a_torn_line_is_passed_over() {
        let folder = std::env::temp_dir().join(format!("ork-spool-{}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        let files = Files::new(folder.join("deep"));
        assert_eq!(files.kept(), Ok(Vec::new()));
        let worker = WorkerId::new(Timestamp::default(), &mut SeededEntropy::new(1));
        let output = Json::parse(r#"{"n":12345678901234567890.5,"text":"line\nbreak"}"#).unwrap();
        let all = [
            settle(0, Outcome::Success { output: Some(output) }),
            settle(1, Outcome::Success { output: None }),
            settle(2, Outcome::Failed(Failure::new(FailureKind::Exit { code: 3 }, "exit code 3"))),
            settle(3, Outcome::Cancelled),
            settle(4, Outcome::HandedBack),
        ];
        files.keep(worker, &all[..2]).unwrap();
        files.keep(worker, &all[2..]).unwrap();
        let mut file = OpenOptions::new().append(true).open(files.path(worker)).unwrap();
        file.write_all(br#"{"task":{"run":"#).unwrap();
        assert_eq!(files.kept(), Ok(vec![(worker, all.to_vec())]));
        files.forget(worker);
        assert_eq!(files.kept(), Ok(Vec::new()));
        fs::remove_dir_all(&folder).unwrap();
    }
}
