//! Random command sequences: the same for a store and for the model, compared after each step.

mod artifacts;
mod steps;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ops::Range;
use std::sync::Arc;

use ork_core::artifact::NewArtifact;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::blobs::BlobKey;
use ork_core::check::check;
use ork_core::clock::{Entropy, SeededEntropy, Timestamp};
use ork_core::event::{Actor, BotType};
use ork_core::executor::Progress;
use ork_core::graph::{Expansion, LeaseId, NewRun, Pin, ProcessEnd, Reuse, Reused, TriggeredBy};
use ork_core::id::{GateId, RunId, TaskRef, WorkerId, WorkspaceId};
use ork_core::json::Json;
use ork_core::seal::{Key, seal, verify};
use ork_core::state::{Reason, RunStatus};
use ork_core::step::Allowance;
use ork_core::store::{
    BudgetPeriod, Claim, Claimed, Decision, EvaluationTarget, KeptUnder, LooseBlob, NewEvent, NewEvents, ProgressNote,
    RunDump, RunFilter, Runs, Scope, Settle, Span, Start, StepWrite, Store, Tasks, Upkeep,
};

use crate::OTHER;
use crate::bed::{ada, worker_row};
use crate::compare::{canonical, difference};
use crate::feed::Reader;
use crate::model::Model;
use crate::plans::{random_plan, small};

/// One command, with everything that it needs.
#[derive(Debug, Clone)]
enum Command {
    Submit(Box<NewRun>),
    Claim(Claim),
    Start(Vec<Start>),
    Settle(Vec<Settle>),
    SettleAndClaim(Vec<Settle>, Claim),
    Progress(ProgressNote),
    Cancel(RunId, Reason),
    Pause(RunId),
    Resume(RunId),
    CancelTask(TaskRef),
    RetryNow(TaskRef),
    Expand(RunId, u32, Expansion),
    Conclude(RunId, Result<Json, Failure>),
    Promote(usize),
    Admit,
    Retire(WorkerId),
    Steps(StepWrite),
    Decide(Decision),
    Expire(GateId),
    Note(LooseBlob),
    Keep(Vec<NewArtifact>, Option<KeptUnder>),
    Doom(u32),
    Forget(Vec<BlobKey>),
    Tell(NewEvents),
    Seal,
    Pass(u64),
}

/// A lease that was given once, current or not.
#[derive(Debug, Clone, Copy)]
struct Given {
    claimed: Claimed,
    lease: LeaseId,
    worker: WorkerId,
}

struct World {
    random: SeededEntropy,
    now: Timestamp,
    runs: Vec<(RunId, NewRun)>,
    given: Vec<Given>,
    workers: Vec<WorkerId>,
    leases: i64,
    /// Attempts that were announced as begun.
    started: BTreeSet<(TaskRef, LeaseId)>,
    /// Keys of bytes, each with the run that they are for.
    keys: Vec<(BlobKey, RunId)>,
    /// Artifacts that were to be created.
    made: Vec<NewArtifact>,
    /// Answers get lost, so that a start is sent again: in every other seed.
    repeats_starts: bool,
    /// The dumps of each run that were found equal last, the model's and the store's: most commands change one run.
    equal: BTreeMap<RunId, (RunDump, RunDump)>,
}

