//! Attack 25: links that are guessed, changed, replayed, used by others, or looked at by programs.

use ork_core::access::Role;
use ork_core::id::GateId;
use ork_core::store::{GateRow, Scope};
use serde_json::{Value, json};

use super::{Answer, Asked, PLAIN, Stage};

const DAY: u64 = 86_400_000;
const FORM: &[(&str, &str)] = &[("content-type", "application/x-www-form-urlencoded")];

async fn link(stage: &Stage, token: &str, gate: GateId, wish: Value) -> String {
    let answer = stage.ask(token, &format!("POST /api/v1/gates/{gate}/links"), wish).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["path"].as_str().unwrap().to_owned()
}

async fn row(stage: &Stage, gate: GateId) -> GateRow {
    stage.server.store.gate(Scope::All, gate).await.unwrap().unwrap()
}

async fn look(stage: &Stage, path: &str) -> Answer {
    stage.send(&format!("GET {path}"), &[], String::new()).await
}

/// By the form of the page.
async fn press(stage: &Stage, path: &str, form: &str) -> Answer {
    stage.send(&format!("POST {path}"), FORM, form.to_owned()).await
}

#[tokio::test]
async fn a_link_decides_once() {
    let stage = Stage::new().await;
    let ops = stage.token("ops", Role::Operator).await;
    let (run, gate) = stage.gate(Asked { message: Some("Is <b>this</b> good?"), ..PLAIN }).await;
    let path = link(&stage, &ops, gate, json!({"principal": "bob@example.com"})).await;
    let other = link(&stage, &ops, gate, json!({"principal": "eve@example.com"})).await;
    assert_ne!(path, other);
    // Programs look at what stands in a message, as often as they like.
    for method in ["GET", "HEAD", "GET"] {
        let seen = stage.send(&format!("{method} {path}"), &[], String::new()).await;
        assert_eq!((seen.status, row(&stage, gate).await.status.word()), (200, "open"), "{method}");
    }
    let page = look(&stage, &path).await;
    for shown in
        ["Is &lt;b&gt;this&lt;/b&gt; good?", "reel", "review", "ask", "ada", "bob@example.com", &run.to_string()]
    {
        assert!(page.body.contains(shown), "{shown}\n{}", page.body);
    }
    assert!(!page.body.contains("<script") && !page.body.contains("<b>"), "{}", page.body);
    check_headers(&page);
    let done = press(&stage, &path, "decision=approve&comment=well+done+%26+so+on").await;
    assert_eq!(done.status, 200, "{}", done.body);
    check_headers(&done);
    let decided = row(&stage, gate).await;
    let by = decided.decided_by.unwrap();
    assert_eq!((decided.status.word(), by.kind.word(), by.id.as_str()), ("approved", "user", "bob@example.com"));
    assert_eq!(decided.comment.as_deref(), Some("well done & so on (by a link of ops)"));
    // Replayed, by the same one or by others, nothing is left, and the answer is that of a link that never was.
    let never = look(&stage, "/api/v1/links/AAAA").await;
    assert_eq!(never.status, 404);
    for path in [&path, &other] {
        let (seen, pressed) = (look(&stage, path).await, press(&stage, path, "decision=approve").await);
        assert_eq!((seen.status, &seen.body, pressed.status, &pressed.body), (404, &never.body, 404, &never.body));
    }
    assert_eq!(row(&stage, gate).await.comment, decided.comment);
}

