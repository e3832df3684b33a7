//! A file that a run keeps: where its bytes are, what they are, and who made them.

use std::collections::BTreeMap;

use serde_json::json;

use crate::blobs::BlobKey;
use crate::clock::Timestamp;
use crate::error::{StoreError, StoreResult};
use crate::id::{ArtifactId, RunId, WorkspaceId};
use crate::json::Json;
use crate::limits;

/// Where the bytes of an artifact are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactAt {
    /// In Ork's artifact store.
    Kept {
        /// Under this key.
        key: BlobKey,
        /// How many.
        size: u64,
        /// Their SHA-256 in lower-case hexadecimal.
        checksum: String,
    },
    /// Elsewhere: Ork knows the address, and what it was told of the bytes.
    Elsewhere {
        /// The address: `http`, `https`, `s3`, `gs` or `az`.
        url: String,
        /// How many.
        size: Option<u64>,
        /// Their SHA-256 in lower-case hexadecimal.
        checksum: Option<String>,
    },
}

/// Who made an artifact. Nothing of it is there for one that a person put beside a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Provenance {
    /// The task, by its number in the run.
    pub n: Option<u32>,
    /// The attempt.
    pub attempt: Option<u32>,
    /// The step, by its name.
    pub step: Option<String>,
}

/// An artifact that is to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewArtifact {
    /// Its id: the natural key.
    pub id: ArtifactId,
    /// The run.
    pub run: RunId,
    /// Who made it.
    pub from: Provenance,
    /// What people call it: see [`check_name`]. Names may repeat, the newest one is meant.
    pub name: String,
    /// What it is, in a word that the run chose: `video`, `log`, `value`. Default `file`.
    pub kind: String,
    /// Its media type.
    pub content_type: String,
    /// Where its bytes are.
    pub at: ArtifactAt,
    /// What else there is to say; a JSON object.
    pub meta: Option<Json>,
}

impl ArtifactAt {
    /// The key of bytes that Ork keeps.
    #[must_use]
    pub const fn key(&self) -> Option<&BlobKey> {
        match self {
            Self::Kept { key, .. } => Some(key),
            Self::Elsewhere { .. } => None,
        }
    }

    /// The address of bytes that are elsewhere.
    #[must_use]
    pub const fn url(&self) -> Option<&str> {
        match self {
            Self::Kept { .. } => None,
            Self::Elsewhere { url, .. } => Some(url.as_str()),
        }
    }

    /// How many bytes there are, if that is known.
    #[must_use]
    pub const fn size(&self) -> Option<u64> {
        match self {
            Self::Kept { size, .. } => Some(*size),
            Self::Elsewhere { size, .. } => *size,
        }
    }

    /// Their checksum, if that is known.
    #[must_use]
    pub fn checksum(&self) -> Option<&str> {
        match self {
            Self::Kept { checksum, .. } => Some(checksum),
            Self::Elsewhere { checksum, .. } => checksum.as_deref(),
        }
    }

    /// What the columns of a row say; `None` for what cannot be one.
    #[must_use]
    pub fn from_stored(
        key: Option<&str>,
        url: Option<String>,
        size: Option<u64>,
        checksum: Option<String>,
    ) -> Option<Self> {
        match (key, url) {
            (Some(key), None) => Some(Self::Kept { key: BlobKey::parse(key)?, size: size?, checksum: checksum? }),
            (None, Some(url)) => Some(Self::Elsewhere { url, size, checksum }),
            _ => None,
        }
    }
}

impl NewArtifact {
    /// What its event says.
    #[must_use]
    pub fn told(&self) -> serde_json::Value {
        let mut said = json!({"artifact": self.id, "name": self.name, "kind": self.kind});
        if let Some(size) = self.at.size() {
            said["size"] = size.into();
        }
        if let Some(checksum) = self.at.checksum() {
            said["checksum"] = checksum.into();
        }
        said
    }
}