/// Runs `steps` random commands for each seed, on a fresh store of the factory and on the model.
///
/// # Panics
/// When an answer or a dump differs, or an invariant breaks: with seed, step, command and what differs.
pub async fn random<F, Fut>(fresh: F, seeds: Range<u64>, steps: usize)
where
    F: Fn() -> Fut,
    Fut: Future<Output = Arc<dyn Store>>,
{
    let mut diverged = Vec::new();
    for seed in seeds {
        let (store, model) = (fresh().await, Model::new());
        let mut world = World::new(seed);
        for worker in &world.workers {
            for side in [&*store, &model as &dyn Store] {
                side.register_worker(&worker_row(*worker, world.now)).await.expect("a worker registers");
            }
        }
        for side in [&*store, &model as &dyn Store] {
            let (limit, day) = (Allowance { tokens: Some(300), micros: None }, BudgetPeriod::Day);
            side.set_budget(WorkspaceId::DEFAULT, day, Some(limit), world.now).await.expect("a budget is set");
        }
        let (mut reader, mut dice) = (Reader::new(Scope::All), SeededEntropy::new(seed));
        for step in 0..steps {
            let command = world.next(&model).await;
            if let Err(wrong) = world.step(&*store, &model, &command).await {
                diverged.push(format!("seed {seed}, step {step}: {command:?}\n{wrong}"));
                break;
            }
            reader.page(&*store, 1 + u32::try_from(dice.below(5)).unwrap_or(0)).await;
        }
        reader.rest(&*store, 7).await;
        diverged.extend(reader.check(&*store).await.err().map(|wrong| format!("seed {seed}: {wrong}")));
    }
    let shown: Vec<&str> = diverged.iter().map(String::as_str).take(DIVERGED_MAX).collect();
    let all = diverged.len();
    assert!(all == 0, "{all} seeds diverged (- expected by the model, + from the store)\n{}", shown.join("\n\n"));
}

/// How many divergences are shown: each seed stops at its first.
const DIVERGED_MAX: usize = 5;

impl World {
    fn new(seed: u64) -> Self {
        let mut random = SeededEntropy::new(seed);
        let now = Timestamp::from_micros(1_750_000_000_000_000);
        let workers = (0..3).map(|_| WorkerId::new(now, &mut random)).collect();
        Self {
            random,
            now,
            runs: Vec::new(),
            given: Vec::new(),
            workers,
            leases: 0,
            started: BTreeSet::new(),
            keys: Vec::new(),
            made: Vec::new(),
            repeats_starts: seed % 2 == 1,
            equal: BTreeMap::new(),
        }
    }

    fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        let at = self.random.below(items.len() as u64);
        items.get(usize::try_from(at).unwrap_or(0)).cloned()
    }

    fn run(&mut self) -> Option<RunId> {
        let ids: Vec<RunId> = self.runs.iter().map(|(id, _)| *id).collect();
        self.pick(&ids)
    }

    /// Chooses a command that may do something.
    async fn next(&mut self, model: &Model) -> Command {
        let at_first = self.runs.is_empty() || (self.runs.len() < 4 && self.random.below(25) == 0);
        if at_first {
            return self.submit();
        }
        if self.random.below(4) == 0
            && let Some(command) = self.step_or_gate(model).await
        {
            return command;
        }
        if self.random.below(8) == 0
            && let Some(command) = self.artifact()
        {
            return command;
        }
        let chosen = match self.random.below(100) {
            0..20 => Some(Command::Claim(self.claim())),
            20..30 => self.start(),
            30..50 => self.settle(model).await.map(Command::Settle),
            50..60 => self.settle(model).await.map(|settles| Command::SettleAndClaim(settles, self.claim())),
            60..63 => self.progress(),
            63..64 => self.run().map(|run| {
                let reason = if self.random.below(2) == 0 { Reason::Cancel } else { Reason::Deadline };
                Command::Cancel(run, reason)
            }),
            64..67 => self.run().map(Command::Pause),
            67..72 => self.run().map(Command::Resume),
            72..75 => self.task(model).await.map(Command::CancelTask),
            75..77 => self.task(model).await.map(Command::RetryNow),
            77..86 => self.evaluate(model).await,
            86..90 => Some(Command::Promote(1 + usize::try_from(self.random.below(4)).unwrap_or(0))),
            90..93 => Some(Command::Admit),
            93..95 => self.tell(model).await,
            95..96 => Some(Command::Seal),
            96..97 if self.workers.len() > 1 => self.workers.pop().map(Command::Retire),
            _ => Some(Command::Pass(self.random.below(5_000))),
        };
        chosen.unwrap_or(Command::Admit)
    }

    fn submit(&mut self) -> Command {
        self.now = self.now.plus_ms(1);
        let plan = random_plan(&mut self.random);
        let mut reuse = Vec::new();
        let from = RunId::new(Timestamp::from_micros(1_740_000_000_000_000), &mut self.random);
        for (g, node) in (0_u32..).zip(&plan.nodes) {
            if self.random.below(100) < 8 {
                let size = node.fan.size().unwrap_or(3);
                let done = (0..size.max(1)).filter(|_| self.random.below(2) == 0);
                let done = done.collect::<Vec<u32>>().into_iter().map(|index| Reused {
                    index,
                    output: Some(Json::from_stored("1")),
                    from: TaskRef { run: from, n: index },
                });
                reuse.push(Reuse { g, size, items: None, done: done.collect() });
            }
        }
        let new = NewRun {
            id: RunId::new(self.now, &mut self.random),
            workspace: if self.random.below(4) == 0 { OTHER } else { WorkspaceId::DEFAULT },
            external_id: None,
            owner: (self.random.below(2) == 0).then(|| "ada".to_owned()),
            plan,
            plan_source: None,
            revision: None,
            input: Json::from_stored("{}"),
            priority: None,
            pin: Pin::Anywhere,
            project: None,
            triggered_by: TriggeredBy::Api,
            retry_of: Some(from).filter(|_| !reuse.is_empty()),
            reuse,
            webhook: None,
            actor: ada(),
            now: self.now,
        };
        self.runs.push((new.id, new.clone()));
        Command::Submit(Box::new(new))
    }

    fn claim(&mut self) -> Claim {
        self.leases += 1;
        let workers = self.workers.clone();
        let lanes = if self.random.below(3) == 0 { vec!["default"] } else { vec!["default", "second"] };
        Claim {
            // How a claim over all tenants shares its limit is a case of its own.
            scope: Scope::One(if self.random.below(4) == 0 { OTHER } else { WorkspaceId::DEFAULT }),
            worker: self.pick(&workers).expect("one worker is never retired"),
            lease: LeaseId(self.leases),
            again: self.random.below(20) == 0,
            lanes: lanes.into_iter().map(str::to_owned).collect(),
            limit: 1 + usize::try_from(self.random.below(4)).unwrap_or(0),
            now: self.now,
        }
    }

    /// A lease given not long ago: mostly current ones.
    fn lease(&mut self) -> Option<Given> {
        let from = self.given.len().saturating_sub(6);
        let recent = self.given[from..].to_vec();
        self.pick(&recent)
    }

    fn start(&mut self) -> Option<Command> {
        let given = self.lease()?;
        let twice = self.started.contains(&(given.claimed.task, given.lease));
        if twice && !self.repeats_starts {
            return None;
        }
        self.started.insert((given.claimed.task, given.lease));
        Some(Command::Start(vec![Start {
            task: given.claimed.task,
            attempt: given.claimed.attempt,
            lease: given.lease,
            execution_name: Some("pid 7".into()),
            started_at: self.now,
        }]))
    }

    async fn settle(&mut self, model: &Model) -> Option<Vec<Settle>> {
        let mut settles: Vec<Settle> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let Some(given) = self.lease().filter(|g| settles.iter().all(|s| s.task != g.claimed.task)) else {
                continue;
            };
            let outcome = self.outcome(given.worker);
            let outcome = self.with_steps(model, given, outcome).await;
            let runs = Self::runs_a_step(model, given).await;
            settles.push(Settle {
                task: given.claimed.task,
                attempt: given.claimed.attempt,
                lease: given.lease,
                outcome,
                started_at: Some(self.now).filter(|_| runs || self.random.below(2) == 0),
                finished_at: self.now,
                end: ProcessEnd { exit_code: Some(1), ..ProcessEnd::default() },
                random: self.random.next_u64(),
            });
        }
        Some(settles).filter(|settles| !settles.is_empty())
    }

    fn outcome(&mut self, worker: WorkerId) -> Outcome {
        match self.random.below(13) {
            0..6 => Outcome::Success { output: Some(Json::from_stored("{\"n\":1}")) },
            6 | 7 => Outcome::Failed(Failure::new(FailureKind::Exit { code: 1 }, "exit code 1")),
            8 => Outcome::Failed(Failure::new(FailureKind::Timeout, "ran too long")),
            9 => Outcome::lost(&worker.to_string()),
            10 => Outcome::Cancelled,
            11 => Outcome::Failed(Failure::new(FailureKind::Unserved, "it has no handler")),
            _ => Outcome::HandedBack,
        }
    }

    fn progress(&mut self) -> Option<Command> {
        let given = self.lease()?;
        let percent = u8::try_from(self.random.below(101)).unwrap_or(0);
        let progress = Progress { percent, stage: Some("cut".into()), message: None };
        Some(Command::Progress(ProgressNote { task: given.claimed.task, lease: given.lease, progress }))
    }

    async fn task(&mut self, model: &Model) -> Option<TaskRef> {
        let run = self.run()?;
        let total = model.run(Scope::All, run).await.ok()??.tasks_total;
        Some(TaskRef { run, n: small(&mut self.random, total as usize) }).filter(|_| total > 0)
    }

    /// What a bot has to say; sometimes under a name that it has used before.
    async fn tell(&mut self, model: &Model) -> Option<Command> {
        let task = self.task(model).await?;
        let words = ["bot.seen", "bot.note"];
        let mut events = Vec::new();
        for _ in 0..=self.random.below(2) {
            let event_type = BotType::parse(words[small(&mut self.random, 2) as usize]).expect("a word of bots");
            let task = Some(task.n).filter(|_| self.random.below(2) == 0);
            events.push(NewEvent { event_type, task, payload: Some(Json::from_stored("{\"n\":1}")) });
        }
        let key = Some(format!("k{}", self.random.below(4))).filter(|_| self.random.below(2) == 0);
        let actor = Actor { kind: ork_core::event::ActorKind::Bot, id: "scribe".into() };
        Some(Command::Tell(NewEvents { run: task.run, key, events, actor, now: self.now }))
    }

    async fn evaluate(&mut self, model: &Model) -> Option<Command> {
        let waiting = model.evaluations(Scope::All, None, 100).await.ok()?;
        let evaluation = self.pick(&waiting)?;
        let failure = Failure::new(FailureKind::Template, "`n` is undefined");
        let g = match evaluation.target {
            EvaluationTarget::Result if self.random.below(4) == 0 => {
                return Some(Command::Conclude(evaluation.run, Err(failure)));
            }
            EvaluationTarget::Result => return Some(Command::Conclude(evaluation.run, Ok(Json::from_stored("[1]")))),
            EvaluationTarget::Group(g) => g,
        };
        let groups = model.groups(Scope::All, evaluation.run).await.ok()?;
        let known = groups.get(g as usize).and_then(|group| group.size);
        let size = known.unwrap_or_else(|| small(&mut self.random, 4));
        let expansion = match self.random.below(10) {
            0 => Expansion::Failed(failure),
            1 => Expansion::Skipped,
            2 if known.is_none() => Expansion::Siblings { size: 200_000, items: None, unmet: Vec::new() },
            _ => {
                let unmet = (0..size).filter(|_| self.random.below(4) == 0).collect();
                let items = Some(Json::from_stored("[1,2,3]")).filter(|_| self.random.below(2) == 0);
                Expansion::Siblings { size, items, unmet }
            }
        };
        Some(Command::Expand(evaluation.run, g, expansion))
    }

    /// Does the command on both sides, and says what differs.
    async fn step(&mut self, store: &dyn Store, model: &Model, command: &Command) -> Result<(), String> {
        let expected = self.answer(model, command).await;
        let actual = self.answer(store, command).await;
        if expected != actual {
            return Err(format!("- answer {expected}\n+ answer {actual}"));
        }
        self.note(model, command).await;
        for (run, _) in &self.runs {
            let expected = dump(model, *run).await?;
            let actual = dump(store, *run).await?;
            if self.equal.get(run).is_some_and(|(a, b)| *a == expected && *b == actual) {
                continue;
            }
            if let Some(wrong) = check(&expected).first() {
                return Err(format!("the model breaks an invariant of {run}: {wrong}"));
            }
            let wrong: Vec<String> = check(&actual).iter().map(ToString::to_string).collect();
            let differs = difference(&canonical(&expected), &canonical(&actual));
            if !wrong.is_empty() || differs.is_some() {
                return Err(format!("{run}\n{}\n{}", wrong.join("\n"), differs.unwrap_or_default()));
            }
            self.equal.insert(*run, (expected, actual));
        }
        let (expected, actual) = (around(model).await?, around(store).await?);
        if expected != actual {
            return Err(format!("- {expected}\n+ {actual}"));
        }
        let over = store.overbooked(Scope::All).await.map_err(|e| e.to_string())?;
        if over.is_empty() { Ok(()) } else { Err(format!("more slots than there are: {over:?}")) }
    }

    /// What the command answers, as text. Where the order of an answer is open, it is sorted.
    async fn answer(&self, store: &dyn Store, command: &Command) -> String {
        let (all, by, now) = (Scope::All, ada(), self.now);
        match command.clone() {
            Command::Submit(new) => format!("{:?}", store.submit(&new).await),
            Command::Claim(claim) => format!("{:?}", store.claim(&claim).await),
            Command::Start(starts) => format!("{:?}", store.start(all, &starts, &worker(), now).await),
            Command::Settle(settles) => {
                let answer = store.settle(all, &settles, &worker(), now).await;
                format!("{:?}", answer.map(|outcomes| (outcomes.settled, outcomes.queued, outcomes.ended)))
            }
            Command::SettleAndClaim(settles, claim) => {
                let answer = store.settle_and_claim(&settles, &worker(), &claim).await;
                let told =
                    answer.map(|(outcomes, claimed)| (outcomes.settled, outcomes.queued, outcomes.ended, claimed));
                format!("{told:?}")
            }
            Command::Progress(note) => format!("{:?}", store.progress(all, &[note]).await),
            Command::Cancel(run, reason) => format!("{:?}", store.cancel_run(all, run, reason, &by, now).await),
            Command::Pause(run) => format!("{:?}", store.pause_run(all, run, &by, now).await),
            Command::Resume(run) => format!("{:?}", store.resume_run(all, run, &by, now).await),
            Command::CancelTask(task) => format!("{:?}", store.cancel_task(all, task, &by, now).await),
            Command::RetryNow(task) => format!("{:?}", store.retry_task_now(all, task, &by, now).await),
            Command::Expand(run, g, expansion) => format!("{:?}", store.expand(all, run, g, &expansion, now).await),
            Command::Conclude(run, result) => format!("{:?}", store.conclude_run(all, run, result, now).await),
            Command::Promote(limit) => format!("{:?}", store.promote(all, now, limit).await.map(|done| done.queued)),
            Command::Admit => format!("{:?}", store.admit(all, now).await.map(|done| done.queued)),
            Command::Retire(id) => {
                let mut leases = store.leases_of(id, 1_000).await.unwrap_or_default();
                leases.sort_by_key(|lease| lease.task);
                format!("{:?} {leases:?}", store.retire_worker(id, now).await)
            }
            Command::Steps(write) => format!("{:?}", store.write_steps(all, &write, &worker(), now).await),
            Command::Decide(decision) => format!("{:?}", store.decide(all, &decision).await),
            Command::Expire(gate) => {
                let due = (store.expired_gates(all, now, 10).await, store.next_expiry(all).await);
                format!("{:?} {due:?}", store.expire_gate(all, gate, now).await)
            }
            Command::Note(blob) => format!("{:?}", store.note_blob(all, &blob).await),
            Command::Keep(new, under) => {
                format!("{:?}", store.create_artifacts(all, &new, under, &worker(), now).await)
            }
            Command::Doom(limit) => format!("{:?}", store.doom_blobs(now, limit).await),
            Command::Forget(keys) => format!("{:?}", store.forget_blobs(&keys).await),
            Command::Tell(new) => format!("{:?}", store.append_events(all, &new).await),
            Command::Seal => seal_all(store, now).await,
            Command::Pass(_) => {
                let mut overdue = store.overdue(all, now, 100).await.unwrap_or_default();
                overdue.sort_unstable();
                format!("{overdue:?} {:?}", lists(store, now).await)
            }
        }
    }

    /// Remembers what later commands may use.
    async fn note(&mut self, model: &Model, command: &Command) {
        match command {
            Command::Pass(ms) => self.now = self.now.plus_ms(*ms),
            Command::Claim(claim) | Command::SettleAndClaim(_, claim) => {
                let again = Claim { again: true, limit: 0, ..claim.clone() };
                let claimed = ork_core::store::Queue::claim(model, &again).await.unwrap_or_default();
                let (lease, worker) = (claim.lease, claim.worker);
                self.given.extend(claimed.into_iter().map(|claimed| Given { claimed, lease, worker }));
            }
            _ => {}
        }
    }
}

