//! The provider of models: what it takes, what it refuses, and what it writes down.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use ork_doubles::llm::{Answer, Behaviour, Billing, Ending, Entry, Llm, Script};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";
const VERSION: (&str, &str) = ("anthropic-version", "2023-06-01");

/// Sends a request; the status and what follows the head.
async fn send(url: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let mut socket = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let head = format!("POST {path} HTTP/1.1\r\ncontent-length: {}\r\ncontent-type: application/json\r\n", body.len());
    socket.write_all(format!("{head}{headers}\r\n{body}").as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn chat() -> Value {
    json!({"model": "m", "messages": [{"role": "user", "content": "Hello"}], "stream": true, "max_tokens": 9})
}

/// The body with this in the place of what it had.
fn with(mut body: Value, name: &str, value: Value) -> String {
    body[name] = value;
    body.to_string()
}

fn without(mut body: Value, name: &str) -> String {
    body.as_object_mut().unwrap().remove(name);
    body.to_string()
}

fn schema(of: &str, schema: &Value) -> Value {
    match of {
        CHAT => json!({"type": "json_schema", "json_schema": {"name": "a", "strict": true, "schema": schema}}),
        _ => json!({"format": {"type": "json_schema", "schema": schema}}),
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_as_the_providers_refuse_it() {
    let llm = Llm::start(Script::default()).await.unwrap();
    let open = json!({"type": "object", "properties": {"a": {}}, "required": ["a"]});
    let bounded = json!({"type": "integer", "minimum": 1});
    let both = with(chat(), "max_completion_tokens", json!(5));
    for (path, body, expected) in [
        (CHAT, "{".to_owned(), "not valid JSON"),
        (CHAT, without(chat(), "model"), "model"),
        (CHAT, without(chat(), "messages"), "messages"),
        (CHAT, with(chat(), "messages", json!([{"role": "robot", "content": "x"}])), "role"),
        (CHAT, with(chat(), "max_tokens", json!(0)), "max_tokens"),
        (CHAT, both, "at the same time"),
        (CHAT, with(chat(), "temperature", json!(3)), "temperature"),
        (CHAT, with(chat(), "top_secret", json!(3)), "top_secret"),
        (CHAT, with(chat(), "response_format", schema(CHAT, &open)), "additionalProperties"),
        (MESSAGES, "{".to_owned(), "not valid JSON"),
        (MESSAGES, without(chat(), "max_tokens"), "max_tokens: Field required"),
        (MESSAGES, with(chat(), "messages", json!([])), "messages"),
        (MESSAGES, with(chat(), "temperature", json!(1.5)), "temperature"),
        (MESSAGES, with(chat(), "stream_options", json!({})), "stream_options: Extra inputs"),
        (MESSAGES, with(chat(), "output_config", schema(MESSAGES, &open)), "additionalProperties"),
        (MESSAGES, with(chat(), "output_config", schema(MESSAGES, &bounded)), "'minimum' is not supported"),
    ] {
        let (status, said) = send(&llm.url(), path, &[VERSION], &body).await;
        let said: Value = serde_json::from_str(&said).unwrap();
        let error = &said["error"];
        assert_eq!((status, &error["type"]), (400, &json!("invalid_request_error")), "{path} {body}");
        assert!(error["message"].as_str().unwrap().contains(expected), "{path} {body}: {error}");
    }
    assert_eq!(send(&llm.url(), MESSAGES, &[], &chat().to_string()).await.0, 400, "without a version");
    assert_eq!(send(&llm.url(), "/v1/other", &[], "{}").await.0, 404);
    assert!(llm.journal().iter().all(|entry| entry.ending == Ending::Refused && entry.input == 0));
}

#[tokio::test]
async fn only_known_keys_are_let_in() {
    let llm = Llm::start(Script { keys: vec!["sk-1".into()], ..Script::default() }).await.unwrap();
    let body = chat().to_string();
    for (path, right, wrong) in [
        (CHAT, ("authorization", "Bearer sk-1"), ("authorization", "sk-1")),
        (MESSAGES, ("x-api-key", "sk-1"), ("x-api-key", "sk-2")),
    ] {
        assert_eq!(send(&llm.url(), path, &[right, VERSION], &body).await.0, 200);
        assert_eq!(send(&llm.url(), path, &[wrong, VERSION], &body).await.0, 401);
        assert_eq!(send(&llm.url(), path, &[VERSION], &body).await.0, 401);
    }
}

/// The values of a stream's events, without the chunks of HTTP around them.
fn events(body: &str) -> Vec<Value> {
    body.lines()
        .filter_map(|line| line.strip_prefix("data: "))
        .filter_map(|data| serde_json::from_str(data).ok())
        .collect()
}

#[tokio::test]
async fn streams_have_the_documented_events() {
    let llm = Llm::start(Script::always(Behaviour::text("0123456789"))).await.unwrap();
    let asked = with(chat(), "stream_options", json!({"include_usage": true}));
    let (_, body) = send(&llm.url(), CHAT, &[], &asked).await;
    let chunks = events(&body);
    assert!(body.contains("data: [DONE]\n\n"));
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk" && chunk["model"] == "m"));
    let text: String = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(text, "0123456789");
    let [.., end, last] = &chunks[..] else { panic!("{chunks:?}") };
    assert_eq!((&end["choices"][0]["finish_reason"], &end["usage"]), (&json!("stop"), &Value::Null));
    assert_eq!(
        (&last["choices"], &last["usage"]["prompt_tokens"], &last["usage"]["completion_tokens"]),
        (&json!([]), &json!(2), &json!(3))
    );
    let (_, body) = send(&llm.url(), CHAT, &[], &chat().to_string()).await;
    assert!(events(&body).iter().all(|chunk| chunk["usage"].is_null()), "nobody asked for it");

    let (_, body) = send(&llm.url(), MESSAGES, &[VERSION], &chat().to_string()).await;
    let events = events(&body);
    let types: Vec<&str> = events.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        types,
        [
            "message_start",
            "content_block_start",
            "ping",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ]
    );
    assert!(types.iter().all(|kind| body.contains(&format!("event: {kind}\ndata: "))));
    assert_eq!(events[6]["usage"]["output_tokens"], json!(3));
}

#[tokio::test]
async fn the_first_rule_that_fits_and_is_not_used_up_counts() {
    let script = Script::always(Behaviour::text("other"))
        .when("Hello", Some(2), Behaviour::refuse(429, &[("retry-after", "1")]))
        .when("Hello", None, Behaviour::text("hello"))
        .when("", Some(1), Behaviour::text("once"));
    let llm = Llm::start(script).await.unwrap();
    let goodbye = with(chat(), "messages", json!([{"role": "user", "content": "Goodbye"}]));
    for (body, expected) in [
        (chat().to_string(), (429, "")),
        (chat().to_string(), (429, "")),
        (chat().to_string(), (200, "hello")),
        (goodbye.clone(), (200, "once")),
        (goodbye, (200, "other")),
    ] {
        send(&llm.url(), CHAT, &[], &body).await;
        let last = llm.journal().pop().unwrap();
        assert_eq!((last.status.unwrap(), last.text.as_str()), expected);
    }
    let ids: Vec<String> = llm.journal().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, ["req_1", "req_2", "req_3", "req_4", "req_5"]);
}

/// A program, ended with the test.
struct Program(std::process::Child);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
async fn the_program_does_what_its_file_says_and_keeps_a_journal() {
    let folder = std::env::temp_dir().join(format!("ork-doubles-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (script, journal) = (folder.join("script.json"), folder.join("journal.jsonl"));
    let text = json!({
        "rules": [{"prompt": "Hello", "then": {"answer": {"json": {"a": 1}, "billing": {"these": {"input": 7, "output": 5, "cached": 3}}}}}],
        "otherwise": {"refuse": {"status": 529}},
    });
    std::fs::write(&script, text.to_string()).unwrap();
    let mut started = Command::new(env!("CARGO_BIN_EXE_llm"));
    started.arg("--script").arg(&script).arg("--journal").arg(&journal).stdout(Stdio::piped());
    let mut program = Program(started.spawn().unwrap());
    let mut url = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut url).unwrap();
    let goodbye = with(chat(), "messages", json!([{"role": "user", "content": "Goodbye"}]));
    assert_eq!(send(url.trim(), MESSAGES, &[VERSION], &chat().to_string()).await.0, 200);
    assert_eq!(send(url.trim(), MESSAGES, &[VERSION], &goodbye).await.0, 529);
    drop(program);
    let lines = std::fs::read_to_string(&journal).unwrap();
    let entries: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [hello, goodbye] = &entries[..] else { panic!("{lines}") };
    assert_eq!((hello.text.as_str(), hello.input, hello.output, hello.cached), ("{\"a\":1}", 7, 5, 3));
    assert_eq!((goodbye.prompt.as_str(), goodbye.status, goodbye.ending), ("Goodbye", Some(529), Ending::Refused));
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_script_says_what_it_does_not_know() {
    for wrong in [json!({"rule": []}), json!({"otherwise": {"answer": {"txt": ""}}}), json!({"otherwise": "sleep"})] {
        assert!(serde_json::from_value::<Script>(wrong.clone()).is_err(), "{wrong}");
    }
    let silent = Answer { billing: Billing::Silent, ..Answer::default() };
    let text = serde_json::to_string(&Script::always(Behaviour::Answer(silent))).unwrap();
    assert!(serde_json::from_str::<Script>(&text).is_ok());
}
