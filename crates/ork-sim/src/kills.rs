//! The real `ork` under `kill -9`, and an outside witness: tasks append their start and stop to a file that Ork does
//! not know, and what stands there is compared with the history that Ork kept.
#![allow(clippy::disallowed_methods, reason = "it times and waits for real processes")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ork_core::clock::SeededEntropy;
use serde_json::{Value, json};

use crate::figures::quantile;

/// Which database the runs are in.
#[derive(Debug, Clone)]
pub enum Database {
    /// A file for each round.
    Sqlite,
    /// A fresh database for each round, made by `psql` at this URL.
    Postgres(String),
}

impl Database {
    /// One word.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }
}

/// What a round saw.
#[derive(Debug, Clone, Copy, Default)]
pub struct Round {
    /// Milliseconds from the start to the kill.
    pub killed_after_ms: u64,
    /// Tasks that the witness saw begin before the kill.
    pub begun_before: usize,
    /// Milliseconds from the resume, or from the kill, to the next begin of a task; `None` when none was left.
    pub on_after_ms: Option<u64>,
    /// Attempts beyond the first of each task.
    pub repeated: usize,
}

/// Tasks of the workflow.
pub const TASKS: usize = 300;

/// 300 tasks: fan-outs, joins and a chain. Each says when it begins and when it ends.
pub(crate) fn workflow() -> String {
    let script = r#"echo "start $ORK_TASK_KEY $ORK_TASK_INDEX $ORK_ATTEMPT" >> "$WITNESS"; sleep 0.01; echo "stop $ORK_TASK_KEY $ORK_TASK_INDEX $ORK_ATTEMPT" >> "$WITNESS""#;
    let nodes = [
        ("first", "", 1),
        ("a", "first", 70),
        ("b", "first", 70),
        ("middle", "a, b", 1),
        ("c", "middle", 100),
        ("d", "a", 50),
        ("k1", "c", 1),
        ("k2", "k1", 1),
        ("k3", "k2", 1),
        ("k4", "k3", 1),
        ("k5", "k4", 1),
        ("k6", "k5", 1),
        ("k7", "k6", 1),
        ("last", "d, k7", 1),
    ];
    let mut text = String::from(
        "name: storm\ninputs:\n  witness: {type: string, required: true}\nenv: {WITNESS: \"{{ inputs.witness }}\"}\ntasks:\n",
    );
    for (key, parents, count) in nodes {
        text += &format!("  {key}:\n    depends_on: [{parents}]\n    count: {count}\n    run: |\n      {script}\n");
    }
    text
}

/// Who migrates a database of the test cluster, and who works on it.
const OWNER: &str = "://ork_owner:";
const APPLICATION: &str = "://ork_app:";

/// A place for one round.
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    ork: PathBuf,
    /// Its database, as those see it who work on it.
    pub(crate) url: String,
}

