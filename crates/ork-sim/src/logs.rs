//! How soon the end of a long log, and any of its lines, are there, and how soon it is searched: over real sockets, on both databases,
//! and where its parts are in the artifact store.

use std::path::Path;

use ork_core::clock::{Entropy, SeededEntropy};
use serde_json::{Value, json};

use crate::figures::{Figures, quantile};
use crate::kills::{Database, Place};
use crate::serving::{Serving, Watch, rest, text};

/// How long the end of the log, or a line of it, may take to come, in milliseconds.
const LINES_MS_MAX: f64 = 10.0;
/// How long the whole log may take to be searched, in milliseconds.
const SEARCH_MS_MAX: f64 = 500.0;
/// Searches of each kind.
const SEARCHES: u64 = 10;
/// How long the task and the packer may take, in seconds.
const PATIENCE: f64 = 300.0;

/// Measures it.
///
/// # Errors
/// When something takes too long, or is not what was written.
pub fn prove(ork: &Path, base: &str, lines: u64, looks: u64) -> Result<Value, String> {
    let (mut figures, lines) = (Figures::default(), lines / 20 * 20);
    let mut facts = json!({"lines": lines, "looks": looks, "searches": SEARCHES});
    for database in [Database::Sqlite, Database::Postgres(base.into())] {
        let place = Place::new(ork, &database, 8_000_000)?;
        facts[database.word()] = measure(&mut figures, &place, database.word(), (lines, looks))?;
        place.say(&["doctor"])?;
        place.remove(&database);
    }
    figures.verdict("the end, each line and what is looked for are there in time", facts)
}

/// What the task writes as its n-th line, from 1: 52 bytes with the line break, while there are fewer than ten million.
fn line(n: u64) -> String {
    format!("frame={n:07} fps=29.97 q=28.0 size=1024kB speed=1x")
}

/// Writes the lines a twentieth at a time, with pauses: what comes faster than the database takes it is dropped, and that is not what
/// is measured here.
fn script(lines: u64) -> String {
    let some = lines / 20;
    format!(
        "i=0; while [ $i -lt 20 ]; do seq -f 'frame=%07.0f fps=29.97 q=28.0 size=1024kB speed=1x' $((i * {some} + 1)) $(((i + 1) * {some})); \
         i=$((i + 1)); sleep 0.3; done"
    )
}

