//! `ork prompts put`.

use std::fs;
use std::io::Read;
use std::path::PathBuf;

use anyhow::Result;
use ork_api::{PromptVariable, PutPrompt};
use ork_core::limits::PROMPT_BYTES_MAX;

use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::output::Output;
use crate::view;

/// Options of `ork prompts put`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The file is the text, in which `{{ vars.NAME }}` stands for a variable. Each variable that it reads is declared with --var; one \
with a value has it where a step gives none. The same text and variables again are no new version. Runs keep the version that they \
began with.

Examples:
  ork prompts put captions.txt --id captions --var tone --var count=3
  echo 'Be brief.' | ork prompts put - --id house-style")]
pub struct Args {
    /// The file with the text; `-` is the standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The prompt's name: letters, digits, `.`, `_` and `-`.
    #[arg(long, value_name = "NAME")]
    pub id: String,
    /// A variable, with what it is where a step gives nothing; may be repeated.
    ///
    /// A value that is JSON is read as JSON, and any other is text.
    #[arg(long = "var", value_name = "NAME[=VALUE]")]
    pub variables: Vec<String>,
    /// What it belongs to.
    #[arg(long, value_name = "TEXT")]
    pub category: Option<String>,
    /// Where it is used, in words.
    #[arg(long, value_name = "TEXT")]
    pub context: Option<String>,
}

/// Carries out `ork prompts put`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let text = read(&args.file)?;
    let variables = args.variables.iter().map(|text| variable(text)).collect();
    let prompt = PutPrompt { text, category: args.category, context: args.context, variables };
    let history = History::open(out, config).await?;
    let stored = history.put_prompt(&args.id, prompt).await?;
    if out.json {
        out.value(&view::value(stored))?;
    } else {
        out.data(format!("{}@{}", stored.summary.id, stored.summary.version))?;
    }
    Ok(Exit::Success)
}

fn variable(text: &str) -> PromptVariable {
    let (name, default) = match text.split_once('=') {
        Some((name, value)) => (name, Some(serde_json::from_str(value).unwrap_or_else(|_| value.into()))),
        None => (text, None),
    };
    PromptVariable { name: name.to_owned(), description: None, default }
}

fn read(path: &PathBuf) -> Result<String> {
    let name = path.display();
    let refused = |why: String| Refusal::usage(format!("failed to read `{name}`: {why}"));
    // One byte more than allowed is enough to say so.
    let most = PROMPT_BYTES_MAX as u64 + 1;
    let mut bytes = Vec::new();
    let read = if path.as_os_str() == "-" {
        std::io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
    };
    read.map_err(|error| refused(error.to_string()))?;
    Ok(String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".into()))?)
}
