//! `retry` and `concurrency`, which stand both at the top of a file and under a task.

use ork_core::limits;
use ork_core::plan::Concurrency;
use ork_core::retry::{RetryOn, RetryPolicy};

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Sight};
use crate::tree::{Kind, Located};
use crate::{codes, keys};

/// Reads `retry`; what it does not say stays as in `base`. At the most so many attempts are allowed.
pub fn retry(node: &Located, base: &RetryPolicy, most: u32, report: &mut Report) -> RetryPolicy {
    let mut policy = base.clone();
    if let Kind::Number(number) = &node.kind {
        let hint = format!("write `retry: {{max_attempts: {number}}}`, which counts the first attempt too");
        report.hinted(codes::WRONG_TYPE, node.at, "`retry` must be a mapping, and this is a number", hint);
        return policy;
    }
    let Some(fields) = Fields::open(node, "`retry`", &keys::RETRY, report) else { return policy };
    let attempts = fields.get("max_attempts");
    let attempts = attempts.and_then(|node| fields::integer(node, "`max_attempts`", (1, i64::from(most)), report));
    if let Some(attempts) = attempts {
        policy.max_attempts = u32::try_from(attempts).unwrap_or(1);
    }
    let delay = fields.get("delay").and_then(|node| fields::duration(node, "`delay`", report));
    let max_delay = fields.get("max_delay").and_then(|node| fields::duration(node, "`max_delay`", report));
    policy.delay_ms = delay.unwrap_or(policy.delay_ms);
    match (delay, max_delay, fields.get("max_delay")) {
        (Some(delay), Some(most), Some(node)) if delay > most => {
            let hint = "`delay` grows up to `max_delay`: make that longer, or remove it";
            report.hinted(codes::KEYS_CONFLICT, node.at, "`max_delay` is shorter than `delay`", hint);
        }
        _ => {}
    }
    // A longer delay than the default limit is meant as it is written.
    policy.max_delay_ms = max_delay.unwrap_or_else(|| policy.max_delay_ms.max(policy.delay_ms));
    if let Some(factor) = fields.get("factor").and_then(|node| fields::number(node, "`factor`", (1.0, 1000.0), report))
    {
        policy.factor = factor;
    }
    if let Some(jitter) = fields.get("jitter").and_then(|node| fields::number(node, "`jitter`", (0.0, 1.0), report)) {
        policy.jitter = jitter;
    }
    if let Some(node) = fields.get("retry_on") {
        policy.retry_on = retry_on(node, report);
    }
    policy
}

fn retry_on(node: &Located, report: &mut Report) -> Vec<RetryOn> {
    let Some(items) = fields::list(node, "`retry_on`", report) else { return Vec::new() };
    if items.is_empty() {
        report.hinted(
            codes::OUT_OF_RANGE,
            node.at,
            "`retry_on` is empty",
            "remove it to retry every failure; to retry none write `max_attempts: 1`",
        );
    }
    items.iter().filter_map(|item| one_retry_on(item, report)).collect()
}

fn one_retry_on(item: &Located, report: &mut Report) -> Option<RetryOn> {
    if matches!(item.kind, Kind::Number(_)) {
        let code = fields::integer(item, "an exit code", (1, 255), report)?;
        return i32::try_from(code).ok().map(RetryOn::ExitCode);
    }
    match fields::word(item, "an item of `retry_on` that is no exit code", &["timeout", "lost"], report)? {
        0 => Some(RetryOn::Timeout),
        _ => Some(RetryOn::Lost),
    }
}

/// Reads `concurrency`. Its key may be a template over inputs.
pub fn concurrency(node: &Located, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<Concurrency> {
    if let Kind::Number(number) = &node.kind {
        let hint =
            format!("write `concurrency: {{key: NAME, limit: {number}}}`; those with the same key share the limit");
        report.hinted(codes::WRONG_TYPE, node.at, "`concurrency` must be a mapping, and this is a number", hint);
        return None;
    }
    let fields = Fields::open(node, "`concurrency`", &keys::CONCURRENCY, report)?;
    let limit = match fields.get("limit") {
        Some(node) => fields::integer(node, "`limit`", (1, i64::from(limits::TASKS_MAX)), report)?,
        None => 1,
    };
    let Some(node) = fields.get("key") else {
        let hint = "those with the same key share the limit: `concurrency: {key: gpu, limit: 1}`";
        report.hinted(codes::KEY_MISSING, fields.at, "`concurrency` has no `key`", hint);
        return None;
    };
    let key = fields::scalar(node, "`key`", eyes.world.source, report)?;
    if key.is_empty() {
        report.add(codes::OUT_OF_RANGE, node.at, "`key` is empty");
    }
    eyes.value(node, Sight::Inputs("`concurrency`"), report);
    Some(Concurrency { key: key.into_owned(), limit: u32::try_from(limit).unwrap_or(1) })
}
