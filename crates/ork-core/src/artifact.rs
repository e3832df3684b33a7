//! A file that a run keeps: where its bytes are, what they are, and who made them.

use crate::blobs::BlobKey;
use crate::clock::Timestamp;
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
        return Err(format!("the name has {} bytes, and at most {} are allowed", name.len(), limits::ARTIFACT_NAME_BYTES_MAX));
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

/// Characters that turn the direction of text or show nothing: a name with one is not what it seems.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Whether this is a SHA-256 as it is written here: 64 lower-case hexadecimal digits.
#[must_use]
pub fn is_checksum(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether this may be a media type: `type/subtype` with parameters, in at most 255 printable ASCII characters.
#[must_use]
pub fn is_content_type(text: &str) -> bool {
    let fine = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
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
        for bad in ["", "/etc/passwd", "../a", "a/../b", "a/..", ".", "a//b", "a/", "a\\b", "a\0b", "a\nb", "a\u{202e}b"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name(&"a".repeat(limits::ARTIFACT_NAME_BYTES_MAX + 1)).is_err());
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
