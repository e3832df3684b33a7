//! `ork dev`: `ork serve` for whoever tries things out.

use std::path::PathBuf;

use anyhow::Result;
use ork_server::Anybody;

use crate::commands::serve::{Options, serve};
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;

/// Options of `ork dev`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
It is `ork serve` that never asks for a token: every user of this machine may run commands by it, as you. So it listens on \
a loopback address only, and refuses requests that a browser sends for other sites.

Examples:
  ork dev
  ork dev .
  ork dev --listen 127.0.0.1:8080")]
pub struct Args {
    /// A folder: the history is in `.ork/` in it, instead of where it is otherwise.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    #[command(flatten)]
    pub options: Options,
}

/// Carries out `ork dev`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let address = config.listen(args.options.listen.clone())?;
    if !address.ip().is_loopback() {
        let message = format!("`{address}` is no loopback address, and `ork dev` lets in whoever reaches it");
        return Err(Refusal::usage(message).hint("ork serve asks for tokens").into());
    }
    let Some(folder) = args.folder else { return serve(args.options, Anybody::Comes, out, config).await };
    if !folder.is_dir() {
        return Err(Refusal::usage(format!("`{}` is no folder", folder.display())).into());
    }
    let database = std::path::absolute(folder)?.join(".ork/ork.db");
    let config = config.at(format!("sqlite:{}", database.display()));
    serve(args.options, Anybody::Comes, out, &config).await
}
