//! Who decides about gates, and what becomes of that.

use ork_core::access::{Role, Settings};
use ork_core::id::WorkspaceId;
use ork_core::store::Scope;
use serde_json::{Value, json};

use super::{Asked, PLAIN, Stage};

#[tokio::test]
async fn every_gate_asks_every_role() {
    let stage = Stage::new().await;
    let ladder = [Role::Operator, Role::Editor, Role::Admin];
    for role in Role::ALL {
        let token = stage.token(role.word(), *role).await;
        for least in ladder {
            for verb in ["approve", "reject", "links"] {
                let (_, gate) = stage.gate(Asked { role: least, ..PLAIN }).await;
                let body = if verb == "links" { json!({"principal": "bob"}) } else { Value::Null };
                let answer = stage.ask(&token, &format!("POST /api/v1/gates/{gate}/{verb}"), body).await;
                let may = ladder.contains(role) && *role >= least;
                let is_fine = if may { answer.status < 300 } else { answer.status == 403 };
                assert!(is_fine, "{verb} for {least:?} as {role:?}: {} {}", answer.status, answer.body);
                if !may && role.may(ork_core::access::Permission::Control) {
                    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
                    assert!(detail.contains(&format!("the role `{}` or a higher one", least.word())), "{detail}");
                    let row = stage.server.store.gate(Scope::All, gate).await.unwrap().unwrap();
                    assert_eq!(row.status.word(), "open");
                }
            }
        }
    }
}

#[tokio::test]
async fn the_first_decision_counts() {
    let stage = Stage::new().await;
    let (bob, eve) = (stage.token("bob", Role::Operator).await, stage.token("eve", Role::Admin).await);
    let (run, gate) = stage.gate(Asked { message: Some("Publish?"), ..PLAIN }).await;
    let path = format!("/api/v1/gates/{gate}");
    let why = stage.ask(&bob, &format!("GET /api/v1/runs/{run}/why"), Value::Null).await.json();
    let sentence = why["reasons"][0]["sentence"].as_str().unwrap();
    assert!(sentence.ends_with(&format!("decide with: ork gates approve {gate}")), "{why}");
    let open = stage.ask(&bob, &format!("GET {path}"), Value::Null).await.json();
    assert_eq!(
        (&open["status"], &open["message"], &open["key"], &open["step"], &open["required_role"], &open["started_by"]),
        (&"open".into(), &"Publish?".into(), &"review".into(), &"ask".into(), &"operator".into(), &"ada".into())
    );
    let approve = format!("POST {path}/approve");
    let done = stage.ask(&bob, &approve, json!({"comment": "fine"})).await;
    assert_eq!(
        (done.status, &done.json()["status"], &done.json()["comment"]),
        (200, &"approved".into(), &"fine".into())
    );
    assert_eq!(done.json()["decided_by"], json!({"kind": "user", "id": "bob"}));
    let again = stage.ask(&bob, &approve, json!({"comment": "really"})).await;
    assert_eq!((again.status, &again.json()["comment"]), (200, &"fine".into()), "the same again changes nothing");
    for (token, verb) in [(&bob, "reject"), (&eve, "approve"), (&eve, "reject"), (&eve, "links")] {
        let body = if verb == "links" { json!({"principal": "x"}) } else { Value::Null };
        let late = stage.ask(token, &format!("POST {path}/{verb}"), body).await;
        let problem = late.json();
        assert_eq!(
            (late.status, &problem["code"], &problem["gate"]["decided_by"]["id"]),
            (409, &"gate-decided".into(), &"bob".into())
        );
    }
    let steps = stage.ask(&bob, &format!("GET /api/v1/tasks/{}/steps", run.task(0)), Value::Null).await.json();
    assert_eq!(
        (&steps["items"][0]["name"], &steps["items"][0]["status"]),
        (&"ask".into(), &"success".into()),
        "{steps}"
    );
}

#[tokio::test]
async fn whoever_began_may_not_decide_where_that_is_said() {
    let stage = Stage::new().await;
    let (ada, bob) = (stage.token("ada", Role::Admin).await, stage.token("bob", Role::Operator).await);
    let (_, gate) = stage.gate(Asked { allow_self: false, ..PLAIN }).await;
    for verb in ["approve", "reject"] {
        let refused = stage.ask(&ada, &format!("POST /api/v1/gates/{gate}/{verb}"), Value::Null).await;
        assert_eq!((refused.status, &refused.json()["code"]), (403, &"forbidden".into()), "{verb}");
    }
    let link = format!("POST /api/v1/gates/{gate}/links");
    assert_eq!(stage.ask(&ada, &link, json!({"principal": "bob"})).await.status, 403, "nor by way of a link");
    assert_eq!(stage.ask(&bob, &link, json!({"principal": "ada"})).await.status, 403);
    assert_eq!(stage.ask(&bob, &format!("POST /api/v1/gates/{gate}/approve"), Value::Null).await.status, 200);
    let (_, gate) = stage.gate(PLAIN).await;
    assert_eq!(stage.ask(&ada, &format!("POST /api/v1/gates/{gate}/approve"), Value::Null).await.status, 200);
}

