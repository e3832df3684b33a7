//! What a provider was asked, and what it did.

use std::fs::File;
use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// A request that has ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// Its id, `req_1` and so on in the order in which requests came; answers have it as a header.
    pub id: String,
    /// The format: `openai` or `anthropic`.
    pub api: String,
    /// The model's name.
    pub model: String,
    /// What the model was told before.
    pub system: Option<String>,
    /// What it was asked.
    pub prompt: String,
    /// Tokens that the answer may have.
    pub max_tokens: u64,
    /// The schema of the answer.
    pub schema: Option<serde_json::Value>,
    /// The status of the answer, if any was sent.
    pub status: Option<u16>,
    /// What was sent of the model's text.
    pub text: String,
    /// How it ended.
    pub ending: Ending,
    /// Tokens that are billed for what was read.
    pub input: u64,
    /// Tokens that are billed for what was written.
    pub output: u64,
    /// What of `input` was cached.
    pub cached: u64,
}

/// How a request ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The whole answer was sent, however good it was.
    #[default]
    Answered,
    /// It was refused, and nothing is billed.
    Refused,
    /// The provider broke it off.
    Broken,
    /// Whoever asked has gone.
    Left,
}

/// The entries so far.
pub struct Journal {
    entries: Mutex<Vec<Entry>>,
    file: Option<File>,
    count: watch::Sender<usize>,
}

impl Journal {
    pub fn new(file: Option<File>) -> Self {
        Self { entries: Mutex::default(), file, count: watch::Sender::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn add(&self, entry: Entry) {
        let mut entries = self.lock();
        if let (Some(mut file), Ok(line)) = (self.file.as_ref(), serde_json::to_string(&entry)) {
            // In one piece, so that readers see whole lines.
            file.write_all((line + "\n").as_bytes()).ok();
        }
        entries.push(entry);
        self.count.send_replace(entries.len());
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.lock().clone()
    }

    pub async fn ended(&self, count: usize) -> Vec<Entry> {
        // The sender lives as long as this does.
        self.count.subscribe().wait_for(|ended| *ended >= count).await.ok();
        self.entries()
    }
}
