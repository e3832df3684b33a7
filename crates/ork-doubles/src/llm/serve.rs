//! One request, from its first byte to its entry in the journal.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWrite, BufReader};
use tokio::net::TcpStream;

use super::anthropic::Anthropic;
use super::journal::{Ending, Entry, Journal};
use super::openai::Openai;
use super::protocol::{Asked, Frame, Protocol, Used, refuse, tokens};
use super::script::{Answer, Behaviour, Billing, End, Refusal, Script};
use crate::http::{self, Request};

/// Characters of a piece of text at the least, and pieces of a text at the most.
const PIECE: usize = 8;
const PIECES_MAX: usize = 1_000;

/// The provider behind a server.
pub struct Provider {
    script: Script,
    /// How often each rule has fitted.
    used: Mutex<Vec<u32>>,
    asked: AtomicU64,
    pub journal: Journal,
}

impl Provider {
    pub fn new(script: Script, journal: Option<File>) -> Self {
        let used = Mutex::new(vec![0; script.rules.len()]);
        Self { script, used, asked: AtomicU64::new(0), journal: Journal::new(journal) }
    }

    /// A connection has one request.
    pub async fn connection(self: std::sync::Arc<Self>, socket: TcpStream) {
        socket.set_nodelay(true).ok();
        let (reading, mut writing) = socket.into_split();
        let mut reading = BufReader::new(reading);
        let Ok(request) = http::read(&mut reading).await else { return };
        let id = format!("req_{}", self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let mut entry = Entry { id, ..Entry::default() };
        let mut rest = Vec::new();
        // Nothing follows a request but the end of the connection.
        let left = tokio::select! {
            biased;
            served = self.serve(&request, &mut entry, &mut writing) => served.is_err(),
            _ = reading.read_to_end(&mut rest) => true,
        };
        if left {
            entry.ending = Ending::Left;
        }
        self.journal.add(entry);
    }

    async fn serve(
        &self,
        request: &Request,
        entry: &mut Entry,
        socket: &mut (impl AsyncWrite + Unpin),
    ) -> io::Result<()> {
        let protocol: &dyn Protocol = match request.path.as_str() {
            "/v1/messages" => &Anthropic,
            _ => &Openai,
        };
        protocol.word().clone_into(&mut entry.api);
        let asked = match self.check(protocol, request) {
            Ok(asked) => asked,
            Err(refusal) => return refused(protocol, &refusal, entry, socket).await,
        };
        note(&asked, entry);
        match self.behaviour(&asked.prompt) {
            Behaviour::Refuse(refusal) => refused(protocol, &refusal, entry, socket).await,
            Behaviour::Hang => {
                entry.input = asked.tokens();
                std::future::pending().await
            }
            Behaviour::Close => {
                (entry.input, entry.ending) = (asked.tokens(), Ending::Broken);
                Ok(())
            }
            Behaviour::Answer(answer) => Answering::new(protocol, &asked, answer).write(entry, socket).await,
        }
    }

    fn check(&self, protocol: &dyn Protocol, request: &Request) -> Result<Asked, Refusal> {
        let Request { method, path, .. } = request;
        if !matches!(path.as_str(), "/v1/messages" | "/v1/chat/completions") {
            return Err(refuse(404, "not_found_error", format!("Invalid URL ({method} {path})")));
        }
        if method != "POST" {
            return Err(refuse(405, "invalid_request_error", format!("Not allowed to {method} on {path}")));
        }
        let keys = &self.script.keys;
        if !keys.is_empty() && !protocol.key(request).is_some_and(|key| keys.iter().any(|known| known == key)) {
            return Err(Refusal { status: 401, ..Refusal::default() });
        }
        protocol.read(request)
    }

    /// What the first rule says that fits and is not used up.
    fn behaviour(&self, prompt: &str) -> Behaviour {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        for (rule, used) in self.script.rules.iter().zip(used.iter_mut()) {
            if prompt.contains(&rule.prompt) && rule.times.is_none_or(|times| *used < times) {
                *used += 1;
                return rule.then.clone();
            }
        }
        self.script.otherwise.clone()
    }
}

fn note(asked: &Asked, entry: &mut Entry) {
    entry.model.clone_from(&asked.model);
    entry.system.clone_from(&asked.system);
    entry.prompt.clone_from(&asked.prompt);
    entry.schema.clone_from(&asked.schema);
    entry.max_tokens = asked.max_tokens;
}

async fn refused(
    protocol: &dyn Protocol,
    refusal: &Refusal,
    entry: &mut Entry,
    socket: &mut (impl AsyncWrite + Unpin),
) -> io::Result<()> {
    (entry.status, entry.ending) = (Some(refusal.status), Ending::Refused);
    let mut headers = refusal.headers.clone();
    headers.insert(protocol.id_header().to_owned(), entry.id.clone());
    http::answer(socket, refusal.status, &headers, &protocol.refusal(refusal, &entry.id)).await
}

/// An answer that is written.
struct Answering<'a> {
    protocol: &'a dyn Protocol,
    asked: &'a Asked,
    answer: Answer,
    pieces: Vec<String>,
}

