//! A workflow file and the inputs of a command line.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use anyhow::Result;
use ork_core::limits::SOURCE_BYTES_MAX;
use ork_core::pin::Unfit;
use ork_workflow::{Bound, Diagnostic, Diagnostics, Format, Source, Workflow, nearest, parse};
use serde_json::{Map, Value};

use crate::cli::foreign;
use crate::commands::tasks::show::cut;
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, warn};

/// A file that was read.
pub struct WorkflowFile {
    pub name: String,
    pub text: String,
}

impl WorkflowFile {
    /// Reads a file; `-` is the standard input, and `x.json` JSON.
    ///
    /// # Errors
    /// When it cannot be read, or is not UTF-8.
    pub fn read(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let refused = |why: String| Refusal::usage(format!("failed to read `{name}`: {why}"));
        let mut bytes = Vec::new();
        // One byte more than allowed is enough to say so.
        let most = SOURCE_BYTES_MAX as u64 + 1;
        let read = if name == "-" {
            std::io::stdin().lock().take(most).read_to_end(&mut bytes)
        } else {
            fs::File::open(path).and_then(|file| file.take(most).read_to_end(&mut bytes))
        };
        read.map_err(|error| {
            let near = || near(path).map(|near| format!("did you mean `{}`?", near.display()));
            let is_missing = error.kind() == ErrorKind::NotFound;
            let hint = if is_missing { near().or_else(|| foreign(&name).map(str::to_owned)) } else { None };
            Refusal { hint, ..refused(error.to_string()) }
        })?;
        let text = String::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".into()))?;
        Ok(Self { name, text })
    }

    /// Checks it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(&self) -> Result<Workflow, Diagnostics> {
        if self.text.trim_start().starts_with('{') && Format::of_name(&self.name) == Format::Yaml {
            // A stored workflow may be either, and its name does not say which.
            return ork_server::workflows::parse_file(&self.name, &self.text);
        }
        parse(&Source { name: &self.name, text: &self.text, format: Format::of_name(&self.name) })
    }
}

/// The file of the same folder whose name is nearest. Endings are not compared: they make unlike names alike.
fn near(path: &Path) -> Option<PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let entries = fs::read_dir(folder.unwrap_or(Path::new("."))).ok()?;
    let names: Vec<String> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let stems: Vec<String> = names.iter().map(|name| stem(name)).collect();
    let near = nearest(&stem(path.file_name()?.to_str()?), stems.iter().map(String::as_str))?;
    let name = names.iter().find(|name| stem(name) == near)?;
    Some(path.with_file_name(name))
}

/// Inputs as the command line gives them.
#[derive(Debug, Default, clap::Args)]
pub struct Inputs {
    /// An input of the workflow; may be repeated.
    ///
    /// The value is taken as text for an input of type `string`, and read as JSON for any other: -i clips=3,
    /// -i 'names=["a", "b"]'. An input that the workflow does not declare is an error.
    #[arg(short = 'i', value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// A JSON object with inputs: the text itself, or @FILE (@- is the standard input).
    ///
    /// `-i` goes before it.
    #[arg(long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
}

impl Inputs {
    /// Whether none were given.
    pub fn is_empty(&self) -> bool {
        self.inputs.is_empty() && self.input.is_none()
    }

    /// The option that gave the value with which something is wrong; `None` when none did.
    fn option_of(&self, item: &Diagnostic) -> Option<String> {
        if !OF_GIVEN.contains(&item.code) {
            return None;
        }
        let names = |pair: &&String| {
            pair.split_once('=').is_some_and(|(name, _)| item.message.contains(&format!("input `{name}`")))
        };
        // The last one counts, as it does for the value.
        let pair = self.inputs.iter().rfind(names).map(|pair| format!("-i {pair}"));
        pair.or_else(|| self.input.as_ref().map(|text| format!("--input {}", cut(text))))
    }

    /// The values for a workflow.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn read(&self, workflow: &Workflow) -> Result<Map<String, Value>> {
        let mut given = match &self.input {
            Some(text) => read_object(text)?,
            None => Map::new(),
        };
        for pair in &self.inputs {
            let Some((name, text)) = pair.split_once('=') else {
                return Err(Refusal::usage(format!("`-i {pair}` has no value"))
                    .hint(format!("-i {pair}=VALUE"))
                    .into());
            };
            let declared = workflow.inputs().iter().find(|spec| spec.name == name);
            given.insert(name.into(), declared.map_or_else(|| text.into(), |spec| spec.value_of(text)));
        }
        Ok(given)
    }
}

