//! Somebody who is told of runs, and takes his time.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::serving::{Watch, rest, text};

/// Messages that it hears at once: more than a server sends at once.
const EARS: usize = 32;
/// A message of more bytes is none of ours.
const MESSAGE_BYTES_MAX: u64 = 1 << 20;
/// How long a message may take to come, and how often it is looked for a connection.
const READ: Duration = Duration::from_secs(20);
/// How long nothing may come although something is missing.
const SILENCE_SECONDS: f64 = 300.0;

/// What it has heard.
#[derive(Debug, Default)]
struct Heard {
    /// How often, by `webhook-id`.
    times: BTreeMap<String, u32>,
    at_once: usize,
    at_once_max: usize,
    /// Connections that brought no message.
    broken: u64,
}

/// The receiver, until it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    heard: Arc<Mutex<Heard>>,
    is_gone: Arc<AtomicBool>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

/// How much came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Came {
    /// Messages that are not the same.
    pub(crate) distinct: u64,
    /// Those that came again.
    pub(crate) again: u64,
    /// The most that were under way at once.
    pub(crate) at_once_max: usize,
    /// Connections that brought no message.
    pub(crate) broken: u64,
}

impl Receiver {
    /// One that answers each message after so many milliseconds.
    pub(crate) fn start(delay_ms: u64) -> Result<Self, String> {
        let listener = TcpListener::bind("127.0.0.1:0").map_err(text)?;
        let url = format!("http://{}/hook", listener.local_addr().map_err(text)?);
        let receiver = Self { url, heard: Arc::default(), is_gone: Arc::default() };
        for _ in 0..EARS {
            let listener = listener.try_clone().map_err(text)?;
            let (heard, is_gone) = (Arc::clone(&receiver.heard), Arc::clone(&receiver.is_gone));
            std::thread::spawn(move || {
                for socket in listener.incoming().filter_map(Result::ok) {
                    if is_gone.load(Ordering::Relaxed) {
                        return;
                    }
                    hear(&heard, &socket, delay_ms);
                }
            });
        }
        Ok(receiver)
    }

    pub(crate) fn came(&self) -> Came {
        let heard = lock(&self.heard);
        let all: u64 = heard.times.values().map(|times| u64::from(*times)).sum();
        let distinct = heard.times.len() as u64;
        Came { distinct, again: all - distinct, at_once_max: heard.at_once_max, broken: heard.broken }
    }

    /// How many messages came that are not the same.
    pub(crate) fn distinct(&self) -> u64 {
        lock(&self.heard).times.len() as u64
    }

    /// Waits until so many have come.
    pub(crate) fn wait_for(&self, count: u64) -> Result<(), String> {
        let (mut before, mut since) = (self.distinct(), Watch::start());
        while before < count {
            rest(100);
            let now = self.distinct();
            if now > before {
                (before, since) = (now, Watch::start());
            } else if since.seconds() > SILENCE_SECONDS {
                return Err(format!("{before} of {count} messages came, and no more"));
            }
        }
        Ok(())
    }
}

fn lock(heard: &Mutex<Heard>) -> std::sync::MutexGuard<'_, Heard> {
    heard.lock().unwrap_or_else(PoisonError::into_inner)
}

fn hear(heard: &Mutex<Heard>, socket: &TcpStream, delay_ms: u64) {
    let Ok(id) = message(socket) else {
        lock(heard).broken += 1;
        return;
    };
    {
        let mut heard = lock(heard);
        *heard.times.entry(id).or_default() += 1;
        heard.at_once += 1;
        heard.at_once_max = heard.at_once_max.max(heard.at_once);
    }
    rest(delay_ms);
    lock(heard).at_once -= 1;
    let mut socket = socket;
    // Whoever does not hear the answer sends it again.
    socket.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").ok();
}

/// Reads a message to its end; its id.
fn message(socket: &TcpStream) -> Result<String, String> {
    socket.set_read_timeout(Some(READ)).map_err(text)?;
    let mut reader = BufReader::new(socket.take(MESSAGE_BYTES_MAX));
    let (mut id, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).map_err(text)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            match line.as_str() {
                "\r\n" => break,
                "" => return Err("no whole message".into()),
                _ => continue,
            }
        };
        match name.to_ascii_lowercase().as_str() {
            "webhook-id" => id = Some(value.to_owned()),
            "content-length" => length = value.parse().map_err(text)?,
            _ => {}
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink()).map_err(text).and_then(|read| {
        if read == length { id.ok_or_else(|| "a message without an id".into()) } else { Err("half a message".into()) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(receiver: &Receiver, id: &str) -> String {
        let address = receiver.url.trim_start_matches("http://").trim_end_matches("/hook");
        let mut socket = TcpStream::connect(address).unwrap();
        write!(socket, "POST /hook HTTP/1.1\r\nWebhook-Id: {id}\r\ncontent-length: 2\r\n\r\n{{}}").unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn what_comes_again_is_counted_apart() {
        let receiver = Receiver::start(0).unwrap();
        for id in ["a", "b", "a"] {
            assert!(send(&receiver, id).starts_with("HTTP/1.1 204 "));
        }
        assert_eq!(receiver.came(), Came { distinct: 2, again: 1, at_once_max: 1, broken: 0 });
        assert!(receiver.wait_for(2).is_ok());
    }
}
