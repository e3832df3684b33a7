//! Claims tasks: the only loop that does.
//!
//! An engine with processes claims as many as it has free slots; one with handlers alone claims ahead, so that the next
//! batch arrives while the last one is at work.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ork_core::attempt::Outcome;
use ork_core::graph::LeaseId;
use ork_core::id::WorkerId;
use ork_core::limits;
use ork_core::store::{Claim, Claimed};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::desk::Ticket;
use crate::expressions;
use crate::observe::Observation;
use crate::parts::{Parts, Phase};

/// Outcomes that may wait for the settler before nothing more is claimed.
const UNSETTLED_MAX: usize = 8 * limits::BATCH_MAX;

struct Dispatcher {
    parts: Arc<Parts>,
    phase: watch::Receiver<Phase>,
    /// There may be more to claim.
    is_hungry: bool,
    /// A claim whose answer did not come. It may have taken effect: it is asked again, with its own token, until it
    /// is answered.
    open: Option<Token>,
    backoff: Backoff,
}

#[derive(Clone, Copy)]
struct Token {
    worker: WorkerId,
    lease: LeaseId,
    limit: usize,
}

pub async fn run(parts: Arc<Parts>) {
    let phase = parts.phase.subscribe();
    let mut this = Dispatcher { parts, phase, is_hungry: true, open: None, backoff: Backoff::new() };
    loop {
        let wanted = this.wanted();
        if wanted > 0 || this.open.is_some() {
            this.claim(wanted).await;
        } else if this.parts.is_working() {
            this.wait().await;
        } else {
            return;
        }
    }
}

impl Dispatcher {
    /// How many tasks to claim now.
    fn wanted(&self) -> usize {
        let parts = &self.parts;
        let config = &parts.config;
        if !self.is_hungry || config.lanes.is_empty() || !parts.is_working() || parts.outbox.len() > UNSETTLED_MAX {
            return 0;
        }
        let ahead = if parts.executors.process.is_some() { 0 } else { config.prefetch };
        let count = parts.desk.count();
        // Small claims while plenty is waiting would cost as much as large ones later.
        if count.waiting > ahead / 2 {
            return 0;
        }
        let room = (config.capacity + ahead).saturating_sub(count.waiting + count.live);
        if config.capacity == 0 { 0 } else { room.min(config.claim_batch_max).min(limits::BATCH_MAX) }
    }

    async fn wait(&mut self) {
        let pokes = &self.parts.pokes;
        tokio::select! {
            biased;
            _ = self.phase.changed() => {}
            () = pokes.dispatcher.notified() => self.is_hungry = true,
            () = pokes.room.notified() => {}
            () = sleep(Duration::from_millis(self.parts.config.poll_ms)) => self.is_hungry = true,
        }
    }

    async fn claim(&mut self, wanted: usize) {
        let worker = self.parts.identity.now();
        // What a worker that was declared dead may have claimed is the reaper's.
        let again = self.open.filter(|token| token.worker == worker);
        let token = again.unwrap_or_else(|| Token { worker, lease: self.parts.new_lease(), limit: wanted });
        self.open = None;
        if token.limit == 0 {
            return;
        }
        let claim = Claim {
            scope: self.parts.config.scope,
            worker,
            lease: token.lease,
            again: again.is_some(),
            lanes: self.parts.config.lanes.clone(),
            limit: token.limit,
            now: self.parts.clock.now(),
        };
        match self.parts.store.claim(&claim).await {
            Ok(claimed) => {
                self.backoff.reset();
                self.is_hungry = claimed.len() >= token.limit || again.is_some();
                if !claimed.is_empty() {
                    self.hand_over(token, claimed).await;
                }
            }
            Err(error) => {
                self.parts.store_failed("dispatcher", &error);
                self.open = Some(token);
                self.backoff.wait().await;
            }
        }
    }

    /// Puts what was claimed on the desk, each with its plan.
    async fn hand_over(&mut self, token: Token, claimed: Vec<Claimed>) {
        let runs: BTreeSet<_> = claimed.iter().map(|claimed| claimed.task.run).collect();
        let plans = loop {
            match self.parts.plans.fetch(self.parts.store.as_ref(), self.parts.config.scope, &runs).await {
                Ok(plans) => break plans,
                Err(error) => {
                    self.parts.store_failed("dispatcher", &error);
                    self.backoff.wait().await;
                }
            }
        };
        let mut tickets = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            match plans.get(&claimed.task.run) {
                Some(Ok(plan)) => {
                    let plan = Arc::clone(plan);
                    tickets.push(Ticket { claimed, lease: token.lease, worker: token.worker, plan });
                }
                Some(Err(problem)) => self.refuse(token, claimed, problem),
                None => self.refuse(token, claimed, "the run has no plan any more"),
            }
        }
        if self.parts.observers.are_there() {
            for ticket in &tickets {
                self.parts.observers.tell(|| Observation::Dispatched(ticket.subject()));
            }
        }
        for ticket in self.parts.desk.push(tickets) {
            ticket.settle(&self.parts, Outcome::HandedBack);
        }
        self.parts.pokes.runner.notify_one();
    }

    /// Fails an attempt whose plan cannot be used.
    fn refuse(&self, token: Token, claimed: Claimed, problem: &str) {
        let plan = crate::plans::RunPlan::unusable(claimed.task.run, claimed.workspace);
        let ticket = Ticket { claimed, lease: token.lease, worker: token.worker, plan: Arc::new(plan) };
        ticket.settle(&self.parts, Outcome::Failed(expressions::failed(problem)));
    }
}
