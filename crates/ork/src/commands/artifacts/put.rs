//! `ork artifacts put`.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_api::{Artifact, NewArtifactByUrl};
use ork_core::artifact::OCTETS;
use ork_core::id::RunId;
use ork_core::media;
use serde_json::Value;

use super::bytes;
use super::transfer::{FileSource, Meter};
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::{History, NewFile};
use crate::ids;
use crate::log_text::clean;
use crate::output::Output;
use crate::view;

/// Options of `ork artifacts put`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Each file becomes an artifact of its own, named like the file unless --name says otherwise. `-` is the standard input. With --url \
nothing is sent: Ork keeps the address, and never asks it.

Examples:
  ork artifacts put last clip.mp4 --kind video
  ffmpeg … | ork artifacts put last - --name out/clip.mp4
  ork artifacts put last --url s3://media/clip.mp4 --name clip.mp4")]
pub struct Args {
    /// The run.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Files; `-` is the standard input.
    #[arg(value_name = "FILE", required_unless_present = "url", conflicts_with = "url")]
    pub files: Vec<PathBuf>,
    /// What it is called: a relative path with `/`.
    #[arg(long = "name", value_name = "NAME")]
    pub called: Option<String>,
    /// What it is, in a word [default: file]
    #[arg(long, value_name = "KIND")]
    pub kind: Option<String>,
    /// The task of the run that it is of: KEY or KEY/INDEX.
    #[arg(long, value_name = "TASK")]
    pub task: Option<String>,
    /// What else there is to say: a JSON object.
    #[arg(long, value_name = "JSON")]
    pub meta: Option<String>,
    /// Its media type [default: by the end of its name]
    #[arg(long, value_name = "TYPE")]
    pub content_type: Option<String>,
    /// Where it is, when it is not here: http, https, s3, gs or az.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
}

/// Carries out `ork artifacts put`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    if args.files.len() > 1 && args.called.is_some() {
        return Err(Refusal::usage("`--name` is for one file").hint("without it each is named like its file").into());
    }
    let wrong = |error| Refusal::usage(format!("`--meta` is no JSON: {error}"));
    let meta = args.meta.as_deref().map(serde_json::from_str::<Value>).transpose().map_err(wrong)?;
    let history = History::find(out, config).await?;
    let run = ids::run(&history, &args.run).await?;
    if let Some(url) = &args.url {
        let kept = refer(&history, run, &args, (url, meta)).await?;
        tell(out, &kept)?;
        return Ok(Exit::Success);
    }
    for file in &args.files {
        let kept = keep(&history, run, &args, (file, meta.clone())).await?;
        tell(out, &kept)?;
    }
    Ok(Exit::Success)
}

fn tell(out: Output, kept: &Artifact) -> Result<()> {
    if out.json {
        return Ok(out.value(&view::value(kept))?);
    }
    out.data(&kept.id)?;
    let size = kept.size.map(|size| format!(", {}", bytes(size))).unwrap_or_default();
    out.talk(format!("kept `{}`{size}", clean(&kept.name)));
    Ok(())
}

async fn refer(history: &History, run: RunId, args: &Args, (url, meta): (&str, Option<Value>)) -> Result<Artifact> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let last = path.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map(|(_, path)| path);
    let last = last.and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    let name = args.called.as_deref().or(last).ok_or_else(|| {
        Refusal::usage(format!("`{}` ends with no name", clean(url))).hint("--name says what it is called")
    })?;
    let new = NewArtifactByUrl {
        name: name.to_owned(),
        url: url.to_owned(),
        kind: args.kind.clone(),
        content_type: Some(content_type(args, name)),
        task: args.task.clone(),
        meta,
        ..NewArtifactByUrl::default()
    };
    history.refer(run, new).await
}

fn content_type(args: &Args, name: &str) -> String {
    args.content_type.clone().unwrap_or_else(|| media::of_name(name).to_owned())
}

async fn keep(history: &History, run: RunId, args: &Args, (path, meta): (&Path, Option<Value>)) -> Result<Artifact> {
    let is_input = path.as_os_str() == "-";
    let last = path.file_name().and_then(|name| name.to_str()).filter(|_| !is_input);
    let name = args.called.as_deref().or(last).ok_or_else(|| {
        let what = if is_input {
            "the standard input has no name".to_owned()
        } else {
            unreadable(path, "its name is not UTF-8")
        };
        Refusal::usage(what).hint("--name says what it is called")
    })?;
    let new = |size| NewFile {
        name: name.to_owned(),
        kind: args.kind.clone(),
        content_type: Some(content_type(args, name)).filter(|kind| kind != OCTETS),
        task: args.task.clone(),
        meta,
        size,
    };
    if is_input {
        let meter = Meter::new(history.out, name, None);
        return send(history, run, new(None), FileSource::new(std::io::stdin(), meter)).await;
    }
    let refused = |error: std::io::Error| Refusal::usage(unreadable(path, &error.to_string()));
    let file = File::open(path).map_err(refused)?;
    let about = file.metadata().map_err(refused)?;
    if about.is_dir() {
        return Err(Refusal::usage(unreadable(path, "it is a folder"))
            .hint("put its files, one by one or as an archive")
            .into());
    }
    // What is no file has as many bytes as come.
    let size = about.is_file().then_some(about.len());
    let meter = Meter::new(history.out, name, size);
    send(history, run, new(size), FileSource::new(file, meter)).await
}

fn unreadable(path: &Path, why: &str) -> String {
    format!("failed to read `{}`: {why}", path.display())
}

/// Sends bytes, and looks whether what was kept is what was read.
async fn send<R>(history: &History, run: RunId, new: NewFile, mut source: FileSource<R>) -> Result<Artifact>
where
    R: std::io::Read + Send,
{
    let kept = history.keep_file(run, new, &mut source).await?;
    let read = source.checksum.clone().finish();
    if kept.checksum.as_deref() != Some(read.as_str()) {
        let found = kept.checksum.as_deref().unwrap_or("none");
        let message =
            format!("`{}` was kept with other bytes: its SHA-256 is {}, and {read} was sent", kept.id, clean(found));
        return Err(Refusal::new(Exit::Internal, message).into());
    }
    Ok(kept)
}
