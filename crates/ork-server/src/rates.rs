//! How many requests a workspace, and each of its tokens, may send to this server.
//!
//! A bucket holds as many requests as a minute allows and fills evenly. Buckets are in memory and each server has its own, so
//! with three servers three times as many get through: what a limit keeps in check is the work of one process.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use ork_core::access::Settings;
use ork_core::clock::Timestamp;
use ork_core::id::{TokenId, WorkspaceId};

use crate::refused::Refused;

/// Buckets that are remembered.
const BUCKETS_MAX: usize = 10_000;
/// One request, where a limit of one request a minute adds one of these each microsecond.
const ONE: u64 = 60_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Workspace(WorkspaceId),
    Token(TokenId),
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    level: u64,
    at: Timestamp,
}

/// How a limit stands after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    limit: u32,
    remaining: u64,
    /// Until as many as the limit can come again.
    reset_s: u64,
}

/// The buckets of a server.
#[derive(Debug, Default)]
pub struct Rates(Mutex<BTreeMap<Key, Bucket>>);

impl Rates {
    /// Lets a request in; how the narrowest of its limits stands then, if it has any.
    pub fn take(
        &self,
        workspace: WorkspaceId,
        token: Option<TokenId>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Option<Left>, Refused> {
        let own = token.zip(settings.token_requests_per_minute).map(|(token, max)| (Key::Token(token), max));
        let all = settings.requests_per_minute.map(|max| (Key::Workspace(workspace), max));
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX {
            // One that was not asked for a minute is full, as one is that is not there.
            buckets.retain(|_, bucket| now.since_ms(bucket.at) < 60_000);
            if buckets.len() >= BUCKETS_MAX {
                buckets.clear();
            }
        }
        let mut narrowest: Option<Left> = None;
        // The token's first: what it sends too much is not taken from the others of its workspace.
        for (key, max) in own.into_iter().chain(all) {
            let full = u64::from(max) * ONE;
            let bucket = buckets.entry(key).or_insert(Bucket { level: full, at: now });
            let left = bucket.take(max, now)?;
            narrowest = Some(narrowest.filter(|other| other.remaining <= left.remaining).unwrap_or(left));
        }
        Ok(narrowest)
    }
}

impl Bucket {
    fn take(&mut self, max: u32, now: Timestamp) -> Result<Left, Refused> {
        let (full, rate) = (u64::from(max) * ONE, u64::from(max));
        let passed = now.since_ms(self.at) * 1_000;
        (self.level, self.at) = (self.level.saturating_add(passed.saturating_mul(rate)).min(full), now);
        let seconds = |level: u64| if rate == 0 { 60 } else { level.div_ceil(rate).div_ceil(1_000_000) };
        if self.level < ONE {
            return Err(Refused::too_often(max, seconds(ONE - self.level).max(1)));
        }
        self.level -= ONE;
        Ok(Left { limit: max, remaining: self.level / ONE, reset_s: seconds(full - self.level) })
    }
}

impl Left {
    /// Says it in the headers of an answer.
    pub fn tell(self, headers: &mut HeaderMap) {
        let fields = [
            ("ratelimit-limit", u64::from(self.limit)),
            ("ratelimit-remaining", self.remaining),
            ("ratelimit-reset", self.reset_s),
        ];
        for (name, value) in fields {
            headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::clock::SeededEntropy;

    const START: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

    fn token(number: u64) -> TokenId {
        TokenId::new(START, &mut SeededEntropy::new(number))
    }

    /// What is left, or the seconds to wait.
    fn take(rates: &Rates, by: u64, settings: &Settings, ms: u64) -> Result<u64, u64> {
        let taken = rates.take(WorkspaceId::DEFAULT, Some(token(by)), settings, START.plus_ms(ms));
        taken.map(|left| left.map_or(u64::MAX, |left| left.remaining)).map_err(|r| r.retry_after_s().unwrap_or(0))
    }

    #[test]
    fn requests_come_as_a_minute_allows() {
        let (rates, settings) = (Rates::default(), Settings { requests_per_minute: Some(3), ..Settings::default() });
        let taken: Vec<_> = (0..4).map(|_| take(&rates, 1, &settings, 0)).collect();
        assert_eq!(taken, [Ok(2), Ok(1), Ok(0), Err(20)]);
        assert_eq!(take(&rates, 2, &settings, 5_000), Err(15), "the workspace has one bucket");
        assert_eq!(take(&rates, 1, &settings, 20_000), Ok(0));
        assert_eq!(take(&rates, 1, &settings, 20_000), Err(20));
        assert_eq!(take(&rates, 1, &settings, 3_600_000), Ok(2), "no more than a minute's gather");
        assert_eq!(take(&rates, 1, &Settings::default(), 0), Ok(u64::MAX), "nothing is limited");
        let none = Settings { requests_per_minute: Some(0), ..Settings::default() };
        assert_eq!(take(&Rates::default(), 1, &none, 0), Err(60));
    }

    #[test]
    fn a_token_that_asks_too_often_takes_nothing_from_others() {
        let settings =
            Settings { requests_per_minute: Some(10), token_requests_per_minute: Some(2), ..Settings::default() };
        let rates = Rates::default();
        let taken: Vec<_> = (0..5).map(|_| take(&rates, 1, &settings, 0)).collect();
        assert_eq!(taken, [Ok(1), Ok(0), Err(30), Err(30), Err(30)]);
        assert_eq!(take(&rates, 2, &settings, 0), Ok(1));
        for other in 3..10 {
            assert_eq!(take(&rates, other, &settings, 0).is_ok(), other < 10, "{other}");
        }
    }

    #[test]
    fn buckets_are_bounded() {
        let (rates, settings) =
            (Rates::default(), Settings { token_requests_per_minute: Some(5), ..Settings::default() });
        for by in 0..(BUCKETS_MAX as u64 * 2 + 10) {
            assert!(take(&rates, by, &settings, 0).is_ok());
        }
        assert!(rates.0.lock().unwrap().len() <= BUCKETS_MAX);
    }
}
