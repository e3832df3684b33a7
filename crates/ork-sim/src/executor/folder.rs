//! Folders of steps, in the memory of a node: lost with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{
    Assignment, AttemptIo, PartSink, PartSource, Report, StopCause, Stream, TokenNote, WorkFolder,
};
use ork_core::graph::LeaseId;
use ork_core::id::TaskRef;
use ork_core::limits::WORK_PART_BYTES_MAX;
use ork_core::step::{Cost, StepKey, Tokens};
use tokio::sync::Notify;

use super::{Execution, crash, work};
use crate::behaviour::{Ending, May, StepBehaviour, step_behaviour};
use crate::plans::steps::{MODEL, RATES};
use crate::scenario::Mode;
use crate::trace::fnv;
use crate::witness::End;
use crate::witness::steps::Files;
use crate::world::{World, lock};

/// By which the steps of a folder are killed.
#[derive(Default)]
pub struct Leash {
    is_cut: AtomicBool,
    cut: Notify,
}

impl Leash {
    /// Kills them.
    pub fn cut(&self) {
        self.is_cut.store(true, Ordering::Relaxed);
        self.cut.notify_waiters();
    }

    async fn until_cut(&self) {
        loop {
            let cut = self.cut.notified();
            if self.is_cut.load(Ordering::Relaxed) {
                return;
            }
            cut.await;
        }
    }
}

/// A folder of one attempt's steps, on one node in one of its lives.
pub struct FakeFolder {
    /// Where it is.
    pub world: Arc<World>,
    /// Which node, and which of its lives.
    pub place: (usize, u32),
    task: TaskRef,
    leash: Arc<Leash>,
    files: Mutex<Files>,
    is_restored: AtomicBool,
}

impl FakeFolder {
    /// An empty one.
    pub fn new(world: &Arc<World>, place: (usize, u32), task: TaskRef, leash: Arc<Leash>) -> Self {
        let is_restored = AtomicBool::new(false);
        Self { world: Arc::clone(world), place, task, leash, files: Mutex::default(), is_restored }
    }

    /// What another lease has left is there, or the step is told that it is not.
    fn check(&self, attempt: u32, lease: LeaseId, is_lost: bool) {
        let is_left = lock(&self.world.witness).steps.is_left_to((self.task, attempt, lease));
        let is_here = is_lost || self.is_restored.load(Ordering::Relaxed);
        if is_left && !is_here && !lock(&self.world.weather).is_excused(self.place.0) {
            let name = self.world.name(self.task);
            self.world.problem(format!("{name}: a step finds an empty folder, and nobody tells it that it is lost"));
        }
    }

    fn behaviour(&self, key: StepKey) -> Option<StepBehaviour> {
        let known = self.world.known(self.task.run)?;
        let node = self.world.node(self.task)?;
        let step = node.action.steps.get(key.position as usize)?;
        let hang = node.timeout_ms.is_some() || known.plan.timeout_ms.is_some();
        let may = May { hang, crash: self.world.scenario.mode != Mode::Recovery };
        Some(step_behaviour(self.world.scenario.seed, (known.number, self.task.n), key, step, may))
    }

    /// What the step leaves in the folder.
    fn write(&self, key: StepKey, bytes: usize) {
        let name = format!("{}.{}.{}", key.round, key.position, key.tried);
        lock(&self.files).insert(name, "x".repeat(bytes));
    }

    fn told(&self, key: StepKey, tokens: Option<Tokens>) -> Vec<TokenNote> {
        let Some(tokens) = tokens else { return Vec::new() };
        let cost = Cost { tokens: tokens.total(), micros: RATES.cost(tokens) };
        lock(&self.world.witness).steps.told.insert((self.task, key), cost);
        vec![TokenNote { model: Some(MODEL.into()), tokens, cost_micros: None }]
    }
}

/// Under which lease, and which try of which step: the nonce says it.
fn named(work: &Assignment) -> Option<(LeaseId, StepKey)> {
    let mut parts = work.nonce.rsplit('-');
    let mut number = || parts.next()?.parse().ok();
    let (tried, position, round) = (number()?, number()?, number()?);
    let lease = u64::from_str_radix(parts.next()?, 16).ok()?;
    Some((LeaseId(lease.cast_signed()), StepKey { attempt: work.attempt, round, position, tried }))
}

