//! An attempt of a task with steps: which one comes next is said by `ork_core::course`, what became of them by the store.
//!
//! An attempt may be carried by several leases in turn. Each begins by reading where it stands; what the folder of its steps held is
//! brought along. When the lease before was lost, or the attempt was cancelled while it waited, all that is left is to put away
//! what was begun.

mod artifact;
mod command;
mod io;
mod ledger;
mod model;
mod sight;
mod work;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use ork_core::attempt::{Failure, FailureKind, Outcome, storable};
use ork_core::course::{Course, Mode, Next};
use ork_core::executor::{Executor, Report, StopCause, WorkFolder};
use ork_core::graph::OpenAs;
use ork_core::limits;
use ork_core::plan::Node;
use ork_core::planted::{self, Bug};
use ork_core::step::{Approval, OnExpiry, Step, StepKey, StepPhase, StepStatus, StepWork};
use ork_core::store::{BudgetKind, NewGate, Shortage, Standing};
use tokio::time::{Instant, sleep, sleep_until};

use crate::assignment::{Unprepared, patiently};
use crate::live::Live;

use self::io::StepIo;
use self::ledger::{Ended, Gone, Ledger};
use self::sight::Sight;
use self::work::Work;

/// One attempt's way through its steps.
struct Walk<'a> {
    live: &'a Arc<Live>,
    node: &'a Node,
    course: Course<'a>,
    sight: Sight,
    ledger: Ledger<'a>,
    work: Work<'a>,
    /// All that is left is to put away what was begun.
    winds_up: bool,
    /// When the task's own time is over.
    until: Option<Instant>,
}

/// How a try of a step went.
enum Tried {
    /// It is over.
    Over,
    /// It failed; another try may help, not before so many milliseconds.
    Failed(Failure, u64),
    /// It needs more than is left of a budget.
    Short(Shortage),
}

/// Carries an attempt to its outcome, or to its next wait.
pub async fn carry(live: &Arc<Live>, executor: &Arc<dyn Executor>, node: &Node) -> Report {
    let claimed = &live.ticket.claimed;
    let read = || live.parts.store.standing(live.parts.config.scope, claimed.task, claimed.attempt);
    let standing = match patiently(live, read).await {
        Ok(standing) => standing,
        Err(Unprepared::Failed(failure)) => return Report::of(Outcome::Failed(failure)),
        Err(Unprepared::Stopped) => return Report::of(untouched(live)),
    };
    let wound_up = wound_up(&standing);
    let folder = match executor.open(claimed.task).await {
        Ok(folder) => folder,
        Err(failure) => return Report::of(wound_up.unwrap_or(Outcome::Failed(failure))),
    };
    let report = match Walk::begin(live, node, &standing, &*folder).await {
        Ok(walk) => walk.go(&standing).await,
        Err(Unprepared::Failed(failure)) => Report::of(wound_up.unwrap_or(Outcome::Failed(failure))),
        Err(Unprepared::Stopped) => Report::of(untouched(live)),
    };
    folder.close().await;
    report
}

/// What an attempt becomes that is stopped before anything was done under this lease.
fn untouched(live: &Live) -> Outcome {
    if live.cause() == Some(StopCause::Cancel) { Outcome::Cancelled } else { Outcome::HandedBack }
}

/// The outcome of an attempt of which nothing is left but to put it away.
fn wound_up(standing: &Standing) -> Option<Outcome> {
    let lost = || Failure::new(FailureKind::Lost, "its worker died or lost its lease");
    match standing.open_as? {
        OpenAs::Waiting => None,
        OpenAs::Lost => Some(Outcome::WoundUp { failure: Some(standing.error.clone().unwrap_or_else(lost)) }),
        OpenAs::Cancelled => Some(Outcome::WoundUp { failure: None }),
    }
}

