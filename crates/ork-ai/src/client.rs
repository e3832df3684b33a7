//! One call, from the request to the answer.

use std::time::Duration;

use async_trait::async_trait;
use ork_core::ai::{Ai, AiAnswer, AiCall, AiError};
use ork_core::executor::{AttemptIo, Stream};
use ork_core::limits::AI_ANSWER_BYTES_MAX;
use ork_http::sse::Parser;
use ork_http::{CallError, StreamError, StreamLimits, Streaming, Transport};

use crate::answer;
use crate::refusal;
use crate::wire::{self, Said};
use crate::words;

/// Bytes of a stream for each byte of the longest answer: every token has an event of its own, with some hundred bytes around it.
const BYTES_AROUND: u64 = 64;

/// How long a call waits.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the answer to begin. Default 5 min: a provider may queue what it is asked.
    pub first: Duration,
    /// For the next piece of it. Default 5 min: some models think before they write, and say nothing meanwhile.
    pub idle: Duration,
    /// For all of it. Default 1 h; a step's `timeout` ends it before.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self { first: minutes(5), idle: minutes(5), total: minutes(60) }
    }
}

/// Speaks to models.
#[derive(Debug, Clone)]
pub struct Client {
    transport: Transport,
    patience: Patience,
}

impl Client {
    /// A client over a transport, which says whom it may reach.
    #[must_use]
    pub fn new(transport: Transport) -> Self {
        Self { transport, patience: Patience::default() }
    }

    /// The same with another patience.
    #[must_use]
    pub const fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    async fn answer(&self, call: &AiCall, log: &mut Log<'_>) -> Result<AiAnswer, AiError> {
        let request = wire::request(call)?;
        let place = words::place(&request.url);
        let Patience { first, idle, total } = self.patience;
        let limits = StreamLimits { first, idle, total, bytes: BYTES_AROUND * AI_ANSWER_BYTES_MAX as u64 };
        let mut stream = self.transport.stream(request, limits).await.map_err(|error| unanswered(error, &place))?;
        if !(200..300).contains(&stream.status) {
            return Err(refusal::of(&mut stream).await);
        }
        is_stream(&stream)?;
        let said = read(call, stream, log).await?;
        answer::of(call, said)
    }
}

#[async_trait]
impl Ai for Client {
    async fn call(&self, call: AiCall, io: &dyn AttemptIo) -> Result<AiAnswer, AiError> {
        let mut log = Log { io, bytes: 0 };
        // An answer that is there counts, also when the stop came at the same moment.
        let ended = tokio::select! {
            biased;
            ended = self.answer(&call, &mut log) => ended,
            _ = io.stopped() => Err(AiError::Stopped),
        };
        log.end();
        ended.map_err(|error| words::without(error, call.key.as_deref()))
    }
}

/// What the model writes, as standard output.
struct Log<'a> {
    io: &'a dyn AttemptIo,
    bytes: usize,
}

impl Log<'_> {
    /// Takes all of the text so far.
    fn write(&mut self, text: &str) {
        if text.len() > self.bytes {
            self.io.log(Stream::Stdout, &text.as_bytes()[self.bytes..]);
            self.bytes = text.len();
        }
    }

    /// The last line ends, however much of the answer came.
    fn end(&self) {
        if self.bytes > 0 {
            self.io.log(Stream::Stdout, b"\n");
        }
    }
}

async fn read(call: &AiCall, mut stream: Streaming, log: &mut Log<'_>) -> Result<Said, AiError> {
    let unusable = |message: String| AiError::Unusable { message, tokens: None };
    let (mut parser, mut reader, mut said) = (Parser::default(), wire::reader(call.api), Said::default());
    loop {
        let bytes = match stream.chunk().await {
            Ok(Some(bytes)) => bytes,
            Ok(None) => return Err(lost("it ended before it was whole")),
            Err(error @ StreamError::TooLong(_)) => return Err(unusable(format!("the answer is too long: {error}"))),
            Err(error) => return Err(lost(&error.to_string())),
        };
        let events = parser.push(&bytes).map_err(|_| unusable("a line of the answer is too long".to_owned()))?;
        for event in events {
            reader.read(&event, &mut said).map_err(|why| lost(&why))?;
            if said.text.len() > AI_ANSWER_BYTES_MAX {
                return Err(unusable(format!("the answer has more than {AI_ANSWER_BYTES_MAX} bytes")));
            }
            log.write(&said.text);
            if said.is_over {
                return Ok(said);
            }
        }
    }
}

fn lost(why: &str) -> AiError {
    AiError::Lost { message: format!("the answer broke off: {why}") }
}

/// A page of a proxy, or a server that knows no streams.
fn is_stream(stream: &Streaming) -> Result<(), AiError> {
    let given = stream.header("content-type").unwrap_or_default();
    if given.to_ascii_lowercase().starts_with("text/event-stream") {
        return Ok(());
    }
    let message =
        format!("the answer is no stream of events but `{given}`: is the address that of the provider's API?");
    Err(AiError::Unusable { message, tokens: None })
}

fn unanswered(error: CallError, place: &str) -> AiError {
    let refused = |message, is_retryable| AiError::Refused { message, is_retryable, retry_after_ms: None };
    match error {
        CallError::Refused(why) => refused(format!("the provider's address may not be called: {why}"), false),
        CallError::Unconnected(why) => refused(format!("failed to connect to `{place}`: {why}"), true),
        CallError::Unreachable(why) => {
            AiError::Lost { message: format!("the connection to `{place}` broke before an answer came: {why}") }
        }
        CallError::TooSlow(ms) => AiError::Lost { message: format!("no answer came from `{place}` within {ms} ms") },
    }
}
