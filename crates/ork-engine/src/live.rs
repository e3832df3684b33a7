//! One attempt at work.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use async_trait::async_trait;
use ork_core::attempt::Outcome;
use ork_core::clock::Timestamp;
use ork_core::executor::{AttemptIo, Kept, KeptFile, Progress, Report, StopCause, Stream, Unkept};
use ork_core::graph::{LeaseId, ProcessEnd};
use ork_core::id::TaskRef;
use ork_core::plan::Node;
use ork_core::store::{LogQuery, ProgressNote, Settle, Start};
use ork_vault::{Mask, Masked};
use serde_json::Value;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use crate::assignment::{Unprepared, patiently};
use crate::desk::Ticket;
use crate::keeper::Keeper;
use crate::logs::LogState;
use crate::observe::{Observation, Subject};
use crate::parts::{Parts, lock};
use crate::secrets::Veil;
use crate::settler::Done;

/// An attempt at work: what its executor talks to, and by what it is stopped.
pub struct Live {
    pub parts: Arc<Parts>,
    pub ticket: Ticket,
    /// Microseconds; [`NEVER`] before the work has begun.
    started_at: AtomicI64,
    /// The beginning is to be written down: it has lasted for a moment.
    is_announced: AtomicBool,
    /// There is something that the announcer must forget at the end.
    has_notes: AtomicBool,
    cause: AtomicU8,
    stop: Notify,
    log: Mutex<LogState>,
    /// Set once the attempt has secrets.
    veil: OnceLock<Veil>,
    task: OnceLock<AbortHandle>,
}

const NEVER: i64 = i64::MIN;

impl Live {
    pub fn begin(parts: &Arc<Parts>, ticket: Ticket) -> Arc<Self> {
        Arc::new(Self {
            parts: Arc::clone(parts),
            ticket,
            started_at: AtomicI64::new(NEVER),
            is_announced: AtomicBool::new(false),
            has_notes: AtomicBool::new(false),
            cause: AtomicU8::new(0),
            stop: Notify::new(),
            log: Mutex::default(),
            veil: OnceLock::new(),
            task: OnceLock::new(),
        })
    }

    pub fn key(&self) -> (TaskRef, LeaseId) {
        (self.ticket.claimed.task, self.ticket.lease)
    }

    /// Its node; `None` when the plan has none with its number, which no plan of ours lacks.
    pub fn node(&self) -> Option<&Node> {
        self.ticket.plan.plan.nodes.get(self.ticket.claimed.g as usize)
    }

    pub fn subject(&self) -> Subject {
        self.ticket.subject()
    }

    /// Tells the work to stop. The first cause is the one that counts.
    pub fn stop(&self, cause: StopCause) {
        let number = match cause {
            StopCause::Cancel => 1,
            StopCause::Timeout => 2,
            StopCause::Drain => 3,
        };
        if self.cause.compare_exchange(0, number, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.stop.notify_waiters();
        }
    }

    pub fn cause(&self) -> Option<StopCause> {
        match self.cause.load(Ordering::Acquire) {
            1 => Some(StopCause::Cancel),
            2 => Some(StopCause::Timeout),
            3 => Some(StopCause::Drain),
            _ => None,
        }
    }

    pub async fn until_stopped(&self) -> StopCause {
        loop {
            let stopped = self.stop.notified();
            if let Some(cause) = self.cause() {
                return cause;
            }
            stopped.await;
        }
    }

    /// The work begins now.
    pub fn mark_started(&self) {
        let now = self.parts.clock.now().micros();
        if self.started_at.compare_exchange(NEVER, now, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.parts.observers.tell(|| Observation::Started(self.subject()));
        }
    }

    fn started_at(&self) -> Option<Timestamp> {
        let micros = self.started_at.load(Ordering::Acquire);
        (micros != NEVER).then(|| Timestamp::from_micros(micros))
    }

    /// The beginning, which is written down by the caller.
    pub fn begin_now(&self) -> Start {
        self.mark_started();
        self.is_announced.store(true, Ordering::Release);
        let Ticket { claimed, lease, .. } = &self.ticket;
        let started_at = self.started_at().unwrap_or(claimed.dispatched_at);
        Start { task: claimed.task, attempt: claimed.attempt, lease: *lease, execution_name: None, started_at }
    }

    /// Has the beginning written down, unless the end comes first.
    pub fn announce(&self, execution_name: Option<String>) {
        let Some(started_at) = self.started_at() else { return };
        if self.is_announced.swap(true, Ordering::AcqRel) && execution_name.is_none() {
            return;
        }
        self.has_notes.store(true, Ordering::Release);
        let Ticket { claimed, lease, .. } = &self.ticket;
        let start = Start { task: claimed.task, attempt: claimed.attempt, lease: *lease, execution_name, started_at };
        self.parts.notes.started(start);
    }

    pub fn adopt(&self, task: AbortHandle) {
        // Set once: an attempt has one task.
        let _ = self.task.set(task);
    }

    /// From now on this is hidden in all that the attempt says.
    pub fn hide(&self, mask: Mask) {
        // Set once: an attempt is prepared once.
        let _ = self.veil.set(Veil::new(mask));
    }

    /// What of this may be stored.
    pub fn hidden(&self, report: Report) -> Report {
        match self.veil.get() {
            Some(veil) => veil.report(report),
            None => report,
        }
    }

    /// See [`Live::hidden`].
    pub fn hidden_text(&self, text: &str) -> String {
        self.veil.get().map_or_else(|| text.to_owned(), |veil| veil.text(text))
    }