impl<'a> Walk<'a> {
    async fn begin(
        live: &'a Arc<Live>,
        node: &'a Node,
        standing: &Standing,
        folder: &'a dyn WorkFolder,
    ) -> Result<Self, Unprepared> {
        let sight = Sight::open(live, node).await?;
        let mut work = Work::new(live, folder);
        if standing.open_as.is_some() {
            live.resume_log().await?;
            work.bring(standing.saved.as_ref()).await;
        }
        let ledger = Ledger::new(live, standing);
        let spent = Duration::from_millis(ledger.spent_ms());
        let limit = node.timeout_ms.map(Duration::from_millis);
        Ok(Self {
            live,
            node,
            course: Course { steps: &node.action.steps, rounds: node.action.rounds },
            sight,
            ledger,
            work,
            winds_up: wound_up(standing).is_some(),
            until: limit.map(|limit| Instant::now() + limit.saturating_sub(spent)),
        })
    }

    async fn go(mut self, standing: &Standing) -> Report {
        let outcome = match self.walk(standing).await {
            Ok(Some(gates)) => return Report::of(Outcome::Waiting { gates }),
            Ok(None) => self.outcome(standing),
            // Somebody else puts away what was begun.
            Err(Gone) => return Report::of(Outcome::lost(&self.live.parts.config.worker_name)),
        };
        self.work.forget().await;
        Report::of(outcome)
    }

    /// Does what is to be done until nothing is, or until somebody must decide.
    async fn walk(&mut self, standing: &Standing) -> Result<Option<Vec<NewGate>>, Gone> {
        self.ledger.announce().await?;
        self.ledger.close_open(standing).await?;
        if planted::is(Bug::CleanupForgottenAfterWait) && standing.open_as == Some(OpenAs::Cancelled) {
            return Ok(None);
        }
        let mut cleanup_until = None;
        loop {
            if self.until.is_some_and(|until| Instant::now() >= until) && cleanup_until.is_none() {
                self.live.stop(StopCause::Timeout);
            }
            let mode = if self.winds_up || self.live.cause().is_some() { Mode::PutAway } else { Mode::Whole };
            if mode == Mode::PutAway {
                self.ledger.forgo();
            }
            match self.course.next(&self.ledger.seen(), mode) {
                Next::Do { round, positions } => {
                    let phase = positions.first().and_then(|at| self.step(*at)).map(|step| step.phase);
                    if phase == Some(StepPhase::Cleanup) && cleanup_until.is_none() {
                        cleanup_until = Some(Instant::now() + Duration::from_millis(limits::CLEANUP_MS_MAX));
                    }
                    if phase != Some(StepPhase::Setup) {
                        self.save_after_setup().await?;
                    }
                    let done = join_all(positions.iter().map(|at| self.step_through(round, *at, cleanup_until))).await;
                    let asked = done.into_iter().collect::<Result<Vec<_>, _>>()?;
                    let gates: Vec<NewGate> = asked.into_iter().flatten().collect();
                    if !gates.is_empty() && self.rest(&gates).await? {
                        return Ok(Some(gates));
                    }
                }
                Next::Ask { round, positions } => {
                    let gates = self.ask(round, &positions).await?;
                    if !gates.is_empty() && self.rest(&gates).await? {
                        return Ok(Some(gates));
                    }
                }
                Next::Pass { round, positions, status } => {
                    for position in positions {
                        self.ledger.pass(self.key(round, position), self.step(position), status);
                    }
                }
                Next::Over => {
                    self.ledger.flush().await?;
                    return Ok(None);
                }
            }
        }
    }

