//! `ork schema`: what editors check files against.

use anyhow::Result;
use clap::ValueEnum;

use crate::config;
use crate::exit_code::Exit;
use crate::output::Output;

/// Options of `ork schema`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
JSON Schema 2020-12. Whatever it refuses `ork validate` refuses too, which also knows graphs and expressions.

In editors that use yaml-language-server, this line at the top of a workflow gives completion and checks while you type:
  # yaml-language-server: $schema=workflow.schema.json

Examples:
  ork schema workflow >workflow.schema.json
  ork schema config")]
pub struct Args {
    /// Which file it is for.
    #[arg(value_name = "FILE")]
    pub file: File,
}

/// Files that have a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum File {
    /// A workflow file.
    Workflow,
    /// `ork.toml`.
    Config,
}

/// Carries out `ork schema`.
pub fn run(args: &Args, out: Output) -> Result<Exit> {
    let schema = match args.file {
        File::Workflow => ork_workflow::schema(),
        File::Config => config::schema(),
    };
    if out.json {
        out.value(&schema)?;
    } else {
        out.data(format!("{schema:#}"))?;
    }
    Ok(Exit::Success)
}
