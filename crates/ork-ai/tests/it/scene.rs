//! A provider, a client, and somebody who listens.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use ork_ai::{Client, Patience};
use ork_core::ai::{Ai, AiAnswer, AiCall, AiError};
use ork_core::executor::{AttemptIo, Progress, StopCause, Stream};
use ork_core::step::{AiApi, Tokens};
use ork_doubles::llm::{Entry, Llm, Script};
use ork_http::{Reach, Transport};
use tokio::sync::watch;

pub const APIS: [AiApi; 2] = [AiApi::Openai, AiApi::Anthropic];
pub const KEY: &str = "sk-test-0123456789";

pub fn client() -> Client {
    // The doubles are on the loopback.
    Client::new(Transport::new(Reach::Public("127.0.0.1".parse().unwrap())))
}

/// One that does not wait for what never comes.
pub fn impatient() -> Client {
    let moment = Duration::from_millis(300);
    client().with_patience(Patience { first: moment, idle: moment, ..Patience::default() })
}

pub fn call(api: AiApi, url: &str) -> AiCall {
    let path = if api == AiApi::Openai { "/v1" } else { "" };
    AiCall {
        api,
        base_url: Some(format!("{url}{path}")),
        key: Some(KEY.into()),
        model: "model-1".into(),
        system: None,
        prompt: "Say it.".into(),
        max_tokens: 100,
        temperature: None,
        schema: None,
    }
}

/// Keeps what is logged, and can be told to stop.
pub struct Io {
    logged: Mutex<Vec<u8>>,
    pieces: watch::Sender<usize>,
    is_stopped: watch::Sender<bool>,
}

impl Default for Io {
    fn default() -> Self {
        Self { logged: Mutex::default(), pieces: watch::Sender::new(0), is_stopped: watch::Sender::new(false) }
    }
}

impl Io {
    pub fn logged(&self) -> String {
        String::from_utf8(self.logged.lock().unwrap().clone()).unwrap()
    }

    pub async fn heard(&self, pieces: usize) {
        self.pieces.subscribe().wait_for(|heard| *heard >= pieces).await.unwrap();
    }

    pub fn stop(&self) {
        self.is_stopped.send_replace(true);
    }
}

#[async_trait]
impl AttemptIo for Io {
    fn started(&self, _: Option<String>) {}
    fn log(&self, stream: Stream, bytes: &[u8]) {
        assert_eq!(stream, Stream::Stdout);
        self.logged.lock().unwrap().extend_from_slice(bytes);
        self.pieces.send_modify(|pieces| *pieces += 1);
    }
    fn progress(&self, _: Progress) {}
    async fn stopped(&self) -> StopCause {
        self.is_stopped.subscribe().wait_for(|stopped| *stopped).await.unwrap();
        StopCause::Cancel
    }
}

/// What became of a call, what was logged, and what the provider says of it.
pub struct Ended {
    pub result: Result<AiAnswer, AiError>,
    pub logged: String,
    pub entry: Entry,
}

/// One call of a provider that does what a script says.
pub async fn ask(api: AiApi, script: Script, change: impl FnOnce(&mut AiCall)) -> Ended {
    ask_by(client(), api, script, change).await
}

/// The same by another client.
pub async fn ask_by(client: Client, api: AiApi, script: Script, change: impl FnOnce(&mut AiCall)) -> Ended {
    let llm = Llm::start(script).await.unwrap();
    let mut call = call(api, &llm.url());
    change(&mut call);
    let io = Io::default();
    let result = client.call(call, &io).await;
    let entry = llm.ended(1).await.remove(0);
    Ended { result, logged: io.logged(), entry }
}

/// The kind of a result and its words.
pub fn words(result: &Result<AiAnswer, AiError>) -> String {
    match result {
        Ok(answer) => format!("answer: {}", answer.text),
        Err(AiError::Refused { message, is_retryable: true, retry_after_ms: None }) => format!("later: {message}"),
        Err(AiError::Refused { message, is_retryable: true, retry_after_ms: Some(ms) }) => {
            format!("in {ms} ms: {message}")
        }
        Err(AiError::Refused { message, is_retryable: false, retry_after_ms }) => {
            assert_eq!(*retry_after_ms, None);
            format!("never: {message}")
        }
        Err(AiError::Lost { message }) => format!("lost: {message}"),
        Err(AiError::Unusable { message, tokens: None }) => format!("unusable: {message}"),
        Err(AiError::Unusable { message, tokens: Some(Tokens { input, output, .. }) }) => {
            format!("unusable ({input} + {output}): {message}")
        }
        Err(AiError::Stopped) => "stopped".into(),
    }
}
