//! Calls that are stopped.

use std::sync::Arc;
use std::time::Duration;

use ork_core::ai::{Ai, AiError};
use ork_core::step::AiApi;
use ork_doubles::llm::{Answer, Behaviour, Ending, Entry, Llm, Script};

use crate::scene::{APIS, Io, call, client};

/// Stops a call once so many pieces were heard.
async fn stopped(api: AiApi, behaviour: Behaviour, pieces: usize) -> (Arc<Io>, Entry) {
    let llm = Llm::start(Script::always(behaviour)).await.unwrap();
    let io = Arc::new(Io::default());
    let (call, heard) = (call(api, &llm.url()), Arc::clone(&io));
    let calling = tokio::spawn(async move { client().call(call, &*heard).await });
    io.heard(pieces).await;
    io.stop();
    let result = tokio::time::timeout(Duration::from_secs(10), calling).await.expect("it ends at once").unwrap();
    assert_eq!(result, Err(AiError::Stopped));
    (io, llm.ended(1).await.remove(0))
}

#[tokio::test]
async fn a_stop_in_the_middle_ends_the_connection() {
    let slow = Answer { text: "x".repeat(400), pause_ms: 200, ..Answer::default() };
    for api in APIS {
        let (io, entry) = stopped(api, Behaviour::Answer(slow.clone()), 2).await;
        assert_eq!(entry.ending, Ending::Left, "the provider sees that nobody listens any more");
        let logged = io.logged();
        assert!(logged.ends_with('\n') && logged.len() >= 17 && logged.len() < 401, "{logged}");
    }
}

#[tokio::test]
async fn a_call_that_is_stopped_before_it_begins_sends_nothing() {
    for api in APIS {
        let llm = Llm::start(Script::default()).await.unwrap();
        let io = Io::default();
        io.stop();
        assert_eq!(client().call(call(api, &llm.url()), &io).await, Err(AiError::Stopped));
        assert!(llm.journal().is_empty() && io.logged().is_empty());
    }
}
