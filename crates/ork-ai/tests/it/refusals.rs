//! Calls that are refused before the model writes anything.

use ork_core::ai::Ai;
use ork_core::step::AiApi;
use ork_doubles::llm::{Behaviour, Refusal, Script};
use tokio::net::TcpListener;

use crate::scene::{APIS, Io, ask, call, client, words};

async fn refused(api: AiApi, behaviour: Behaviour) -> String {
    let ended = ask(api, Script::always(behaviour), |_| {}).await;
    assert_eq!(ended.logged, "");
    words(&ended.result)
}

#[tokio::test]
async fn a_status_says_whether_it_helps_to_try_again() {
    for api in APIS {
        for status in [409, 425, 429, 500, 503, 529] {
            let said = refused(api, Behaviour::refuse(status, &[])).await;
            assert!(said.starts_with(&format!("later: the provider answered {status}")), "{api:?} {said}");
        }
        for status in [400, 401, 402, 403, 404, 413, 422, 451] {
            let said = refused(api, Behaviour::refuse(status, &[("retry-after", "1")])).await;
            assert!(said.starts_with(&format!("never: the provider answered {status}")), "{api:?} {said}");
        }
        for status in [408, 502, 504, 524] {
            let said = refused(api, Behaviour::refuse(status, &[])).await;
            assert!(said.starts_with(&format!("lost: the provider answered {status}")), "{api:?} {said}");
        }
        let said = refused(api, Behaviour::refuse(307, &[("location", "http://127.0.0.1:1/")])).await;
        assert_eq!(said, "never: the provider answered 307: it is elsewhere, and redirects are not followed");
    }
}

#[tokio::test]
async fn a_provider_says_why_in_its_own_words() {
    let busy = Behaviour::refuse(429, &[("retry-after", "2")]);
    let said = refused(AiApi::Openai, busy.clone()).await;
    assert_eq!(said, "in 2000 ms: the provider answered 429 `rate_limit_exceeded`: Rate limit reached for requests.");
    let said = refused(AiApi::Anthropic, busy).await;
    assert_eq!(
        said,
        "in 2000 ms: the provider answered 429 `rate_limit_error`: This request would exceed your organization's rate \
         limit."
    );
    let said = refused(AiApi::Anthropic, Behaviour::refuse(529, &[])).await;
    assert_eq!(said, "later: the provider answered 529 `overloaded_error`: Overloaded");
}

#[tokio::test]
async fn a_provider_that_asks_for_a_rest_gets_it() {
    let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for api in APIS {
        for (headers, expected) in [
            (vec![("retry-after", "7")], "in 7000 ms: "),
            (vec![("retry-after", "7"), ("retry-after-ms", "1500")], "in 1500 ms: "),
            (vec![("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), date], "in 30000 ms: "),
            (vec![("retry-after", "soon")], "later: "),
        ] {
            for status in [429, 503, 529] {
                let said = refused(api, Behaviour::refuse(status, &headers)).await;
                assert!(said.starts_with(expected), "{api:?} {status} {headers:?}: {said}");
            }
        }
    }
}

#[tokio::test]
async fn who_has_no_money_left_is_not_tried_again() {
    for (api, code) in [
        (AiApi::Openai, "insufficient_quota"),
        (AiApi::Anthropic, "billing_error"),
        (AiApi::Anthropic, "enforced_spend_limit_reached"),
    ] {
        let refusal = Refusal { status: 429, code: Some(code.into()), ..Refusal::default() };
        let said = refused(api, Behaviour::Refuse(refusal)).await;
        assert!(said.starts_with(&format!("never: the provider answered 429 `{code}`")), "{said}");
    }
}

#[tokio::test]
async fn what_was_never_sent_is_refused() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for api in APIS {
        let to = |url: String| async move { words(&client().call(call(api, &url), &Io::default()).await) };
        let said = to(format!("http://{free}")).await;
        assert!(said.starts_with(&format!("later: failed to connect to `{free}`: ")), "{said}");
        let said = to("http://no-such-host.invalid".into()).await;
        assert!(said.starts_with("later: failed to connect to `no-such-host.invalid:80`: "), "{said}");
        for (url, why) in [
            ("http://10.0.0.1", "10.0.0.1"),
            ("gopher://example.com", "neither"),
            ("http://ada:secret@127.0.0.1", "no password"),
            ("http://127.0.0.1/?key=secret", "a query"),
            ("http://127.0.0.1/#", "a fragment"),
        ] {
            let said = to(url.into()).await;
            assert!(said.starts_with("never: the provider's address may not be called: "), "{url}: {said}");
            assert!(said.contains(why) && !said.contains("secret"), "{url}: {said}");
        }
    }
}
