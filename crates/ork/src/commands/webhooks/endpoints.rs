//! `ork webhooks endpoints`.

use anyhow::Result;
use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use ork_core::limits::is_name;
use ork_core::store::{EndpointChange, EndpointRow};
use ork_core::webhook::{Format, Occasion};
use ork_server::webhooks::desk::{OVERLAP_MS, OVERLAP_MS_MAX};
use ork_server::webhooks::{Asked, Wrong, check_secret, events, format, show, url};
use serde_json::json;

use super::desk;
use crate::config::Config;
use crate::entropy::OsEntropy;
use crate::exit_code::{Exit, Refusal};
use crate::output::{Output, alarm, faint};
use crate::secret_key;
use crate::table;
use crate::view;
use crate::when::{ago, parse_ms};
use crate::world::World;

/// What there is to do with endpoints.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make an endpoint, and print its secret, once.
    Create(Create),
    /// List endpoints.
    List(List),
    /// Change an endpoint, or have it told nothing for a while.
    Change(Change),
    /// Give an endpoint another secret, and print it, once.
    Rotate(Rotate),
    /// Delete an endpoint; its messages stay in the list.
    Delete(Delete),
}

/// Options of `ork webhooks endpoints create`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
It is told of all runs of the workspace, from now on. Messages are those of Standard Webhooks, signed with the secret; with \
--format execution they are {executionId, status, result, error, completedAt}, signed by X-Webhook-Signature. Addresses that \
are not public are refused when a message is sent, unless `egress.allow` names them.

Examples:
  ork webhooks endpoints create ci --url https://ci.example.com/ork
  ork webhooks endpoints create audit --url https://audit.example.com/ork --events run.finished,task.finished")]
pub struct Create {
    /// What people call it.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Where messages go.
    #[arg(long, value_name = "URL")]
    pub url: String,
    /// What is told, with commas between them [default: run.finished]
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', value_parser = event_words())]
    pub events: Option<Vec<String>>,
    /// How messages look.
    #[arg(long, default_value = "standard", value_parser = format_words())]
    pub format: String,
    #[command(flatten)]
    pub key: secret_key::Options,
}

/// Options of `ork webhooks endpoints list`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork webhooks endpoints list
  ork webhooks endpoints list --json")]
pub struct List {}

/// Options of `ork webhooks endpoints change`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What waits for an endpoint that is disabled fails; `ork webhooks redeliver --failed` sends it again.

Examples:
  ork webhooks endpoints change ci --url https://ci.example.com/hooks/ork
  ork webhooks endpoints change ci --disable
  ork webhooks endpoints change ci --enable")]
pub struct Change {
    /// An endpoint, by its name or its id.
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// Where messages go.
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// What is told, with commas between them.
    #[arg(long, value_name = "EVENTS", value_delimiter = ',', value_parser = event_words())]
    pub events: Option<Vec<String>>,
    /// How messages look.
    #[arg(long, value_parser = format_words())]
    pub format: Option<String>,
    /// Tell it again, also one that said that it is gone.
    #[arg(long, conflicts_with = "disable")]
    pub enable: bool,
    /// Tell it nothing.
    #[arg(long)]
    pub disable: bool,
}

/// Options of `ork webhooks endpoints rotate`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
For as long as --overlap says, messages are signed with both secrets.

Examples:
  ork webhooks endpoints rotate ci
  ork webhooks endpoints rotate ci --overlap 1h")]
pub struct Rotate {
    /// An endpoint, by its name or its id.
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
    /// How long messages are signed with the old secret as well [default: 24h]
    #[arg(long, value_name = "TIME", value_parser = parse_ms)]
    pub overlap: Option<u64>,
    #[command(flatten)]
    pub key: secret_key::Options,
}

/// Options of `ork webhooks endpoints delete`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  ork webhooks endpoints delete ci")]
pub struct Delete {
    /// An endpoint, by its name or its id.
    #[arg(value_name = "ENDPOINT")]
    pub endpoint: String,
}

fn event_words() -> PossibleValuesParser {
    PossibleValuesParser::new(Occasion::EVENTS.iter().map(|occasion| occasion.word()))
}

fn format_words() -> PossibleValuesParser {
    PossibleValuesParser::new(Format::ALL.iter().map(|format| format.word()))
}

/// Carries out `ork webhooks endpoints`.
pub async fn run(command: Command, out: Output, config: &Config) -> Result<Exit> {
    match command {
        Command::Create(args) => create(args, out, config).await,
        Command::List(_) => list(out, config).await,
        Command::Change(args) => change(args, out, config).await,
        Command::Rotate(args) => rotate(args, out, config).await,
        Command::Delete(args) => delete(args, out, config).await,
    }
}

