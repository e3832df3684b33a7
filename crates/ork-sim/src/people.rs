//! People who decide what attempts wait for: after a while, sometimes two at once, sometimes twice, sometimes not for long.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::Clock;
use ork_core::error::StoreError;
use ork_core::event::Actor;
use ork_core::store::{Decision, GateFilter, GateRow, Scope, Steps};
use tokio::time::sleep;

use crate::dice::Dice;
use crate::faults::FaultyStore;
use crate::users::PATIENCE;
use crate::weather::Who;
use crate::world::{World, lock};

/// How often they look for something to decide.
const PERIOD: Duration = Duration::from_millis(500);
/// What they see of it at once.
const SEEN_MAX: u32 = 200;
/// When something is decided that nobody wanted to decide.
const LATE_MS: u64 = 40_000;
/// The stream of the dice that decides.
const STREAM: u64 = 10;

/// Decides about gates for as long as the world lasts.
pub async fn decide(world: Arc<World>) {
    let mut seen = BTreeSet::new();
    loop {
        sleep(PERIOD).await;
        let filter = GateFilter { open: true, limit: SEEN_MAX, ..GateFilter::default() };
        for gate in world.store.gates(Scope::All, &filter).await.unwrap_or_default() {
            if seen.insert(gate.id) {
                attend(&world, gate);
            }
        }
    }
}

fn attend(world: &Arc<World>, gate: GateRow) {
    let number = world.known(gate.task.run).map_or(0, |known| known.number);
    let key = gate.step;
    let of = [gate.task.n, key.attempt, key.round, key.position, key.tried].map(u64::from);
    let mut dice = Dice::new(world.scenario.seed, &[&[STREAM, number], of.as_slice()].concat());
    let ms = if dice.percent(10) { LATE_MS } else { dice.below(4_000) };
    let approve = dice.percent(80);
    let (again, other) = (dice.percent(20), dice.percent(15).then(|| dice.percent(50)));
    let person = |who: &'static str, approve: bool| {
        let (world, gate) = (Arc::clone(world), gate.clone());
        async move {
            sleep(Duration::from_millis(ms)).await;
            tell(&world, &gate, who, approve).await;
            if again {
                tell(&world, &gate, who, approve).await;
            }
        }
    };
    tokio::spawn(person("first", approve));
    if let Some(approve) = other {
        tokio::spawn(person("second", approve));
    }
}

/// Says what one of them thinks, until that is heard.
async fn tell(world: &Arc<World>, gate: &GateRow, who: &str, approve: bool) {
    let store = FaultyStore::new(Arc::clone(world), Who::Users);
    loop {
        let now = world.clock.now();
        let decision =
            Decision { gate: gate.id, approve, comment: None, grant: None, actor: Actor::user(who), now };
        match store.decide(Scope::All, &decision).await {
            Ok(_) => return lock(&world.witness).mark("decision heard"),
            Err(StoreError::Unavailable(_)) => sleep(PATIENCE).await,
            Err(error) => return world.problem(format!("{}: a decision was refused: {error}", world.name(gate.task))),
        }
    }
}
