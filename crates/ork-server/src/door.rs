//! Whose token it is. Tokens that were right are remembered for a moment; whoever guesses is asked to wait.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::http::{HeaderMap, header};
use ork_core::clock::Timestamp;
use ork_core::id::TokenId;
use ork_core::store::{Grant, Scope, TokenHash};

use crate::caller::Caller;
use crate::rates::Rates;
use crate::refused::{Answer, Refused};
use crate::secret::TokenKey;
use crate::server::Server;

/// For so long a token is not looked up again, so that this is how long one that was revoked elsewhere may still be used.
pub const REMEMBERED_MS: u64 = 5_000;
/// Tokens that are remembered.
const KNOWN_MAX: usize = 4_096;
/// A use is noted so often at most.
const TOUCH_MS: u64 = 60_000;

/// Wrong tokens that an address may send within [`GUESSES_MS`].
pub const GUESSES_MAX: u32 = 20;
const GUESSES_MS: u64 = 60_000;
/// Addresses whose guesses are counted.
const GUESSERS_MAX: usize = 4_096;

/// Whether somebody without a token is let in, as an admin of the first workspace. Only for a loopback address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anybody {
    /// Always.
    Comes,
    /// Until there is a token.
    ComesUntilFirstToken,
    /// Never.
    StaysOut,
}

/// The door of a server.
pub struct Door {
    /// What tokens are hashed with.
    key: Mutex<Arc<TokenKey>>,
    /// Where newer keys come from, for a token that none of ours made.
    again: Option<Box<dyn Fn() -> Option<TokenKey> + Send + Sync>>,
    anybody: Anybody,
    /// There is a token, so that nobody comes in without one any more.
    has_token: AtomicBool,
    seen: Mutex<Seen>,
    /// How many requests come.
    pub(crate) rates: Rates,
}

#[derive(Default)]
struct Seen {
    /// Tokens that were right, and when they were looked up.
    known: BTreeMap<TokenHash, (Grant, Timestamp)>,
    /// Since when, and how often, an address was wrong.
    guesses: BTreeMap<IpAddr, (Timestamp, u32)>,
    /// When it was looked whether there is a token.
    looked_at: Option<Timestamp>,
    /// When the keys were read again.
    read_again_at: Option<Timestamp>,
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("anybody", &self.anybody).finish_non_exhaustive()
    }
}

impl Door {
    /// A door that knows nobody yet.
    #[must_use]
    pub fn new(key: TokenKey, anybody: Anybody) -> Self {
        let key = Mutex::new(Arc::new(key));
        let has_token = AtomicBool::new(false);
        Self { key, again: None, anybody, has_token, seen: Mutex::default(), rates: Rates::default() }
    }

    /// The same, which asks for the keys again when a token comes that none of its own has made.
    #[must_use]
    pub fn reading(self, again: impl Fn() -> Option<TokenKey> + Send + Sync + 'static) -> Self {
        Self { again: Some(Box::new(again)), ..self }
    }

