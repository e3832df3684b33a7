//! `progress --rounds N`: what it costs to follow a run of 10,000 tasks in a terminal, and whether its picture flickers. The
//! real `ork run` works; the real `ork runs watch` draws into a pseudo-terminal. The last line is the verdict as JSON.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::{Value, json};

const FLOW: &str = "\
name: many
tasks:
  work: {count: 10000, run: 'test $((ORK_TASK_INDEX % 300)) != 7'}
on_failure: continue
";
/// The share of the run's CPU that following it may cost.
const PERCENT_MAX: f64 = 2.0;

type Found<T> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let rounds = arguments.iter().position(|a| a == "--rounds").and_then(|at| arguments.get(at + 1));
    let rounds: u32 = rounds.and_then(|text| text.parse().ok()).unwrap_or(3);
    match prove(rounds.max(1)) {
        Ok(verdict) => {
            println!("{verdict}");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("{}", json!({"verdict": "failed", "problem": problem}));
            ExitCode::FAILURE
        }
    }
}

fn prove(rounds: u32) -> Found<Value> {
    let ork = PathBuf::from(std::env::var("ORK_BIN").map_err(|_| "ORK_BIN does not name the `ork` to be measured")?);
    let mut shares = Vec::new();
    let mut shown = Vec::new();
    for n in 0..rounds {
        let home = std::env::temp_dir().join(format!("ork-progress-{}-{n}", std::process::id()));
        let round = round(&ork, &home);
        std::fs::remove_dir_all(&home).ok();
        let Round { run_ms, watch_ms, frames } = round?;
        #[allow(clippy::cast_precision_loss)] // milliseconds
        let share = watch_ms as f64 * 100.0 / run_ms as f64;
        eprintln!(
            "round {n}: the run with its tasks {run_ms} ms of CPU, who follows it {watch_ms} ms, {frames} frames"
        );
        shown.push(json!({"run_cpu_ms": run_ms, "watch_cpu_ms": watch_ms, "frames": frames, "percent": share}));
        shares.push(share);
    }
    let worst = shares.iter().copied().fold(0.0, f64::max);
    if worst >= PERCENT_MAX {
        return Err(format!("following costs {worst:.2} % of the run's CPU, and {PERCENT_MAX} % are allowed"));
    }
    let verdict = "10,000 tasks followed in a terminal: cheap, whole frames only, the last screen says what failed";
    Ok(json!({"verdict": verdict, "percent_max": worst, "percent_allowed": PERCENT_MAX, "rounds": shown}))
}

struct Round {
    run_ms: u64,
    watch_ms: u64,
    frames: usize,
}

fn round(ork: &Path, home: &Path) -> Found<Round> {
    std::fs::create_dir_all(home).map_err(text)?;
    std::fs::write(home.join("many.yaml"), FLOW).map_err(text)?;
    let command = |words: &str| {
        let mut command = Command::new(ork);
        command.args(words.split(' ')).env_clear().env("PATH", "/usr/bin:/bin").env("HOME", home).current_dir(home);
        command.env("TERM", "xterm-256color");
        command
    };
    let mut run = command("run many.yaml --progress none").stderr(Stdio::piped()).spawn().map_err(text)?;
    let mut said = BufReader::new(run.stderr.take().ok_or("no stderr")?);
    // It is submitted when it says its id.
    said.read_line(&mut String::new()).map_err(text)?;
    let (mut watch, mut terminal) = in_terminal(command("runs watch last --progress bar"))?;
    let mut drawn = Vec::new();
    // The other end of a terminal that nobody has open any more is an error, not an end.
    terminal.read_to_end(&mut drawn).ok();
    let watch_ms = cpu_ms(&mut watch)?;
    std::io::copy(&mut said, &mut std::io::sink()).map_err(text)?;
    let run_ms = cpu_ms(&mut run)?;
    let frames = whole_frames(&String::from_utf8_lossy(&drawn))?;
    Ok(Round { run_ms, watch_ms, frames })
}

fn in_terminal(mut command: Command) -> Found<(Child, File)> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).map_err(text)?;
    grantpt(&master).and_then(|()| unlockpt(&master)).map_err(text)?;
    tcsetwinsize(&master, Winsize { ws_row: 30, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 }).map_err(text)?;
    let path = ptsname(&master, Vec::new()).map_err(text)?.into_string().map_err(text)?;
    let open = || File::options().read(true).write(true).open(&path).map(Stdio::from).map_err(text);
    let child = command.stdin(open()?).stdout(open()?).stderr(open()?).spawn().map_err(text)?;
    Ok((child, File::from(master)))
}

/// What a process and those that it waited for have used, read between its end and its burial.
fn cpu_ms(child: &mut Child) -> Found<u64> {
    waitid(WaitId::Pid(Pid::from_child(child)), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT).map_err(text)?;
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.id())).map_err(text)?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("no name in /proc/PID/stat")?;
    // utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which two stand before.
    let ticks: u64 = fields.split(' ').skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    child.wait().map_err(text)?;
    Ok(ticks * 1_000 / rustix::param::clock_ticks_per_second())
}

/// Counts frames: each overwrites what it shows, erases only behind texts and below all of them, and is ended.
fn whole_frames(drawn: &str) -> Found<usize> {
    let frames: Vec<&str> = drawn.split("\x1b[?2026h").skip(1).collect();
    for frame in &frames {
        let (frame, _) = frame.split_once("\x1b[?2026l").ok_or("a frame that is never ended")?;
        let erases_first = frame.contains("\x1b[2J") || frame.contains("\x1b[2K") || frame.contains("\n\x1b[K");
        if erases_first || frame.find("\x1b[J") != frame.len().checked_sub(3) {
            return Err(format!("a frame that flickers: {frame:?}"));
        }
    }
    if frames.len() < 10 {
        return Err(format!("only {} frames were drawn: nothing was followed", frames.len()));
    }
    if !drawn.contains(" × exited with code 1: work/7, ") {
        return Err("the last screen does not say what failed".into());
    }
    Ok(frames.len())
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}
