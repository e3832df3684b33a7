//! Keys are nowhere but in their header.

use std::collections::BTreeMap;

use ork_core::ai::Ai;
use ork_doubles::llm::{Behaviour, End, Refusal, Script};

use crate::scene::{APIS, Io, KEY, ask, ask_by, call, client, impatient, words};

#[tokio::test]
async fn a_provider_that_says_the_key_is_not_quoted() {
    let echoes = |status| {
        Behaviour::Refuse(Refusal {
            status,
            headers: BTreeMap::new(),
            message: Some(format!("Incorrect API key provided: {KEY}. {}{KEY}", "x".repeat(990))),
            code: Some(KEY.into()),
        })
    };
    for api in APIS {
        for behaviour in [echoes(401), echoes(500), echoes(504)] {
            let ended = ask(api, Script::always(behaviour), |_| {}).await;
            let said = format!("{:?}", ended.result);
            assert!(said.contains("Incorrect API key provided: ***."), "{said}");
            // Nor the beginning of it, where the message is cut.
            assert!(!said.contains("sk-"), "{said}");
        }
    }
}

#[tokio::test]
async fn neither_errors_nor_debug_have_a_key() {
    let behaviours = [
        Behaviour::refuse(401, &[]),
        Behaviour::refuse(503, &[]),
        Behaviour::Hang,
        Behaviour::Close,
        Behaviour::ending("text", End::Cut),
        Behaviour::ending("text", End::Error),
        Behaviour::ending("text", End::Refusal),
        Behaviour::text("text"),
    ];
    for api in APIS {
        for behaviour in &behaviours {
            let ended = ask_by(impatient(), api, Script::always(behaviour.clone()), |_| {}).await;
            assert!(!format!("{:?}", ended.result).contains(KEY), "{behaviour:?}");
        }
        let call = call(api, "http://127.0.0.1:1");
        let said = format!("{call:?} {:?}", client());
        assert!(!said.contains(KEY) && !said.contains(&call.prompt), "{said}");
    }
}

#[tokio::test]
async fn a_key_that_is_no_header_is_refused_and_not_shown() {
    for api in APIS {
        let mut call = call(api, "http://127.0.0.1:1");
        call.key = Some(format!("{KEY}\r\nx: y"));
        let result = client().call(call, &Io::default()).await;
        assert_eq!(
            words(&result),
            "never: the provider's address may not be called: a header holds a control character"
        );
    }
}
