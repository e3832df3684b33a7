//! Prompts, prices and budgets.

use ork_core::access::Role;
use serde_json::{Value, json};

use super::Stage;

#[tokio::test]
async fn prompts_have_versions() {
    let stage = Stage::new().await;
    let (ed, bob) = (stage.token("ed", Role::Editor).await, stage.token("bob", Role::User).await);
    let put = async |body: Value| stage.ask(&ed, "PUT /api/v1/prompts/captions", body).await;
    let get = async |path: &str| stage.ask(&bob, &format!("GET /api/v1/prompts{path}"), Value::Null).await;
    assert_eq!(get("/captions").await.status, 404);
    let one = json!({"text": "Write {{ vars.count }} captions.", "variables": [{"name": "count", "default": 3}]});
    let first = put(one.clone()).await;
    assert_eq!((first.status, &first.json()["version"]), (201, &1.into()), "{}", first.body);
    let same = put(one.clone()).await;
    assert_eq!((same.status, &same.json()["version"]), (200, &1.into()), "the same is no new version");
    let two = put(json!({"text": "Write captions.", "category": "video"})).await;
    assert_eq!((two.status, &two.json()["version"], &two.json()["category"]), (200, &2.into(), &"video".into()));
    let (newest, old) = (get("/captions").await.json(), get("/captions?version=1").await.json());
    assert_eq!(
        (&newest["text"], &newest["latest"], &old["text"]),
        (&"Write captions.".into(), &2.into(), &one["text"])
    );
    assert_eq!((&old["variables"], &old["created_by"]), (&one["variables"], &"ed".into()));
    let versions = get("/captions/versions").await.json();
    assert_eq!(versions["items"].as_array().unwrap().iter().map(|row| &row["version"]).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(get("").await.json()["items"][0]["id"], "captions");
    for missing in ["/captions?version=3", "/titles", "/titles/versions"] {
        assert_eq!(get(missing).await.status, 404, "{missing}");
    }
    let wrong = put(json!({"text": "{{ vars.tone }}", "variables": [{"name": "count"}, {"name": "count"}]})).await;
    let problem = wrong.json();
    let pointers: Vec<&Value> = problem["errors"].as_array().unwrap().iter().map(|fault| &fault["pointer"]).collect();
    assert_eq!((wrong.status, pointers), (400, vec![&json!("/variables/1/name"), &json!("/text")]));
    let bad_name = stage.ask(&ed, "PUT /api/v1/prompts/a%20b", json!({"text": "x"})).await;
    assert_eq!(bad_name.status, 404, "{}", bad_name.body);
    assert_eq!(stage.ask(&bob, "PUT /api/v1/prompts/x", json!({"text": "x"})).await.status, 403);
}

#[tokio::test]
async fn models_have_prices() {
    let stage = Stage::new().await;
    let (admin, bob) = (stage.token("root", Role::Admin).await, stage.token("bob", Role::Viewer).await);
    let path = "/api/v1/prices/vendor%2Fmodel-1%3Afree";
    let price = json!({"input": 3, "output": 15.5, "cached": 0.300_000});
    let set = stage.ask(&admin, &format!("PUT {path}"), price).await;
    assert_eq!(set.status, 200, "{}", set.body);
    let listed = stage.ask(&bob, "GET /api/v1/prices", Value::Null).await.json();
    let row = &listed["items"][0];
    assert_eq!(
        (&row["model"], &row["input"], &row["output"], &row["cached"], &row["updated_by"]),
        (&"vendor/model-1:free".into(), &json!(3), &json!(15.5), &json!(0.3), &"root".into())
    );
    let plain = stage.ask(&admin, "PUT /api/v1/prices/plain", json!({"input": 1.25, "output": 2})).await.json();
    assert_eq!(plain["cached"], json!(1.25), "what is cached costs as much unless somebody says otherwise");
    for wrong in [json!({"input": 1}), json!({"input": -1, "output": 1}), json!({"input": "1", "output": 1})] {
        assert_eq!(stage.ask(&admin, &format!("PUT {path}"), wrong.clone()).await.status, 400, "{wrong}");
    }
    assert_eq!(stage.ask(&admin, "PUT /api/v1/prices/a%20b", json!({"input": 1, "output": 1})).await.status, 404);
    assert_eq!(stage.ask(&bob, &format!("DELETE {path}"), Value::Null).await.status, 403);
    for deleted in [true, false] {
        let answer = stage.ask(&admin, &format!("DELETE {path}"), Value::Null).await.json();
        assert_eq!(answer, json!({"model": "vendor/model-1:free", "deleted": deleted}));
    }
}

#[tokio::test]
async fn a_workspace_has_budgets() {
    let stage = Stage::new().await;
    let (admin, bob) = (stage.token("root", Role::Admin).await, stage.token("bob", Role::Viewer).await);
    let set = stage.ask(&admin, "PUT /api/v1/budgets/day", json!({"tokens": 1_000, "usd": 2.5})).await;
    assert_eq!((set.status, &set.json()["limit"]), (200, &json!({"tokens": 1_000, "usd": 2.5})), "{}", set.body);
    let total = stage.ask(&admin, "PUT /api/v1/budgets/total", json!({"usd": 0})).await.json();
    assert_eq!((&total["since"], &total["used"]), (&Value::Null, &json!({"tokens": 0, "usd": 0})));
    let listed = stage.ask(&bob, "GET /api/v1/budgets", Value::Null).await.json();
    let mut periods: Vec<&str> =
        listed["items"].as_array().unwrap().iter().map(|row| row["period"].as_str().unwrap()).collect();
    periods.sort_unstable();
    assert_eq!(periods, ["day", "total"]);
    for (route, body, status) in [
        ("PUT /api/v1/budgets/day", json!({}), 400),
        ("PUT /api/v1/budgets/day", json!({"tokens": -1}), 400),
        ("PUT /api/v1/budgets/year", json!({"tokens": 1}), 404),
        ("DELETE /api/v1/budgets/year", Value::Null, 404),
    ] {
        assert_eq!(stage.ask(&admin, route, body.clone()).await.status, status, "{route} {body}");
    }
    assert_eq!(stage.ask(&bob, "PUT /api/v1/budgets/day", json!({"tokens": 1})).await.status, 403);
    for deleted in [true, false] {
        let answer = stage.ask(&admin, "DELETE /api/v1/budgets/day", Value::Null).await.json();
        assert_eq!(answer, json!({"period": "day", "deleted": deleted}));
    }
}