fn measure(figures: &mut Figures, place: &Place, word: &str, (lines, looks): (u64, u64)) -> Result<Value, String> {
    let server = Serving::start(place, &["--capacity", "2"])?;
    let writes = ["sh", "-c", &script(lines)];
    let writing = Watch::start();
    let run = server.submit(&json!({"tasks": {"encode": {"command": writes}}}))?;
    let task = until_over(&server, &run, writing)?;
    let written = writing.seconds();
    let whole = lines * (line(1).len() as u64 + 1);
    let parts = until_packed(place, whole, writing)?;
    println!("{word}: {whole} bytes are written after {written:.1} s and packed after {:.1} s", writing.seconds());

    let path = format!("/api/v1/tasks/{task}/logs/lines");
    // No connection to the database has asked for any of it before.
    let (first, _) = ask(&server, &format!("{path}?tail=10"))?;
    figures.note(&format!("{word}: the first look of all"), "ms", Some(first), (None, None));
    let mut tails = Vec::new();
    for _ in 0..looks {
        let (ms, found) = ask(&server, &format!("{path}?tail=10"))?;
        is(&found["lines"][9], lines)?;
        tails.push(ms);
    }
    let mut dice = SeededEntropy::new(7);
    let mut singles = Vec::new();
    for _ in 0..looks {
        let number = dice.next_u64() % lines;
        let (ms, found) = ask(&server, &format!("{path}?after_line={number}&limit=1"))?;
        is(&found["lines"][0], number + 1)?;
        singles.push(ms);
    }
    for (what, values) in [("the last ten lines", &mut tails), ("any one line", &mut singles)] {
        for (name, q) in [("p50", 0.5), ("max", 1.0)] {
            figures.note(&format!("{word}: {what}, {name}"), "ms", quantile(values, q), (None, Some(LINES_MS_MAX)));
        }
    }
    let wanted = lines - 1;
    for (what, query) in [
        ("a text", format!("grep=frame%3D{wanted:07}")),
        ("a text, whatever its letters", format!("grep=FRAME%3D{wanted:07}&ignore_case=true")),
        ("an expression", format!("grep=frame%3D0*{wanted}%20fps%3D%5Cd%2B&regex=true")),
        ("an expression of all letters", format!("grep=%5Cw%2B%3D0*{wanted}%5Cs%5B%5Ex%5D%2Bx$&regex=true")),
    ] {
        let mut searches = Vec::new();
        for _ in 0..SEARCHES {
            let (ms, found) = ask(&server, &format!("{path}?{query}"))?;
            is(&found["lines"][0], wanted)?;
            if found["lines"].as_array().map(Vec::len) != Some(1) || found["more"] != false {
                return Err(format!("{what}: {found}"));
            }
            searches.push(ms);
        }
        for (name, q) in [("p50", 0.5), ("max", 1.0)] {
            let what = format!("{word}: {what} looked for, {name}");
            figures.note(&what, "ms", quantile(&mut searches, q), (None, Some(SEARCH_MS_MAX)));
        }
    }
    Ok(json!({"bytes": whole, "parts": parts.0, "packed_bytes": parts.1, "written_seconds": written}))
}

/// An answer, and how many milliseconds it took.
fn ask(server: &Serving, path: &str) -> Result<(f64, Value), String> {
    let watch = Watch::start();
    let found = server.get(path)?;
    Ok((watch.ms(), found))
}

/// Whether this is the line with that number.
fn is(found: &Value, number: u64) -> Result<(), String> {
    let (own, text) = (found["line"].as_u64(), found["text"].as_str());
    if own == Some(number) && text == Some(line(number).as_str()) {
        Ok(())
    } else {
        Err(format!("line {number}: {found}"))
    }
}

/// Waits for the end of the run; the id of its task.
fn until_over(server: &Serving, run: &str, watch: Watch) -> Result<String, String> {
    loop {
        let tasks = server.get(&format!("/api/v1/runs/{run}/tasks"))?;
        let task = &tasks["items"][0];
        match task["status"].as_str() {
            Some("success") => return task["id"].as_str().map(str::to_owned).ok_or_else(|| tasks.to_string()),
            Some("failed") => return Err(tasks.to_string()),
            _ if watch.seconds() > PATIENCE => return Err(format!("it does not end: {tasks}")),
            _ => rest(50),
        }
    }
}

/// Waits until all parts of the log are in the artifact store; how many there are, and of how many bytes.
fn until_packed(place: &Place, whole: u64, watch: Watch) -> Result<(usize, u64), String> {
    let wanted = usize::try_from(whole >> 20).map_err(text)?;
    let mut before = Vec::new();
    loop {
        let found = files(&place.folder);
        // The last one was there at the last look already.
        if found.len() >= wanted && found == before {
            rest(1_000);
            return Ok((found.len(), found.iter().sum()));
        }
        if watch.seconds() > PATIENCE {
            return Err(format!("{} of {wanted} parts are packed", found.len()));
        }
        before = found;
        rest(500);
    }
}

/// The sizes of all parts of logs below a folder, wherever the artifact store is in it.
fn files(folder: &Path) -> Vec<u64> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(known) if known.is_dir() => folders.push(entry.path()),
                Ok(known) if entry.file_name().to_string_lossy().starts_with("log-") => found.push(known.len()),
                Ok(_) | Err(_) => {}
            }
        }
    }
    found.sort_unstable();
    found
}
