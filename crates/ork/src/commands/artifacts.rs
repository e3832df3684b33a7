//! `ork artifacts`: files that runs keep, one command a file.

mod beneath;
mod get;
mod list;
mod put;
mod transfer;
mod verify;

use anyhow::Result;
use clap::Subcommand;
use ork_api::Artifact;
use ork_core::id::ArtifactId;
use ork_core::limits::PAGE_MAX;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, WantedArtifacts};
use crate::ids;
use crate::log_text::clean;
use crate::output::Output;

/// What there is to do with artifacts.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List artifacts, newest first.
    List(list::Args),
    /// Get the bytes of an artifact.
    Get(get::Args),
    /// Keep files beside a run.
    Put(put::Args),
    /// Read artifacts again, and say whether their bytes are those that were written.
    Verify(verify::Args),
}

/// Carries out `ork artifacts`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::List(args) => list::run(args, out, config).await,
        Command::Get(args) => get::run(args, out, config).await,
        Command::Put(args) => put::run(args, out, config).await,
        Command::Verify(args) => verify::run(args, out, config).await,
    }
}

/// The artifact that a text means: an id, or `RUN/NAME` for the newest one of that name.
async fn meant(history: &History, text: &str) -> Result<Artifact> {
    if text.starts_with(ArtifactId::PREFIX) {
        let id: ArtifactId = text.parse().map_err(|error| Refusal::no_match(format!("{error}")))?;
        let found = history.artifact(id).await?;
        let none = || Refusal::no_match(format!("there is no artifact `{id}`")).hint("ork artifacts list");
        return Ok(found.ok_or_else(none)?);
    }
    let Some((run, name)) = text.split_once('/').filter(|(_, name)| !name.is_empty()) else {
        let refusal = Refusal::usage(format!("`{text}` is no artifact: it is an id, or RUN/NAME"));
        return Err(refusal.hint(format!("ork artifacts list{}", history.flags())).into());
    };
    let run = ids::run(history, run).await?;
    let wanted =
        WantedArtifacts { run: Some(run), name: Some(name.to_owned()), limit: 1, ..WantedArtifacts::default() };
    let found = history.artifacts(&wanted).await?.pop();
    let none = || {
        let refusal = Refusal::no_match(format!("`{run}` keeps no artifact `{}`", clean(name)));
        refusal.hint(format!("ork artifacts list {run}{}", history.flags()))
    };
    Ok(found.ok_or_else(none)?)
}

/// The id of an artifact that was answered.
fn id(artifact: &Artifact) -> Result<ArtifactId> {
    let unknown = |_| Refusal::new(Exit::Internal, format!("`{}` is no id of an artifact", clean(&artifact.id)));
    Ok(artifact.id.parse().map_err(unknown)?)
}

/// `cut`, or `cut/3`: the task that made it.
fn task(artifact: &Artifact) -> String {
    match (&artifact.task_key, artifact.task_index) {
        (Some(key), None | Some(0)) => clean(key),
        (Some(key), Some(index)) => format!("{}/{index}", clean(key)),
        (None, _) => String::new(),
    }
}

/// How many there are of a page of a run's artifacts, and how large they are.
pub fn summary(page: &[Artifact]) -> String {
    let size = bytes(page.iter().filter_map(|artifact| artifact.size).sum());
    let more = if page.len() < PAGE_MAX as usize { "" } else { "+" };
    format!("{}{more}, {size}{more}", page.len())
}

/// So many bytes, in their largest unit: `312 B`, `4.0 KiB`, `1.2 GiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1 << 10 {
        return format!("{count} B");
    }
    let (mut tenths, mut unit) = (count.saturating_mul(10) >> 10, 0);
    while tenths >= 10 << 10 && unit + 1 < UNITS.len() {
        (tenths, unit) = (tenths >> 10, unit + 1);
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn bytes_are_said_in_their_largest_unit() {
        let said = [0, 1_023, 1_024, 1_536, 1 << 20, 5 << 30, u64::MAX].map(bytes);
        assert_eq!(said, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "5.0 GiB", "1677721.5 TiB"]);
    }
}