    /// See [`Live::hidden`].
    pub fn hidden_value(&self, value: Value) -> Value {
        match self.veil.get() {
            Some(veil) => veil.value(&value),
            None => value,
        }
    }

    /// What hides secrets in a stream of its own; `None` when there are none.
    pub fn masked(&self) -> Option<Masked> {
        self.veil.get().map(Veil::masked)
    }

    /// The attempt's log goes on behind what it wrote under the leases before: a chunk that took the place of another would be lost.
    ///
    /// # Errors
    /// When the store says why it cannot be read, or the attempt has to stop before it answers.
    pub async fn resume_log(&self) -> Result<(), Unprepared> {
        let (parts, claimed) = (&self.parts, &self.ticket.claimed);
        let (task, attempt) = (claimed.task, claimed.attempt);
        // It may have been this very process.
        parts.logs.settle_after(&BTreeSet::from([(task, attempt)])).await;
        let (store, scope) = (&parts.store, parts.config.scope);
        let end = patiently(self, || store.log_end(scope, task, attempt)).await?;
        let mut is_in_line = false;
        if end.offset > 0 {
            let last = LogQuery { task, attempt, from: end.offset - 1, bytes_max: 1 };
            let last = patiently(self, || store.logs(scope, last)).await?;
            is_in_line = last.chunks.last().is_some_and(|chunk| !chunk.bytes.ends_with(b"\n"));
        }
        *lock(&self.log) = LogState::behind(end, is_in_line);
        Ok(())
    }

    /// A line of Ork's own in the log.
    pub fn remark(&self, text: &str) {
        self.log(Stream::Ork, format!("ork: {text}\n").as_bytes());
    }

    fn store_log(&self, stream: Stream, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let claimed = &self.ticket.claimed;
        self.parts.logs.push((claimed.task, claimed.attempt), &mut lock(&self.log), stream, bytes);
        self.parts.observers.tell(|| Observation::Log { subject: self.subject(), stream, bytes: bytes.into() });
    }

    fn note_progress(&self, progress: Progress) {
        self.parts.observers.tell(|| Observation::Progress { subject: self.subject(), progress: progress.clone() });
        self.has_notes.store(true, Ordering::Release);
        let (task, lease) = self.key();
        self.parts.notes.progressed(ProgressNote { task, lease, progress });
    }

    pub fn abort(&self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }

    /// The attempt is over: its outcome goes to the settler, and its slot is free.
    pub fn finish(&self, mut report: Report) {
        let parts = &self.parts;
        if let Some(veil) = self.veil.get() {
            for stream in [Stream::Stdout, Stream::Stderr] {
                self.store_log(stream, &veil.rest(stream));
            }
            report = veil.report(report);
        }
        let claimed = &self.ticket.claimed;
        parts.logs.close((claimed.task, claimed.attempt), &mut lock(&self.log));
        if self.has_notes.load(Ordering::Acquire) {
            parts.notes.forget(self.key());
        }
        let done = self.ticket.done(parts, report, self.started_at());
        // Its slot first: the settle takes a claim along for whatever is free.
        parts.desk.remove(self.key(), || parts.outbox.push(done));
        parts.pokes.runner.notify_one();
        parts.pokes.room.notify_one();
    }
}

impl Ticket {
    pub fn subject(&self) -> Subject {
        let claimed = &self.claimed;
        Subject {
            task: claimed.task,
            key: self.plan.key(claimed.g),
            index: claimed.task_index,
            attempt: claimed.attempt,
        }
    }

    fn done(&self, parts: &Parts, report: Report, started_at: Option<Timestamp>) -> Done {
        let end = ProcessEnd { exit_code: report.exit_code, signal: report.signal, usage: report.usage };
        let settle = Settle {
            task: self.claimed.task,
            attempt: self.claimed.attempt,
            lease: self.lease,
            outcome: report.outcome,
            started_at,
            finished_at: parts.clock.now(),
            end,
            random: parts.random(),
        };
        Done { settle, key: self.plan.key(self.claimed.g), index: self.claimed.task_index, is_kept: false }
    }

    /// Settles an attempt that never began.
    pub fn settle(&self, parts: &Parts, outcome: Outcome) {
        parts.outbox.push(self.done(parts, Report::of(outcome), None));
    }
}

#[async_trait]
impl AttemptIo for Live {
    fn started(&self, handle: Option<String>) {
        self.mark_started();
        self.announce(handle);
    }

    fn log(&self, stream: Stream, bytes: &[u8]) {
        match self.veil.get() {
            Some(veil) => self.store_log(stream, &veil.written(stream, bytes)),
            None => self.store_log(stream, bytes),
        }
    }

    fn log_cut(&self, stream: Stream) {
        if let Some(veil) = self.veil.get() {
            self.store_log(stream, &veil.rest(stream));
        }
    }

    fn progress(&self, progress: Progress) {
        self.note_progress(match self.veil.get() {
            Some(veil) => veil.progress(progress),
            None => progress,
        });
    }

    fn progress_line(&self, line: &str) {
        let progress = match self.veil.get() {
            Some(veil) => veil.progress_line(line),
            None => Progress::parse(line),
        };
        if let Some(progress) = progress {
            self.note_progress(progress);
        }
    }

    async fn keep(&self, files: Vec<KeptFile>) -> Result<Vec<Kept>, Unkept> {
        Keeper::new(self, None).keep(files, self.until_stopped()).await
    }

    async fn stopped(&self) -> StopCause {
        self.until_stopped().await
    }
}
