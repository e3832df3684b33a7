//! `ork runs retry`: a new run on the same plan.

use anyhow::Result;
use ork_api::Retry;
use ork_core::store::RunRow;
use ork_server::retry::{Unfit, Wish, again};
use serde_json::{Map, Value, json};

use crate::carrier::is_orphan;
use crate::carry::{self, Carriage, carry, row};
use crate::commands::tasks::show::cut;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::history::History;
use crate::ids;
use crate::operations;
use crate::output::Output;
use crate::progress::tasks;
use crate::reuse::no_node;
use crate::workflow_file::{read_object, refuse_prompts, tell};
use crate::world::World;

/// Options of `ork runs retry`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
The run that ended stays as it is; the new one has the same plan and inputs, but for those that -i replaces. A task that \
succeeded is taken over with its output if everything that it needs is, and it depends on no input that changed. A run \
that was carried by `ork run` is carried here as well; any other is left to the workers.

Examples:
  ork runs retry last
  ork runs retry last --from merge
  ork runs retry last --all --jobs 2
  ork runs retry last -i size=400")]
pub struct Args {
    /// A run that is over.
    #[arg(value_name = "RUN")]
    pub run: String,
    /// Take nothing over: do everything again.
    #[arg(long)]
    pub all: bool,
    /// Only do what did not succeed; this is the default.
    #[arg(long, conflicts_with = "all")]
    pub failed_only: bool,
    /// Do this task again although it succeeded, and all that depends on it.
    #[arg(long, value_name = "TASK", conflicts_with = "all")]
    pub from: Option<String>,
    /// Replace an input; may be repeated. What depends on one that changed is done again.
    #[arg(short = 'i', value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// A JSON object with inputs that are replaced: the text itself, or @FILE (@- is the standard input).
    #[arg(long, value_name = "JSON|@FILE")]
    pub input: Option<String>,
    #[command(flatten)]
    pub how: carry::Options,
}

/// Carries out `ork runs retry`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    if config.is_remote()? {
        return remote(&args, &History::find(out, config).await?).await;
    }
    let world = World::find(out, config).await?;
    let id = ids::run(&world.history(), &args.run).await?;
    let old = row(&world, id).await?;
    let input = args.input()?;
    let how = args.how.settle(out, config)?;
    let wish = Wish { all: args.all, from: args.from.as_deref(), input: &input };
    let again = match again(world.look(), &old, wish).await {
        Ok(again) => again,
        Err(Unfit::Invalid(diagnostics)) => {
            tell(out, &diagnostics)?;
            return Ok(Exit::Invalid);
        }
        Err(unfit) => return Err(refusal(&world, &old, wish, unfit).await?.into()),
    };
    if old.in_process {
        operations::check(&again.plan, &how.operations, None)?;
    }
    let taken = again.taken();
    let new = again.new_run(&old, world.new_run_id(), (&world.actor(), world.now()));
    world.store.submit(&new).await?;
    let note = format!("retry of {id}, {taken} of {} taken over", tasks(u64::from(old.tasks_total)));
    if old.in_process {
        out.talk(format!("{}  {}  {note}", new.plan.name, new.id));
        return carry(
            &world,
            new.id,
            &Carriage { how, new: Some(&new), before: None, strays: Vec::new(), again: None },
        )
        .await;
    }
    if out.json {
        out.value(&json!({"run_id": new.id.to_string(), "retry_of": id.to_string(), "reused": taken}))?;
    } else {
        out.data(new.id)?;
        out.talk(format!("{note}; follow it with: ork runs watch {}{}", new.id, world.flags()));
    }
    Ok(Exit::Success)
}

/// A server knows what succeeded, and leaves the new run to its workers.
async fn remote(args: &Args, history: &History) -> Result<Exit> {
    let id = ids::run(history, &args.run).await?;
    let failed_only = args.all.then_some(false);
    let wish = Retry { from: args.from.clone(), failed_only, input: args.input()?, external_id: None };
    let new = history.retry_run(id, &wish).await?;
    if history.out.json {
        history.out.value(&json!({"run_id": new.to_string(), "retry_of": id.to_string()}))?;
    } else {
        history.out.data(new)?;
        history.out.talk(format!("retry of {id}; follow it with: ork runs watch {new}{}", history.flags()));
    }
    Ok(Exit::Success)
}

impl Args {
    /// The inputs that are replaced. Nothing declares their types here: what is JSON is read as JSON, and the rest is text.
    fn input(&self) -> Result<Map<String, Value>> {
        let mut input = match &self.input {
            Some(text) => read_object(text)?,
            None => Map::new(),
        };
        for pair in &self.inputs {
            let Some((name, text)) = pair.split_once('=') else {
                return Err(Refusal::usage(format!("`-i {pair}` has no value"))
                    .hint(format!("-i {pair}=VALUE"))
                    .into());
            };
            let value = serde_json::from_str(text).unwrap_or_else(|_| text.into());
            input.insert(name.to_owned(), value);
        }
        Ok(input)
    }
}

/// What to say of a run that is not repeated.
///
/// # Errors
/// When the database cannot be read.
pub async fn refusal(world: &World, old: &RunRow, wish: Wish<'_>, unfit: Unfit) -> Result<Refusal> {
    let (id, flags) = (old.id, world.flags());
    Ok(match unfit {
        Unfit::NotOver => {
            let is_orphan = is_orphan(&world.history(), old).await?;
            let (gone, next) = if is_orphan { (", its process is gone", "run --resume") } else { ("", "runs watch") };
            let message = format!("`{id}` is {}{gone}: only a run that is over can be repeated", old.status);
            Refusal::usage(message).hint(format!("ork {next} {id}{flags}"))
        }
        Unfit::Nothing => Refusal::usage(format!("`{id}` succeeded: there is nothing to repeat"))
            .hint(format!("ork runs retry {id} --all{flags}, or --from TASK")),
        Unfit::NoTask(plan) => no_node(&plan, wish.from.unwrap_or_default()),
        Unfit::NoSource => {
            Refusal::usage(format!("the text of the workflow of `{id}` is not kept, so its inputs cannot be changed"))
                .hint("ork run FILE -i NAME=VALUE")
        }
        Unfit::Prompts(unfit) => refuse_prompts(unfit),
        Unfit::Input(error) => Refusal::usage(format!("the inputs: {error}")),
        Unfit::Store(error) => return Err(error.into()),
        Unfit::Invalid(diagnostics) => Refusal::usage(cut(&diagnostics.to_string())),
    })
}
