//! `ork doctor`: the invariants of what is stored.

use anyhow::Result;
use ork_core::check::check;
use ork_core::id::RunId;
use ork_core::limits::PAGE_MAX;
use ork_core::seal::{Finding as Changed, verify};
use ork_core::state::RunStatus;
use ork_core::store::{RunFilter, Scope, Store};
use ork_vault::Keyring;
use serde_json::{Value, json};

use crate::carrier::orphans;
use crate::carry::row;
use crate::config::Config;
use crate::database::Database;
use crate::exit_code::Exit;
use crate::ids;
use crate::output::{Output, warn};
use crate::world::World;

/// Options of `ork doctor`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Reads, and changes nothing. Each finding names the invariant and the guarantee that it breaks; there should be none, \
whatever was killed. Exits with 1 when there is one. A run whose process is gone is none; it is \
mentioned.

Examples:
  ork doctor
  ork doctor last --json")]
pub struct Args {
    /// Only this run, and not the database itself.
    #[arg(value_name = "RUN")]
    pub run: Option<String>,
}

/// What is wrong, and with what.
struct Finding {
    run: Option<RunId>,
    rule: String,
    guarantee: Option<&'static str>,
    message: String,
}

/// Carries out `ork doctor`.
pub async fn run(args: Args, out: Output, config: &Config) -> Result<Exit> {
    let mut findings = Vec::new();
    let (mut runs, mut lost, mut note) = (0, Vec::new(), None);
    if args.run.is_none() {
        let database = config.database()?;
        for problem in database.verify().await?.unwrap_or_default().problems {
            match &database {
                Database::Sqlite(_) | Database::Files(_) => {
                    findings.push(Finding {
                        run: None,
                        rule: "database".into(),
                        guarantee: Some("G1"),
                        message: problem,
                    });
                }
                // How a server is set up is its operator's choice; `ork db verify` fails on it.
                Database::Postgres(_) => warn(format!("warning: {problem}")),
            }
        }
    }
    // A broken file is not opened: SQLite might write to it.
    if findings.is_empty()
        && let Some(world) = World::open_existing(out, config).await?
    {
        runs = match &args.run {
            Some(text) => {
                let run = ids::run(&world.history(), text).await?;
                lost.extend(orphans(&world.history(), &[row(&world, run).await?]).await?);
                look_at_seals(&world, Some(run), &mut findings).await?;
                look_at(world.store.as_ref(), run, &mut findings).await?
            }
            None => {
                lost = without_process(&world).await?;
                look_at_seals(&world, None, &mut findings).await?;
                look_at_all(world.store.as_ref(), &mut findings).await?
            }
        };
        note = mention(&world, &lost);
    }
    tell(out, runs, &findings, &lost)?;
    if let Some(note) = note {
        out.talk(note);
    }
    Ok(if findings.is_empty() { Exit::Success } else { Exit::Failed })
}

/// The runs that go on only if somebody resumes them, oldest first.
async fn without_process(world: &World) -> Result<Vec<RunId>> {
    let statuses = RunStatus::ALL.iter().copied().filter(|status| !status.is_terminal()).collect();
    let mut filter = RunFilter { statuses, limit: PAGE_MAX, ..RunFilter::default() };
    let mut found = Vec::new();
    loop {
        let rows = world.store.runs(world.scope(), &filter).await?;
        found.extend(orphans(&world.history(), &rows).await?);
        if rows.len() < PAGE_MAX as usize {
            found.sort_unstable();
            return Ok(found);
        }
        filter.before = rows.last().map(|row| row.id);
    }
}

/// What to say of runs that lost their process: no invariant is broken, and yet somebody may wait for them.
fn mention(world: &World, lost: &[RunId]) -> Option<String> {
    let newest = lost.last()?;
    let whose = match lost.len() {
        1 => "1 run has lost its process".to_owned(),
        n => format!("{n} runs have lost their process"),
    };
    Some(format!("{whose}; go on with: ork run --resume {newest}{}", world.flags()))
}

