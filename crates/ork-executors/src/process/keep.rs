//! The files that outlast an attempt: what is in its `$ORK_ARTIFACTS`, and an output too large to stand in a row.

use std::io;

use ork_core::attempt::{Failure, Outcome};
use ork_core::executor::{AttemptIo, KeptFile, Report, StopCause, Unkept};
use ork_core::json::Json;
use tokio::task::spawn_blocking;

use super::beneath::Beneath;
use super::findings::Findings;
use super::folders::Folder;
use super::log::Log;
use super::output::Large;

/// An attempt that is over, and whose files are to be kept.
pub struct Keeping<'a> {
    pub folder: &'a Folder,
    pub log: &'a Log<'a>,
    pub io: &'a dyn AttemptIo,
}

/// What there is to keep.
struct Found {
    findings: Result<Findings, String>,
    large: Option<Result<KeptFile, Failure>>,
}

impl Keeping<'_> {
    /// Hands over the files, and gives the report that is true after that. `killed` ends when there is no time for it any more.
    pub async fn keep(&self, mut report: Report, large: Option<Large>, killed: impl Future<Output = ()>) -> Report {
        let Found { findings, large } = self.find(large).await;
        let files = match findings {
            Ok(findings) => {
                findings.lines().iter().for_each(|line| self.log.note(&format!("artifacts: {line}")));
                findings.files
            }
            Err(why) => {
                self.fail(&mut report, Unkept::failed(format!("`$ORK_ARTIFACTS`: {why}")));
                Vec::new()
            }
        };
        tokio::pin!(killed);
        let mut keep = async |files: Vec<KeptFile>| {
            tokio::select! {
                kept = self.io.keep(files) => kept,
                () = &mut killed => Err(Unkept::Stopped(StopCause::Drain)),
            }
        };
        if !files.is_empty()
            && let Err(unkept) = keep(files).await
        {
            self.fail(&mut report, unkept);
        }
        // It is worth nothing without a row that names it.
        if !matches!(report.outcome, Outcome::Success { .. }) {
            return report;
        }
        match large {
            Some(Ok(value)) => match keep(vec![value]).await {
                Ok(kept) => {
                    let output = kept.first().and_then(|value| Json::from_value(&value.in_place_of_value()).ok());
                    report.outcome = Outcome::Success { output };
                }
                Err(unkept) => self.fail(&mut report, unkept),
            },
            Some(Err(failure)) => self.fail(&mut report, Unkept::Failed(failure)),
            None => {}
        }
        report
    }

    async fn find(&self, large: Option<Large>) -> Found {
        let folder = match self.folder.may_hold_artifacts().then(|| self.folder.open_artifacts()) {
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                self.log.note(&format!("artifacts: `$ORK_ARTIFACTS` is left out: {error}"));
                None
            }
            folder => folder.and_then(Result::ok),
        };
        let find = |folder: Option<Beneath>| folder.map_or_else(|| Ok(Findings::default()), Findings::all);
        let finding = spawn_blocking(move || Found { findings: find(folder), large: large.map(Large::check) });
        finding.await.unwrap_or_else(|error| Found { findings: Err(error.to_string()), large: None })
    }

    /// The work is done, and its files are not kept: that is a failure. What failed already goes on to say why it did.
    fn fail(&self, report: &mut Report, unkept: Unkept) {
        if let Outcome::Success { .. } = report.outcome {
            report.outcome = unkept.outcome();
            return;
        }
        let why = match unkept {
            Unkept::Failed(Failure { message, .. }) => message,
            Unkept::Stopped(_) => "there is no time for it".to_owned(),
        };
        self.log.note(&format!("artifacts: none is kept: {why}"));
    }
}