fn refuse(wrong: Wrong) -> Refusal {
    let refusal = Refusal::usage(format!("the {}: {}", wrong.field, wrong.message));
    match wrong.hint {
        Some(hint) => refusal.hint(hint),
        None => refusal,
    }
}

async fn create(args: Create, out: Output, config: &Config) -> Result<Exit> {
    if !is_name(&args.name) {
        return Err(Refusal::usage(format!("no endpoint can be called `{}`", args.name)).into());
    }
    let asked =
        Asked { url: &args.url, secret: None, events: args.events.as_deref(), format: Some(args.format.as_str()) };
    let wish = asked.check().map_err(refuse)?;
    let world = args.key.open(out, config).await?;
    let (row, secret) = desk(&world).create(args.name, wish, &world.actor(), &mut OsEntropy).await?;
    tell_secret(&row, secret, out)
}

fn tell_secret(row: &EndpointRow, secret: String, out: Output) -> Result<Exit> {
    if out.json {
        let shape = ork_api::EndpointSecret { endpoint: show::endpoint(row), secret };
        out.value(&view::value(shape))?;
        return Ok(Exit::Success);
    }
    out.data(secret)?;
    out.talk(format!("the secret of `{}`, which is shown only now", row.name));
    Ok(Exit::Success)
}

async fn list(out: Output, config: &Config) -> Result<Exit> {
    let none = |flags: &str| {
        out.talk(format!(
            "no endpoint is told of runs; make one with: ork webhooks endpoints create NAME --url URL{flags}"
        ));
    };
    let Some(world) = World::open_existing(out, config).await? else {
        none("");
        return Ok(Exit::Success);
    };
    let rows = world.store.endpoints(world.scope()).await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(show::endpoint(row)))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        none(&world.flags());
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, &world)).collect();
    let paint = |column, cell: &str| match column {
        0 | 1 => cell.to_owned(),
        4 => alarm(cell),
        _ => faint(cell),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn cells(row: &EndpointRow, world: &World) -> Vec<String> {
    let off = row.disabled_at.map(|at| {
        let why = row.disabled_because.clone().unwrap_or_default();
        format!("told nothing since {}: {why}", ago(at, world.now()))
    });
    let events = row.events.words().join(",");
    vec![row.name.clone(), row.url.clone(), events, row.format.word().to_owned(), off.unwrap_or_default()]
}

async fn change(args: Change, out: Output, config: &Config) -> Result<Exit> {
    let is_enabled = (args.enable || args.disable).then_some(args.enable);
    let change = EndpointChange {
        url: args.url.as_deref().map(url).transpose().map_err(refuse)?,
        events: args.events.as_deref().map(events).transpose().map_err(refuse)?,
        format: args.format.as_deref().map(format).transpose().map_err(refuse)?,
        is_enabled,
    };
    if change == EndpointChange::default() {
        return Err(Refusal::usage("nothing is to be changed")
            .hint("--url, --events, --format, --enable or --disable")
            .into());
    }
    let world = World::find(out, config).await?;
    let row = desk(&world).endpoint(&args.endpoint).await?;
    world.store.change_endpoint(world.scope(), row.id, &change, world.now()).await?;
    let row = desk(&world).endpoint(&row.id.to_string()).await?;
    if out.json {
        out.value(&view::value(show::endpoint(&row)))?;
    } else {
        out.data(format!("changed: {}", row.name))?;
    }
    Ok(Exit::Success)
}

async fn rotate(args: Rotate, out: Output, config: &Config) -> Result<Exit> {
    let overlap_ms = args.overlap.unwrap_or(OVERLAP_MS);
    if overlap_ms > OVERLAP_MS_MAX {
        return Err(Refusal::usage("`--overlap` is at most 30 days").into());
    }
    let world = args.key.open(out, config).await?;
    let row = desk(&world).endpoint(&args.endpoint).await?;
    let secret = desk(&world).rotate(row.id, None, overlap_ms, &mut OsEntropy).await?;
    debug_assert_eq!(check_secret(&secret, row.format), Ok(()));
    tell_secret(&desk(&world).endpoint(&row.id.to_string()).await?, secret, out)
}

async fn delete(args: Delete, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let row = desk(&world).endpoint(&args.endpoint).await?;
    let deleted = world.store.delete_endpoint(world.scope(), row.id).await?;
    if out.json {
        out.value(&json!({"endpoint_id": row.id.to_string(), "deleted": deleted}))?;
    } else {
        out.data(format!("deleted: {}", row.name))?;
    }
    Ok(Exit::Success)
}
