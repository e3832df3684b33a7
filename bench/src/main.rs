//! `cargo xtask bench [W1 …] [--small]`: the workloads of the performance targets, each beside its floor, with what was
//! reached and what was wanted. The last line of stdout is everything as JSON.

mod fairness;
mod floors;
mod large;
mod latency;
mod measure;
mod process;
mod served;
mod steady;
mod throughput;
mod world;

use anyhow::{Result, bail};
use serde_json::json;

use crate::measure::Figure;
use crate::world::Kind;

/// How large and how often.
#[derive(Clone, Copy)]
pub struct Size {
    /// Everything small, once: for correctness, not for figures.
    pub small: bool,
    pub repeats: u32,
}

impl Size {
    pub const fn of(self, full: u32, small: u32) -> u32 {
        if self.small { small } else { full }
    }
}

const WORKLOADS: [&str; 12] = ["W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W12", "W13"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some(at) = arguments.iter().position(|a| a == "--idle") {
        return large::idle_child(arguments.get(at + 1).map_or("", String::as_str));
    }
    let small = arguments.iter().any(|a| a == "--small");
    let named: Vec<&str> = arguments.iter().map(String::as_str).filter(|a| a.starts_with('W')).collect();
    if let Some(unknown) = named.iter().find(|name| !WORKLOADS.contains(name)) {
        bail!("`{unknown}` is not a workload: {}", WORKLOADS.join(" "));
    }
    let kinds: Vec<Kind> = match arguments.iter().find_map(|a| a.strip_prefix("--database=")) {
        Some("sqlite") => vec![Kind::Sqlite],
        Some("postgres") => vec![Kind::Postgres],
        _ => vec![Kind::Sqlite, Kind::Postgres],
    };
    let repeats = arguments.iter().find_map(|a| a.strip_prefix("--repeats=")).map_or(Ok(5), str::parse)?;
    let size = Size { small, repeats: if small { 1 } else { repeats } };
    let wanted: Vec<&str> = if named.is_empty() { WORKLOADS.to_vec() } else { named };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut figures: Vec<Figure> = Vec::new();
    for workload in wanted {
        for kind in &kinds {
            let new = runtime.block_on(run(workload, *kind, size))?;
            for figure in &new {
                figure.print();
            }
            figures.extend(new);
        }
    }
    let missed = figures.iter().filter(|figure| figure.json()["verdict"] == "MISSED").count();
    let figures: Vec<_> = figures.iter().map(Figure::json).collect();
    println!(
        "{}",
        json!({"small": small, "durability": "SQLite synchronous=FULL; PostgreSQL synchronous_commit=on, fsync=on",
        "history": "every task row, attempt and event is kept", "missed": missed, "figures": figures})
    );
    Ok(())
}

async fn run(workload: &str, kind: Kind, size: Size) -> Result<Vec<Figure>> {
    match workload {
        "W1" => throughput::enqueue(kind, size).await,
        "W2" => throughput::drain(kind, size).await,
        "W3" => latency::idle(kind, size).await,
        "W4" => latency::sequences(kind, size).await,
        "W5" => process::sequence(kind, size).await,
        "W6" => process::fan_out(kind, size).await,
        "W7" => throughput::graphs(kind, size).await,
        "W8" => steady::steady(kind, size).await,
        "W9" => large::finished(kind, size).await,
        "W12" => served::served(kind, size).await,
        "W13" => fairness::fairness(kind, size).await,
        _ => large::idle(kind, size).await,
    }
}