impl Place {
    pub(crate) fn new(ork: &Path, database: &Database, seed: u64) -> Result<Self, String> {
        let name = format!("ork_kills_{}_{}_{seed}", std::process::id(), database.word());
        let folder = std::env::temp_dir().join(&name);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("home")).map_err(|e| format!("failed to create `{}`: {e}", folder.display()))?;
        fs::write(folder.join("storm.yaml"), workflow()).map_err(|e| e.to_string())?;
        let url = match database {
            Database::Sqlite => format!("sqlite:{}", folder.join("ork.db").display()),
            Database::Postgres(base) => {
                psql(base, &format!("CREATE DATABASE {name}"))?;
                let (front, _) = base.rsplit_once('/').ok_or("a URL with a database")?;
                format!("{front}/{name}")
            }
        };
        let mut place = Self { folder, ork: ork.into(), url };
        if matches!(database, Database::Postgres(_)) {
            place.say(&["db", "migrate"])?;
            place.url = place.url.replacen(OWNER, APPLICATION, 1);
        }
        Ok(place)
    }

    pub(crate) fn remove(&self, database: &Database) {
        let _ = fs::remove_dir_all(&self.folder);
        if let (Database::Postgres(base), Some((_, name))) = (database, self.url.rsplit_once('/')) {
            // A round that passed leaves nothing behind; one that failed leaves its database to be looked at.
            let _ = psql(base, &format!("DROP DATABASE {name}"));
        }
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.ork);
        command.args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.env("HOME", self.folder.join("home")).env("ORK_DATABASE_URL", &self.url);
        command.env("XDG_RUNTIME_DIR", self.folder.join("home"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `ork` to its end; its standard output.
    pub(crate) fn say(&self, arguments: &[&str]) -> Result<String, String> {
        let output = self.command(arguments).output().map_err(|e| format!("failed to run ork: {e}"))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        Err(format!(
            "`ork {}` ended with {}: {}{}",
            arguments.join(" "),
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        ))
    }

    fn run_arguments(&self) -> [String; 4] {
        let witness = format!("witness={}", self.witness_path().display());
        ["run".into(), self.folder.join("storm.yaml").display().to_string(), "-i".into(), witness]
    }

    fn spawn(&self, arguments: &[&str]) -> Result<Child, String> {
        let mut command = self.command(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command.spawn().map_err(|e| format!("failed to start ork: {e}"))
    }

    fn witness_path(&self) -> PathBuf {
        self.folder.join("witness")
    }

    fn witness(&self) -> Witness {
        Witness::read(&self.witness_path())
    }

    /// Waits until the witness has seen more begins than `before`; how long that took.
    fn until_more_begun(&self, before: usize, patience: Duration) -> Option<u64> {
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if self.witness().starts.len() > before {
                return Some(elapsed_ms(begin));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }
}

pub(crate) fn elapsed_ms(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn psql(url: &str, statement: &str) -> Result<(), String> {
    let output = Command::new("psql")
        .args(["-X", "-q", "-d", url, "-c", statement])
        .output()
        .map_err(|e| format!("failed to run psql: {e}"))?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

/// A task as the witness knows it.
type Seen = (String, u32, u32);

/// What the tasks themselves wrote.
#[derive(Debug, Default)]
pub(crate) struct Witness {
    starts: Vec<Seen>,
    stops: BTreeSet<Seen>,
}

impl Witness {
    pub(crate) fn read(path: &Path) -> Self {
        let mut witness = Self::default();
        for line in fs::read_to_string(path).unwrap_or_default().lines() {
            let words: Vec<&str> = line.split(' ').collect();
            let [word, key, index, attempt] = words[..] else { continue };
            let (Ok(index), Ok(attempt)) = (index.parse(), attempt.parse()) else { continue };
            let seen = (key.to_owned(), index, attempt);
            match word {
                "start" => witness.starts.push(seen),
                _ => drop(witness.stops.insert(seen)),
            }
        }
        witness
    }

    /// Compares with what Ork remembers of the run.
    pub(crate) fn compare(&self, run: &Value) -> Result<usize, String> {
        if run["status"] != "success" {
            return Err(format!("the run is {}: {}", run["status"], run["error"]));
        }
        let tasks = run["tasks"].as_array().ok_or("the run has no `tasks`")?;
        if tasks.len() != TASKS {
            return Err(format!("{} tasks, not {TASKS}", tasks.len()));
        }
        let mut starts: BTreeMap<&Seen, usize> = BTreeMap::new();
        for seen in &self.starts {
            *starts.entry(seen).or_default() += 1;
        }
        if let Some((seen, count)) = starts.iter().find(|(_, count)| **count > 1) {
            return Err(format!("{seen:?} was started {count} times as one attempt"));
        }
        for task in tasks {
            let word = |name: &str| task[name].as_u64().and_then(|n| u32::try_from(n).ok()).unwrap_or(0);
            let seen = (task["key"].as_str().unwrap_or_default().to_owned(), word("task_index"), word("attempt"));
            if task["status"] != "success" {
                return Err(format!("{seen:?} is {}", task["status"]));
            }
            if !starts.contains_key(&seen) || !self.stops.contains(&seen) {
                return Err(format!("{seen:?} is a success that the witness has not seen begin and end"));
            }
            if let Some(later) = self.starts.iter().find(|s| s.0 == seen.0 && s.1 == seen.1 && s.2 > seen.2) {
                return Err(format!("{later:?} was started after attempt {} had settled the task", seen.2));
            }
        }
        Ok(self.starts.len() - TASKS)
    }
}

/// `ork run` is killed at a seeded moment and gone on with by `--resume`.
///
/// # Errors
/// What was lost, done twice, or wrong, in words.
pub fn killed_run(ork: &Path, database: &Database, seed: u64, span_ms: u64) -> Result<Round, String> {
    let place = Place::new(ork, database, seed)?;
    let mut dice = SeededEntropy::new(seed);
    let arguments = place.run_arguments();
    let begin = Instant::now();
    let mut child = place.spawn(&arguments.each_ref().map(String::as_str))?;
    if seed.is_multiple_of(5) {
        // Any moment: before there is a run, and after its end.
        std::thread::sleep(Duration::from_millis(dice.below(span_ms.max(1))));
    } else {
        // In the middle of the work, however fast the machine is at the moment.
        let begun = usize::try_from(dice.below(TASKS as u64 - 1)).unwrap_or_default();
        place.until_more_begun(begun, Duration::from_secs(60)).ok_or("the run does nothing")?;
        std::thread::sleep(Duration::from_millis(dice.below(10)));
    }
    let killed_after_ms = elapsed_ms(begin);
    // The child may be done already; then there is nothing to kill.
    let _ = child.kill();
    child.wait().map_err(|e| e.to_string())?;
    let begun_before = place.witness().starts.len();
    let mut round = Round { killed_after_ms, begun_before, ..Round::default() };
    let listed = place.say(&["runs", "list", "--json"])?;
    let known = listed.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find_map(|run| {
        let ended = matches!(run["status"].as_str(), Some("success" | "failed" | "cancelled"));
        run["id"].as_str().map(|id| (id.to_owned(), ended))
    });
    let run = match known {
        // Killed before there was a run: nothing may have happened, and the same command begins it.
        None if begun_before > 0 => return Err("tasks ran, and there is no run".into()),
        None => {
            place.say(&arguments.each_ref().map(String::as_str))?;
            "last".to_owned()
        }
        Some((id, true)) => id,
        Some((id, false)) => {
            let mut child = place.spawn(&["run", "--resume", &id])?;
            round.on_after_ms = place.until_more_begun(begun_before, Duration::from_secs(30));
            let ended = child.wait().map_err(|e| e.to_string())?;
            if !ended.success() {
                return Err(format!("the resumed run ended with {ended}"));
            }
            id
        }
    };
    check(&place, &run, &mut round)?;
    place.remove(database);
    Ok(round)
}

fn check(place: &Place, run: &str, round: &mut Round) -> Result<(), String> {
    let shown = place.say(&["runs", "show", run, "--json"])?;
    let shown: Value = serde_json::from_str(&shown).map_err(|e| format!("`ork runs show --json`: {e}"))?;
    round.repeated = place.witness().compare(&shown)?;
    place.say(&["doctor", run])?;
    Ok(())
}

/// Two `ork worker`s on one PostgreSQL, of which one is killed. With `apart` they are on hosts of different names, so that
/// only the age of a heartbeat tells that one is dead.
///
/// # Errors
/// What was lost, done twice, or wrong, in words.
pub fn killed_worker(ork: &Path, base: &str, seed: u64, apart: bool) -> Result<Round, String> {
    let database = Database::Postgres(base.into());
    let place = Place::new(ork, &database, 1_000_000 + seed * 2 + u64::from(apart))?;
    let mut submit = vec!["runs".to_owned(), "submit".to_owned()];
    submit.extend(place.run_arguments().into_iter().skip(1));
    submit.push("--anywhere".into());
    place.say(&submit.iter().map(String::as_str).collect::<Vec<_>>())?;
    let mut first = place.spawn(&["worker", "--capacity", "4", "--name", "first"])?;
    place.until_more_begun(20, Duration::from_secs(60)).ok_or("the first worker does nothing")?;
    let mut second = if apart {
        let mut command = Command::new("unshare");
        command.args(["--uts", "sh", "-c", "hostname elsewhere && exec \"$0\" worker --capacity 4 --name second"]);
        command.arg(&place.ork).env("HOME", place.folder.join("home")).env("ORK_DATABASE_URL", &place.url);
        command.env("XDG_RUNTIME_DIR", place.folder.join("home")).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().map_err(|e| e.to_string())?
    } else {
        place.spawn(&["worker", "--capacity", "4", "--name", "second"])?
    };
    std::thread::sleep(Duration::from_millis(200 + SeededEntropy::new(seed).below(300)));
    let killed = Instant::now();
    first.kill().map_err(|e| e.to_string())?;
    first.wait().map_err(|e| e.to_string())?;
    let mut round = Round { begun_before: place.witness().starts.len(), ..Round::default() };
    let end = Instant::now() + Duration::from_secs(90);
    let outcome = loop {
        let now = place.witness();
        if round.on_after_ms.is_none() && now.starts.iter().any(|seen| seen.2 > 1) {
            round.on_after_ms = Some(elapsed_ms(killed));
        }
        let shown = place.say(&["runs", "show", "last", "--json"])?;
        let status = serde_json::from_str::<Value>(&shown).map_err(|e| e.to_string())?["status"].clone();
        if matches!(status.as_str(), Some("success" | "failed" | "cancelled")) {
            break Ok(());
        }
        if Instant::now() > end {
            break Err(format!("the run is still {status} 90 s after the kill"));
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let _ = second.kill();
    let _ = second.wait();
    outcome?;
    check(&place, "last", &mut round)?;
    place.remove(&database);
    Ok(round)
}

/// A verdict over rounds, as JSON: counts and the slowest.
#[must_use]
pub fn summary(rounds: &[Round]) -> Value {
    let mut on_after: Vec<u64> = rounds.iter().filter_map(|round| round.on_after_ms).collect();
    json!({
        "rounds": rounds.len(),
        "killed_in_the_middle": rounds.iter().filter(|r| r.begun_before > 0 && r.begun_before < TASKS).count(),
        "attempts_repeated": rounds.iter().map(|r| r.repeated).sum::<usize>(),
        "went_on_after_ms_max": on_after.iter().max(),
        "went_on_after_ms_median": quantile(&mut on_after, 0.5),
    })
}

/// How long the workflow takes when nobody kills it, in milliseconds.
///
/// # Errors
/// When it does not succeed.
pub fn calm_run(ork: &Path, database: &Database) -> Result<u64, String> {
    let place = Place::new(ork, database, 999_999)?;
    let begin = Instant::now();
    place.say(&place.run_arguments().each_ref().map(String::as_str))?;
    let took = elapsed_ms(begin);
    check(&place, "last", &mut Round::default())?;
    place.remove(database);
    Ok(took)
}