fn check_headers(answer: &Answer) {
    let policy = answer.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && !policy.contains("script"), "{policy}");
    assert!(policy.contains("form-action 'self'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("x-robots-tag").contains("noindex"));
    assert_eq!(answer.header("referrer-policy"), "same-origin");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn a_link_that_was_guessed_or_changed_is_none() {
    let stage = Stage::new().await;
    let ops = stage.token("ops", Role::Operator).await;
    let (_, gate) = stage.gate(PLAIN).await;
    let path = link(&stage, &ops, gate, json!({"principal": "bob", "decision": "reject"})).await;
    let never = look(&stage, "/api/v1/links/AAAA").await;
    let token = path.strip_prefix("/api/v1/links/").unwrap();
    let changed = (0..token.len()).map(|at| {
        let mut wrong = token.to_owned().into_bytes();
        wrong[at] = if wrong[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(wrong).unwrap()
    });
    let guessed = [
        String::from("x"),
        "A".repeat(token.len()),
        format!("{token}A"),
        token[1..].to_owned(),
        "a%2Fb".into(),
        "%00".into(),
    ];
    for wrong in changed.chain(guessed) {
        let path = format!("/api/v1/links/{wrong}");
        let (seen, pressed) = (look(&stage, &path).await, press(&stage, &path, "decision=reject").await);
        assert_eq!(
            (seen.status, &seen.body, pressed.status, &pressed.body),
            (404, &never.body, 404, &never.body),
            "{wrong}"
        );
        let json = stage.ask("", &format!("POST {path}"), json!({"decision": "reject"})).await;
        assert_eq!((json.status, &json.json()["code"]), (404, &"not-found".into()), "{wrong}");
    }
    assert_eq!(row(&stage, gate).await.status.word(), "open");
    // The other decision than the one that it is for is refused, and uses nothing up.
    for wrong in [
        "decision=approve",
        "decision=",
        "comment=x",
        "decision=reject&decision=approve",
        "decision=reject&role=admin",
        "\u{fffd}",
    ] {
        let refused = press(&stage, &path, wrong).await;
        assert_eq!(refused.status, 400, "{wrong}: {}", refused.body);
    }
    assert!(look(&stage, &path).await.body.contains("value=\"reject\""));
    assert!(!look(&stage, &path).await.body.contains("value=\"approve\""));
    let sent = stage.ask("", &format!("POST {path}"), json!({"decision": "reject", "comment": "no"})).await;
    assert_eq!((sent.status, &sent.json()["status"]), (200, &"rejected".into()), "{}", sent.body);
}

#[tokio::test]
async fn a_link_ends() {
    let stage = Stage::new().await;
    let ops = stage.token("ops", Role::Operator).await;
    let (_, gate) = stage.gate(Asked { expires_in_ms: Some(DAY), ..PLAIN }).await;
    let made = async |wish: Value| {
        let answer = stage.ask(&ops, &format!("POST /api/v1/gates/{gate}/links"), wish).await.json();
        (answer["path"].as_str().unwrap().to_owned(), answer["expires_at"].as_str().unwrap().to_owned())
    };
    let (short, _) = made(json!({"principal": "bob", "expires_in_ms": 60_000})).await;
    let (long, ends) = made(json!({"principal": "bob", "expires_in_ms": 30 * DAY})).await;
    assert_eq!(ends, row(&stage, gate).await.expires_at.map(crate::view::moment).unwrap(), "not longer than its gate");
    stage.pass(59_999);
    assert_eq!(look(&stage, &short).await.status, 200);
    stage.pass(1);
    assert_eq!((look(&stage, &short).await.status, press(&stage, &short, "decision=approve").await.status), (404, 404));
    assert_eq!(look(&stage, &long).await.status, 200);
    stage.pass(DAY);
    assert_eq!(press(&stage, &long, "decision=approve").await.status, 404);
    assert_eq!(row(&stage, gate).await.status.word(), "open", "what becomes of the gate is not the link's business");
    let (_, endless) = stage.gate(PLAIN).await;
    let answer =
        stage.ask(&ops, &format!("POST /api/v1/gates/{endless}/links"), json!({"principal": "b"})).await.json();
    stage.pass(7 * DAY - 1);
    assert_eq!(look(&stage, answer["path"].as_str().unwrap()).await.status, 200);
    stage.pass(1);
    assert_eq!(look(&stage, answer["path"].as_str().unwrap()).await.status, 404, "a week is the most");
}

#[tokio::test]
async fn a_link_says_for_whom_it_is() {
    let stage = Stage::new().await;
    let ops = stage.token("ops", Role::Operator).await;
    let (_, gate) = stage.gate(PLAIN).await;
    for wrong in [
        json!({}),
        json!({"principal": ""}),
        json!({"principal": "a\nb"}),
        json!({"principal": "x".repeat(257)}),
        json!({"principal": "a", "decision": "both"}),
        json!({"principal": "a", "gate": "gate_x"}),
    ] {
        let answer = stage.ask(&ops, &format!("POST /api/v1/gates/{gate}/links"), wrong.clone()).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.body);
    }
    // A token is no link, and a link no token.
    let path = link(&stage, &ops, gate, json!({"principal": "bob"})).await;
    let token = path.rsplit('/').next().unwrap();
    assert_eq!(stage.ask(token, "GET /api/v1/whoami", Value::Null).await.status, 401);
    assert_eq!(look(&stage, &format!("/api/v1/links/{ops}")).await.status, 404);
    assert_eq!(look(&stage, &format!("/api/v1/links/{gate}")).await.status, 404);
}
