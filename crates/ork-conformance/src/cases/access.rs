//! Workspaces and tokens.

use ork_core::access::{Role, Settings};
use ork_core::error::StoreError;
use ork_core::id::{TokenId, WorkspaceId};
use ork_core::plan::Plan;
use ork_core::store::{Grant, RunFilter, Scope, TokenHash, TokenRow, WorkspaceRow};

use crate::OTHER;
use crate::bed::Bed;
use crate::plans::{node, plan};

const OURS: Scope = Scope::One(WorkspaceId::DEFAULT);
const THEIRS: Scope = Scope::One(OTHER);
/// No database can make it.
const HASH: TokenHash = TokenHash([0xa5; 32]);

fn names<T>(rows: &[T], name: impl Fn(&T) -> &str) -> String {
    rows.iter().map(name).collect::<Vec<_>>().join(" ")
}

fn is_conflict<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::Conflict(_)))
}

fn is_missing<T>(answer: Result<T, StoreError>) -> bool {
    matches!(answer, Err(StoreError::NotFound(_)))
}

fn token(bed: &mut Bed, workspace: WorkspaceId, name: &str) -> TokenRow {
    bed.pass(1);
    TokenRow {
        id: bed.new_token_id(),
        workspace,
        name: name.into(),
        principal: "ada@example.com".into(),
        role: Role::Worker,
        queues: vec!["default".into(), "gpu".into()],
        prefix: "ork_abcd".into(),
        key_id: "k1".into(),
        created_by: "bob".into(),
        created_at: bed.now,
        expires_at: Some(bed.now.plus_ms(1_000)),
        last_used_at: None,
        revoked_at: None,
    }
}

pub async fn workspaces_have_names(bed: &mut Bed) {
    let store = bed.store.clone();
    let id = bed.new_workspace_id();
    let new = WorkspaceRow { id, name: "Media".into(), settings: Settings::default(), created_at: bed.now };
    store.create_workspace(&new).await.expect("it is created");
    let again = WorkspaceRow { name: "later".into(), ..new.clone() };
    store.create_workspace(&again).await.expect("the same again is no error");
    let other = WorkspaceRow { id: bed.new_workspace_id(), ..new.clone() };
    assert!(is_conflict(store.create_workspace(&other).await), "a name is taken once");
    let all = store.workspaces(Scope::All, None, 10).await.expect("they are listed");
    assert_eq!(names(&all, |row| &row.name), "Media default other", "by name, byte by byte");
    let page = store.workspaces(Scope::All, Some("Media"), 1).await.expect("they are listed");
    assert_eq!(names(&page, |row| &row.name), "default");
    assert_eq!(store.workspaces(Scope::One(id), None, 10).await, Ok(vec![new.clone()]), "its own and no other");
    assert_eq!(store.workspace_by_name(Scope::All, "Media").await, Ok(Some(new.clone())));
    assert_eq!(store.workspace_by_name(Scope::All, "media").await, Ok(None), "letter by letter");
    assert_eq!(store.workspace_by_name(THEIRS, "Media").await, Ok(None), "names do not lead across workspaces");
    let settings = Settings { isolate_owners: true, ..Settings::default() };
    assert_eq!(store.set_workspace(id, &settings).await, Ok(true));
    let unchanged = store.workspace_by_name(OURS, "default").await.expect("a row").expect("is there");
    assert!(!unchanged.settings.isolate_owners, "another one stays as it is");
    assert_eq!(store.workspace_by_name(Scope::One(id), "Media").await, Ok(Some(WorkspaceRow { settings, ..new })));
    assert_eq!(store.set_workspace(bed.new_workspace_id(), &Settings::default()).await, Ok(false));
}

