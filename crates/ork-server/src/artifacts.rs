//! Artifacts: how they are found, shown, kept and read again, by a request or a command line.
//!
//! ```text
//! note (loose) ── bytes, hashed as they pass ── name (one transaction with the event)      keep.rs
//!      └── a signed link, bytes by whomever ── read again, hashed ── name                  ticket.rs, keep.rs
//! row ── bytes, hashed as they pass; the last piece only when they are right               read.rs
//! ```
//!
//! Bytes are never kept under a name that somebody wrote, and never opened: what is in them is the business of whoever reads them.

mod body;
mod digest;
mod keep;
mod multipart;
mod range;
mod read;
mod said;
mod ticket;

use std::collections::BTreeMap;

use ork_api::Artifact;
use ork_core::artifact::{ArtifactAt, ArtifactRow};
use ork_core::id::{ArtifactId, TaskRef};
use ork_core::json::Json;
use ork_core::store::ArtifactFilter;

pub(crate) use body::{BodySource, refuse_length};
pub(crate) use digest::{announced, checksum, repr_digest};
pub(crate) use keep::unkept;
pub use keep::{Keeper, UPLOAD_MS};
pub(crate) use multipart::{FilePart, Multipart, boundary};
pub(crate) use range::{Wanted, is_known, wanted};
pub use read::{Checked, refused as damaged, verify};
pub(crate) use said::refuse;
pub use said::{Said, Wish, address};
pub(crate) use ticket::Upload;

use crate::look::Look;
use crate::refused::{Answer, Code, Refused};
use crate::view::moment;

/// An artifact that must be there for this reader.
///
/// # Errors
/// When it is not, or the store cannot be read.
pub async fn find(look: Look<'_>, id: ArtifactId) -> Answer<ArtifactRow> {
    let row = look.store.artifact(look.scope, id).await?;
    row.filter(|row| sees(look, row)).ok_or_else(|| Refused::missing(format_args!("artifact `{id}`")))
}

fn sees(look: Look<'_>, row: &ArtifactRow) -> bool {
    look.only_owner.is_none() || look.only_owner == row.owner.as_deref()
}

/// Artifacts that are there for this reader, newest first.
///
/// # Errors
/// When the store cannot be read.
pub async fn list(look: Look<'_>, filter: ArtifactFilter) -> Answer<Vec<ArtifactRow>> {
    let filter = ArtifactFilter { owner: look.only_owner.map(str::to_owned), ..filter };
    Ok(look.store.artifacts(look.scope, &filter).await?)
}

/// Artifacts as the wire has them, with the names of their tasks.
///
/// # Errors
/// When the store cannot be read.
pub async fn shapes(look: Look<'_>, rows: &[ArtifactRow]) -> Answer<Vec<Artifact>> {
    let mut tasks: BTreeMap<TaskRef, Option<(String, u32)>> = BTreeMap::new();
    let mut found = Vec::with_capacity(rows.len());
    for row in rows {
        let task = row.artifact.from.n.map(|n| TaskRef { run: row.artifact.run, n });
        let name = match task {
            None => None,
            Some(task) => match tasks.get(&task) {
                Some(known) => known.clone(),
                None => {
                    let name = look.store.task(look.scope, task).await?.map(|row| (row.key, row.task_index));
                    tasks.entry(task).or_insert(name).clone()
                }
            },
        };
        found.push(shape(row, name));
    }
    Ok(found)
}

/// One artifact as the wire has it.
///
/// # Errors
/// When the store cannot be read.
pub async fn shape_of(look: Look<'_>, row: &ArtifactRow) -> Answer<Artifact> {
    let mut shapes = shapes(look, std::slice::from_ref(row)).await?;
    shapes.pop().ok_or_else(|| Refused::new(Code::Internal, "an artifact without a shape"))
}

fn shape(row: &ArtifactRow, task: Option<(String, u32)>) -> Artifact {
    let of = &row.artifact;
    let (size, checksum, url) = match &of.at {
        ArtifactAt::Kept { size, checksum, .. } => (Some(*size), Some(checksum.clone()), None),
        ArtifactAt::Elsewhere { url, size, checksum } => (*size, checksum.clone(), Some(url.clone())),
    };
    let (task_key, task_index) = task.unzip();
    Artifact {
        id: of.id.to_string(),
        run_id: of.run.to_string(),
        task_id: of.from.n.map(|n| of.run.task(n).to_string()),
        task_key,
        task_index,
        attempt: of.from.attempt,
        step: of.from.step.clone(),
        name: of.name.clone(),
        kind: of.kind.clone(),
        content_type: of.content_type.clone(),
        size,
        checksum,
        url,
        meta: of.meta.as_ref().map(Json::value),
        created_at: moment(row.created_at),
    }
}

/// The bytes are not here.
pub(crate) fn elsewhere(row: &ArtifactRow, url: &str) -> Refused {
    let detail = format!("`{}` is not kept by Ork: it is at `{url}`", row.artifact.id);
    Refused::new(Code::ArtifactElsewhere, detail).hint(url)
}
