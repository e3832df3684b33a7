//! What waiting costs: a server that is started where so many tasks wait at gates, against one that is started where nothing does; then
//! all of them are approved, and go on. And how long it takes to go on with a large folder.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::figures::Figures;
use crate::kills::{Database, Place};
use crate::serving::{Serving, Watch, now_ns, rest, text};

/// Memory that so many waiting tasks may add, in MiB.
const MEMORY_MAX: f64 = 20.0;
/// CPU that a server may use while nothing happens, in milliseconds for each minute.
const CPU_MAX: f64 = 60.0;
/// How long anything may take that is waited for, in seconds.
const PATIENCE: f64 = 1_200.0;
/// Requests that approve, at once.
const DECIDERS: usize = 4;
/// A tick of `/proc`, in milliseconds.
const TICK_MS: f64 = 10.0;

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Tasks that wait.
    pub gates: u64,
    /// How long they are left alone.
    pub seconds: u64,
    /// The large folder.
    pub mebibytes: u64,
}

/// Measures it, on both databases.
///
/// # Errors
/// When waiting costs more than it may, or a task does not go on.
pub fn prove(ork: &Path, base: &str, size: Size) -> Result<Value, String> {
    let mut figures = Figures::default();
    let mut facts = json!({"gates": size.gates, "seconds": size.seconds, "folder_mebibytes": size.mebibytes});
    for database in [Database::Sqlite, Database::Postgres(base.into())] {
        let place = Place::new(ork, &database, 7_000_000)?;
        let word = database.word();
        let idle = at_rest(serving(&place)?.pid(), size.seconds)?;
        let (run, seconds) = let_wait(&serving(&place)?, size)?;
        let server = serving(&place)?;
        let mut found = go_on(&mut figures, &server, (word, &run, idle), size)?;
        found["seconds_until_all_wait"] = seconds.round().into();
        let (empty, full) = (restore(&server, 0)?, restore(&server, size.mebibytes)?);
        figures.note(
            &format!("approval to the next step, {} MiB, {word}", size.mebibytes),
            "ms",
            Some(full),
            (Some(empty), None),
        );
        drop(server);
        place.say(&["doctor"])?;
        facts[word] = found;
        place.remove(&database);
    }
    figures.verdict("waiting is a row, all went on, doctor clean", facts)
}

/// What a process uses.
#[derive(Debug, Clone, Copy)]
struct Used {
    mebibytes: f64,
    cpu_ms: f64,
    threads: f64,
}

#[allow(clippy::cast_precision_loss, reason = "figures")]
fn used(pid: u32) -> Result<Used, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(text)?;
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    };
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(text)?;
    let after = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    let (memory, threads) = (field("RssAnon:").ok_or("no RssAnon")?, field("Threads:").ok_or("no Threads")?);
    Ok(Used { mebibytes: memory / 1024.0, cpu_ms: ticks as f64 * TICK_MS, threads })
}

/// What a process uses while nothing happens: CPU in a minute.
#[allow(clippy::cast_precision_loss, reason = "figures")]
fn at_rest(pid: u32, seconds: u64) -> Result<Used, String> {
    rest(10_000);
    let before = used(pid)?;
    rest(seconds * 1_000);
    let after = used(pid)?;
    Ok(Used { cpu_ms: (after.cpu_ms - before.cpu_ms) * 60.0 / seconds as f64, ..after })
}

fn serving(place: &Place) -> Result<Serving, String> {
    Serving::start(place, &["--capacity", "8"])
}

/// Submits tasks that wait, and waits until they do; their run, and how many seconds that took.
fn let_wait(server: &Serving, size: Size) -> Result<(String, f64), String> {
    let steps = json!([
        {"name": "ask", "phase": "execution", "gate": {"approval": {}}},
        {"name": "after", "phase": "execution", "command": ["true"]},
    ]);
    let plan = json!({"tasks": {"t": {"count": size.gates, "steps": steps}}});
    let watch = Watch::start();
    let run = server.submit(&plan)?;
    while (open_gates(server, &run)?.len() as u64) < size.gates {
        patient(&watch)?;
        rest(500);
    }
    Ok((run, watch.seconds()))
}