fn worker() -> Actor {
    Actor { kind: ork_core::event::ActorKind::Worker, id: "w".into() }
}

/// Seals what is not, and looks at what is; how far each run is sealed now.
async fn seal_all(store: &dyn Store, now: Timestamp) -> String {
    let key = Key::new("k", &[1; 32]);
    let mut sealed = Vec::new();
    for of in store.unsealed(100_000).await.unwrap_or_default() {
        let answer = store.seal(&[seal(&key, &of, now)]).await;
        let keys = |_: &str| Some(key.clone());
        let verdict = verify(store, Scope::All, of.run, &keys, None).await.ok().flatten();
        let verdict = verdict.map(|found| (found.sealed, found.unsealed, found.findings));
        sealed.push(format!("{} {} {answer:?} {verdict:?}", of.run, of.seq));
    }
    format!("{sealed:?}")
}

/// Lanes, and who has the slots of the keys that random plans have.
async fn around(store: &dyn Store) -> Result<String, String> {
    let mut seen = Vec::new();
    for scope in [Scope::All, Scope::One(WorkspaceId::DEFAULT), Scope::One(OTHER)] {
        let lanes = store.lanes(scope, 10_000).await;
        let tasks = store.slot_tasks(scope, "slot", 10).await;
        let runs = store.slot_runs(scope, "runs", 10).await;
        seen.push(format!("{:?} {:?} {:?}", lanes.map_err(text)?, tasks.map_err(text)?, runs.map_err(text)?));
    }
    let budgets = store.budgets(WorkspaceId::DEFAULT, Timestamp::default()).await;
    seen.push(format!("{:?}", budgets.map_err(text)?));
    Ok(seen.join("\n  "))
}

