//! Server-sent events: read, and read on after whatever breaks.
//!
//! [`Parser`] turns bytes into events. [`Following`] opens a stream again after it broke,
//! with the id of the last event that was handed out, so that none is missed and none comes twice. How a stream is opened
//! is a [`Source`]'s business; nothing here knows HTTP.

use std::future::Future;
use std::time::Duration;

pub use ork_http::sse::{Event, Parser, TooLong};
use tokio::time::{sleep, timeout};

/// A server says something every 15 s.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The wait before a stream is opened again: first, until the server says another one, and at most.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Why a stream could not be opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// It may be tried again: the server does not answer, or has no room. In so many words, and not before that time.
    Again(String, Option<Duration>),
    /// It is of no use to try again.
    Final(E),
}

/// How a stream is opened.
pub trait Source {
    /// What comes of it.
    type Body: Body + Send;
    /// What ends it for good.
    type Error;

    /// Opens the stream after this event; from its own beginning when there is none.
    fn open(&mut self, after: Option<&str>) -> impl Future<Output = Result<Self::Body, Failure<Self::Error>>> + Send;
}

/// The bytes of an open stream.
pub trait Body {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// When the connection broke, in words.
    fn next(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, String>> + Send;
}

/// What follows in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// An event.
    Event(Event),
    /// The stream is open, for the first time or again.
    Opened,
    /// The stream broke, or cannot be opened: said once, until it is open again.
    Lost(String),
}

/// A stream that is opened again whenever it breaks.
pub struct Following<S: Source, R> {
    source: S,
    /// Random bits, so that the clients of a server that comes back do not come all at once.
    random: R,
    parser: Parser,
    body: Option<S::Body>,
    ready: std::collections::VecDeque<Event>,
    /// The cursor behind the last event that was handed out.
    at: String,
    failures: u32,
    is_lost: bool,
    not_before: Option<Duration>,
}

impl<S: Source, R: FnMut() -> u64> Following<S, R> {
    /// Follows from a cursor on, such as an answer's `as_of`; from now on without one.
    pub fn new(source: S, after: Option<&str>, random: R) -> Self {
        let at = after.unwrap_or_default().to_owned();
        Self {
            source,
            random,
            parser: Parser::after(&at),
            body: None,
            ready: std::collections::VecDeque::new(),
            at,
            failures: 0,
            is_lost: false,
            not_before: None,
        }
    }

    /// The cursor to go on from, should this process end now.
    #[must_use]
    pub fn cursor(&self) -> &str {
        &self.at
    }

