//! Claim, start, settle.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::event::Actor;
use ork_core::graph::{Lease, LeaseId};
use ork_core::id::{RunId, TaskRef, WorkerId, WorkspaceId};
use ork_core::limits;
use ork_core::state::Reason;
use ork_core::store::{Claim, Claimed, Outcomes, ProgressNote, Queue, Scope, Settle, Settled, Start, queue_of};

use super::{Model, Order, Place, Run, State, Task};

fn claimed(workspace: WorkspaceId, lease: &Lease, task: &Task) -> Claimed {
    Claimed {
        workspace,
        task: lease.task,
        g: lease.g,
        task_index: task.index,
        attempt: lease.attempt,
        dispatched_at: lease.dispatched_at,
    }
}

impl State {
    /// All leases, with their tasks.
    pub(super) fn leases(&self) -> impl Iterator<Item = (WorkspaceId, &Lease, &Task)> {
        let of = |task: &'_ Task| task.lease().is_some();
        (self.runs.values())
            .flat_map(move |run| {
                run.tasks.iter().filter(move |task| of(task)).map(move |task| (run.new.workspace, task))
            })
            .filter_map(|(workspace, task)| task.lease().map(|lease| (workspace, lease, task)))
    }

    /// What of a workspace may be claimed from these lanes, in the queue's order.
    fn ready(&self, workspace: WorkspaceId, lanes: &[String]) -> Vec<TaskRef> {
        let mut found = Vec::new();
        for run in self.runs.values().filter(|run| run.new.workspace == workspace) {
            for (n, task) in (0_u32..).zip(&run.tasks) {
                let spec = &run.groups[task.g as usize].spec;
                if let Place::Ready(number, _) = task.place
                    && lanes.contains(&spec.lane)
                    && !self.pauses.contains_key(&(workspace, queue_of(&spec.lane).to_owned()))
                {
                    found.push((-i64::from(spec.priority), number, TaskRef { run: run.new.id, n }));
                }
            }
        }
        found.sort_unstable();
        found.into_iter().map(|(.., task)| task).collect()
    }

    fn lease(&mut self, task: TaskRef, claim: &Claim) -> Option<Claimed> {
        let run = self.runs.get_mut(&task.run)?;
        let workspace = run.new.workspace;
        let row = run.tasks.get_mut(task.n as usize)?;
        let lease = Lease {
            task,
            g: row.g,
            attempt: row.attempt + 1,
            id: claim.lease,
            worker: claim.worker,
            dispatched_at: claim.now,
            started_at: None,
            execution_name: None,
        };
        row.place = Place::Leased(lease.clone(), None);
        Some(claimed(workspace, &lease, row))
    }

    /// The lease that an outcome names, if it is the present one.
    fn take(&mut self, scope: Scope, settle: &Settle) -> Result<Lease, Settled> {
        let run = self.runs.get_mut(&settle.task.run).filter(|run| scope.admits(run.new.workspace));
        let Some(task) = run.and_then(|run| run.tasks.get_mut(settle.task.n as usize)) else {
            return Err(Settled::Unknown);
        };
        if let Some(lease) = task.lease().filter(|l| l.attempt == settle.attempt && l.id == settle.lease) {
            return Ok(lease.clone());
        }
        let word = settle.outcome.word();
        let left = task
            .open
            .is_some_and(|left| (task.attempt + 1, left.lease, left.outcome) == (settle.attempt, settle.lease, word));
        let same = left
            || task.attempts.iter().any(|attempt| {
                attempt.attempt == settle.attempt
                    && attempt.lease == settle.lease
                    && attempt.outcome.as_deref() == Some(settle.outcome.word())
            });
        Err(if same { Settled::Already } else { Settled::Stale })
    }

    fn settle_run(
        &mut self,
        id: RunId,
        part: &[(&Settle, Option<Lease>)],
        (actor, now): (&Actor, Timestamp),
        outcomes: &mut Outcomes,
    ) {
        let Some(run) = self.change(Scope::All, id, actor, now) else { return };
        let before = run.needs_upkeep();
        let accepted = || part.iter().filter_map(|(settle, lease)| Some((*settle, lease.as_ref()?)));
        let unannounced: Vec<Lease> =
            accepted().filter(|(_, lease)| lease.started_at.is_none()).map(|(_, lease)| lease.clone()).collect();
        run.announce(&unannounced, false);
        let (mut back, mut stops) = (Vec::new(), false);
        for (settle, lease) in accepted() {
            stops |= run.settle(lease, settle, &mut back);
        }
        for (settle, _) in part.iter().filter(|(_, lease)| lease.is_none()) {
            run.late(settle.task.n, settle.attempt, &settle.outcome);
        }
        if stops {
            run.sweep(true, Reason::Stop);
        }
        let freed = accepted().any(|(_, lease)| run.groups[lease.g as usize].spec.concurrency.is_some());
        self.charge_lost(now);
        let moved = self.rest(id, Order::Groups(&back));
        let more = self.runs.get(&id).is_some_and(|run| run.needs_upkeep().iter().any(|need| !before.contains(need)));
        outcomes.queued += moved.ready;
        outcomes.upkeep |= freed || more || moved.ended;
        outcomes.ended.extend(Some(id).filter(|_| moved.ended));
    }
}

/// Something that a round of upkeep has to look at.
#[derive(Debug, PartialEq)]
enum Need {
    Evaluation(u32),
    Result,
    Slot(usize),
    Retry(usize),
}

