//! `ork hooks create`.

use anyhow::Result;
use ork_api::HookSecret;
use ork_server::hooks::{Wish, shape};
use ork_server::workflows;
use serde_json::{Map, Value};

use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::Output;
use crate::secret_key;
use crate::view;

/// Options of `ork hooks create`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
stdout has the path below the server's address, and the secret, a line each. Messages are those of Standard Webhooks, signed with \
the secret; each id starts one run. The body is a JSON object: it is the inputs of the run, or --input says what they are \
made of.

Examples:
  ork hooks create ci --workflow deploy
  ork hooks create upload --workflow reel --input '{\"source\": \"{{ body.file.url }}\"}'")]
pub struct Args {
    /// What people call it.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// The stored workflow that a message starts.
    #[arg(long, value_name = "WORKFLOW")]
    pub workflow: String,
    /// What the inputs are made of: a JSON object with expressions over `body` [default: the body is the inputs]
    #[arg(long, value_name = "JSON", value_parser = object)]
    pub input: Option<Map<String, Value>>,
    #[command(flatten)]
    pub key: secret_key::Options,
}

fn object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("it is no JSON object: {error}"))
}

/// Carries out `ork hooks create`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let Args { name, workflow, input, key } = args;
    let wish = Wish { name, workflow, secret: None, input };
    wish.check().map_err(|wrong| {
        let refusal = Refusal::usage(format!("the {}: {}", wrong.field, wrong.message));
        match wrong.hint {
            Some(hint) => refusal.hint(hint),
            None => refusal,
        }
    })?;
    let world = key.open(out, config).await?;
    if workflows::newest(world.look(), &wish.workflow).await?.is_none() {
        let message = format!("there is no stored workflow `{}`", wish.workflow);
        return Err(Refusal::no_match(message).hint(format!("ork workflows apply FILE{}", world.flags())).into());
    }
    let (with, actor) = ((world.store.as_ref(), world.vault.as_ref()), world.actor());
    let (row, secret) = wish.create(with, (world.workspace, &actor), world.now(), &mut OsEntropy).await?;
    let hook = shape(&row);
    if out.json {
        out.value(&view::value(HookSecret { hook, secret }))?;
        return Ok(Exit::Success);
    }
    out.data(&hook.path)?;
    out.data(secret)?;
    out.talk(format!("the path of `{}` below the server's address, and its secret, which is shown only now", row.name));
    Ok(Exit::Success)
}
