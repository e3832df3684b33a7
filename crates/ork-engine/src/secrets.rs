//! Secrets of an attempt: opened when it begins, and hidden in all that it says.

use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{Progress, Report, Stream};
use ork_core::json::Json;
use ork_core::plan::Node;
use ork_vault::{Mask, Masked, Place, Secret};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use crate::assignment::{Unprepared, patiently};
use crate::expressions::{self, Secrets};
use crate::live::Live;
use crate::parts::lock;

/// Opens the secrets that a node reads, and those of `wanted` that there are. From then on they are hidden in what the attempt
/// says.
pub async fn unlock(live: &Live, node: &Node, wanted: &[&str]) -> Result<Secrets, Unprepared> {
    let needed = expressions::secrets(node);
    let names: BTreeSet<String> = needed.iter().cloned().chain(wanted.iter().map(|name| (*name).to_owned())).collect();
    let names: Vec<String> = names.into_iter().collect();
    if names.is_empty() {
        return Ok(Secrets::default());
    }
    let workspace = live.ticket.claimed.workspace;
    let sealed = patiently(live, || live.parts.store.sealed_secrets(workspace, &names)).await?;
    let mut opened: BTreeMap<String, Secret> = BTreeMap::new();
    for name in names {
        let found = sealed.iter().find(|secret| secret.name == name);
        if found.is_none() && !needed.contains(&name) {
            continue;
        }
        let found =
            found.ok_or_else(|| failed(format!("there is no secret `{name}` (hint: ork secrets set {name})")))?;
        let vault = live.parts.config.vault.as_ref();
        let vault =
            vault.ok_or_else(|| failed(format!("this worker opens no secrets, and the task reads `{name}`")))?;
        let secret = vault.open(Place::secret(workspace, &name), &found.sealed);
        let secret = secret.map_err(|why| failed(format!("failed to open the secret `{name}`: {why}")))?;
        opened.insert(name, secret);
    }
    live.hide(Mask::new(opened.values()));
    Ok(Secrets(opened.iter().map(|(name, secret)| (name.clone(), secret.expose().to_owned())).collect()))
}

fn failed(message: String) -> Failure {
    Failure::new(FailureKind::Template, message)
}

/// What hides the secrets of an attempt.
pub struct Veil {
    mask: Arc<Mask>,
    stdout: Mutex<Masked>,
    stderr: Mutex<Masked>,
}

impl Veil {
    pub fn new(mask: Mask) -> Self {
        let mask = Arc::new(mask);
        let stream = || Mutex::new(Masked::new(Arc::clone(&mask)));
        Self { stdout: stream(), stderr: stream(), mask }
    }

    /// What comes piece by piece; Ork's notes come as a whole.
    fn stream(&self, stream: Stream) -> Option<&Mutex<Masked>> {
        match stream {
            Stream::Stdout => Some(&self.stdout),
            Stream::Stderr => Some(&self.stderr),
            Stream::Ork => None,
        }
    }

    /// What of this may be shown now.
    pub fn written(&self, stream: Stream, bytes: &[u8]) -> Vec<u8> {
        match self.stream(stream) {
            Some(stream) => lock(stream).write(bytes),
            None => {
                let mut whole = Masked::new(Arc::clone(&self.mask));
                let mut shown = whole.write(bytes);
                shown.extend(whole.end());
                shown
            }
        }
    }

    /// What was held back, now that nothing more is written or the stream is cut.
    pub fn rest(&self, stream: Stream) -> Vec<u8> {
        self.stream(stream).map(|stream| lock(stream).end()).unwrap_or_default()
    }

    /// What hides the same secrets in another stream.
    pub fn masked(&self) -> Masked {
        Masked::new(Arc::clone(&self.mask))
    }

    pub fn text(&self, text: &str) -> String {
        self.mask.text(text)
    }

    pub fn progress(&self, progress: Progress) -> Progress {
        let hidden = |text: Option<String>| text.map(|text| self.mask.text(&text));
        Progress { percent: progress.percent, stage: hidden(progress.stage), message: hidden(progress.message) }
    }

    /// A line of progress, hidden before it is split. It may be half written.
    pub fn progress_line(&self, line: &str) -> Option<Progress> {
        Progress::parse(&self.mask.cut_text(line))
    }

    pub fn report(&self, mut report: Report) -> Report {
        report.outcome = match report.outcome {
            Outcome::Failed(failure) => {
                let hidden = match failure.cut_message() {
                    Some(beginning) => self.mask.cut_text(beginning) + "…",
                    None => self.mask.text(&failure.message),
                };
                Outcome::Failed(Failure::new(failure.kind, hidden))
            }
            Outcome::Success { output: Some(output) } => Outcome::Success { output: Some(self.output(output)) },
            other => other,
        };
        report
    }

    /// An output is stored, and read by other tasks: a secret in it would be neither.
    fn output(&self, output: Json) -> Json {
        let value = output.value();
        let hidden = self.value(&value);
        // It is not longer than it was, so it is still a value that can be stored.
        if hidden == value { output } else { Json::from_value(&hidden).unwrap_or_else(|_| Json::from_stored("null")) }
    }

    pub fn value(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.mask.text(text)),
            Value::Number(number) => {
                let (text, hidden) = (number.to_string(), self.mask.text(&number.to_string()));
                if text == hidden { value.clone() } else { Value::String(hidden) }
            }
            Value::Array(items) => Value::Array(items.iter().map(|item| self.value(item)).collect()),
            Value::Object(fields) => {
                let hidden = fields.iter().map(|(key, item)| (self.mask.text(key), self.value(item)));
                Value::Object(hidden.collect::<Map<_, _>>())
            }
            other => other.clone(),
        }
    }
}
