//! `ork artifacts get`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_api::Artifact;
use ork_core::artifact::check_name;
use ork_core::blobs::BlobError;
use ork_core::checksum::Checksum;
use serde_json::json;

use super::beneath::{Draft, Taken};
use super::transfer::Meter;
use super::{bytes, id, meant};
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::log_text::clean;
use crate::output::Output;
use crate::view;

/// Options of `ork artifacts get`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The file is named by the last part of the artifact's name. It is written under another name, and has its own once its SHA-256 is \
right; a file that is there already is never written over without --force. With -o - bytes go to the standard output as they \
come, and the exit code says whether they were right.

Examples:
  ork artifacts get last/out/clip.mp4
  ork artifacts get last/report.html -o report.html --force
  ork artifacts get last/data.csv -o - | head
  ork artifacts get last/out/clip.mp4 --dir films")]
pub struct Args {
    /// An artifact, or a run and the name of one: the newest.
    #[arg(value_name = "ID|RUN/NAME")]
    pub artifact: String,
    /// The file to be written; `-` is the standard output.
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write below this folder, with all parts of the artifact's name.
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub dir: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    pub force: bool,
}

/// Carries out `ork artifacts get`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let artifact = meant(&history, &args.artifact).await?;
    if let Some(url) = &artifact.url {
        let message = format!("`{}` is not kept by Ork: it is at `{}`", artifact.id, clean(url));
        return Err(Refusal::usage(message).hint("Ork keeps the address, and never asks it").into());
    }
    if args.output.as_deref().is_some_and(|path| path.as_os_str() == "-") {
        read(&history, &artifact, &mut Stdout(out)).await?;
        return Ok(Exit::Success);
    }
    let path = target(&args, &artifact)?;
    let begun = match &args.dir {
        Some(folder) => Draft::beneath(folder, &artifact.name),
        None => Draft::at(&path),
    };
    let refused = |error: io::Error| unwritten(&path, &error);
    let (draft, mut file) = begun.map_err(refused)?;
    match draft.taken() {
        Some(Taken::ByOther) => return Err(no_file(&path).into()),
        Some(Taken::ByFile(_)) if !args.force => return Err(taken(&path).into()),
        _ => {}
    }
    read(&history, &artifact, &mut file).await?;
    draft.finish(&file, args.force).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => taken(&path),
        _ => unwritten(&path, &error),
    })?;
    if out.json {
        let mut value = view::value(&artifact);
        value["path"] = json!(path.display().to_string());
        out.value(&value)?;
    } else {
        out.data(clean(&path.display().to_string()))?;
        out.talk(format!("{} of `{}`, SHA-256 right", bytes(artifact.size.unwrap_or(0)), artifact.id));
    }
    Ok(Exit::Success)
}

/// Where the file goes.
fn target(args: &Args, artifact: &Artifact) -> Result<PathBuf> {
    // A server may be anybody, and names are what they say.
    check_name(&artifact.name).map_err(|why| {
        let message = format!("`{}` has a name that no file here can have: {why}", artifact.id);
        Refusal::usage(message).hint("-o FILE says another one")
    })?;
    if let Some(path) = &args.output {
        return Ok(path.clone());
    }
    let last = artifact.name.rsplit('/').next().unwrap_or_default();
    Ok(args.dir.as_ref().map_or_else(|| PathBuf::from(last), |folder| folder.join(&artifact.name)))
}

fn taken(path: &Path) -> Refusal {
    let message = format!("`{}` is there already", clean(&path.display().to_string()));
    Refusal::usage(message).hint("--force writes over it, -o FILE writes elsewhere")
}

fn no_file(path: &Path) -> Refusal {
    let message = format!("`{}` is there already, and is no regular file", clean(&path.display().to_string()));
    Refusal::usage(message).hint("-o FILE writes elsewhere, -o - to the standard output")
}

fn unwritten(path: &Path, error: &io::Error) -> Refusal {
    Refusal::usage(format!("failed to write `{}`: {error}", clean(&path.display().to_string())))
}

/// The standard output, piece by piece.
struct Stdout(Output);

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all bytes somewhere, and looks whether they are right.
async fn read(history: &History, artifact: &Artifact, to: &mut impl Write) -> Result<()> {
    let mut source = history.content(id(artifact)?).await?;
    let (mut checksum, mut meter) = (Checksum::new(), Meter::new(history.out, &artifact.name, artifact.size));
    loop {
        let piece = source.next().await.map_err(|error| broken(artifact, &error))?;
        let Some(piece) = piece else { break };
        checksum.update(&piece);
        meter.passed(piece.len());
        to.write_all(&piece)?;
    }
    let found = checksum.finish();
    match &artifact.checksum {
        Some(written) if *written != found => {
            let why = format!("their SHA-256 is {found}, and was {}", clean(written));
            Err(broken(artifact, &BlobError::Corrupt(why)).into())
        }
        _ => Ok(()),
    }
}

fn broken(artifact: &Artifact, error: &BlobError) -> Refusal {
    let (id, name) = (&artifact.id, clean(&artifact.name));
    let (exit, what) = match error {
        BlobError::Unavailable(_) => (Exit::Unreachable, "cannot be read to their end"),
        _ => (Exit::Internal, "are damaged"),
    };
    Refusal::new(exit, format!("the bytes of `{id}` (`{name}`) {what}: {error}"))
        .hint(format!("ork artifacts verify {id}"))
}
