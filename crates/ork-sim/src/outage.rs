//! PostgreSQL is away for a long time while tasks end: nothing new is taken, nothing that was done is done again.
#![allow(clippy::disallowed_methods, reason = "it times and waits for real processes")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::fleet::{Answer, Fleet, Request};
use crate::kills::elapsed_ms;

/// Tasks that are at work when the database goes away, and that are followed by one more.
const TASKS: usize = 24;
/// How long a client asks for an answer, whatever it is.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the run may take to end once the database is back.
const END: Duration = Duration::from_secs(60);

/// A task says when it begins and when it ends, and lasts up to half of the outage.
fn workflow(outage: Duration) -> String {
    let (first, step) = (outage.as_millis() / 20, outage.as_millis() / (TASKS as u128 * 3));
    let durations: Vec<String> = (0..TASKS as u128).map(|n| format!("{}e-3", first + n * step)).collect();
    format!(
        "name: outage\ninputs:\n  witness: {{type: string, required: true}}\nenv: {{WITNESS: \"{{{{ inputs.witness }}}}\"}}\ntasks:\n  \
         work:\n    each: [{}]\n    env: {{NAP: \"{{{{ task.item }}}}\"}}\n    output: stdout\n    run: |\n      \
         echo \"start $ORK_TASK_INDEX\" >> \"$WITNESS\"; sleep \"$NAP\"; echo \"stop $ORK_TASK_INDEX\" >> \"$WITNESS\"; echo $ORK_TASK_INDEX\n  \
         after:\n    depends_on: [work]\n    run: echo \"after\" >> \"$WITNESS\"\n",
        durations.join(", ")
    )
}

/// Proves it: one server, one worker that lives, one that is killed while its outcomes are on disk.
///
/// # Errors
/// What was lost, done twice, or wrong, in words.
pub fn prove(ork: &Path, base: &str, outage: Duration) -> Result<Value, String> {
    let mut fleet = Fleet::start(ork, base, (1, 1, TASKS / 2), 500_000)?;
    let verdict = sit_out(&mut fleet, outage).map_err(|problem| format!("{problem}\n{}", fleet.said()))?;
    fleet.remove();
    Ok(verdict)
}

fn sit_out(fleet: &mut Fleet, outage: Duration) -> Result<Value, String> {
    let witness = fleet.place.folder.join("witness");
    let count = |word: &str| {
        let text = fs::read_to_string(&witness).unwrap_or_default();
        text.lines().filter(|line| line.starts_with(word)).count()
    };
    let body = json!({"source": workflow(outage), "input": {"witness": witness.display().to_string()}}).to_string();
    let submit = Request { method: "POST", path: "/api/v1/runs", headers: "", body: &body };
    let id = expect(fleet, &submit, 202)?.body["id"].as_str().ok_or("a run without an id")?.to_owned();
    until("all tasks are at work", PATIENCE, || count("start") == TASKS)?;
    let begin = Instant::now();
    fleet.postgres("stop")?;
    let refused = until_refused(fleet, &submit)?;
    if !refused.head.to_lowercase().contains("retry-after: ") {
        return Err(format!("a submit was refused without `Retry-After`: {}", refused.head));
    }
    expect(fleet, &Request::get("/livez"), 200)?;
    expect(fleet, &Request::get("/readyz?verbose"), 503)?;
    until("all tasks have ended", outage, || count("stop") == TASKS)?;
    // Both nodes have ended tasks. One of them does not live to settle them.
    std::thread::sleep(outage.saturating_sub(begin.elapsed()));
    let spooled = files(&fleet.place.folder.join("home/.local/share/ork/spool"));
    if spooled != fleet.len() {
        return Err(format!("{spooled} of {} nodes have outcomes on disk", fleet.len()));
    }
    fleet.kill(1)?;
    let back = Instant::now();
    fleet.postgres("start")?;
    fleet.revive(1)?;
    let path = format!("/api/v1/runs/{id}");
    let over = |fleet: &mut Fleet| -> Result<bool, String> {
        fleet.tend()?;
        let answer = fleet.ask(&Request::get(&path), PATIENCE)?;
        Ok(answer.status == 200 && matches!(answer.body["status"].as_str(), Some("success" | "failed" | "cancelled")))
    };
    while !over(fleet)? {
        if back.elapsed() > END {
            return Err(format!("the run is not over {} s after the database came back", END.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let ended_ms = elapsed_ms(back);
    check(fleet, &id, (count("start"), count("stop"), count("after")))?;
    Ok(json!({
        "verdict": "new work refused, results kept on disk, no task run again, doctor clean",
        "outage_seconds": outage.as_secs(),
        "tasks_that_ended_in_it": TASKS,
        "workers_with_outcomes_on_disk": spooled,
        "over_after_ms": ended_ms,
    }))
}

fn check(fleet: &Fleet, id: &str, seen: (usize, usize, usize)) -> Result<(), String> {
    if seen != (TASKS, TASKS, 1) {
        return Err(format!("{seen:?} starts, stops and followers of {TASKS} tasks"));
    }
    let shown = fleet.place.say(&["runs", "show", id, "--json"])?;
    let shown: Value = serde_json::from_str(&shown).map_err(|e| format!("`ork runs show --json`: {e}"))?;
    let tasks = shown["tasks"].as_array().ok_or("the run has no `tasks`")?;
    if let Some(task) = tasks.iter().find(|task| task["status"] != "success" || task["attempt"] != 1) {
        return Err(format!("a task was not done in its first attempt: {task}"));
    }
    fleet.place.say(&["doctor"]).map(drop)
}

fn expect(fleet: &mut Fleet, request: &Request<'_>, status: u16) -> Result<Answer, String> {
    let answer = fleet.ask(request, PATIENCE)?;
    if answer.status == status { Ok(answer) } else { Err(format!("`{}`: {answer:?}", request.path)) }
}

/// The server may not have noticed yet.
fn until_refused(fleet: &mut Fleet, submit: &Request<'_>) -> Result<Answer, String> {
    let begin = Instant::now();
    loop {
        let probe = Request::get("/api/v1/runs");
        if fleet.ask(&probe, PATIENCE)?.status == 503 {
            return expect(fleet, submit, 503);
        }
        if begin.elapsed() > PATIENCE {
            return Err("the server answers without its database".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn until(what: &str, patience: Duration, mut is_so: impl FnMut() -> bool) -> Result<(), String> {
    let begin = Instant::now();
    while !is_so() {
        if begin.elapsed() > patience {
            return Err(format!("not within {} s: {what}", patience.as_secs()));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { files(&entry.path()) } else { 1 }).sum()
}
