//! `ork init`: a workflow to begin with.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;

use crate::exit_code::{Exit, Refusal};
use crate::output::Output;

/// Options of `ork init`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Never overwrites a file: when one is there, nothing is written. Every template but `media` needs nothing but a POSIX shell.

Examples:
  ork init
  ork init reports --template etl")]
pub struct Args {
    /// The folder to write to; it is made if it is not there.
    #[arg(value_name = "DIR", default_value = ".", hide_default_value = true)]
    pub dir: PathBuf,
    /// What to begin with.
    #[arg(long, short, value_enum, value_name = "NAME", default_value = "hello")]
    pub template: Template,
}

/// What a workflow can begin with.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Template {
    /// The smallest useful workflow.
    Hello,
    /// Rows out of a CSV file, summed up, and put into another.
    Etl,
    /// A video, scaled in parts side by side; needs ffmpeg.
    Media,
    /// The same work for every file of a folder.
    Batch,
}

/// A file's name, and what is in it.
type Starter = (&'static str, &'static str);

macro_rules! starters {
    ($folder:literal: $($name:literal),*) => {
        &[$(($name, include_str!(concat!("../../templates/", $folder, "/", $name)))),*]
    };
}

impl Template {
    /// Its files, the workflow first.
    const fn files(self) -> &'static [Starter] {
        match self {
            Self::Hello => starters!("hello": "hello.yaml"),
            Self::Etl => starters!("etl": "etl.yaml", "data/orders.csv"),
            Self::Media => starters!("media": "media.yaml"),
            Self::Batch => starters!("batch": "batch.yaml", "inbox/one.txt", "inbox/two.txt", "inbox/three.txt"),
        }
    }
}

/// Carries out `ork init`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let files: Vec<(PathBuf, &str)> =
        args.template.files().iter().map(|(name, text)| (place(&args.dir, name), *text)).collect();
    refuse_existing(&files)?;
    for (path, text) in &files {
        write(path, text).map_err(|error| Refusal::usage(format!("failed to write `{}`: {error}", path.display())))?;
    }
    let written: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    let next = format!("ork run {}", quoted(&written[0]));
    if out.json {
        out.value(&json!({"files": written, "next": next}))?;
        return Ok(Exit::Success);
    }
    for path in &written {
        out.data(path)?;
    }
    if matches!(args.template, Template::Media) {
        out.talk("this workflow needs ffmpeg and ffprobe");
    }
    out.talk(format!("next: {next}"));
    Ok(Exit::Success)
}

fn place(dir: &Path, name: &str) -> PathBuf {
    if dir == Path::new(".") { name.into() } else { dir.join(name) }
}

fn refuse_existing(files: &[(PathBuf, &str)]) -> Result<()> {
    // A link that leads nowhere is there as well.
    let existing = files.iter().filter(|(path, _)| fs::symlink_metadata(path).is_ok());
    let existing: Vec<String> = existing.map(|(path, _)| format!("`{}`", path.display())).collect();
    if existing.is_empty() {
        return Ok(());
    }
    let verb = if existing.len() == 1 { "is" } else { "are" };
    let message = format!("{} {verb} there already; nothing was written", existing.join(", "));
    Err(Refusal::usage(message).hint("another folder: ork init DIR").into())
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    // Not even a file that was made since we looked is overwritten.
    File::create_new(path)?.write_all(text.as_bytes())
}

/// A path as a shell takes it.
fn quoted(path: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+".contains(c);
    let path = if path.starts_with('-') { format!("./{path}") } else { path.to_owned() };
    if path.chars().all(is_plain) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}
