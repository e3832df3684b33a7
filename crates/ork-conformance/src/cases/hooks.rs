//! Hooks.

use ork_core::error::StoreError;
use ork_core::id::WorkspaceId;
use ork_core::json::Json;
use ork_core::limits::HOOKS_MAX;
use ork_core::store::{HookRow, Reseal, Scope, SealedAt};

use crate::OTHER;
use crate::bed::Bed;

const OWN: WorkspaceId = WorkspaceId::DEFAULT;

fn hook(bed: &Bed, name: &str, key: &str, workspace: WorkspaceId) -> HookRow {
    HookRow {
        workspace,
        name: name.into(),
        key: key.into(),
        workflow: "deploy".into(),
        secret: vec![1, 2],
        input: Some(Json::from_stored("{\"a\":\"{{ body.a }}\"}")),
        created_by: "ada".into(),
        created_at: bed.now,
    }
}

pub async fn hooks_are_found_by_their_keys(bed: &mut Bed) {
    let store = std::sync::Arc::clone(&bed.store);
    let (one, plain) = (hook(bed, "b", "k1", OWN), HookRow { input: None, ..hook(bed, "a", "k2", OWN) });
    for new in [&one, &one, &plain] {
        assert_eq!(store.create_hook(new).await, Ok(()));
    }
    let same = store.create_hook(&hook(bed, "a", "k3", OWN)).await;
    assert!(matches!(same, Err(StoreError::Conflict(_))), "{same:?}");
    assert_eq!(store.hooks(Scope::One(OWN)).await, Ok(vec![plain, one.clone()]), "by name");
    assert_eq!(store.hooks(Scope::One(OTHER)).await, Ok(vec![]));
    assert_eq!(store.hook_by_key("k1").await, Ok(Some(one)));
    assert_eq!(store.hook_by_key("K1").await, Ok(None), "letter by letter");
    let at = SealedAt::Hook("k1".into());
    let reseal = Reseal { workspace: OWN, at, old: vec![1, 2], new: vec![3], key_id: "new".into() };
    assert_eq!(store.reseal(&Reseal { workspace: OTHER, ..reseal.clone() }).await, Ok(false));
    assert_eq!((store.reseal(&reseal).await, store.reseal(&reseal).await), (Ok(true), Ok(false)), "once");
    let sealed = store.hook_by_key("k1").await.expect("a hook is answered").map(|row| row.secret);
    assert_eq!(sealed, Some(vec![3]));
    assert_eq!(store.delete_hook(OTHER, "b").await, Ok(false));
    assert_eq!(store.delete_hook(OWN, "b").await, Ok(true));
    assert_eq!((store.delete_hook(OWN, "b").await, store.hook_by_key("k1").await), (Ok(false), Ok(None)));
    for number in 1..HOOKS_MAX {
        assert_eq!(store.create_hook(&hook(bed, &format!("n{number}"), &format!("x{number}"), OWN)).await, Ok(()));
    }
    let one_more = store.create_hook(&hook(bed, "one-more", "one-more", OWN)).await;
    assert!(matches!(one_more, Err(StoreError::Limit(_))), "{one_more:?}");
}