    /// What follows. It waits as long as it takes; what was read is not lost when the wait is dropped.
    ///
    /// # Errors
    /// When the stream cannot be opened, and never will.
    pub async fn next(&mut self) -> Result<Next, S::Error> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.at.clone_from(&event.id);
                return Ok(Next::Event(event));
            }
            let Some(body) = &mut self.body else {
                if let Some(next) = self.open().await? {
                    return Ok(next);
                }
                continue;
            };
            // Behind the events that were handed out there may have been a heartbeat with a later cursor.
            self.parser.last_event_id().clone_into(&mut self.at);
            let broken = match timeout(SILENCE_MAX, body.next()).await {
                Ok(Ok(Some(bytes))) => match self.parser.push(&bytes) {
                    Ok(events) => {
                        self.ready.extend(events);
                        continue;
                    }
                    Err(TooLong) => "a line of the stream is too long".to_owned(),
                },
                Ok(Ok(None)) => "the server ended the stream".to_owned(),
                Ok(Err(words)) => words,
                Err(_) => format!("the server has said nothing for {} s", SILENCE_MAX.as_secs()),
            };
            self.body = None;
            if let Some(lost) = self.lose(broken) {
                return Ok(lost);
            }
        }
    }

    /// Waits its time and opens the stream; `None` when it must be tried again and that was said.
    async fn open(&mut self) -> Result<Option<Next>, S::Error> {
        sleep(self.wait()).await;
        let after = (!self.at.is_empty()).then_some(self.at.as_str());
        match self.source.open(after).await {
            Ok(body) => {
                self.parser.open_again(&self.at);
                (self.body, self.failures, self.is_lost, self.not_before) = (Some(body), 0, false, None);
                Ok(Some(Next::Opened))
            }
            Err(Failure::Again(words, not_before)) => {
                self.not_before = not_before;
                Ok(self.lose(words))
            }
            Err(Failure::Final(error)) => Err(error),
        }
    }

    fn lose(&mut self, words: String) -> Option<Next> {
        self.failures = self.failures.saturating_add(1);
        (!std::mem::replace(&mut self.is_lost, true)).then_some(Next::Lost(words))
    }

    /// Twice as long after each failure, and half of it at random; nothing before the first time.
    fn wait(&mut self) -> Duration {
        let Some(doublings) = self.failures.checked_sub(1) else { return Duration::ZERO };
        let first = self.parser.retry().unwrap_or(WAIT_FIRST);
        let whole = first.saturating_mul(1 << doublings.min(10)).min(WAIT_MAX);
        let share = u32::try_from((self.random)() >> 32).unwrap_or(0);
        let waited = whole / 2 + (whole / 2).mul_f64(f64::from(share) / f64::from(u32::MAX));
        waited.max(self.not_before.take().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    /// What a server does, one stream after another; after that it is gone for ever.
    struct Script {
        streams: std::collections::VecDeque<Result<Vec<Piece>, Failure<&'static str>>>,
        opened: Vec<Option<String>>,
    }

    #[derive(Clone)]
    enum Piece {
        Bytes(String),
        Breaks,
        Silence,
    }

    struct Pieces(std::vec::IntoIter<Piece>);

    impl Source for &mut Script {
        type Body = Pieces;
        type Error = &'static str;
        async fn open(&mut self, after: Option<&str>) -> Result<Pieces, Failure<&'static str>> {
            self.opened.push(after.map(str::to_owned));
            match self.streams.pop_front() {
                Some(stream) => stream.map(|pieces| Pieces(pieces.into_iter())),
                None => Err(Failure::Final("gone")),
            }
        }
    }

    impl Body for Pieces {
        async fn next(&mut self) -> Result<Option<Vec<u8>>, String> {
            match self.0.next() {
                Some(Piece::Bytes(text)) => Ok(Some(text.into_bytes())),
                Some(Piece::Breaks) => Err("reset by peer".into()),
                Some(Piece::Silence) => std::future::pending().await,
                None => Ok(None),
            }
        }
    }

    fn bytes(text: &str) -> Piece {
        Piece::Bytes(text.into())
    }

    fn said(n: u32) -> String {
        format!("id: c{n}\ndata: {n}\n\n")
    }

    /// Follows to the end: what was handed out in words, what was asked for, and how long it took.
    async fn follow(streams: Vec<Result<Vec<Piece>, Failure<&'static str>>>) -> (String, Vec<String>, Duration) {
        let mut script = Script { streams: streams.into(), opened: Vec::new() };
        let began = Instant::now();
        let mut words = Vec::new();
        let mut following = Following::new(&mut script, Some("c0"), || u64::MAX / 2);
        let ended = loop {
            match following.next().await {
                Ok(Next::Event(event)) => words.push(event.data),
                Ok(Next::Opened) => words.push("opened".into()),
                Ok(Next::Lost(why)) => words.push(format!("lost: {why}")),
                Err(ended) => break ended,
            }
        };
        words.push(ended.into());
        drop(following);
        (words.join(" | "), script.opened.into_iter().map(Option::unwrap_or_default).collect(), began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_breaks_goes_on_where_it_was() {
        let torn = said(3)[..9].to_owned();
        let (words, opened, took) = follow(vec![
            Ok(vec![bytes("retry: 100\nid: c0\n\n"), bytes(&(said(1) + &said(2))), bytes(&torn), Piece::Breaks]),
            Ok(vec![bytes(&said(3)), bytes(":\nid: c7\n\n")]),
            Err(Failure::Again("refused".into(), None)),
            Err(Failure::Again("full".into(), Some(Duration::from_secs(9)))),
            Ok(vec![bytes(&said(8))]),
        ])
        .await;
        assert_eq!(
            words,
            "opened | 1 | 2 | lost: reset by peer | opened | 3 | lost: the server ended the stream | opened | 8 | \
             lost: the server ended the stream | gone"
        );
        assert_eq!(opened, ["c0", "c2", "c7", "c7", "c7", "c8"]);
        // 75, 75, 150, 9000 (it was asked to), 75.
        assert_eq!(took.as_millis() / 10, (75 + 75 + 150 + 9000 + 75) / 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_that_says_nothing_is_opened_again() {
        let (words, opened, took) = follow(vec![Ok(vec![bytes(&said(1)), Piece::Silence]), Ok(vec![])]).await;
        assert_eq!(
            words,
            "opened | 1 | lost: the server has said nothing for 45 s | opened | lost: the server ended the stream | gone"
        );
        assert_eq!((opened, took.as_secs()), (vec!["c0".to_owned(), "c1".into(), "c1".into()], 46));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_half_a_minute() {
        let failing = (0..12).map(|_| Err(Failure::Again("refused".into(), None))).collect();
        let (words, _, took) = follow(failing).await;
        assert_eq!(words, "lost: refused | gone");
        // Three quarters of 1 + 2 + 4 + 8 + 16 and 7 times 30.
        assert_eq!(took.as_secs(), (31 + 7 * 30) * 3 / 4);
    }
}