/// What of `new` is to be created, where `found` is what is stored under their ids, and the run has so many tasks.
///
/// # Errors
/// See [`crate::store::Artifacts::create_artifacts`].
pub fn fresh<'a>(new: &'a [NewArtifact], found: &[NewArtifact], tasks: u32) -> StoreResult<Vec<&'a NewArtifact>> {
    if new.len() > limits::BATCH_MAX {
        let text = format!("{} artifacts at once, and at most {} are taken", new.len(), limits::BATCH_MAX);
        return Err(StoreError::Limit(text));
    }
    let mut known: BTreeMap<ArtifactId, &NewArtifact> = found.iter().map(|artifact| (artifact.id, artifact)).collect();
    let mut fresh = Vec::new();
    for artifact in new {
        if artifact.run != new[0].run {
            return Err(StoreError::Conflict("artifacts of several runs are created one run after the other".into()));
        }
        match known.insert(artifact.id, artifact) {
            Some(before) if before != artifact => {
                return Err(StoreError::Conflict(format!("`{}` is another artifact", artifact.id)));
            }
            Some(_) => {}
            None => fresh.push(artifact),
        }
    }
    match fresh.iter().filter_map(|artifact| artifact.from.n).find(|n| *n >= tasks) {
        Some(n) => Err(StoreError::NotFound(format!("task {n} in run `{}`", new[0].run))),
        None => Ok(fresh),
    }
}

/// What a run with as many artifacts as it may have answers.
#[must_use]
pub fn too_many(run: RunId) -> StoreError {
    StoreError::Limit(format!("run `{run}` would have more than {} artifacts", limits::ARTIFACTS_MAX))
}

/// An artifact as it is stored. It never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactRow {
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The person that its run belongs to.
    pub owner: Option<String>,
    /// What was asked for.
    pub artifact: NewArtifact,
    /// When it was created.
    pub created_at: Timestamp,
}

/// The kind of an artifact for which nobody names one.
pub const KIND_FILE: &str = "file";
/// The kind of a value that was too large to be kept inline.
pub const KIND_VALUE: &str = "value";
/// The media type of bytes of which nobody says what they are.
pub const OCTETS: &str = "application/octet-stream";

/// Looks whether this may name an artifact: a path of at most [`limits::ARTIFACT_NAME_BYTES_MAX`] bytes, written with `/`, relative,
/// without empty parts, `.`, `..`, backslashes and control characters. It is only shown: bytes are never kept under it.
///
/// # Errors
/// In plain words.
pub fn check_name(name: &str) -> Result<(), String> {
    if name.is_empty() {
        return Err("an artifact needs a name".into());
    }
    if name.len() > limits::ARTIFACT_NAME_BYTES_MAX {
        return Err(format!(
            "the name has {} bytes, and at most {} are allowed",
            name.len(),
            limits::ARTIFACT_NAME_BYTES_MAX
        ));
    }
    if name.chars().any(|c| c.is_control() || is_invisible(c)) {
        return Err("the name holds a control character".into());
    }
    if name.contains('\\') {
        return Err("the name holds a backslash; parts are separated by `/`".into());
    }
    match name.split('/').find(|part| matches!(*part, "" | "." | "..")) {
        Some("") if name.starts_with('/') => Err("the name is absolute; it must be relative".into()),
        Some("") => Err("a part of the name is empty".into()),
        Some(part) => Err(format!("a part of the name is `{part}`")),
        None => Ok(()),
    }
}

/// Characters that turn the direction of text, break it, show nothing, or stand for what was no text: a name with one is not what it
/// seems.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}' | '\u{fffd}')
}

