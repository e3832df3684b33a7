//! How soon an event reaches a client after its commit, and how soon a process starts after its submit, over real sockets
//! and with the real `ork serve`. 50 clients read along.
//!
//! Events are measured from the moment before the request that causes them is sent: the commit is a part of it, so what is
//! found is more than what is asked for. How long the request itself takes is the floor. A round is 200 events and 20
//! submits.
#![allow(clippy::disallowed_methods, reason = "it times real processes")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::figures::{Figures, quantile};
use crate::kills::{Database, Place};
use crate::serving::{Serving, until};

/// Clients that read the same events.
const CLIENTS: usize = 50;
const EVENTS: u64 = 200;
const SUBMITS: u64 = 20;
/// What is asked for.
const EVENT_P99_MS: f64 = 20.0;
const START_P50_MS: f64 = 10.0;

/// Measures it, on both databases.
///
/// # Errors
/// When something took longer than is asked for, or went wrong.
pub fn prove(ork: &Path, base: &str, rounds: u64) -> Result<Value, String> {
    let mut figures = Figures::default();
    for database in [Database::Sqlite, Database::Postgres(base.into())] {
        let place = Place::new(ork, &database, 3_000_000)?;
        measure(&mut figures, &place, &database, rounds.max(1))?;
        place.remove(&database);
    }
    let facts = json!({"clients": CLIENTS, "events_each": rounds * EVENTS, "submits_each": rounds * SUBMITS});
    figures.verdict("events and processes come in time", facts)
}

fn measure(figures: &mut Figures, place: &Place, database: &Database, rounds: u64) -> Result<(), String> {
    let word = database.word();
    let server = Serving::start(place, &["--capacity", "4"])?;
    events(figures, &format!("{word}, the same server"), (&server, &server), rounds)?;
    starts(figures, word, &server, rounds)?;
    if matches!(database, Database::Postgres(_)) {
        let other = Serving::start(place, &["--capacity", "4"])?;
        events(figures, &format!("{word}, another server"), (&server, &other), rounds)?;
    }
    Ok(())
}

/// Events that one server causes, as 50 clients of the other see them: the slowest of them counts.
fn events(figures: &mut Figures, what: &str, servers: (&Serving, &Serving), rounds: u64) -> Result<(), String> {
    let (from, to) = servers;
    let run = from.submit(&json!({"tasks": {"a": {"operation": "nobody"}}}))?;
    let mut readers = (0..CLIENTS).map(|_| to.follow(&run)).collect::<Result<Vec<_>, _>>()?;
    let (mut firsts, mut lasts, mut floor) = (Vec::new(), Vec::new(), Vec::new());
    for n in 0..rounds * EVENTS {
        let (ask, event) = if n % 2 == 0 { ("pause", "run.paused") } else { ("resume", "run.resumed") };
        std::thread::sleep(Duration::from_millis(3));
        let began = Instant::now();
        std::thread::scope(|scope| {
            let path = format!("/api/v1/runs/{run}/{ask}");
            let asking = scope.spawn(move || from.post(&path, "").map(|_| elapsed_ms(began)));
            for (at, reader) in readers.iter_mut().enumerate() {
                until(reader, |line| line.strip_prefix("event: ").is_some_and(|word| word.trim_end() == event))?;
                match at {
                    0 => firsts.push(elapsed_ms(began)),
                    _ if at == CLIENTS - 1 => lasts.push(elapsed_ms(began)),
                    _ => {}
                }
            }
            floor.push(asking.join().map_err(|_| "a panic")??);
            Ok::<(), String>(())
        })?;
    }
    let mut note = |of: &str, q: f64, values: &mut [f64], target| {
        let what = format!("request to event{of}, {what}, p{}", q * 100.0);
        figures.note(&what, "ms", quantile(values, q), (quantile(&mut floor, q), target));
    };
    note("", 0.5, &mut firsts, None);
    note("", 0.99, &mut firsts, Some(EVENT_P99_MS));
    note(" at the last of all clients", 0.99, &mut lasts, None);
    Ok(())
}

/// From before a submit is sent to the moment that the process itself reads from its clock.
fn starts(figures: &mut Figures, what: &str, server: &Serving, rounds: u64) -> Result<(), String> {
    let (mut starts, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds * SUBMITS {
        let (start_ms, request_ms) = server.time_start(0)?;
        starts.push(start_ms);
        floor.push(request_ms);
    }
    for (q, target) in [(0.5, Some(START_P50_MS)), (0.99, None)] {
        let what = format!("idle submit to process, {what}, p{}", q * 100.0);
        figures.note(&what, "ms", quantile(&mut starts, q), (quantile(&mut floor, q), target));
    }
    Ok(())
}

fn elapsed_ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}
