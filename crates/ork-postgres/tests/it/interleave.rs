//! Two transitions at once, interleaved statement by statement in ways that a seed chooses: whatever the order, there is
//! no deadlock, and what is stored is right.

use std::sync::Arc;
use std::time::Duration;

use ork_core::artifact::{ArtifactAt, NewArtifact};
use ork_core::attempt::Outcome;
use ork_core::blobs::BlobKey;
use ork_core::check::check;
use ork_core::clock::SeededEntropy;
use ork_core::event::EventRow;
use ork_core::graph::Expansion;
use ork_core::id::{ArtifactId, RunId, TaskRef, WorkspaceId};
use ork_core::plan::{Concurrency, Fan, Node, OnFailure, Plan};
use ork_core::planted::{Bug, plant};
use ork_core::state::Reason;
use ork_core::store::{Artifacts, Events, Inspect, KeptUnder, LooseBlob, Queue, Runs, Scope, Settle, Tasks, Upkeep};
use ork_postgres::{PgOptions, PgStore};
use tokio::time::timeout;
use tokio_postgres::Client;

use crate::artifacts::link;
use crate::gate::{Gate, look_again};
use crate::world::{Batch, NOW, World, client, failure, fan, node, plan, settle_of, success, with_world};

/// Something that one connection does to the run at hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Claim,
    Settle,
    Fail,
    GoOn,
    Reap,
    Cancel,
    CancelTask,
    Pause,
    Resume,
    Expand,
    Admit,
    Keep,
    Collect,
}

const ACTS: [Act; 13] = [
    Act::Claim,
    Act::Settle,
    Act::Fail,
    Act::GoOn,
    Act::Reap,
    Act::Cancel,
    Act::CancelTask,
    Act::Pause,
    Act::Resume,
    Act::Expand,
    Act::Admit,
    Act::Keep,
    Act::Collect,
];

/// One connection behind its gate.
struct Side {
    store: PgStore,
    gate: Arc<Gate>,
}

impl Side {
    async fn new(url: &str) -> Self {
        let (gate, url) = Gate::before(url).await;
        Self { store: PgStore::connect(&url, PgOptions { writers: 1, readers: 1 }).await.expect("connects"), gate }
    }
}

/// Two connections, and a third that looks at them.
struct Table {
    world: World,
    sides: [Side; 2],
    looker: Client,
}

/// A run in the middle of its life: two tasks leased, one queued, two held for one slot, one group to be expanded, a
/// join below.
struct Scene {
    run: RunId,
    batch: Batch,
    g: u32,
    /// What the first task keeps, if nobody collects its bytes before.
    kept: NewArtifact,
}

fn limited(key: &str, count: u32) -> Node {
    Node { concurrency: Some(Concurrency { key: "k".into(), limit: 1 }), ..fan(key, &[], count) }
}

async fn scene(world: &World, on_failure: OnFailure) -> Scene {
    let open = Node { fan: Fan::CountOf("{{ n }}".into()), ..node("open", &[]) };
    let nodes = vec![fan("a", &[], 3), node("b", &[0]), limited("c", 2), open, node("join", &[0, 3])];
    let run = world.submit(Plan { on_failure, ..plan(nodes) }).await;
    let batch = world.claim(2).await;
    assert_eq!(batch.tasks.len(), 2, "the queue holds tasks of this run alone");
    let id = ArtifactId::new(NOW, &mut SeededEntropy::new(run.uuid().as_u64_pair().0));
    let key = BlobKey::artifact(WorkspaceId::DEFAULT, run, id);
    let blob = LooseBlob { key: key.clone(), workspace: WorkspaceId::DEFAULT, kept_until: NOW.plus_ms(5) };
    assert_eq!(world.store.note_blob(Scope::All, &blob).await, Ok(true));
    let at = ArtifactAt::Kept { key, size: 1, checksum: "c".into() };
    let kept = NewArtifact { id, at, ..link(run, 1) };
    Scene { run, batch, g: 3, kept }
}

