//! What is sent. The provider checks its form: a wrong one is a 400.

use ork_core::ai::Ai;
use ork_core::step::AiApi;
use ork_doubles::llm::{Behaviour, Llm, Script};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::scene::{APIS, Io, KEY, ask, call, client, words};

#[tokio::test]
async fn a_call_is_sent_as_the_provider_wants_it() {
    for api in APIS {
        let ended = ask(api, Script { keys: vec![KEY.into()], ..Script::default() }, |call| {
            call.system = Some("Be brief.".into());
            call.temperature = Some(0.5);
            call.base_url = call.base_url.take().map(|url| url + "/");
        })
        .await;
        let answer = ended.result.unwrap();
        assert_eq!((answer.text.as_str(), answer.value, answer.model.as_str()), ("ok", None, "model-1"));
        let entry = ended.entry;
        assert_eq!((entry.api.as_str(), entry.model.as_str()), (api.word(), "model-1"));
        assert_eq!((entry.system.as_deref(), entry.prompt.as_str()), (Some("Be brief."), "Say it."));
        assert_eq!((entry.max_tokens, entry.schema), (100, None));
        assert_eq!((entry.input, entry.output), (answer.tokens.input, answer.tokens.output));
    }
}

#[tokio::test]
async fn a_server_without_keys_gets_none() {
    for api in APIS {
        let ended = ask(api, Script::default(), |call| call.key = None).await;
        assert_eq!(words(&ended.result), "answer: ok");
        let ended = ask(api, Script { keys: vec![KEY.into()], ..Script::default() }, |call| call.key = None).await;
        assert!(words(&ended.result).starts_with("never: the provider answered 401"), "{}", words(&ended.result));
    }
}

#[tokio::test]
async fn many_calls_at_once_get_the_answers_to_their_own() {
    let mut script = Script::default();
    for n in 0..20 {
        script = script.when(&format!("number {n}."), None, Behaviour::text(&format!("I am {n}")));
    }
    let llm = Llm::start(script).await.unwrap();
    let calls = (0..40).map(|n| {
        let mut call = call(APIS[n % 2], &llm.url());
        call.prompt = format!("You are number {}.", n / 2);
        tokio::spawn(async move { (n / 2, client().call(call, &Io::default()).await.unwrap().text) })
    });
    for call in calls.collect::<Vec<_>>() {
        let (n, text) = call.await.unwrap();
        assert_eq!(text, format!("I am {n}"));
    }
    assert_eq!(llm.ended(40).await.len(), 40);
}

/// Somebody who answers everybody with these bytes, and what he was sent.
async fn raw(answer: &'static str, api: AiApi) -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut request = vec![0; 16 << 10];
        let mut read = 0;
        while !String::from_utf8_lossy(&request[..read]).ends_with("}") {
            read += socket.read(&mut request[read..]).await.unwrap();
        }
        socket.write_all(answer.as_bytes()).await.unwrap();
        request.truncate(read);
        String::from_utf8(request).unwrap()
    });
    let said = words(&client().call(call(api, &url), &Io::default()).await);
    (said, served.await.unwrap())
}

#[tokio::test]
async fn what_is_no_stream_is_no_answer() {
    let page = "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>";
    let noise = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: <html>\n\n";
    let gone = "HTTP/1.1 500 Oh\r\ncontent-length: 6\r\n\r\n<html>";
    let other = "HTTP/1.1 400 No\r\ncontent-length: 26\r\n\r\n{\"error\": \"unknown thing\"}";
    for api in APIS {
        let said = raw(page, api).await.0;
        assert!(said.starts_with("unusable: the answer is no stream of events but `text/html`"), "{said}");
        let said = raw(noise, api).await.0;
        assert!(said.starts_with("lost: the answer broke off: an event is not valid JSON"), "{said}");
        assert_eq!(raw(gone, api).await.0, "later: the provider answered 500: it does not say why");
        assert_eq!(raw(other, api).await.0, "never: the provider answered 400: unknown thing");
    }
}

/// Its name differs from server to server, and the wrong one bounds nothing.
#[tokio::test]
async fn a_server_that_is_like_openai_gets_the_older_name_of_the_limit() {
    let request = raw("", AiApi::Openai).await.1;
    assert!(request.contains(r#""max_tokens":100"#) && !request.contains("max_completion_tokens"), "{request}");
    assert!(request.starts_with("POST /v1/chat/completions HTTP/1.1\r\n"), "{request}");
    let request = raw("", AiApi::Anthropic).await.1;
    assert!(request.starts_with("POST /v1/messages HTTP/1.1\r\n"), "{request}");
}
