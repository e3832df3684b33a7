//! Artifacts: files that a run keeps.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A file that a run keeps, or the address of one. It never changes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Artifact {
    /// Its id.
    pub id: String,
    /// The run.
    pub run_id: String,
    /// The task that made it; null when somebody put it beside the run.
    pub task_id: Option<String>,
    /// That task's name in the plan.
    pub task_key: Option<String>,
    /// That task's place among its siblings.
    pub task_index: Option<u32>,
    /// The attempt that made it, from 1.
    pub attempt: Option<u32>,
    /// The step that made it.
    pub step: Option<String>,
    /// What people call it: a relative path. Names may repeat, and the newest one is meant.
    pub name: String,
    /// What it is, in a word that the run chose; `file` unless somebody says otherwise.
    pub kind: String,
    /// Its media type, as whoever made it says.
    pub content_type: String,
    /// Its bytes; null where nobody said.
    pub size: Option<u64>,
    /// Their SHA-256 in lower-case hexadecimal; null where nobody said.
    pub checksum: Option<String>,
    /// Where it is, when that is not in Ork's artifact store.
    pub url: Option<String>,
    /// What else there is to say.
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// When it was created.
    pub created_at: String,
}

/// An artifact as a form: its fields, and then the file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArtifactForm {
    /// A relative path of at most 1,024 bytes; by default what the file is called where it is from.
    pub name: Option<String>,
    /// What it is, in a word; `file` by default.
    pub kind: Option<String>,
    /// The task that it is of: its id, `KEY`, or `KEY/INDEX` where there are siblings.
    pub task: Option<String>,
    /// What else there is to say: a JSON object of at most 16,384 bytes.
    pub meta: Option<String>,
    /// The SHA-256 of the file, 64 hexadecimal digits.
    pub checksum: Option<String>,
    /// The file, which is the last part.
    #[schema(format = Binary)]
    pub file: String,
}

/// An artifact that is elsewhere: Ork keeps its address, and never asks it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewArtifactByUrl {
    /// A relative path of at most 1,024 bytes.
    pub name: String,
    /// `http`, `https`, `s3`, `gs` or `az`; at most 4,096 bytes, and without a password.
    pub url: String,
    /// What it is, in a word; `file` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its media type; `application/octet-stream` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// How many bytes it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Their SHA-256, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// The task that it is of: its id, `KEY`, or `KEY/INDEX` where there are siblings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What else there is to say: an object of at most 16,384 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
}

/// An upload to be prepared: the bytes go where the answer says.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PresignUpload {
    /// A relative path of at most 1,024 bytes.
    pub name: String,
    /// How many bytes will come.
    pub size: u64,
    /// Their SHA-256, 64 hexadecimal digits.
    pub checksum: String,
    /// What it is, in a word; `file` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its media type; `application/octet-stream` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// The task that it is of: its id, `KEY`, or `KEY/INDEX` where there are siblings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What else there is to say: an object of at most 16,384 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub meta: Option<Value>,
    /// How long the address may be used; an hour by default, and 24 hours at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_in_ms: Option<u64>,
}

/// Where the bytes of an upload go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Presigned {
    /// The id that the artifact will have.
    pub artifact_id: String,
    /// Where the bytes go, once. Whoever knows it can write them. One that begins with `/` is of this server.
    pub url: String,
    /// With which method.
    pub method: String,
    /// With which headers.
    pub headers: BTreeMap<String, String>,
    /// Until when.
    pub expires_at: String,
    /// What `/artifacts/{id}/complete` is to be sent afterwards: all that was said of the artifact, signed.
    pub token: String,
}

/// The bytes of a prepared upload have come.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompleteUpload {
    /// The `token` of the answer that prepared it.
    pub token: String,
}

/// Bytes that came by a prepared upload. The artifact is there once it is completed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Uploaded {
    /// The id that the artifact will have.
    pub artifact_id: String,
    /// How many bytes came.
    pub size: u64,
    /// Their SHA-256 in lower-case hexadecimal.
    pub checksum: String,
}

/// What became of reading an artifact again.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ArtifactVerified {
    /// The artifact.
    pub id: String,
    /// The run.
    pub run_id: String,
    /// What people call it.
    pub name: String,
    /// Whether its bytes are those that were written.
    pub ok: bool,
    /// What is wrong with them.
    pub problem: Option<String>,
    /// How many were found; null when there are none.
    pub size: Option<u64>,
    /// The SHA-256 of those that were found.
    pub checksum: Option<String>,
}
