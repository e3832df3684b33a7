//! A provider of models: OpenAI's chat completions at `/v1/chat/completions` and Anthropic's messages at `/v1/messages`.
//!
//! Requests are checked as the providers document it, and refused with their documented errors. Only streams are served. What the model
//! writes is what the [`Script`] says. A token has four bytes.

mod anthropic;
mod journal;
mod openai;
mod protocol;
mod script;
mod serve;

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use journal::{Ending, Entry};
pub use protocol::tokens;
pub use script::{Answer, Behaviour, Billing, End, Refusal, Rule, Script};
use serve::Provider;

/// A server, until it is dropped.
pub struct Llm {
    address: SocketAddr,
    provider: Arc<Provider>,
    listening: JoinHandle<()>,
}

impl Drop for Llm {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

impl Llm {
    /// Starts one on a free port of the loopback.
    ///
    /// # Errors
    /// When there is none.
    pub async fn start(script: Script) -> io::Result<Self> {
        Self::listen("127.0.0.1:0", script, None).await
    }

    /// Starts one at an address. Each entry of the journal is appended to the file as a line of JSON as well.
    ///
    /// # Errors
    /// When it cannot listen there.
    pub async fn listen(address: &str, script: Script, journal: Option<File>) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let provider = Arc::new(Provider::new(script, journal));
        let serving = Arc::clone(&provider);
        let listening = tokio::spawn(async move {
            // They end with whoever listens.
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                connections.spawn(Arc::clone(&serving).connection(socket));
                while connections.try_join_next().is_some() {}
            }
        });
        Ok(Self { address, provider, listening })
    }

    /// Its address, without a path: the base of Anthropic's format. That of OpenAI's ends in `/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked so far, in the order in which requests ended.
    #[must_use]
    pub fn journal(&self) -> Vec<Entry> {
        self.provider.journal.entries()
    }

    /// The same, once so many requests have ended.
    pub async fn ended(&self, count: usize) -> Vec<Entry> {
        self.provider.journal.ended(count).await
    }
}
