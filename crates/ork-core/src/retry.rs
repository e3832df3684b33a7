//! When a failed attempt is tried again.

use serde::{Deserialize, Serialize};

use crate::attempt::FailureKind;
use crate::limits;

/// How often and how long after a failure a task is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetryPolicy {
    /// Failed attempts that end the task; 1 (the default) means no retry.
    pub max_attempts: u32,
    /// Milliseconds before the first retry.
    pub delay_ms: u64,
    /// What the delay is multiplied by after each failure.
    pub factor: f64,
    /// Upper bound of the delay before jitter.
    pub max_delay_ms: u64,
    /// Share of the delay that is random, 0 to 1: 0.2 means between 80 % and 120 %.
    pub jitter: f64,
    /// What is retried; empty means every failure that can be retried at all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub retry_on: Vec<RetryOn>,
}

/// A kind of failure that a policy names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RetryOn {
    /// The process ended with this exit code.
    ExitCode(i32),
    /// The attempt ran into its `timeout`.
    Timeout,
    /// The worker died.
    Lost,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 1, delay_ms: 1_000, factor: 2.0, max_delay_ms: 60_000, jitter: 0.2, retry_on: Vec::new() }
    }
}

impl RetryPolicy {
    /// Milliseconds to wait after failure number `failures` (from 1). `random` chooses the point within the jitter.
    ///
    /// `min(delay · factor^(failures − 1), max_delay) · (1 − jitter + 2 · jitter · random / 2⁶⁴)`
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)] // milliseconds
    pub fn delay_after_ms(&self, failures: u32, random: u64) -> u64 {
        let exponent = i32::try_from(failures.saturating_sub(1).min(limits::ATTEMPTS_MAX)).unwrap_or(i32::MAX);
        let grown = self.delay_ms as f64 * self.factor.max(1.0).powi(exponent);
        let base = if grown.is_finite() { grown.min(self.max_delay_ms as f64) } else { self.max_delay_ms as f64 };
        let jitter = self.jitter.clamp(0.0, 1.0);
        let point = random as f64 / u64::MAX as f64;
        (base * (1.0 - jitter + 2.0 * jitter * point)).round() as u64
    }

    /// Whether the policy retries this kind of failure at all.
    #[must_use]
    pub fn covers(&self, kind: &FailureKind) -> bool {
        if !kind.is_retryable() {
            return false;
        }
        self.retry_on.is_empty()
            || self.retry_on.iter().any(|on| match (on, kind) {
                (RetryOn::ExitCode(code), FailureKind::Exit { code: got }) => code == got,
                (RetryOn::Timeout, FailureKind::Timeout) | (RetryOn::Lost, FailureKind::Lost) => true,
                _ => false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_and_are_capped() {
        let policy = RetryPolicy { jitter: 0.0, max_delay_ms: 5_000, ..RetryPolicy::default() };
        let delays: Vec<u64> = (1..=5).map(|n| policy.delay_after_ms(n, 0)).collect();
        assert_eq!(delays, [1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(policy.delay_after_ms(u32::MAX, u64::MAX), 5_000);
    }

    #[test]
    fn jitter_stays_within_its_share() {
        let policy = RetryPolicy { jitter: 0.5, ..RetryPolicy::default() };
        assert_eq!((policy.delay_after_ms(1, 0), policy.delay_after_ms(1, u64::MAX)), (500, 1_500));
    }

    #[test]
    fn retry_on_names_what_is_retried() {
        let policy = RetryPolicy { retry_on: vec![RetryOn::ExitCode(75), RetryOn::Timeout], ..RetryPolicy::default() };
        assert!(policy.covers(&FailureKind::Exit { code: 75 }) && policy.covers(&FailureKind::Timeout));
        assert!(!policy.covers(&FailureKind::Exit { code: 1 }) && !policy.covers(&FailureKind::Lost));
        assert!(!RetryPolicy::default().covers(&FailureKind::Template));
    }
}