    fn step(&self, position: u32) -> Option<&'a Step> {
        self.node.action.steps.get(position as usize)
    }

    fn key(&self, round: u32, position: u32) -> StepKey {
        let attempt = self.live.ticket.claimed.attempt;
        StepKey { attempt, round, position, tried: self.ledger.tries(round, position) + 1 }
    }

    /// The folder as setup left it is what cleanup finds when the worker dies.
    async fn save_after_setup(&self) -> Result<(), Gone> {
        let has = |phase: StepPhase| self.node.action.steps.iter().any(|step| step.phase == phase);
        if has(StepPhase::Setup) && has(StepPhase::Cleanup) && !self.work.is_kept() && !self.winds_up {
            self.ledger.flush().await?;
            if let Err(why) = self.work.keep().await? {
                self.live.remark(&format!("what setup left could not be saved: {why}"));
            }
        }
        Ok(())
    }

    /// Keeps the folder for whoever goes on. False when that failed, and then the steps that would have waited have failed.
    async fn rest(&self, gates: &[NewGate]) -> Result<bool, Gone> {
        self.ledger.flush().await?;
        if self.live.cause().is_some() {
            for gate in gates {
                self.ledger.end(gate.step, Ended::of(StepStatus::Cancelled));
            }
            return Ok(false);
        }
        let Err(why) = self.work.keep().await? else { return Ok(true) };
        for gate in gates {
            let failure = Failure::new(FailureKind::Start, format!("failed to save `$ORK_WORK` before a wait: {why}"));
            self.ledger.end(gate.step, Ended::failed(failure));
        }
        Ok(false)
    }

    /// Begins the steps that somebody must decide about; their gates are opened by the end of the lease.
    async fn ask(&self, round: u32, positions: &[u32]) -> Result<Vec<NewGate>, Gone> {
        let mut gates = Vec::new();
        for position in positions {
            let Some(step) = self.step(*position) else { continue };
            let StepWork::Approval(approval) = &step.work else { continue };
            let key = self.key(round, *position);
            if self.passes(step, key) {
                continue;
            }
            self.ledger.begin(key, step, None);
            let message = approval.message.as_ref().map(|text| self.sight.text(&self.ledger, round, text)).transpose();
            match message {
                Ok(message) => gates.push(self.gate(key, step, approval, message.map(storable))),
                Err(failure) => self.ledger.end(key, Ended::failed(failure)),
            }
        }
        Ok(gates)
    }

    fn gate(&self, step: StepKey, of: &Step, approval: &Approval, message: Option<String>) -> NewGate {
        let now = self.live.parts.clock.now();
        NewGate {
            id: self.live.parts.new_gate(),
            step,
            step_name: of.name.clone(),
            is_budget: false,
            role: approval.role,
            allow_self: approval.allow_self,
            message,
            expires_at: approval.expires_ms.map(|ms| now.plus_ms(ms)),
            on_expiry: approval.on_expiry,
        }
    }

    /// Whether a step's condition keeps it from being done; then that is noted.
    fn passes(&self, step: &Step, key: StepKey) -> bool {
        let Some(when) = &step.when else { return false };
        match self.sight.condition(&self.ledger, key.round, when) {
            Ok(true) => return false,
            Ok(false) => self.ledger.pass(key, Some(step), StepStatus::Skipped),
            Err(failure) => {
                self.ledger.begin(key, step, None);
                self.ledger.end(key, Ended::failed(failure));
            }
        }
        true
    }

    /// Does a step, as often as its policy says. A gate, when it can go on only with somebody's consent.
    async fn step_through(
        &self,
        round: u32,
        position: u32,
        cleanup_until: Option<Instant>,
    ) -> Result<Option<NewGate>, Gone> {
        let (Some(step), mut key) = (self.step(position), self.key(round, position)) else { return Ok(None) };
        if self.passes(step, key) {
            return Ok(None);
        }
        let mut failures = 0;
        loop {
            let is_cleanup = step.phase == StepPhase::Cleanup;
            let io = StepIo::new(self.live, step, (cleanup_until, self.until.filter(|_| !is_cleanup)));
            if !is_cleanup && self.live.cause().is_some() {
                return Ok(None);
            }
            self.live.remark(&heading(step, key));
            let (failure, wait_ms) = match self.attempt(step, key, io).await? {
                Tried::Over => return Ok(None),
                Tried::Failed(failure, wait_ms) => (failure, wait_ms),
                Tried::Short(shortage) => return self.short(step, key, &shortage),
            };
            failures += 1;
            if failures >= step.retry.max_attempts || !step.retry.covers(&failure.kind) {
                return Ok(None);
            }
            let delay_ms = step.retry.delay_after_ms(failures, self.live.parts.random()).max(wait_ms);
            self.ledger.flush().await?;
            let pause = sleep(Duration::from_millis(delay_ms));
            let ended = async {
                match cleanup_until {
                    Some(until) if is_cleanup => sleep_until(until).await,
                    _ => drop(self.live.until_stopped().await),
                }
            };
            tokio::select! {
                biased;
                () = ended => return Ok(None),
                () = pause => key.tried += u32::from(!is_repeated(step)),
            }
        }
    }

    async fn attempt(&self, step: &Step, key: StepKey, io: StepIo) -> Result<Tried, Gone> {
        match &step.work {
            StepWork::Command(argv) | StepWork::GateCommand(argv) => {
                self.command(step, key, command::Said::Argv(argv), io).await
            }
            StepWork::Run(script) | StepWork::GateRun(script) => {
                self.command(step, key, command::Said::Script(script), io).await
            }
            StepWork::Ai(ai) => self.model(step, key, ai, io).await,
            StepWork::GateCondition(condition) => Ok(self.condition(step, key, condition)),
            StepWork::Approval(_) => Ok(Tried::Over),
            StepWork::Artifact(spec) => self.artifact(step, key, spec, io).await,
        }
    }

    fn condition(&self, step: &Step, key: StepKey, condition: &str) -> Tried {
        self.ledger.begin(key, step, None);
        match self.sight.condition(&self.ledger, key.round, condition) {
            Ok(true) => {
                self.ledger.end(key, Ended::of(StepStatus::Success));
                Tried::Over
            }
            Ok(false) => self.fail(key, Failure::new(FailureKind::Gate, format!("`{condition}` is false"))),
            Err(failure) => self.fail(key, failure),
        }
    }

    fn fail(&self, key: StepKey, failure: Failure) -> Tried {
        self.ledger.end(key, Ended::failed(failure.clone()));
        Tried::Failed(failure, 0)
    }

    /// A call does not fit into a budget: it fails, or somebody is asked for more.
    fn short(&self, step: &Step, key: StepKey, shortage: &Shortage) -> Result<Option<NewGate>, Gone> {
        let asks = self.live.ticket.plan.plan.budget.is_some_and(|budget| budget.asks);
        self.ledger.begin(key, step, None);
        let message = model::shortage(shortage);
        if !asks || shortage.budget != BudgetKind::Run {
            self.ledger.end(key, Ended::failed(Failure::new(FailureKind::Budget, message)));
            return Ok(None);
        }
        let approval = Approval {
            role: ork_core::access::Role::Operator,
            expires_ms: None,
            on_expiry: OnExpiry::Hold,
            allow_self: true,
            message: None,
        };
        let gate = self.gate(key, step, &approval, Some(message));
        Ok(Some(NewGate { is_budget: true, ..gate }))
    }

    fn outcome(&self, standing: &Standing) -> Outcome {
        if let Some(outcome) = wound_up(standing) {
            return outcome;
        }
        let failed = self.course.failed(&self.ledger.seen());
        let Some((round, position)) = failed else {
            return match self.live.cause() {
                Some(cause) if self.ledger.is_empty() => self.stopped(cause),
                _ => Outcome::Success { output: self.ledger.output_of(self.node) },
            };
        };
        match self.live.cause() {
            Some(cause) => self.stopped(cause),
            None => Outcome::Failed(self.ledger.failure_of(round, position, self.step(position))),
        }
    }

    fn stopped(&self, cause: StopCause) -> Outcome {
        match cause {
            StopCause::Cancel => Outcome::Cancelled,
            StopCause::Drain => Outcome::HandedBack,
            StopCause::Timeout => {
                let limit = self.node.timeout_ms.unwrap_or_default();
                Outcome::Failed(Failure::new(
                    FailureKind::Timeout,
                    format!("ran longer than its timeout of {limit} ms"),
                ))
            }
        }
    }
}

/// Whether a call is made again as if it had never been made: only for [`Bug::AiCallRepeated`].
fn is_repeated(step: &Step) -> bool {
    planted::is(Bug::AiCallRepeated) && matches!(step.work, StepWork::Ai(_))
}

/// What stands in the log above what a step says.
fn heading(step: &Step, key: StepKey) -> String {
    let round = if key.round > 1 { format!(", round {}", key.round) } else { String::new() };
    let tried = if key.tried > 1 { format!(", try {}", key.tried) } else { String::new() };
    format!("step {} ({}{round}{tried})", step.name, step.phase)
}
