//! `ork prompts history`.

use anyhow::Result;

use super::missing;
use crate::commands::tasks::show::cut;
use crate::config::Config;
use crate::exit_code::Exit;
use crate::history::History;
use crate::output::{Output, faint};
use crate::table;
use crate::view;
use crate::when::{ago, moment};

/// Options of `ork prompts history`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork prompts history captions
  ork prompts history captions --json")]
pub struct Args {
    /// A prompt.
    #[arg(value_name = "NAME")]
    pub id: String,
}

/// Carries out `ork prompts history`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let history = History::find(out, config).await?;
    let versions = history.prompt_versions(&args.id).await?.ok_or_else(|| missing(&args.id))?;
    if out.json {
        for version in &versions {
            out.value(&view::value(version))?;
        }
        return Ok(Exit::Success);
    }
    let cells = versions.iter().map(|version| {
        let of = &version.summary;
        let when = ago(moment(&of.created_at), history.now());
        let first = version.text.lines().next().unwrap_or_default();
        vec![format!("{}@{}", of.id, of.version), format!("{when} by {}", of.created_by), cut(first)]
    });
    let cells: Vec<Vec<String>> = cells.collect();
    for line in table::lines(&cells, |column, cell| if column == 1 { faint(cell) } else { cell.to_owned() }) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}
