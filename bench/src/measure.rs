//! Time, CPU and memory, as the kernel counts them.

use std::time::Instant;

use serde_json::{Value, json};

/// One measured figure beside what it is compared with.
pub struct Figure {
    pub workload: &'static str,
    pub database: &'static str,
    pub what: String,
    pub unit: &'static str,
    /// One value for each repetition.
    pub values: Vec<f64>,
    pub floor: Option<f64>,
    pub target: Option<Target>,
}

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
}

impl Figure {
    pub fn new(workload: &'static str, database: &'static str, what: impl Into<String>, unit: &'static str) -> Self {
        Self { workload, database, what: what.into(), unit, values: Vec::new(), floor: None, target: None }
    }

    pub fn values(mut self, values: Vec<f64>) -> Self {
        self.values = values;
        self
    }

    pub fn floor(mut self, floor: f64) -> Self {
        self.floor = Some(floor);
        self
    }

    pub fn at_least(mut self, target: f64) -> Self {
        self.target = Some(Target::AtLeast(target));
        self
    }

    pub fn at_most(mut self, target: f64) -> Self {
        self.target = Some(Target::AtMost(target));
        self
    }

    pub fn median(&self) -> f64 {
        quantile(&self.values, 0.5)
    }

    fn verdict(&self) -> &'static str {
        match self.target {
            None => "",
            Some(Target::AtLeast(wanted)) if self.median() >= wanted => "met",
            Some(Target::AtMost(wanted)) if self.median() <= wanted => "met",
            Some(_) => "MISSED",
        }
    }

    pub fn print(&self) {
        let (low, high) = (quantile(&self.values, 0.0), quantile(&self.values, 1.0));
        let floor = self.floor.map_or(String::new(), |floor| format!("floor {}", round(floor)));
        let target = match self.target {
            None => String::new(),
            Some(Target::AtLeast(v)) => format!("target ≥ {}", round(v)),
            Some(Target::AtMost(v)) => format!("target ≤ {}", round(v)),
        };
        println!(
            "{:4} {:9} {:44} {:>10} {:9} ({}–{})  {floor:16} {target:18} {}",
            self.workload,
            self.database,
            self.what,
            round(self.median()),
            self.unit,
            round(low),
            round(high),
            self.verdict()
        );
    }

    pub fn json(&self) -> Value {
        let (comparison, target) = match self.target {
            None => (Value::Null, Value::Null),
            Some(Target::AtLeast(v)) => (json!("at least"), json!(v)),
            Some(Target::AtMost(v)) => (json!("at most"), json!(v)),
        };
        json!({
            "workload": self.workload, "database": self.database, "what": self.what, "unit": self.unit,
            "median": self.median(), "min": quantile(&self.values, 0.0), "max": quantile(&self.values, 1.0),
            "repeats": self.values.len(), "floor": self.floor, "comparison": comparison, "target": target,
            "verdict": self.verdict(),
        })
    }
}

fn round(value: f64) -> String {
    if value.abs() >= 100.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    if sorted.is_empty() {
        return f64::NAN;
    }
    let at = ((sorted.len() - 1) as f64 * q).round() as usize;
    sorted[at]
}

/// Seconds of CPU: of this process, and of all PostgreSQL processes.
#[derive(Clone, Copy)]
pub struct Cpu {
    pub own: f64,
    pub postgres: f64,
}

impl Cpu {
    pub fn now() -> Self {
        Self { own: cpu_of("self", false).unwrap_or(0.0), postgres: postgres_cpu() }
    }

    pub fn since(self) -> Self {
        let now = Self::now();
        Self { own: now.own - self.own, postgres: now.postgres - self.postgres }
    }
}

/// User and system time of a process; with its waited-for children if asked.
pub fn cpu_of(pid: &str, children: bool) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let wanted = if children { 11..15 } else { 11..13 };
    let ticks: u64 = fields[wanted].iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / 100.0)
}

fn postgres_cpu() -> f64 {
    let Ok(entries) = std::fs::read_dir("/proc") else { return 0.0 };
    let is_postgres =
        |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == "postgres");
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.bytes().all(|b| b.is_ascii_digit()) && is_postgres(name))
        .filter_map(|pid| cpu_of(&pid, true))
        .sum()
}

/// Resident memory of a process without the pages of its binary, in MiB.
pub fn memory_mib(pid: &str) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

pub struct Stopwatch {
    begin: Instant,
    cpu: Cpu,
}

impl Stopwatch {
    pub fn start() -> Self {
        Self { cpu: Cpu::now(), begin: Instant::now() }
    }

    pub fn stop(&self) -> (f64, Cpu) {
        (self.begin.elapsed().as_secs_f64(), self.cpu.since())
    }
}