fn go_on(
    figures: &mut Figures,
    server: &Serving,
    (word, run, idle): (&str, &str, Used),
    size: Size,
) -> Result<Value, String> {
    let waiting = at_rest(server.pid(), size.seconds)?;
    let (gates, watch) = (open_gates(server, run)?, Watch::start());
    approve(server, &gates)?;
    let approved = watch.seconds();
    end(server, run, &watch)?;
    let added = waiting.mebibytes - idle.mebibytes;
    let count = size.gates;
    figures.note(&format!("memory of {count} waiting tasks, {word}"), "MiB", Some(added), (None, Some(MEMORY_MAX)));
    let cpu = waiting.cpu_ms - idle.cpu_ms;
    let what = format!("CPU in 60 s for {count} waiting tasks, beside a server's own, {word}");
    figures.note(&what, "ms", Some(cpu), (Some(idle.cpu_ms), Some(CPU_MAX)));
    figures.note(&format!("threads more, {word}"), "", Some(waiting.threads - idle.threads), (None, Some(0.0)));
    Ok(json!({
        "idle_mebibytes": idle.mebibytes.round(), "idle_cpu_ms_in_60_s": idle.cpu_ms.round(),
        "seconds_to_approve": approved.round(), "seconds_until_all_are_over": watch.seconds().round(),
    }))
}

fn patient(watch: &Watch) -> Result<(), String> {
    if watch.seconds() > PATIENCE { Err("it takes too long".into()) } else { Ok(()) }
}

/// The ids of a run's open gates.
fn open_gates(server: &Serving, run: &str) -> Result<Vec<String>, String> {
    let (mut ids, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = server.get(&format!("/api/v1/gates?run={run}&status=open&limit=200{cursor}"))?;
        let items = page["items"].as_array().ok_or_else(|| page.to_string())?;
        ids.extend(items.iter().filter_map(|gate| gate["id"].as_str().map(str::to_owned)));
        let Some(next) = page["next_cursor"].as_str() else { return Ok(ids) };
        cursor = format!("&cursor={next}");
    }
}

fn approve(server: &Serving, gates: &[String]) -> Result<(), String> {
    std::thread::scope(|scope| {
        let parts: Vec<_> = gates.chunks(gates.len().div_ceil(DECIDERS).max(1)).collect();
        let deciders: Vec<_> = parts
            .into_iter()
            .map(|part| {
                scope.spawn(move || {
                    part.iter()
                        .try_for_each(|gate| server.post(&format!("/api/v1/gates/{gate}/approve"), "{}").map(drop))
                })
            })
            .collect();
        deciders.into_iter().try_for_each(|decider| decider.join().map_err(|_| "a panic".to_owned())?)
    })
}

fn end(server: &Serving, run: &str, watch: &Watch) -> Result<(), String> {
    loop {
        let shown = server.get(&format!("/api/v1/runs/{run}"))?;
        match shown["status"].as_str() {
            Some("success") => return Ok(()),
            Some("failed" | "cancelled") => return Err(shown.to_string()),
            _ => patient(watch)?,
        }
        rest(200);
    }
}

/// Milliseconds from the request that approves to the beginning of the next step, which has a folder of this size.
fn restore(server: &Serving, mebibytes: u64) -> Result<f64, String> {
    let script = format!("head -c {} /dev/urandom > large", mebibytes << 20);
    let plan = json!({"tasks": {"t": {"output": "stdout", "steps": [
        {"name": "fill", "phase": "setup", "run": script},
        {"name": "ask", "phase": "execution", "gate": {"approval": {}}},
        {"name": "after", "phase": "execution", "command": ["date", "+%s%N"]},
    ]}}});
    let (run, watch) = (server.submit(&plan)?, Watch::start());
    let gate = loop {
        if let Some(gate) = open_gates(server, &run)?.pop() {
            break gate;
        }
        patient(&watch)?;
        rest(50);
    };
    let began = now_ns()?;
    server.post(&format!("/api/v1/gates/{gate}/approve"), "{}")?;
    end(server, &run, &watch)?;
    let tasks = server.get(&format!("/api/v1/runs/{run}/tasks"))?;
    let task = tasks["items"][0]["id"].as_str().ok_or("no task")?;
    let task = server.get(&format!("/api/v1/tasks/{task}"))?;
    let at: u128 = task["output"].as_str().unwrap_or_default().trim().parse().map_err(|_| task.to_string())?;
    #[allow(clippy::cast_precision_loss, reason = "milliseconds")]
    let ms = at.saturating_sub(began) as f64 / 1e6;
    Ok(ms)
}
