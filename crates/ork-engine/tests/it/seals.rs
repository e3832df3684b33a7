//! Events of runs that are over are sealed, whoever of several engines does it, and whatever fails meanwhile.

use std::sync::Arc;
use std::time::Duration;

use ork_core::event::{Actor, ActorKind, BotType};
use ork_core::id::RunId;
use ork_core::seal::{Verdict, verify};
use ork_core::store::{Events, NewEvent, NewEvents, Scope, Store};
use ork_engine::EngineConfig;
use ork_vault::{Keyring, MasterKey, Vault};
use tokio::time::sleep;

use crate::faulty::Fault;
use crate::world::World;

const FLOW: &str = "tasks:\n  a: {operation: echo, params: {n: 1}}\n";

fn vault() -> Vault {
    Vault::new(&[MasterKey::new([7; 32])])
}

fn seals(config: &mut EngineConfig) {
    (config.keeps_house, config.vault) = (true, Some(Arc::new(vault())));
}

async fn verdict(world: &World, run: RunId) -> Verdict {
    let vault = vault();
    let keyring = Keyring::new(&vault, &[]);
    let keys = |id: &str| keyring.key(id);
    let store: &dyn Store = &world.store.inner;
    verify(store, Scope::All, run, &keys, None).await.unwrap().unwrap()
}

/// Waits until all of a run's events are sealed.
async fn sealed(world: &World, run: RunId) -> Verdict {
    for _ in 0..200 {
        let found = verdict(world, run).await;
        assert_eq!(found.findings, []);
        if found.unsealed == 0 {
            return found;
        }
        sleep(Duration::from_millis(100)).await;
    }
    panic!("it is never sealed: {:?}", verdict(world, run).await);
}

async fn tell(world: &World, run: RunId) {
    let event = NewEvent { event_type: BotType::parse("bot.late").unwrap(), task: None, payload: None };
    let actor = Actor { kind: ActorKind::Bot, id: "scribe".into() };
    let now = world.row(run).await.finished_at.unwrap();
    let new = NewEvents { run, key: None, events: vec![event], actor, now };
    world.store.inner.append_events(Scope::All, &new).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_sealed_once() {
    let mut world = World::new();
    let _one = world.engine_with(seals).await;
    let _two = world.engine_with(seals).await;
    let mut runs = Vec::new();
    for _ in 0..200 {
        runs.push(world.submit(FLOW).await);
    }
    for run in &runs {
        world.end(*run).await;
    }
    for run in &runs {
        let found = sealed(&world, *run).await;
        assert_eq!(found.head.map(|head| head.number), Some(1), "one seal for all of it");
    }
    tell(&world, runs[7]).await;
    assert_eq!(sealed(&world, runs[7]).await.head.map(|head| head.number), Some(2));
    // What there is to do costs one look.
    let before = world.store.calls("seal");
    sleep(Duration::from_secs(60)).await;
    assert_eq!(world.store.calls("seal"), before);
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_seals_nothing_twice() {
    let mut world = World::new();
    world.store.plan("seal", &[Fault::Before, Fault::After, Fault::After]);
    world.store.plan("unsealed", &[Fault::Before]);
    let _engine = world.engine_with(seals).await;
    let run = world.submit(FLOW).await;
    world.end(run).await;
    let found = sealed(&world, run).await;
    assert_eq!(found.head.map(|head| head.number), Some(1));
    tell(&world, run).await;
    assert_eq!(sealed(&world, run).await.head.map(|head| head.number), Some(2));
}

#[tokio::test(start_paused = true)]
async fn without_a_key_nothing_is_sealed() {
    let mut world = World::new();
    let _engine =
        world.engine_with(|config| (config.keeps_house, config.vault) = (true, Some(Arc::new(Vault::new(&[]))))).await;
    let run = world.submit(FLOW).await;
    world.end(run).await;
    sleep(Duration::from_secs(60)).await;
    let found = verdict(&world, run).await;
    assert_eq!((found.sealed, found.findings.len()), (0, 0));
}