/// Whether this is a SHA-256 as it is written here: 64 lower-case hexadecimal digits.
#[must_use]
pub fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether this may be a media type: `type/subtype` with parameters, in at most 255 printable ASCII characters.
#[must_use]
pub fn is_content_type(text: &str) -> bool {
    let fine =
        |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b));
    let (essence, _) = text.split_once(';').unwrap_or((text, ""));
    text.len() <= 255
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
        && essence.trim_end().split_once('/').is_some_and(|(a, b)| fine(a) && fine(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_paths() {
        for fine in ["a", "out/clip.mp4", "ä ö.txt", "..a", "a..", "a/.hidden", "CON"] {
            assert_eq!(check_name(fine), Ok(()), "{fine}");
        }
        for bad in
            ["", "/etc/passwd", "../a", "a/../b", "a/..", ".", "a//b", "a/", "a\\b", "a\0b", "a\nb", "a\u{202e}b"]
        {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name(&"a".repeat(limits::ARTIFACT_NAME_BYTES_MAX + 1)).is_err());
    }

    fn artifact(n: u128, name: &str) -> NewArtifact {
        NewArtifact {
            id: ArtifactId::from_uuid(uuid::Uuid::from_u128(n)),
            run: RunId::from_uuid(uuid::Uuid::from_u128(1 << 64)),
            from: Provenance::default(),
            name: name.into(),
            kind: KIND_FILE.into(),
            content_type: OCTETS.into(),
            at: ArtifactAt::Elsewhere { url: "https://a.example/".into(), size: Some(3), checksum: None },
            meta: None,
        }
    }

    #[test]
    fn what_is_there_is_passed_over() {
        let (one, two) = (artifact(1, "a"), artifact(2, "a"));
        assert_eq!(fresh(&[], &[], 1), Ok(vec![]));
        assert_eq!(fresh(&[one.clone(), two.clone(), one.clone()], std::slice::from_ref(&one), 1), Ok(vec![&two]));
        let other = artifact(1, "b");
        let refused = |new: &[NewArtifact], found: &[NewArtifact]| fresh(new, found, 1).map(|_| ()).unwrap_err();
        assert!(matches!(refused(std::slice::from_ref(&one), std::slice::from_ref(&other)), StoreError::Conflict(_)));
        assert!(matches!(refused(&[one.clone(), other], &[]), StoreError::Conflict(_)));
        let elsewhere = NewArtifact { run: RunId::from_uuid(uuid::Uuid::from_u128(2 << 64)), ..two };
        assert!(matches!(refused(&[one.clone(), elsewhere], &[]), StoreError::Conflict(_)));
        let of_task = NewArtifact { from: Provenance { n: Some(1), ..Provenance::default() }, ..one.clone() };
        assert!(matches!(refused(&[of_task], &[]), StoreError::NotFound(_)));
        let many: Vec<NewArtifact> = (0..=limits::BATCH_MAX as u128).map(|n| artifact(n, "a")).collect();
        assert!(matches!(refused(&many, &[]), StoreError::Limit(_)));
        let said = r#"{"artifact":"art_00000000-0000-0000-0000-000000000001","name":"a","kind":"file","size":3}"#;
        assert_eq!(one.told().to_string(), said);
    }

    #[test]
    fn a_row_says_where_its_bytes_are() {
        let stored =
            |key, url: Option<&str>| ArtifactAt::from_stored(key, url.map(str::to_owned), Some(1), Some("c".into()));
        assert_eq!(stored(Some("a/b/c"), None).as_ref().and_then(ArtifactAt::key).map(BlobKey::as_str), Some("a/b/c"));
        assert_eq!(stored(None, Some("s3://b/k")).as_ref().and_then(ArtifactAt::url), Some("s3://b/k"));
        for (key, url) in [(None, None), (Some("a/b/c"), Some("s3://b/k")), (Some("../../x"), None)] {
            assert_eq!(stored(key, url), None);
        }
    }

    #[test]
    fn media_types_are_printable() {
        for fine in ["text/plain", "text/plain; charset=utf-8", "application/vnd.api+json"] {
            assert!(is_content_type(fine), "{fine}");
        }
        for bad in ["", "text", "text/", "/plain", "text/pl ain", "text/plain\r\nX: y", "te/xt/plain"] {
            assert!(!is_content_type(bad), "{bad:?}");
        }
    }
}