impl Run {
    fn needs_upkeep(&self) -> Vec<Need> {
        let groups = self.evaluations().into_iter().map(Need::Evaluation);
        let result = Some(Need::Result).filter(|_| self.awaits_result());
        let tasks = self.tasks.iter().enumerate().filter_map(|(n, task)| match task.place {
            Place::Held(_) => Some(Need::Slot(n)),
            Place::Delayed(_) => Some(Need::Retry(n)),
            _ => None,
        });
        groups.chain(result).chain(tasks).collect()
    }
}

#[async_trait]
impl Queue for Model {
    async fn claim(&self, claim: &Claim) -> StoreResult<Vec<Claimed>> {
        let mut state = self.state();
        if claim.again {
            let before: Vec<Claimed> = (state.leases())
                .filter(|(_, lease, _)| lease.worker == claim.worker && lease.id == claim.lease)
                .map(|(workspace, lease, task)| claimed(workspace, lease, task))
                .collect();
            if !before.is_empty() {
                return Ok(before);
            }
        }
        if state.workers.get(&claim.worker).is_none_or(|worker| worker.ended_at.is_some()) {
            return Ok(Vec::new());
        }
        let limit = claim.limit.min(limits::BATCH_MAX);
        let workspaces: std::collections::BTreeSet<WorkspaceId> = state
            .runs
            .values()
            .map(|run| run.new.workspace)
            .filter(|workspace| claim.scope.admits(*workspace))
            .collect();
        // One of each workspace in turn.
        let mut queues: Vec<std::collections::VecDeque<TaskRef>> =
            workspaces.iter().map(|workspace| state.ready(*workspace, &claim.lanes).into()).collect();
        queues.retain(|queue| !queue.is_empty());
        if !queues.is_empty() {
            // Not always the same one first.
            let first = claim.lease.0.unsigned_abs() % queues.len() as u64;
            queues.rotate_left(first as usize);
        }
        let mut taken = Vec::new();
        while taken.len() < limit && queues.iter().any(|queue| !queue.is_empty()) {
            let round: Vec<TaskRef> = queues.iter_mut().filter_map(std::collections::VecDeque::pop_front).collect();
            let room = limit - taken.len();
            taken.extend(round.into_iter().take(room));
        }
        Ok(taken.into_iter().filter_map(|task| state.lease(task, claim)).collect())
    }

    async fn start(&self, scope: Scope, starts: &[Start], actor: &Actor, now: Timestamp) -> StoreResult<Vec<TaskRef>> {
        let mut state = self.state();
        let mut begun = Vec::new();
        let mut fresh: BTreeMap<RunId, Vec<Lease>> = BTreeMap::new();
        for start in starts {
            let Some(run) = state.change(scope, start.task.run, actor, now) else { continue };
            let Some(Place::Leased(lease, _)) = run.tasks.get_mut(start.task.n as usize).map(|task| &mut task.place)
            else {
                continue;
            };
            if lease.attempt != start.attempt || lease.id != start.lease {
                continue;
            }
            begun.push(start.task);
            if lease.started_at.is_none() {
                lease.started_at = Some(start.started_at);
                lease.execution_name.clone_from(&start.execution_name);
                fresh.entry(start.task.run).or_default().push(lease.clone());
            }
        }
        for (id, leases) in fresh {
            if let Some(run) = state.change(scope, id, actor, now) {
                run.announce(&leases, true);
            }
        }
        Ok(begun)
    }

    async fn settle(&self, scope: Scope, settles: &[Settle], actor: &Actor, now: Timestamp) -> StoreResult<Outcomes> {
        let mut state = self.state();
        let mut outcomes = Outcomes::default();
        let mut parts: BTreeMap<RunId, Vec<(&Settle, Option<Lease>)>> = BTreeMap::new();
        for settle in settles {
            let taken = state.take(scope, settle);
            outcomes.settled.push(taken.as_ref().err().copied().unwrap_or(Settled::Accepted));
            match taken {
                Ok(lease) => parts.entry(settle.task.run).or_default().push((settle, Some(lease))),
                Err(Settled::Stale) => parts.entry(settle.task.run).or_default().push((settle, None)),
                Err(_) => {}
            }
        }
        for (id, part) in parts {
            state.settle_run(id, &part, (actor, now), &mut outcomes);
        }
        Ok(outcomes)
    }

    async fn settle_and_claim(
        &self,
        settles: &[Settle],
        actor: &Actor,
        claim: &Claim,
    ) -> StoreResult<(Outcomes, Vec<Claimed>)> {
        let outcomes = self.settle(claim.scope, settles, actor, claim.now).await?;
        Ok((outcomes, self.claim(claim).await?))
    }

    async fn progress(&self, scope: Scope, notes: &[ProgressNote]) -> StoreResult<()> {
        let mut state = self.state();
        for note in notes {
            let run = state.runs.get_mut(&note.task.run).filter(|run| scope.admits(run.new.workspace));
            let task = run.and_then(|run| run.tasks.get_mut(note.task.n as usize));
            if let Some(Place::Leased(lease, progress)) = task.map(|task| &mut task.place)
                && lease.id == note.lease
            {
                *progress = Some(note.progress.clone());
            }
        }
        Ok(())
    }

    async fn cancel_requests(&self, worker: WorkerId) -> StoreResult<Vec<(TaskRef, LeaseId)>> {
        Ok(self.state().cancelled(worker))
    }
}