/// Does one thing, as its caller would; `at` tells the two sides apart.
async fn act(store: PgStore, world: World, scene: Arc<Scene>, what: Act, at: usize) {
    let (scope, run, actor) = (Scope::All, scene.run, world.actor());
    // Both sides settle the same task when they do the same.
    let claimed = &scene.batch.tasks[if at == 1 && what == Act::Settle { 1 } else { 0 }];
    let settle = |outcome| -> Vec<Settle> { vec![settle_of(claimed, scene.batch.lease, outcome)] };
    let now = NOW.plus_ms(5);
    match what {
        Act::Claim => store.claim(&world.claim_of(world.worker, 1)).await.map(drop).expect("claims"),
        Act::Settle => store.settle(scope, &settle(success()), &actor, now).await.map(drop).expect("settles"),
        Act::Fail => store.settle(scope, &settle(failure()), &actor, now).await.map(drop).expect("settles"),
        Act::GoOn => {
            let next = world.claim_of(world.worker, 2);
            store.settle_and_claim(&settle(success()), &actor, &next).await.map(drop).expect("settles and claims");
        }
        Act::Reap => store.settle(scope, &settle(Outcome::lost("w")), &actor, now).await.map(drop).expect("reaps"),
        Act::Cancel => store.cancel_run(scope, run, Reason::Cancel, &actor, now).await.map(drop).expect("cancels"),
        Act::CancelTask => {
            store.cancel_task(scope, TaskRef { run, n: 2 }, &actor, now).await.map(drop).expect("cancels")
        }
        Act::Pause => store.pause_run(scope, run, &actor, now).await.map(drop).expect("pauses"),
        Act::Resume => store.resume_run(scope, run, &actor, now).await.map(drop).expect("resumes"),
        Act::Expand => {
            let expansion = Expansion::Siblings { size: 3, items: None, unmet: vec![1] };
            store.expand(scope, run, scene.g, &expansion, now).await.map(drop).expect("expands");
        }
        Act::Admit => store.admit(scope, now).await.map(drop).expect("admits"),
        Act::Keep => {
            let first = &scene.batch.tasks[0];
            let under = Some(KeptUnder { task: first.task, attempt: first.attempt, lease: scene.batch.lease });
            let new = std::slice::from_ref(&scene.kept);
            store.create_artifacts(scope, new, under, &actor, now).await.map(drop).expect("keeps");
        }
        Act::Collect => {
            let doomed = store.doom_blobs(now, 10).await.expect("dooms");
            store.forget_blobs(&doomed).await.expect("forgets");
        }
    }
}

impl Table {
    async fn new(world: World) -> Self {
        let sides = [Side::new(&world.url).await, Side::new(&world.url).await];
        let looker = client(&world.url).await;
        Self { world, sides, looker }
    }

    /// Whether a connection of this database waits for a lock.
    async fn is_blocked(&self) -> bool {
        let sql = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        !self.looker.query(sql, &[]).await.expect("looks").is_empty()
    }

    /// Lets two things happen in the order that the seed chooses; that order, and what is wrong afterwards.
    async fn play(&self, acts: [Act; 2], seed: u64) -> (String, Vec<String>) {
        let mut dice = SeededEntropy::new(seed);
        let on_failure = if dice.below(2) == 0 { OnFailure::Stop } else { OnFailure::Continue };
        let scene = Arc::new(scene(&self.world, on_failure).await);
        if acts.contains(&Act::Resume) {
            let actor = self.world.actor();
            self.world.store.pause_run(Scope::All, scene.run, &actor, NOW).await.expect("pauses");
        }
        let before: u32 = self.sides.iter().map(|side| side.gate.deadlocks()).sum();
        let mut read = Vec::new();
        let order = timeout(Duration::from_secs(20), self.interleave(&scene, acts, &mut dice, &mut read)).await;
        let order = order.unwrap_or_else(|_| {
            let gates = self.sides.each_ref().map(|side| side.gate.to_string());
            panic!("{acts:?} of seed {seed} did not end: {gates:?}")
        });
        let mut wrong = Vec::new();
        if self.sides.iter().map(|side| side.gate.deadlocks()).sum::<u32>() > before {
            wrong.push("a deadlock".to_owned());
        }
        let store = &self.world.store;
        self.read_on(scene.run, &mut read).await;
        let dump = store.dump(Scope::All, scene.run).await.expect("dumps").expect("exists");
        if read != dump.events {
            wrong.push("a reader with a cursor has read other events than are stored".to_owned());
        }
        wrong.extend(check(&dump).into_iter().map(|violation| violation.to_string()));
        wrong.extend(
            store.overbooked(Scope::All).await.expect("looks").iter().map(|key| format!("overbooked: {key:?}")),
        );
        wrong.extend(self.named_and_loose().await);
        self.clear(&scene).await;
        (order, wrong)
    }

    /// What an artifact names and somebody may remove.
    async fn named_and_loose(&self) -> Option<String> {
        let sql = "SELECT key FROM loose_blobs JOIN artifacts USING (key)";
        let rows = self.looker.query(sql, &[]).await.expect("looks");
        rows.first().map(|row| format!("`{}` is named and loose", row.get::<_, &str>(0)))
    }

    /// Reads what has happened since the last time, as somebody who follows the run (G6).
    async fn read_on(&self, run: RunId, read: &mut Vec<EventRow>) {
        let after = read.last().map_or(0, |row| row.seq_last);
        read.extend(self.world.store.events(Scope::All, run, after, u32::MAX).await.expect("reads"));
    }

