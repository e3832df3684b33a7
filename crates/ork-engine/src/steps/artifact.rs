//! A step that keeps files, or names one that is elsewhere.

use std::sync::Arc;

use ork_core::address::check_address;
use ork_core::artifact::{ArtifactAt, KIND_FILE, NewArtifact, check_name, is_checksum};
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{AttemptIo, Kept, StopCause, Unkept, Wanted};
use ork_core::json::Json;
use ork_core::media;
use ork_core::step::{ArtifactStep, Step, StepKey, StepStatus};
use serde_json::{Value, json};

use super::io::StepIo;
use super::ledger::{Ended, Gone};
use super::{Tried, Walk};
use crate::keeper::Keeper;

/// What a step keeps.
enum Said {
    Files(Wanted),
    Elsewhere(NewArtifact),
}

impl Walk<'_> {
    pub(super) async fn artifact(
        &self,
        step: &Step,
        key: StepKey,
        spec: &ArtifactStep,
        io: StepIo,
    ) -> Result<Tried, Gone> {
        self.ledger.begin(key, step, None);
        let said = match self.said(step, key, spec) {
            Ok(said) => said,
            Err(failure) => return Ok(self.fail(key, failure)),
        };
        self.ledger.flush().await?;
        let kept = match said {
            Said::Files(wanted) => self.work.folder().keep(wanted, Arc::new(io)).await,
            Said::Elsewhere(new) => {
                let named = Keeper::new(self.live, Some(&step.name)).name(new, io.stopped()).await;
                named.map(|kept| vec![kept])
            }
        };
        Ok(match kept {
            Ok(kept) => {
                let output = Some(output(&kept));
                self.ledger.end(key, Ended { output, ..Ended::of(StepStatus::Success) });
                Tried::Over
            }
            Err(unkept) => self.unkept(key, unkept),
        })
    }

    fn unkept(&self, key: StepKey, unkept: Unkept) -> Tried {
        let Outcome::Failed(failure) = unkept.outcome() else {
            self.ledger.end(key, Ended::of(StepStatus::Cancelled));
            return Tried::Over;
        };
        let failure = Failure::new(failure.kind, self.live.hidden_text(&failure.message));
        let tried = self.fail(key, failure);
        let may_try = self.live.cause().is_none_or(|cause| cause == StopCause::Timeout);
        if may_try { tried } else { Tried::Over }
    }

    /// What is to be kept, with every expression evaluated.
    fn said(&self, step: &Step, key: StepKey, spec: &ArtifactStep) -> Result<Said, Failure> {
        let text = |text: &String| self.sight.text(&self.ledger, key.round, text);
        let name = spec.name.as_ref().map(text).transpose()?;
        if let Some(name) = &name {
            check_name(name).map_err(|why| failed(format!("`{name}`: {why}")))?;
        }
        let kind = spec.kind.clone().unwrap_or_else(|| KIND_FILE.to_owned());
        let meta = spec.meta.as_ref().map(|meta| self.sight.value(&self.ledger, key.round, meta)).transpose()?;
        let content_type = spec.content_type.clone();
        let Some(url) = &spec.url else {
            let globs = spec.path.iter().map(text).collect::<Result<_, _>>()?;
            return Ok(Said::Files(Wanted { globs, name, kind, content_type, meta, optional: spec.optional }));
        };
        let url = self.live.hidden_text(&text(url)?);
        check_address(&url).map_err(|why| failed(format!("`url`: {why}")))?;
        let name = name.ok_or_else(|| failed("a file elsewhere needs a `name`"))?;
        let size = spec.size.as_ref().map(|size| self.sight.value(&self.ledger, key.round, size)).transpose()?;
        let checksum = spec.checksum.as_ref().map(text).transpose()?.filter(|checksum| !checksum.is_empty());
        if let Some(wrong) = checksum.as_ref().filter(|checksum| !is_checksum(checksum)) {
            return Err(failed(format!("`checksum` is `{wrong}`, and must be 64 hexadecimal digits in lower case")));
        }
        let at = ArtifactAt::Elsewhere { url, size: whole(size.as_ref())?, checksum };
        let keeper = Keeper::new(self.live, Some(&step.name));
        let meta = keeper.meta(meta.as_ref()).map_err(|unkept| match unkept {
            Unkept::Failed(failure) => failure,
            Unkept::Stopped(_) => failed("stopped"),
        })?;
        let content_type = content_type.unwrap_or_else(|| media::of_name(&name).to_owned());
        let row = keeper.row(self.live.parts.new_artifact(), &name, at);
        Ok(Said::Elsewhere(NewArtifact { kind, content_type, meta, ..row }))
    }
}

/// A number of bytes that an expression gave; nothing counts as not known.
fn whole(size: Option<&Value>) -> Result<Option<u64>, Failure> {
    let bytes = match size {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => text.parse().ok(),
        Some(other) => other.as_u64(),
    };
    let size = size.map(Value::to_string).unwrap_or_default();
    // Databases hold numbers with a sign.
    let bytes = bytes.filter(|bytes| i64::try_from(*bytes).is_ok());
    bytes.map(Some).ok_or_else(|| failed(format!("`size` is {size}, and must be a number of bytes")))
}

fn failed(message: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Artifact, message)
}

/// What the step gives: what was kept, or no more than the ids when that is too much for a value.
fn output(kept: &[Kept]) -> Json {
    let all: Vec<Value> = kept.iter().map(Kept::shown).collect();
    Json::from_value(&json!({"artifacts": all})).unwrap_or_else(|_| {
        let ids: Vec<Value> = kept.iter().map(|kept| json!({"id": kept.id})).collect();
        Json::from_value(&json!({"artifacts": ids})).unwrap_or_else(|_| Json::from_stored("null"))
    })
}