/// Looks at all runs that a store holds, and says what is wrong; how many there are.
pub async fn inspect(store: &dyn Store) -> Result<(u64, Vec<String>)> {
    let mut findings = Vec::new();
    let runs = look_at_all(store, &mut findings).await?;
    let shown = findings.iter().map(|finding| match finding.run {
        Some(run) => format!("{run}: {}: {}", finding.rule, finding.message),
        None => format!("{}: {}", finding.rule, finding.message),
    });
    Ok((runs, shown.collect()))
}

async fn look_at_all(store: &dyn Store, findings: &mut Vec<Finding>) -> Result<u64> {
    let (mut runs, mut last) = (0, None);
    loop {
        let page = store.run_ids(Scope::All, last, PAGE_MAX).await?;
        for run in &page {
            runs += look_at(store, *run, findings).await?;
        }
        last = page.last().copied();
        if page.is_empty() {
            break;
        }
    }
    for (key, limit, counted) in store.overbooked(Scope::All).await? {
        let message = format!("concurrency key `{key}` has {counted} of {limit} slots taken");
        findings.push(Finding { run: None, rule: "overbooked".into(), guarantee: Some("G14"), message });
    }
    Ok(runs)
}

/// 1, or 0 for a run that was removed meanwhile.
async fn look_at(store: &dyn Store, run: RunId, findings: &mut Vec<Finding>) -> Result<u64> {
    let Some(dump) = store.dump(Scope::All, run).await? else { return Ok(0) };
    findings.extend(check(&dump).into_iter().map(|violation| Finding {
        run: Some(run),
        rule: violation.rule.into(),
        guarantee: Some(violation.guarantee),
        message: violation.message,
    }));
    Ok(1)
}

/// Whether the events of runs are as they were sealed, if the key is at hand.
async fn look_at_seals(world: &World, run: Option<RunId>, findings: &mut Vec<Finding>) -> Result<()> {
    if world.vault.key_id().is_none() {
        return Ok(());
    }
    let (store, kept) = (world.store.as_ref(), world.store.seal_keys().await?);
    let keyring = Keyring::new(&world.vault, &kept);
    let keys = |id: &str| keyring.key(id);
    let mut last = None;
    loop {
        let page = match run {
            Some(run) => vec![run],
            None => store.run_ids(Scope::All, last, PAGE_MAX).await?,
        };
        for run in &page {
            // What is not sealed is no finding, nor what was removed meanwhile, nor a seal of a process that has another key:
            // of that `ork events verify` tells.
            let Some(verdict) = verify(store, Scope::All, *run, &keys, None).await? else { continue };
            let known = verdict.findings.iter().filter(|finding| !matches!(finding, Changed::UnknownKey { .. }));
            findings.extend(known.map(|finding| Finding {
                run: Some(*run),
                rule: "events-are-as-sealed".into(),
                guarantee: Some("G6"),
                message: finding.to_string(),
            }));
        }
        last = page.last().copied();
        if page.is_empty() || run.is_some() {
            return Ok(());
        }
    }
}

fn tell(out: Output, runs: u64, findings: &[Finding], lost: &[RunId]) -> Result<()> {
    if out.json {
        let shown: Vec<Value> = findings
            .iter()
            .map(|finding| {
                json!({
                    "run_id": finding.run.map(|run| run.to_string()),
                    "rule": finding.rule,
                    "guarantee": finding.guarantee,
                    "message": finding.message,
                })
            })
            .collect();
        let lost: Vec<String> = lost.iter().map(RunId::to_string).collect();
        return Ok(out.value(&json!({"runs": runs, "findings": shown, "without_process": lost}))?);
    }
    for finding in findings {
        let run = finding.run.map(|run| format!("{run}: ")).unwrap_or_default();
        let guarantee = finding.guarantee.unwrap_or_default();
        out.data(format!("{run}{} ({guarantee}): {}", finding.rule, finding.message))?;
    }
    let runs = if runs == 1 { "1 run".to_owned() } else { format!("{runs} runs") };
    let found = match findings.len() {
        0 => "nothing is wrong".to_owned(),
        1 => "1 finding".to_owned(),
        n => format!("{n} findings"),
    };
    Ok(out.data(format!("{runs} checked: {found}"))?)
}