    async fn interleave(
        &self,
        scene: &Arc<Scene>,
        acts: [Act; 2],
        dice: &mut SeededEntropy,
        read: &mut Vec<EventRow>,
    ) -> String {
        let mut order = String::new();
        for side in &self.sides {
            side.gate.close();
        }
        let doing = [0, 1].map(|at: usize| {
            let store = self.sides[at].store.clone();
            tokio::spawn(act(store, self.world.clone(), Arc::clone(scene), acts[at], at))
        });
        while !doing.iter().all(tokio::task::JoinHandle::is_finished) {
            let is_settled = |at: usize| {
                let gate = &self.sides[at].gate;
                doing[at].is_finished() || gate.is_busy() || gate.has_waiting()
            };
            let ready: Vec<usize> = (0..2)
                .filter(|at| !doing[*at].is_finished() && !self.sides[*at].gate.is_busy())
                .filter(|at| self.sides[*at].gate.has_waiting())
                .collect();
            // Only when both have come to their next statement is the choice the seed's.
            if ready.is_empty() || !is_settled(0) || !is_settled(1) {
                look_again().await;
                continue;
            }
            let at = ready[usize::try_from(dice.below(ready.len() as u64)).unwrap_or(0)];
            order.push(if at == 0 { 'a' } else { 'b' });
            self.sides[at].gate.release();
            // Most statements have their answer by then, and to look for locks costs more than they do.
            look_again().await;
            while self.sides[at].gate.is_busy() && !self.is_blocked().await {
                look_again().await;
            }
            self.read_on(scene.run, read).await;
        }
        for side in &self.sides {
            side.gate.open().await;
        }
        for done in doing {
            done.await.expect("no panic");
        }
        order
    }

    /// Ends the run, so that the next scene is alone.
    async fn clear(&self, scene: &Scene) {
        let (store, actor) = (&self.world.store, self.world.actor());
        store.cancel_run(Scope::All, scene.run, Reason::Cancel, &actor, NOW).await.expect("cancels");
        let dump = store.dump(Scope::All, scene.run).await.expect("dumps").expect("exists");
        let leases = dump.tasks.iter().filter_map(|task| task.lease.as_ref());
        let settles: Vec<Settle> = leases
            .map(|lease| Settle {
                task: lease.task,
                attempt: lease.attempt,
                lease: lease.id,
                outcome: Outcome::Cancelled,
                started_at: None,
                finished_at: NOW,
                end: ork_core::graph::ProcessEnd::default(),
                random: 0,
            })
            .collect();
        store.settle(Scope::All, &settles, &actor, NOW).await.expect("settles");
        let dump = store.dump(Scope::All, scene.run).await.expect("dumps").expect("exists");
        assert!(dump.head.status.is_terminal() && check(&dump).is_empty(), "{:?}", check(&dump));
    }
}

/// Orders of each pair. The first ones are spent on statements that are prepared on the way.
const ORDERS: u64 = 6;

#[tokio::test]
async fn every_pair_is_right_in_any_order() {
    with_world(|world| async move {
        let table = Table::new(world).await;
        let mut failed = Vec::new();
        for (at, one) in ACTS.iter().enumerate() {
            for other in &ACTS[at..] {
                for order in 0..ORDERS {
                    let seed = order * 1_000 + at as u64;
                    let (played, wrong) = table.play([*one, *other], seed).await;
                    failed.extend(
                        wrong.iter().map(|wrong| format!("{one:?} and {other:?}, seed {seed}, {played}: {wrong}")),
                    );
                }
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
    })
    .await;
}

/// Orders of two acts in which a planted bug must show.
const SEEDS: u64 = 500;

/// Whether a planted bug shows in some order of these two.
async fn check_planted(bug: Bug, acts: [Act; 2], said: &'static str) {
    with_world(|world| async move {
        let table = Table::new(world).await;
        plant(Some(bug));
        let mut found = None;
        for seed in 0..SEEDS {
            let (order, wrong) = table.play(acts, seed).await;
            if let Some(wrong) = wrong.into_iter().next() {
                found = Some((seed, order, wrong));
                break;
            }
        }
        plant(None);
        let (seed, order, wrong) = found.unwrap_or_else(|| panic!("{bug:?} was not found"));
        println!("{bug:?}: seed {seed}, {order}: {wrong}");
        assert!(wrong.contains(said), "{bug:?} was found as something else: {wrong}");
    })
    .await;
}

#[tokio::test]
async fn locks_without_an_order_are_found() {
    check_planted(Bug::UnorderedLocks, [Act::Settle, Act::Cancel], "deadlock").await;
}

#[tokio::test]
async fn slots_that_are_counted_too_early_are_found() {
    check_planted(Bug::SlotCountedBeforeClaim, [Act::Admit, Act::Admit], "overbooked").await;
}

#[tokio::test]
async fn events_that_are_written_after_their_numbers_are_found() {
    check_planted(Bug::CursorOnLateIds, [Act::Pause, Act::CancelTask], "a reader with a cursor").await;
}
