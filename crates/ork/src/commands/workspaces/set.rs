//! `ork workspaces set`.

use anyhow::Result;

use crate::config::Config;
use crate::exit_code::Exit;
use crate::output::Output;
use crate::view;
use crate::world::World;

/// Options of `ork workspaces set`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
What is left out stays. Servers know it 5 s later at the latest.

Examples:
  ork workspaces set media --isolate-owners true
  ork workspaces set media --live-runs-max 100 --requests-per-minute none")]
pub struct Args {
    /// Which.
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Whether viewers and users see only runs that belong to them.
    #[arg(long, value_name = "BOOL")]
    pub isolate_owners: Option<bool>,
    /// Runs that are not over, at most; `none` takes the limit away.
    #[arg(long, value_name = "N|none", value_parser = limit)]
    pub live_runs_max: Option<Limit>,
    /// Tasks that are not over, of all live runs, at most.
    #[arg(long, value_name = "N|none", value_parser = limit)]
    pub live_tasks_max: Option<Limit>,
    /// Days that a run is kept after its end, 0 for ever; `none` is 30.
    #[arg(long, value_name = "N|none", value_parser = limit)]
    pub keep_days: Option<Limit>,
    /// Requests of a minute, to each server, at most.
    #[arg(long, value_name = "N|none", value_parser = limit)]
    pub requests_per_minute: Option<Limit>,
    /// The same for each token.
    #[arg(long, value_name = "N|none", value_parser = limit)]
    pub token_requests_per_minute: Option<Limit>,
}

/// A limit, or that there is none.
#[derive(Debug, Clone, Copy)]
pub struct Limit(Option<u32>);

fn limit(text: &str) -> Result<Limit, String> {
    match text {
        "none" => Ok(Limit(None)),
        number => number.parse().map(|number| Limit(Some(number))).map_err(|_| "it is a number, or `none`".to_owned()),
    }
}

/// Carries out `ork workspaces set`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let world = World::find(out, config).await?;
    let mut row = super::row(&world, &args.name).await?;
    let settings = &mut row.settings;
    settings.isolate_owners = args.isolate_owners.unwrap_or(settings.isolate_owners);
    for (limit, wanted) in [
        (&mut settings.live_runs_max, args.live_runs_max),
        (&mut settings.live_tasks_max, args.live_tasks_max),
        (&mut settings.keep_days, args.keep_days),
        (&mut settings.requests_per_minute, args.requests_per_minute),
        (&mut settings.token_requests_per_minute, args.token_requests_per_minute),
    ] {
        *limit = wanted.map_or(*limit, |Limit(wanted)| wanted);
    }
    world.store.set_workspace(row.id, &row.settings).await?;
    if out.json {
        out.value(&view::value(ork_server::view::workspace(&row)))?;
    } else {
        out.talk(format!("`{}`: {}", row.name, super::told(&row.settings)));
    }
    Ok(Exit::Success)
}
