//! How long `ork db copy` takes, from SQLite to PostgreSQL and back, and how much memory it has at its peak. Half of the tasks are
//! over, with outputs, attempts and events; the others wait.
//!
//! The command checks what it has written as `ork doctor` does, and that is a part of its time.

use std::path::Path;
use std::process::{Child, Stdio};

use ork_core::limits::TASKS_MAX;
use serde_json::{Value, json};

use crate::figures::Figures;
use crate::kills::{Database, Place};
use crate::past::{Past, wait};
use crate::serving::{Watch, days_ago, rest, text};

/// What a copy may have in memory at its peak, in MiB, however much there is.
const MEMORY_MAX: f64 = 256.0;

/// Copies so many tasks there and back.
///
/// # Errors
/// When something is missing in a copy, is wrong, or took too much memory.
pub fn prove(ork: &Path, base: &str, tasks: u64) -> Result<Value, String> {
    let databases = [Database::Sqlite, Database::Postgres(base.into())];
    let [here, there] = [Place::new(ork, &databases[0], 7_000_000)?, Place::new(ork, &databases[1], 7_000_000)?];
    let (path, filling) = (here.folder.join("ork.db"), Watch::start());
    wait(fill(&path, tasks))?;
    println!("{tasks} tasks are written after {:.0} s", filling.seconds());
    let back = format!("sqlite:{}", here.folder.join("back.db").display());
    let mut figures = Figures::default();
    let mut facts = json!({"tasks": tasks, "database_mib": mib(&path)});
    let mut all = Vec::new();
    for (way, from, to) in [("sqlite to postgres", &here.url, &there.url), ("postgres to sqlite", &there.url, &back)] {
        let copied = copy(&here, from, to)?;
        if copied.told["tables"]["tasks"] != tasks {
            return Err(format!("{tasks} tasks, {way}: {}", copied.told));
        }
        copied.note(&mut figures, way);
        let looking = Watch::start();
        here.say(&["doctor", "--database", to])?;
        figures.note(&format!("doctor after {way}"), "s", Some(looking.seconds()), (None, None));
        all.push(copied.told["tables"].clone());
    }
    if all[0] != all[1] {
        return Err(format!("what came back is not what went: {all:?}"));
    }
    facts["rows"] = all.swap_remove(0);
    for (place, database) in [&here, &there].into_iter().zip(&databases) {
        place.remove(database);
    }
    figures.verdict("complete, in bounded memory, doctor clean", facts)
}

/// As wide as runs may be; half of the tasks are carried out.
async fn fill(path: &Path, tasks: u64) -> Result<(), String> {
    let mut past = Past::open(path, days_ago(1)?).await?;
    let mut left = tasks;
    while left > 0 {
        let count = u32::try_from(left).unwrap_or(u32::MAX).min(TASKS_MAX);
        left -= u64::from(count);
        past.submit(1, count).await?;
    }
    let over = past.carry_out(tasks / 2).await?;
    past.close().await?;
    if over == tasks / 2 { Ok(()) } else { Err(format!("{over} of {tasks} tasks were carried out")) }
}

/// What came of a copy.
struct Copied {
    seconds: f64,
    memory_mib: f64,
    told: Value,
}

impl Copied {
    fn note(&self, figures: &mut Figures, way: &str) {
        let rows = self.told["rows"].as_f64().map(|rows| rows / self.seconds);
        figures.note(way, "s", Some(self.seconds), (None, None));
        figures.note(&format!("{way}, rows"), "per s", rows, (None, None));
        figures.note(&format!("{way}, peak of memory"), "MiB", Some(self.memory_mib), (None, Some(MEMORY_MAX)));
    }
}

/// Copies, and looks at the memory of the command meanwhile.
fn copy(place: &Place, from: &str, to: &str) -> Result<Copied, String> {
    let mut command = place.command(&["db", "copy", "--json", "--from", from, "--to", to]);
    let watch = Watch::start();
    let mut child = command.stderr(Stdio::inherit()).spawn().map_err(text)?;
    let mut kib = 0;
    while child.try_wait().map_err(text)?.is_none() {
        kib = peak_kib(&child).unwrap_or(kib).max(kib);
        rest(10);
    }
    let seconds = watch.seconds();
    let output = child.wait_with_output().map_err(text)?;
    let said = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || kib == 0 {
        return Err(format!("from {from} to {to}: {}, {kib} KiB seen: {said}", output.status));
    }
    let told = serde_json::from_str(said.trim()).map_err(text)?;
    Ok(Copied { seconds, memory_mib: f64::from(kib) / 1024.0, told })
}

/// The most that a process has had in memory so far.
fn peak_kib(child: &Child) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn mib(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len() >> 20)
}