/// The codes of what is wrong with a value that was given.
const OF_GIVEN: [&str; 5] = ["ORK-E0501", "ORK-E0503", "ORK-E0504", "ORK-E0505", "ORK-E0506"];

/// A JSON object that an option gives: the text itself, or @FILE.
///
/// # Errors
/// When it cannot be read, or is none.
pub fn read_object(text: &str) -> Result<Map<String, Value>> {
    let read = match text.strip_prefix('@') {
        Some("-") => std::io::read_to_string(std::io::stdin()),
        Some(path) => fs::read_to_string(path),
        None => Ok(text.to_owned()),
    };
    let json = read.map_err(|error| Refusal::usage(format!("failed to read `--input {text}`: {error}")))?;
    match serde_json::from_str(&json) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Refusal::usage(format!("`--input {text}` is not a JSON object")).into()),
        Err(error) => {
            let refusal = Refusal::usage(format!("`--input {text}` is not JSON: {error}"));
            let is_file = !text.starts_with('@') && Path::new(text).is_file();
            Err(if is_file { refusal.hint(format!("--input @{text}")) } else { refusal }.into())
        }
    }
}

/// The plan of a file with these inputs; `None` when something is wrong, which is told by then.
///
/// # Errors
/// When the inputs cannot be read.
pub fn bind(out: Output, file: &WorkflowFile, inputs: &Inputs) -> Result<Option<Bound>> {
    match file.parse() {
        Ok(workflow) => match workflow.bind(&inputs.read(&workflow)?) {
            Ok(bound) => return Ok(Some(bound)),
            Err(diagnostics) => tell_unbound(out, &diagnostics, inputs)?,
        },
        Err(diagnostics) => tell(out, &diagnostics)?,
    }
    Ok(None)
}

/// Tells what is wrong with a file that is right by itself: what an option says is shown with that option.
fn tell_unbound(out: Output, diagnostics: &Diagnostics, inputs: &Inputs) -> Result<()> {
    let options: Vec<Option<String>> = diagnostics.items.iter().map(|item| inputs.option_of(item)).collect();
    if out.json || options.iter().any(Option::is_none) {
        return tell(out, diagnostics);
    }
    for (item, option) in diagnostics.items.iter().zip(options) {
        let item = Diagnostic { place: None, snippet: None, ..item.clone() };
        warn(Diagnostics { file: option.unwrap_or_default(), items: vec![item], more: 0 });
    }
    let first = diagnostics.items.first().map_or("", |item| item.code);
    let errors = errors(diagnostics);
    warn(format!("the inputs have {errors}; nothing was run. More about one: ork explain {first}"));
    Ok(())
}

/// What a plan says about prompts that cannot be; nothing was created.
pub fn refuse_prompts(unfit: Vec<Unfit>) -> Refusal {
    let lines: Vec<String> = unfit.iter().map(|Unfit { place, message, .. }| format!("`{place}`: {message}")).collect();
    let refusal = Refusal::usage(lines.join("\n"));
    match unfit.into_iter().find_map(|unfit| unfit.hint) {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

/// `1 error`, `2 errors`
fn errors(diagnostics: &Diagnostics) -> String {
    let count = diagnostics.items.len() + diagnostics.more;
    if count == 1 { "1 error".to_owned() } else { format!("{count} errors") }
}

/// Tells what is wrong with a file.
///
/// # Errors
/// When nobody reads it.
pub fn tell(out: Output, diagnostics: &Diagnostics) -> Result<()> {
    if out.json {
        let mut value = diagnostics.to_json();
        value["type"] = "invalid".into();
        value["exit_code"] = (Exit::Invalid as u8).into();
        out.value(&value)?;
        return Ok(());
    }
    warn(diagnostics);
    let errors = errors(diagnostics);
    let first = diagnostics.items.first().map_or("", |item| item.code);
    warn(format!("`{}` has {errors}; nothing was run. More about one: ork explain {first}", diagnostics.file));
    Ok(())
}
