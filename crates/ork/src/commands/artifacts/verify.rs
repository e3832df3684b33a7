//! `ork artifacts verify`.

use anyhow::Result;
use ork_api::{Artifact, ArtifactVerified};
use ork_core::id::ArtifactId;

use super::{bytes, id, meant};
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, WantedArtifacts};
use crate::ids;
use crate::log_text::clean;
use crate::output::{Output, Tone, toned};
use crate::view;

/// Options of `ork artifacts verify`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Every byte is read and hashed again, where the bytes are. It exits with 1 when an artifact is damaged, and names each. Those that \
are elsewhere are not asked.

Examples:
  ork artifacts verify last
  ork artifacts verify last/out/clip.mp4
  ork artifacts verify --all --json")]
pub struct Args {
    /// A run, or an artifact [default: the newest run]
    #[arg(value_name = "RUN|ID|RUN/NAME", conflicts_with = "all")]
    pub kept: Option<String>,
    /// The artifacts of all runs.
    #[arg(long)]
    pub all: bool,
}

/// Carries out `ork artifacts verify`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let text = args.kept.as_deref().unwrap_or("last");
    let is_one = !args.all && (text.starts_with(ArtifactId::PREFIX) || text.contains('/'));
    let found = if is_one {
        vec![meant(&history, text).await?]
    } else {
        let run = if args.all { None } else { Some(ids::run(&history, text).await?) };
        history.artifacts(&WantedArtifacts { run, limit: u32::MAX, ..WantedArtifacts::default() }).await?
    };
    let (mut right, mut read, mut wrong) = (0_u64, 0_u64, 0_u64);
    let kept: Vec<&Artifact> = found.iter().filter(|artifact| artifact.url.is_none()).collect();
    if is_one && kept.is_empty() {
        return Err(Refusal::usage(format!("`{}` is not kept by Ork", found[0].id)).into());
    }
    for artifact in &kept {
        let verified = history.verify_artifact(id(artifact)?).await?;
        read += verified.size.unwrap_or(0);
        if verified.ok {
            right += 1;
        } else {
            wrong += 1;
        }
        tell(out, &verified)?;
    }
    let elsewhere = found.len() - kept.len();
    let others = if elsewhere > 0 { format!("; {elsewhere} are elsewhere") } else { String::new() };
    out.talk(format!("{right} right, {wrong} damaged, {} read{others}", bytes(read)));
    Ok(if wrong > 0 { Exit::Failed } else { Exit::Success })
}

fn tell(out: Output, verified: &ArtifactVerified) -> Result<()> {
    if out.json {
        return Ok(out.value(&view::value(verified))?);
    }
    let ArtifactVerified { id, run_id, name, problem, .. } = verified;
    if let Some(problem) = problem {
        let what = format!("{}  {id}  {}  {run_id}: {}", toned(Tone::Bad, "damaged"), clean(name), clean(problem));
        out.data(what)?;
    }
    Ok(())
}
