//! `ork secrets set`.

use std::fs;
use std::io::{self, IsTerminal, Read};
use std::path::PathBuf;

use anyhow::Result;
use ork_core::limits::SECRET_BYTES_MAX;
use ork_server::secrets;
use ork_vault::Secret;
use serde_json::json;

use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::secret_key;
use crate::world::World;

/// Options of `ork secrets set`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A secret has 8 characters to 64 KiB. One line break at its end is not part of it. It comes from stdin or a file, because other \
users of this machine can read command lines. Tasks read it as `{{ secrets.NAME }}` in `env` or `with`.

Examples:
  ork secrets set deploy-token --file token.txt
  pass show deploy | ork secrets set deploy-token")]
pub struct Args {
    /// Its name: letters, digits, `.`, `_` and `-`.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The file that it stands in; without it, it is read from stdin.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    #[command(flatten)]
    pub key: secret_key::Options,
}

/// Carries out `ork secrets set`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let secret = read(&args)?;
    secrets::check(&args.name, &secret).map_err(Refusal::usage)?;
    let world = World::open(out, config).await?;
    let source = args.key.source(config, &world.database)?;
    source.read_or_make()?;
    let (actor, place) = (world.actor(), (world.workspace, args.name.as_str()));
    let sealed = secrets::seal(&source.vault(), place, &secret, (&actor, world.now()), &mut OsEntropy)?;
    let is_new = world.store.set_secret(&sealed).await?;
    if out.json {
        out.value(&json!({"name": args.name, "created": is_new}))?;
    } else {
        out.data(format!("{}: {}", if is_new { "set" } else { "changed" }, args.name))?;
    }
    Ok(Exit::Success)
}

fn read(args: &Args) -> Result<Secret> {
    let wrong = |what: &str, why: String| Refusal::usage(format!("{what}: {why}"));
    let mut text = String::new();
    match &args.file {
        Some(path) => {
            let what = format!("the file `{}`", path.display());
            let size = fs::metadata(path).map_err(|error| wrong(&what, error.to_string()))?.len();
            if size > SECRET_BYTES_MAX as u64 + 2 {
                return Err(wrong(&what, format!("a secret has {SECRET_BYTES_MAX} bytes at most")).into());
            }
            text = fs::read_to_string(path).map_err(|error| wrong(&what, error.to_string()))?;
        }
        None => {
            if io::stdin().is_terminal() {
                crate::output::warn("reading the secret from the terminal, where it shows; Ctrl-D ends it");
            }
            let limit = SECRET_BYTES_MAX as u64 + 3;
            io::stdin().take(limit).read_to_string(&mut text).map_err(|error| wrong("stdin", error.to_string()))?;
        }
    }
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(Secret::new(text))
}