impl<'a> Answering<'a> {
    fn new(protocol: &'a dyn Protocol, asked: &'a Asked, mut answer: Answer) -> Self {
        if let Some(value) = &answer.json {
            answer.text = value.to_string();
        }
        if tokens(&answer.text) > asked.max_tokens {
            let most = usize::try_from(asked.max_tokens * 4).unwrap_or(usize::MAX);
            answer.text.truncate(answer.text.floor_char_boundary(most));
            answer.end = End::Length;
        }
        let chars: Vec<char> = answer.text.chars().collect();
        let mut pieces: Vec<String> =
            chars.chunks(PIECE.max(chars.len() / PIECES_MAX)).map(|piece| piece.iter().collect()).collect();
        if matches!(answer.end, End::Error | End::Cut | End::Short | End::Hang) {
            pieces.truncate(pieces.len().div_ceil(2));
        }
        Self { protocol, asked, answer, pieces }
    }

    /// What is billed once so much was written.
    fn used(&self, text: &str) -> Used {
        match self.answer.billing {
            Billing::These { input, output, cached } => Used { input, output, cached },
            Billing::Counted | Billing::Silent => {
                let output = tokens(text) + tokens(&self.answer.thought);
                Used { input: self.asked.tokens(), output, cached: 0 }
            }
        }
    }

    async fn write(self, entry: &mut Entry, socket: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        let id = entry.id.clone();
        let is_told = self.asked.tells_usage && self.answer.billing != Billing::Silent;
        let used = is_told.then(|| self.used(&self.answer.text));
        let frame = Frame { id: &id, model: &self.asked.model, used };
        let kind = ("content-type".to_owned(), "text/event-stream; charset=utf-8".to_owned());
        let headers = BTreeMap::from([kind, (self.protocol.id_header().to_owned(), id.clone())]);
        entry.status = Some(200);
        self.bill(entry);
        http::begin(socket, &headers).await?;
        http::chunk(socket, &self.protocol.opening(&frame, &self.answer.thought)).await?;
        for piece in &self.pieces {
            tokio::time::sleep(Duration::from_millis(self.answer.pause_ms)).await;
            entry.text += piece;
            self.bill(entry);
            http::chunk(socket, &self.protocol.piece(&frame, piece)).await?;
        }
        entry.ending = Ending::Broken;
        match self.answer.end {
            End::Cut => return Ok(()),
            End::Hang => std::future::pending().await,
            End::Short => {}
            End::Error => http::chunk(socket, &self.protocol.failure()).await?,
            end => {
                http::chunk(socket, &self.protocol.closing(&frame, end)).await?;
                entry.ending = Ending::Answered;
            }
        }
        // Whoever has what he needs may be gone before the last chunk.
        http::chunk(socket, "").await.ok();
        Ok(())
    }

    fn bill(&self, entry: &mut Entry) {
        let used = self.used(&entry.text);
        (entry.input, entry.output, entry.cached) = (used.input, used.output, used.cached);
    }
}