fn text(error: ork_core::error::StoreError) -> String {
    error.to_string()
}

/// Lists by what changes while runs go on.
async fn lists(store: &dyn Store, now: Timestamp) -> Vec<Vec<RunId>> {
    let ever = RunFilter { limit: 5, ..RunFilter::default() };
    let recent = Span { from: Some(Timestamp::from_micros(now.micros() - 1_000_000)), until: None };
    let filters = [
        RunFilter { is_retrying: true, ..ever.clone() },
        RunFilter { is_held: true, ..ever.clone() },
        RunFilter { started: recent, ..ever.clone() },
        RunFilter { finished: recent, statuses: vec![RunStatus::Failed, RunStatus::Cancelled], ..ever },
    ];
    let mut lists = Vec::new();
    for filter in filters {
        let rows = store.runs(Scope::All, &filter).await.unwrap_or_default();
        lists.push(rows.iter().map(|row| row.id).collect());
    }
    lists
}

async fn dump(store: &dyn Store, run: RunId) -> Result<RunDump, String> {
    let dump = store.dump(Scope::All, run).await.map_err(|e| format!("failed to dump {run}: {e}"))?;
    dump.ok_or_else(|| format!("{run} is gone"))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::compare;

    /// The model against itself: its rules keep the invariants, and the same seed gives the same run.
    #[test]
    fn the_model_keeps_the_invariants() {
        let fresh = || async { Arc::new(Model::new()) as Arc<dyn Store> };
        random(fresh, 0..60, 120).now_or_never().expect("the model never waits");
    }

    #[test]
    fn a_difference_shows_both_sides() {
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(compare::difference(&lines("a\nb"), &lines("a\nb")), None);
        assert_eq!(compare::difference(&lines("a\nb\nc"), &lines("a\nx\nc\nd")).as_deref(), Some("- b\n+ x\n+ d"));
    }
}
