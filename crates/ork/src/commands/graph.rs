//! `ork graph`: a workflow or a run, drawn.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::ValueEnum;
use ork_graph::Graph;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::output::Output;
use crate::workflow_file::{Inputs, WorkflowFile, tell};

/// Options of `ork graph`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Siblings of `count` and `each` are one node: `cut ×3`, or `cut ×?` while nobody knows how many there will be. Required \
inputs need not be given: what is known without them is drawn. With a run each node says how many of its tasks are in \
which status.

Mermaid is for Markdown (its renderers draw at most 500 edges), DOT for Graphviz; SVG and JSON come with a layout that \
is the same every time.

Examples:
  ork graph examples/logs.yaml
  ork graph examples/logs.yaml -i parts=8 -o logs.svg
  ork graph last --format svg >run.svg
  ork graph 9def --json")]
pub struct Args {
    /// A workflow file (- is the standard input), or a run.
    #[arg(value_name = "FILE|RUN")]
    pub target: PathBuf,
    #[command(flatten)]
    pub inputs: Inputs,
    /// How it is written [default: what the name of --output ends in (svg, dot, mmd, json), else mermaid]
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,
    /// Write into this file rather than to the standard output.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// How a graph is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for Markdown.
    Mermaid,
    /// Text for Graphviz.
    Dot,
    /// A picture.
    Svg,
    /// Nodes and edges with their places.
    Json,
}

impl Args {
    fn format(&self, out: Output) -> Result<Format, Refusal> {
        let by_default = if out.json { Format::Json } else { Format::Mermaid };
        if let Some(format) = self.format {
            return Ok(format);
        }
        let Some(path) = &self.output else { return Ok(by_default) };
        match path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase()).as_deref() {
            Some("dot" | "gv") => Ok(Format::Dot),
            Some("svg") => Ok(Format::Svg),
            Some("json") => Ok(Format::Json),
            Some("mmd" | "mermaid" | "md") => Ok(Format::Mermaid),
            None => Ok(by_default),
            Some(ending) => {
                let message = format!("no graph can be written as `{ending}`: the endings are svg, dot, mmd, json");
                Err(Refusal::usage(message).hint(format!("-o {}", path.with_extension("svg").display())))
            }
        }
    }

    /// A file that is there goes before a run of that name; what cannot be a run's name is a file that is missing.
    fn is_file(&self) -> bool {
        let is_named_like_one = self.target.extension().is_some() || self.target.as_os_str() == "-";
        is_named_like_one || self.target.is_file()
    }
}

/// Carries out `ork graph`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let format = args.format(out)?;
    let graph = if args.is_file() { of_file(&args, out)? } else { Some(of_run(&args, out, config).await?) };
    let Some(graph) = graph else { return Ok(Exit::Invalid) };
    let text = match format {
        Format::Mermaid => graph.to_mermaid(),
        Format::Dot => graph.to_dot(),
        Format::Svg => graph.to_svg(),
        Format::Json => format!("{}\n", graph.to_json()),
    };
    let Some(path) = &args.output else {
        out.bytes(text.as_bytes())?;
        return Ok(Exit::Success);
    };
    let name = path.display();
    fs::write(path, text).map_err(|error| Refusal::usage(format!("failed to write `{name}`: {error}")))?;
    out.talk(format!("wrote {name}"));
    Ok(Exit::Success)
}

/// `None` when something is wrong with the file or the inputs, which is told by then.
fn of_file(args: &Args, out: Output) -> Result<Option<Graph>> {
    let file = WorkflowFile::read(&args.target)?;
    let plan = match file.parse() {
        Ok(workflow) => workflow.sketch(&args.inputs.read(&workflow)?),
        Err(diagnostics) => Err(diagnostics),
    };
    match plan {
        Ok(plan) => Ok(Some(Graph::of_plan(&plan))),
        Err(diagnostics) => {
            tell(out, &diagnostics)?;
            Ok(None)
        }
    }
}

async fn of_run(args: &Args, out: Output, config: &Config) -> Result<Graph> {
    if !args.inputs.is_empty() {
        return Err(Refusal::usage("a run has its inputs already: leave out -i and --input").into());
    }
    let history = History::find(out, config).await?;
    let id = ids::run(&history, &args.target.to_string_lossy()).await?;
    let graph = history.graph(id).await?;
    graph.with_context(|| format!("`{id}` has no plan"))
}