#[async_trait]
impl WorkFolder for FakeFolder {
    async fn execute(&self, assignment: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        let unknown = || Report::of(Outcome::Failed(Failure::new(FailureKind::Start, "the step is not known")));
        let Some((lease, key)) = named(&assignment) else { return unknown() };
        self.check(key.attempt, lease, assignment.step.as_ref().is_some_and(|step| step.is_work_lost));
        let mut execution = Execution::begin(&self.world, self.task, (key.attempt, Some(key)), self.place, true).await;
        let Some(StepBehaviour { behaviour, tokens, bytes }) = self.behaviour(key) else {
            execution.end(End::Failure);
            return unknown();
        };
        io.started(Some(format!("fake-{}", execution.at)));
        if behaviour.talks {
            io.log(Stream::Stderr, b"simulated\n");
        }
        self.write(key, bytes);
        let stopped = tokio::select! {
            biased;
            () = self.leash.until_cut() => {
                execution.end(End::Stopped);
                let signal = 9;
                return Report::of(Outcome::Failed(Failure::new(FailureKind::Signal { signal }, "killed as a leftover")));
            }
            stopped = work(&behaviour, io.stopped()) => stopped,
        };
        let tokens = self.told(key, tokens);
        if let Some(cause) = stopped {
            execution.end(End::Stopped);
            let late = Failure::new(FailureKind::Timeout, "simulated");
            let outcome = if cause == StopCause::Timeout { Outcome::Failed(late) } else { Outcome::Cancelled };
            return Report { signal: Some(15), tokens, ..Report::of(outcome) };
        }
        let (end, exit_code, outcome) = match behaviour.ending {
            Ending::Success(output) => (End::Success, 0, Outcome::Success { output: Some(output) }),
            Ending::Crash => crash(&self.world, self.place).await,
            Ending::Exit(code) => (End::Failure, code, failed(code)),
            Ending::Panic | Ending::Hang => (End::Failure, 1, failed(1)),
        };
        execution.end(end);
        Report { exit_code: Some(exit_code), tokens, ..Report::of(outcome) }
    }

    async fn save(&self, parts: &dyn PartSink) -> Result<(u64, String), String> {
        let files = lock(&self.files).clone();
        let bytes = packed(&files)?;
        let checksum = checksum(&bytes);
        lock(&self.world.witness).steps.save(&checksum, &files);
        for part in bytes.chunks(WORK_PART_BYTES_MAX) {
            parts.put(part.to_vec()).await?;
        }
        Ok((bytes.len() as u64, checksum))
    }

    async fn restore(&self, parts: &dyn PartSource, wanted: &str) -> Result<(), String> {
        let mut bytes = Vec::new();
        let mut number = 0;
        while let Some(part) = parts.get(number).await? {
            bytes.extend(part);
            number += 1;
        }
        let files = unpacked(&bytes).filter(|_| checksum(&bytes) == wanted).ok_or("the checksum is another one")?;
        let name = self.world.name(self.task);
        let is_right = lock(&self.world.witness).steps.is_as_kept(self.task, &files);
        if !is_right && !lock(&self.world.weather).is_excused(self.place.0) {
            self.world.problem(format!("{name}: the folder that is restored is not the one that was kept last"));
        }
        lock(&self.world.witness).mark("folder restored");
        self.is_restored.store(true, Ordering::Relaxed);
        *lock(&self.files) = files;
        Ok(())
    }

    async fn close(&self) {
        lock(&self.files).clear();
    }
}

fn failed(code: i32) -> Outcome {
    Outcome::Failed(Failure::new(FailureKind::Exit { code }, "simulated"))
}

fn checksum(bytes: &[u8]) -> String {
    format!("{:064x}", fnv(bytes))
}

/// The files as one archive.
fn packed(files: &Files) -> Result<Vec<u8>, String> {
    serde_json::to_vec(files).map_err(|error| error.to_string())
}

fn unpacked(bytes: &[u8]) -> Option<Files> {
    serde_json::from_slice(bytes).ok()
}
