//! The files that an attempt keeps: what its executor found, and what became of them.

use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::StopCause;
use crate::artifact::{ArtifactAt, NewArtifact};
use crate::attempt::{Failure, FailureKind, Outcome};
use crate::blobs::{ByteSource, Whole};
use crate::id::ArtifactId;

/// A file that is to be kept.
#[derive(Clone)]
pub struct KeptFile {
    /// What it is called from now on: see [`crate::artifact::check_name`].
    pub name: String,
    /// What it is, in a word.
    pub kind: String,
    /// Its media type.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// What else there is to say; a JSON object.
    pub meta: Option<Value>,
    /// It is a value of the task's, of which secrets are hidden as of any other. Files are kept as they are.
    pub is_value: bool,
    /// Its bytes.
    pub bytes: Arc<dyn KeptBytes>,
}

impl fmt::Debug for KeptFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptFile").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}

/// The bytes of a file that is to be kept.
#[async_trait]
pub trait KeptBytes: Send + Sync {
    /// Reads them from their beginning, as often as they are asked for. The descriptor that is read is the one that was looked
    /// at: it is a regular file, below the folder that it was found in, and no other than the one that was found.
    ///
    /// # Errors
    /// When that is not so any more, or it cannot be read.
    async fn open(&self) -> io::Result<Box<dyn ByteSource>>;
}

/// Bytes in memory.
#[async_trait]
impl KeptBytes for Vec<u8> {
    async fn open(&self) -> io::Result<Box<dyn ByteSource>> {
        Ok(Box::new(Whole::new(self.clone())))
    }
}

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The artifact.
    pub id: ArtifactId,
    /// What it is called.
    pub name: String,
    /// What it is, in a word.
    pub kind: String,
    /// Its media type.
    pub content_type: String,
    /// How many bytes it has, if that is known.
    pub size: Option<u64>,
    /// Their SHA-256 in lower-case hexadecimal, if that is known.
    pub checksum: Option<String>,
    /// Where it is, if not in Ork's artifact store.
    pub url: Option<String>,
}

impl Kept {
    /// What is told of an artifact that was created.
    #[must_use]
    pub fn of(new: &NewArtifact) -> Self {
        let (size, checksum, url) = match &new.at {
            ArtifactAt::Kept { size, checksum, .. } => (Some(*size), Some(checksum.clone()), None),
            ArtifactAt::Elsewhere { url, size, checksum } => (*size, checksum.clone(), Some(url.clone())),
        };
        let (name, kind, content_type) = (new.name.clone(), new.kind.clone(), new.content_type.clone());
        Self { id: new.id, name, kind, content_type, size, checksum, url }
    }

    /// As an item of the output of an artifact step.
    #[must_use]
    pub fn shown(&self) -> Value {
        let mut shown = json!({
            "id": self.id,
            "name": self.name,
            "kind": self.kind,
            "size": self.size,
            "checksum": self.checksum,
            "content_type": self.content_type,
        });
        if let Some(url) = &self.url {
            shown["url"] = url.as_str().into();
        }
        shown
    }

    /// As what stands in the place of a value that was too large to be kept inline.
    #[must_use]
    pub fn in_place_of_value(&self) -> Value {
        json!({
            "artifact": self.id,
            "size": self.size,
            "checksum": self.checksum,
            "content_type": self.content_type,
        })
    }
}

/// Why files are not kept. Then none of them is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unkept {
    /// The attempt had to stop before all of them were.
    Stopped(StopCause),
    /// They cannot be.
    Failed(Failure),
}

impl Unkept {
    /// A failure of the kind for artifacts.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::Failed(Failure::new(FailureKind::Artifact, message))
    }

    /// How an attempt ends, or a step, whose work is done and whose files are not kept.
    #[must_use]
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Failed(failure) => Outcome::Failed(failure),
            Self::Stopped(StopCause::Cancel) => Outcome::Cancelled,
            Self::Stopped(StopCause::Drain) => Outcome::HandedBack,
            Self::Stopped(StopCause::Timeout) => {
                let message = "ran longer than its timeout, while its files were kept";
                Outcome::Failed(Failure::new(FailureKind::Timeout, message))
            }
        }
    }
}

/// Which files of a folder an artifact step keeps, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Patterns, see [`crate::glob::Glob`]: what matches one of them.
    pub globs: Vec<String>,
    /// What it is called; `None`: by its path in the folder. Then only one file may match.
    pub name: Option<String>,
    /// What they are, in a word.
    pub kind: String,
    /// Their media type; `None`: by the end of their names.
    pub content_type: Option<String>,
    /// What else there is to say; a JSON object.
    pub meta: Option<Value>,
    /// It is no failure when no file matches.
    pub optional: bool,
}