#[tokio::test]
async fn gates_are_listed_for_whom_they_are_there() {
    let stage = Stage::new().await;
    let bob = stage.token("bob", Role::User).await;
    let ops = stage.token("ops", Role::Operator).await;
    let (first, one) = stage.gate(PLAIN).await;
    stage.pass(1);
    let (_, two) = stage.gate(PLAIN).await;
    stage.ask(&ops, &format!("POST /api/v1/gates/{one}/reject"), Value::Null).await;
    let list = async |token: &str, query: &str| {
        let page = stage.ask(token, &format!("GET /api/v1/gates{query}"), Value::Null).await.json();
        let ids = page["items"].as_array().unwrap_or_else(|| panic!("{page}")).iter();
        (ids.map(|gate| gate["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>(), page["next_cursor"].clone())
    };
    let both = vec![two.to_string(), one.to_string()];
    assert_eq!(list(&bob, "").await.0, both[..1]);
    assert_eq!(list(&bob, "?status=all").await, (both.clone(), Value::Null));
    assert_eq!(list(&bob, &format!("?status=all&run={first}")).await.0, both[1..]);
    let (page, next) = list(&bob, "?status=all&limit=1").await;
    assert_eq!((page, &next), (both[..1].to_vec(), &two.to_string().into()));
    assert_eq!(list(&bob, &format!("?status=all&limit=1&cursor={two}")).await, (both[1..].to_vec(), Value::Null));
    for wrong in ["?status=closed", "?run=x", "?cursor=x", "?limit=0", "?state=open"] {
        assert_eq!(stage.ask(&bob, &format!("GET /api/v1/gates{wrong}"), Value::Null).await.status, 400, "{wrong}");
    }
    // Where owners are isolated, those of others are not there.
    let settings = Settings { isolate_owners: true, ..Settings::default() };
    stage.server.store.set_workspace(WorkspaceId::DEFAULT, &settings).await.unwrap();
    stage.server.door.forget_all();
    assert_eq!(list(&bob, "?status=all").await.0, Vec::<String>::new());
    assert_eq!(stage.ask(&bob, &format!("GET /api/v1/gates/{two}"), Value::Null).await.status, 404);
    assert_eq!(stage.ask(&bob, &format!("POST /api/v1/gates/{two}/approve"), Value::Null).await.status, 404);
    assert_eq!(list(&ops, "?status=all").await.0, both, "an operator sees all");
}

#[tokio::test]
async fn a_grant_is_for_budgets() {
    let stage = Stage::new().await;
    let ops = stage.token("ops", Role::Operator).await;
    let (_, plain) = stage.gate(PLAIN).await;
    let (run, budget) = stage.gate(Asked { is_budget: true, ..PLAIN }).await;
    let grant = json!({"grant": {"tokens": 500, "usd": 0.25}});
    for (gate, verb) in [(plain, "approve"), (budget, "reject")] {
        let refused = stage.ask(&ops, &format!("POST /api/v1/gates/{gate}/{verb}"), grant.clone()).await;
        assert_eq!((refused.status, &refused.json()["code"]), (400, &"invalid-body".into()), "{verb}");
    }
    let approve = format!("POST /api/v1/gates/{budget}/approve");
    for (wrong, status) in [
        (json!({"grant": {}}), 400),
        (json!({"grant": {"usd": "1"}}), 400),
        (json!({"grant": {"usd": 0.000_000_1}}), 400),
        (json!({"grant": {"tokens": u64::MAX}}), 422),
        (json!({"comment": "x".repeat(4_097)}), 422),
        (json!({"comment": "\0"}), 400),
        (json!({"coment": "x"}), 400),
    ] {
        assert_eq!(stage.ask(&ops, &approve, wrong.clone()).await.status, status, "{wrong}");
    }
    assert_eq!(stage.ask(&ops, &approve, grant).await.status, 200);
    let shown = stage.ask(&ops, &format!("GET /api/v1/runs/{run}"), Value::Null).await.json();
    assert_eq!(shown["budget"]["limit"], json!({"tokens": 1_500, "usd": 2.75}), "{shown}");
}