pub async fn a_token_is_found_by_its_hash(bed: &mut Bed) {
    let store = bed.store.clone();
    let new = token(bed, OTHER, "ci");
    store.create_token(&new, HASH).await.expect("it is created");
    store.create_token(&new, HASH).await.expect("the same again is no error");
    let workspace = store.workspace_by_name(THEIRS, "other").await.expect("a row").expect("is there");
    assert_eq!(store.token_by_hash(HASH).await, Ok(Some(Grant { token: new.clone(), workspace })));
    let mut near = HASH;
    near.0[31] ^= 1;
    assert_eq!(store.token_by_hash(near).await, Ok(None));
    let nobody = TokenRow { workspace: bed.new_workspace_id(), ..token(bed, OTHER, "lost") };
    assert!(is_missing(store.create_token(&nobody, near).await), "every token is of a workspace");
    store.touch_token(new.id, bed.now).await.expect("a use is noted");
    store.touch_token(new.id, new.created_at).await.expect("an earlier use is dropped");
    store.touch_token(nobody.id, bed.now).await.expect("nobody's use is dropped");
    let rows = store.tokens(THEIRS, None, 10).await.expect("they are listed");
    assert_eq!(rows, [TokenRow { last_used_at: Some(bed.now), ..new }]);
}

pub async fn tokens_stay_in_their_workspace(bed: &mut Bed) {
    let store = bed.store.clone();
    let (ours, theirs) = (token(bed, WorkspaceId::DEFAULT, "ci"), token(bed, OTHER, "ci"));
    store.create_token(&ours, HASH).await.expect("it is created");
    let hash = |n: u8| TokenHash([n; 32]);
    store.create_token(&theirs, hash(1)).await.expect("another workspace may use the same name");
    let again = token(bed, OTHER, "ci");
    assert!(is_conflict(store.create_token(&again, hash(2)).await), "a name is taken once");
    assert_eq!(store.token_by_hash(hash(2)).await, Ok(None));
    assert_eq!(store.tokens(THEIRS, None, 10).await, Ok(vec![theirs.clone()]));
    let now = bed.now;
    assert!(is_missing(store.revoke_token(OURS, theirs.id, now).await), "that of another workspace is not there");
    assert!(is_missing(store.revoke_token(OURS, again.id, now).await));
    let found = store.token_by_hash(hash(1)).await.expect("an answer").expect("it is there");
    assert_eq!(found.token.revoked_at, None);
    assert_eq!(store.revoke_token(THEIRS, theirs.id, now).await, Ok(true));
    assert_eq!(store.revoke_token(THEIRS, theirs.id, now.plus_ms(1)).await, Ok(false));
    let found = store.token_by_hash(hash(1)).await.expect("an answer").expect("it is kept");
    assert_eq!(found.token.revoked_at, Some(now), "the first time counts");
    store.create_token(&again, hash(2)).await.expect("the name is free again");
    let all = store.tokens(Scope::All, None, 10).await.expect("they are listed");
    let ids = |rows: &[TokenRow]| rows.iter().map(|row| row.id).collect::<Vec<TokenId>>();
    assert_eq!(ids(&all), [again.id, theirs.id, ours.id], "newest first");
    let page = store.tokens(Scope::All, Some(again.id), 1).await.expect("they are listed");
    assert_eq!(ids(&page), [theirs.id]);
}

pub async fn runs_belong_to_owners(bed: &mut Bed) {
    let one = |bed: &mut Bed, owner: Option<&str>| {
        let mut new = bed.new_run(Plan { ..plan(vec![node("a", &[])]) });
        new.owner = owner.map(str::to_owned);
        new
    };
    let (hers, his, nobodys) = (one(bed, Some("ada")), one(bed, Some("ad")), one(bed, None));
    for new in [&hers, &his, &nobodys] {
        bed.store.submit(new).await.expect("the run is created");
    }
    let filter = RunFilter { owner: Some("ada".into()), limit: 10, ..RunFilter::default() };
    let found = bed.store.runs(OURS, &filter).await.expect("runs are listed");
    assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [hers.id]);
    assert_eq!(found[0].owner.as_deref(), Some("ada"));
    assert_eq!(bed.run(nobodys.id).await.owner, None);
    assert_eq!(bed.store.runs(THEIRS, &filter).await, Ok(vec![]));
}