    /// What tokens are hashed with.
    pub(crate) fn key(&self) -> Arc<TokenKey> {
        Arc::clone(&self.key.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The keys as they are now, if there are others than before; asked for once in [`REMEMBERED_MS`].
    fn newer_key(&self, now: Timestamp) -> Option<Arc<TokenKey>> {
        let again = self.again.as_ref()?;
        if self.seen().read_again_at.is_some_and(|at| now.since_ms(at) < REMEMBERED_MS) {
            return None;
        }
        self.seen().read_again_at = Some(now);
        let newer = again().filter(|newer| newer.id() != self.key().id()).map(Arc::new)?;
        *self.key.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&newer);
        Some(newer)
    }

    /// What one of the keys reads; somebody may have put another one in front.
    pub(crate) fn read<T>(&self, now: Timestamp, read: impl Fn(&TokenKey) -> Option<T>) -> Option<T> {
        read(&self.key()).or_else(|| read(self.newer_key(now)?.as_ref()))
    }

    /// Whether somebody without a token is let in now.
    pub(crate) async fn is_open(&self, server: &Server) -> Answer<bool> {
        match self.anybody {
            Anybody::Comes => return Ok(true),
            Anybody::StaysOut => return Ok(false),
            Anybody::ComesUntilFirstToken if self.has_token.load(Ordering::Relaxed) => return Ok(false),
            Anybody::ComesUntilFirstToken => {}
        }
        let now = server.clock.now();
        if self.seen().looked_at.is_some_and(|at| now.since_ms(at) < REMEMBERED_MS) {
            return Ok(true);
        }
        // Those that were revoked count as well: what was closed does not open by itself.
        let is_first = server.store.tokens(Scope::All, None, 1).await?.is_empty();
        self.seen().looked_at = Some(now);
        if !is_first {
            self.close();
        }
        Ok(is_first)
    }

    /// From now on a token is needed, but where anybody comes in at all times.
    pub(crate) fn close(&self) {
        self.has_token.store(true, Ordering::Relaxed);
    }

    /// Whoever sent a request.
    pub(crate) async fn admit(&self, server: &Server, headers: &HeaderMap, from: IpAddr) -> Answer<Caller> {
        let Some(sent) = bearer(headers) else {
            return if self.is_open(server).await? {
                Ok(Caller::anybody(&server.store))
            } else {
                Err(Refused::unknown_caller())
            };
        };
        let (hashes, now, from) = (self.key().recognise(sent), server.clock.now(), network(from));
        // Guesses of others at the same address do not keep out who was right before.
        let was_right = hashes.iter().any(|hash| self.seen().known.contains_key(hash));
        if !was_right && self.seen().is_guesser(from, now) {
            return Err(Refused::guesser(GUESSES_MS / 1000));
        }
        let is_token = !hashes.is_empty();
        for hash in hashes {
            if let Some(grant) = self.grant(server, hash).await? {
                return Ok(Caller::of(grant, hash, &server.store));
            }
        }
        // Somebody has put another key in front, and made this token with it.
        let newer = if is_token { self.newer_key(now) } else { None };
        if let Some(hash) = newer.and_then(|key| key.recognise(sent).into_iter().next())
            && let Some(grant) = self.grant(server, hash).await?
        {
            return Ok(Caller::of(grant, hash, &server.store));
        }
        self.seen().note_guess(from, now);
        Err(Refused::unknown_caller())
    }

    /// The token with this hash, if it is valid; as it was within the last [`REMEMBERED_MS`].
    pub(crate) async fn grant(&self, server: &Server, hash: TokenHash) -> Answer<Option<Grant>> {
        let now = server.clock.now();
        let known = self.seen().known.get(&hash).cloned();
        let found = match known {
            Some((grant, at)) if now.since_ms(at) < REMEMBERED_MS => Some(grant),
            _ => self.look_up(server, hash, now).await?,
        };
        Ok(found.filter(|grant| grant.token.expires_at.is_none_or(|at| now < at)))
    }

    async fn look_up(&self, server: &Server, hash: TokenHash, now: Timestamp) -> Answer<Option<Grant>> {
        let found = server.store.token_by_hash(hash).await?.filter(|grant| grant.token.revoked_at.is_none());
        let mut seen = self.seen();
        let Some(grant) = &found else {
            seen.known.remove(&hash);
            return Ok(None);
        };
        if seen.known.len() >= KNOWN_MAX {
            seen.known.retain(|_, (_, at)| now.since_ms(*at) < REMEMBERED_MS);
            if seen.known.len() >= KNOWN_MAX {
                seen.known.pop_first();
            }
        }
        seen.known.insert(hash, (grant.clone(), now));
        if grant.token.last_used_at.is_none_or(|at| now.since_ms(at) >= TOUCH_MS) {
            let (store, id) = (Arc::clone(&server.store), grant.token.id);
            // Nobody waits for it, and when it fails the next use is noted.
            tokio::spawn(async move { store.touch_token(id, now).await.ok() });
        }
        Ok(found)
    }

    /// A token was revoked here: it is looked up the next time.
    pub(crate) fn forget(&self, id: TokenId) {
        self.seen().known.retain(|_, (grant, _)| grant.token.id != id);
    }

    /// Something about workspaces was changed here.
    pub(crate) fn forget_all(&self) {
        self.seen().known.clear();
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    fn is_guesser(&self, from: IpAddr, now: Timestamp) -> bool {
        let guesses = self.guesses.get(&from);
        guesses.is_some_and(|(since, count)| *count >= GUESSES_MAX && now.since_ms(*since) < GUESSES_MS)
    }

    fn note_guess(&mut self, from: IpAddr, now: Timestamp) {
        if self.guesses.len() >= GUESSERS_MAX && !self.guesses.contains_key(&from) {
            self.guesses.retain(|_, (since, _)| now.since_ms(*since) < GUESSES_MS);
            if self.guesses.len() >= GUESSERS_MAX {
                self.guesses.pop_first();
            }
        }
        let (since, count) = self.guesses.entry(from).or_insert((now, 0));
        if now.since_ms(*since) >= GUESSES_MS {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
    }
}

/// What a request brings as its token: empty, so that it is none of ours, when it brings several, or something else.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let first = all.next()?;
    let (scheme, token) = first.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && all.next().is_none();
    Some(if is_bearer { token.trim() } else { "" })
}

/// Who has one address of IPv6 has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Timestamp {
        Timestamp::from_micros(1_750_000_000_000_000).plus_ms(ms)
    }

    #[test]
    fn guesses_are_counted_for_a_minute() {
        let (mut seen, one) = (Seen::default(), IpAddr::from([192, 0, 2, 1]));
        for n in 0..GUESSES_MAX {
            assert!(!seen.is_guesser(one, at(0)), "{n}");
            seen.note_guess(one, at(0));
        }
        assert!(seen.is_guesser(one, at(59_999)) && !seen.is_guesser(one, at(60_000)));
        assert!(!seen.is_guesser(IpAddr::from([192, 0, 2, 2]), at(0)));
        seen.note_guess(one, at(60_000));
        assert!(!seen.is_guesser(one, at(60_000)), "a new minute");
    }

    #[test]
    fn many_guessers_take_no_more_memory() {
        let mut seen = Seen::default();
        for n in 0..u32::try_from(2 * GUESSERS_MAX).unwrap() {
            seen.note_guess(IpAddr::from(n.to_be_bytes()), at(0));
        }
        assert_eq!(seen.guesses.len(), GUESSERS_MAX);
    }

    #[test]
    fn neighbours_of_ipv6_are_one() {
        let check = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(check("2001:db8::1", "2001:db8::ffff:1") && !check("2001:db8::1", "2001:db8:0:1::1"));
        assert!(check("::ffff:192.0.2.1", "192.0.2.1") && !check("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn only_one_bearer_is_read() {
        let check = |lines: &[&str], expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::AUTHORIZATION, line.parse().unwrap());
            }
            assert_eq!(bearer(&headers), expected, "{lines:?}");
        };
        check(&[], None);
        check(&["Bearer a"], Some("a"));
        check(&["bearer  a "], Some("a"));
        for wrong in ["Basic YTpi", "Bearer", "a", ""] {
            check(&[wrong], Some(""));
        }
        check(&["Bearer a", "Bearer a"], Some(""));
    }
}
