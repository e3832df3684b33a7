//! `ork webhooks deliveries`.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use ork_core::clock::Timestamp;
use ork_core::id::DeliveryId;
use ork_core::limits::PAGE_MAX;
use ork_core::store::{DeliveryFilter, DeliveryRow, DeliveryStatus, DeliveryTry};
use ork_server::webhooks::show;

use super::desk;
use crate::config::Config;
use crate::exit_code::{Exit, Refusal};
use crate::ids;
use crate::output::{Output, alarm, faint};
use crate::table;
use crate::view;
use crate::when::{ago, until};
use crate::world::World;

/// Options of `ork webhooks deliveries`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
A message keeps its id however often it is sent. After an attempt in vain it is sent again: after 5 s, 30 s, 2 min, 10 min, \
30 min, 1 h, 3 h, 6 h, 12 h and 24 h, each a fifth earlier or later; then it has failed.

Examples:
  ork webhooks deliveries
  ork webhooks deliveries --status failed
  ork webhooks deliveries --run last
  ork webhooks deliveries msg_019f3c2e-7a54-7d1c-b0f1-c1ca20000000")]
pub struct Args {
    /// Show this message, with what was sent and answered.
    #[arg(value_name = "MESSAGE", conflicts_with_all = ["run", "endpoint", "status", "limit"])]
    pub message: Option<String>,
    /// Only those about this run.
    #[arg(long, value_name = "RUN")]
    pub run: Option<String>,
    /// Only those for this endpoint.
    #[arg(long, value_name = "ENDPOINT")]
    pub endpoint: Option<String>,
    /// Only those that are so far.
    #[arg(long, value_parser = PossibleValuesParser::new(DeliveryStatus::ALL.iter().map(|status| status.word())))]
    pub status: Option<String>,
    /// At most so many.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=i64::from(PAGE_MAX)))]
    pub limit: u32,
}

/// Carries out `ork webhooks deliveries`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let Some(world) = World::open_existing(out, config).await? else {
        out.talk("no run has told anybody anything yet");
        return Ok(Exit::Success);
    };
    if let Some(text) = &args.message {
        return show_one(&world, text, out).await;
    }
    let run = match &args.run {
        Some(text) => Some(ids::run(&world.history(), text).await?),
        None => None,
    };
    let endpoint = match &args.endpoint {
        Some(text) => Some(desk(&world).endpoint(text).await?.id),
        None => None,
    };
    let status = args.status.as_deref().and_then(DeliveryStatus::from_word);
    let filter = DeliveryFilter { run, endpoint, status, before: None, limit: args.limit };
    let rows = world.store.deliveries(world.scope(), &filter).await?;
    if out.json {
        for row in &rows {
            out.value(&view::value(show::delivery(row)))?;
        }
        return Ok(Exit::Success);
    }
    if rows.is_empty() {
        out.talk("no message matches");
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, world.now())).collect();
    let paint = |column, cell: &str| match column {
        1 if cell == DeliveryStatus::Failed.word() => alarm(cell),
        3 | 4 => faint(cell),
        _ => cell.to_owned(),
    };
    for line in table::lines(&cells, paint) {
        out.data(line)?;
    }
    Ok(Exit::Success)
}

fn cells(row: &DeliveryRow, now: Timestamp) -> Vec<String> {
    let last = row.tries.last();
    let said = last.and_then(|last| last.error.clone()).unwrap_or_default();
    let next = row.next_attempt_at.map(|at| format!("next {}", until(at, now))).unwrap_or_default();
    vec![
        row.id.to_string(),
        row.status.word().to_owned(),
        row.occasion.word().to_owned(),
        row.url.clone(),
        ago(row.created_at, now),
        next,
        said,
    ]
}

/// The message that a command line names.
///
/// # Errors
/// When there is none.
pub async fn find(world: &World, text: &str) -> Result<DeliveryRow> {
    let id = text.parse::<DeliveryId>().map_err(|error| Refusal::usage(format!("{error}")))?;
    let found = world.store.delivery(world.scope(), id).await?;
    Ok(found.ok_or_else(|| Refusal::no_match(format!("there is no message `{id}`")))?)
}

async fn show_one(world: &World, text: &str, out: Output) -> Result<Exit> {
    let row = find(world, text).await?;
    if out.json {
        out.value(&view::value(show::detail(&row)))?;
        return Ok(Exit::Success);
    }
    let now = world.now();
    out.data(format!("{}  {}  {}  {}", row.id, row.status.word(), row.occasion.word(), row.url))?;
    for one in &row.tries {
        out.data(format!("  {}", attempt(one, now)))?;
        for line in one.response.iter().flat_map(|text| text.lines()) {
            // A line of somebody else's must not move the cursor.
            out.data(format!("    {}", line.escape_debug()))?;
        }
    }
    if let Some(at) = row.next_attempt_at {
        out.data(format!("  next {}", until(at, now)))?;
    }
    if let Some(body) = &row.body {
        out.data(format!("  {body}"))?;
    }
    Ok(Exit::Success)
}

fn attempt(one: &DeliveryTry, now: Timestamp) -> String {
    let status = one.status_code.map(|code| code.to_string()).unwrap_or_else(|| "no answer".to_owned());
    let error = one.error.as_ref().map(|error| format!(": {}", error.escape_debug())).unwrap_or_default();
    format!("{}  {status} in {} ms{error}", ago(one.at, now), one.took_ms)
}
