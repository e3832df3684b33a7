//! How answers end.

use ork_core::ai::{Ai, AiError};
use ork_core::step::{AiApi, Tokens};
use ork_doubles::llm::{Answer, Behaviour, Billing, End, Ending, Llm, Script};

use crate::scene::{APIS, Io, ask, ask_by, call, client, impatient, words};

const POEM: &str = "Rosen sind rot, Veilchen sind blau: äöü 漢字";

/// The same in both formats, but for the provider's own words.
async fn check(behaviour: Behaviour, expected: [&str; 2], ending: Ending) {
    let hangs = matches!(&behaviour, Behaviour::Answer(answer) if answer.end == End::Hang);
    let client = if hangs { impatient() } else { client() };
    for (api, expected) in APIS.into_iter().zip(expected) {
        let ended = ask_by(client.clone(), api, Script::always(behaviour.clone()), |_| {}).await;
        assert_eq!(words(&ended.result), expected, "{api:?} {behaviour:?}");
        assert_eq!(ended.entry.ending, ending, "{api:?} {behaviour:?}");
        // What came was told, on a line of its own, whatever became of the answer.
        let line = if ended.entry.text.is_empty() { String::new() } else { ended.entry.text.clone() + "\n" };
        assert_eq!(ended.logged, line, "{api:?} {behaviour:?}");
    }
}

async fn both(behaviour: Behaviour, expected: &str, ending: Ending) {
    check(behaviour, [expected; 2], ending).await;
}

#[tokio::test]
async fn a_whole_answer_is_one() {
    let answer = format!("answer: {POEM}");
    both(Behaviour::text(POEM), &answer, Ending::Answered).await;
    let slow = Answer { text: POEM.into(), pause_ms: 20, thought: "Hm. Was reimt sich?".into(), ..Answer::default() };
    both(Behaviour::Answer(slow), &answer, Ending::Answered).await;
    both(Behaviour::text(""), "answer: ", Ending::Answered).await;
}

#[tokio::test]
async fn part_of_an_answer_is_none() {
    let ending = |end| Behaviour::ending(POEM, end);
    for api in APIS {
        let ended = ask(api, Script::always(ending(End::Cut)), |_| {}).await;
        assert!(words(&ended.result).starts_with("lost: the answer broke off: "), "{}", words(&ended.result));
        assert!(!ended.logged.is_empty());
    }
    both(ending(End::Short), "lost: the answer broke off: it ended before it was whole", Ending::Broken).await;
    both(ending(End::Hang), "lost: the answer broke off: nothing came for 300 ms", Ending::Left).await;
    let failed = [
        "lost: the answer broke off: the provider says `server_error`: The server had an error while processing your \
         request. Sorry about that!",
        "lost: the answer broke off: the provider says `overloaded_error`: Overloaded",
    ];
    check(ending(End::Error), failed, Ending::Broken).await;
}

#[tokio::test]
async fn nobody_knows_what_became_of_a_request_without_an_answer() {
    for api in APIS {
        let llm = Llm::start(Script::always(Behaviour::Hang)).await.unwrap();
        let place = llm.url().replace("http://", "");
        let result = impatient().call(call(api, &llm.url()), &Io::default()).await;
        assert_eq!(words(&result), format!("lost: no answer came from `{place}` within 300 ms"));
        assert_eq!(llm.ended(1).await[0].ending, Ending::Left);

        let llm = Llm::start(Script::always(Behaviour::Close)).await.unwrap();
        let result = client().call(call(api, &llm.url()), &Io::default()).await;
        let said = words(&result);
        assert!(said.starts_with("lost: the connection to `127.0.0.1:"), "{said}");
        assert_eq!(llm.journal().len(), 1, "one request, never repeated");
    }
}

#[tokio::test]
async fn an_answer_that_cannot_be_used_has_its_price() {
    let ending = |end| Behaviour::ending("12345678", end);
    both(
        ending(End::Length),
        "unusable (2 + 2): the answer ends in the middle: it may have 100 tokens",
        Ending::Answered,
    )
    .await;
    both(ending(End::Filter), "unusable (2 + 2): the provider refuses this content", Ending::Answered).await;
    let refused = [
        "unusable (2 + 2): the model refuses: I cannot help with that.",
        "unusable (2 + 2): the model refuses: This request was declined.",
    ];
    check(ending(End::Refusal), refused, Ending::Answered).await;
    both(
        Behaviour::text(&"x".repeat(401)),
        "unusable (2 + 100): the answer ends in the middle: it may have 100 tokens",
        Ending::Answered,
    )
    .await;
    both(Behaviour::text("a\0b"), "unusable (2 + 1): the answer holds a NUL character", Ending::Answered).await;
}

async fn billed(api: AiApi, billing: Billing) -> Tokens {
    let answer = Answer { text: "12345678".into(), billing, ..Answer::default() };
    ask(api, Script::always(Behaviour::Answer(answer)), |_| {}).await.result.unwrap().tokens
}

#[tokio::test]
async fn tokens_are_what_the_provider_says() {
    for api in APIS {
        assert_eq!(billed(api, Billing::Counted).await, Tokens { input: 2, output: 2, cached: 0 });
        // Ten times what was allowed, and most of what was read came from the cache.
        let much = Billing::These { input: 5_000, output: 1_000, cached: 4_000 };
        assert_eq!(billed(api, much).await, Tokens { input: 5_000, output: 1_000, cached: 4_000 });
        // As much as it can have been.
        assert_eq!(billed(api, Billing::Silent).await, Tokens { input: 7 + 512, output: 100, cached: 0 });
        let absurd = Billing::These { input: u64::MAX, output: u64::MAX, cached: u64::MAX };
        let tokens = billed(api, absurd).await;
        assert!(i64::try_from(tokens.total()).is_ok() && tokens.cached <= tokens.input, "{tokens:?}");
    }
}

#[tokio::test]
async fn silence_about_tokens_is_said_with_what_cannot_be_used() {
    for api in APIS {
        let answer = Answer { end: End::Length, billing: Billing::Silent, ..Answer::default() };
        let ended = ask(api, Script::always(Behaviour::Answer(answer)), |_| {}).await;
        assert!(matches!(ended.result, Err(AiError::Unusable { tokens: None, .. })), "{:?}", ended.result);
    }
}

#[tokio::test]
async fn an_answer_has_a_longest() {
    // 8 MiB and a bit, of a provider that does not keep to `max_tokens`.
    let text = "x".repeat((8 << 20) + 8);
    for api in APIS {
        let ended = ask(api, Script::always(Behaviour::text(&text)), |call| call.max_tokens = 4_000_000).await;
        assert_eq!(words(&ended.result), "unusable: the answer has more than 8388608 bytes");
    }
}
