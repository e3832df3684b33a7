//! Whether events are as they were sealed, as it is shown.

use ork_api::{SealFinding, SealHead, VerifiedEvents};
use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::seal::{self, Finding, Link, Verdict};
use ork_core::store::Tombstone;
use ork_vault::Keyring;

use crate::look::Look;

/// Looks at the events of a run; `None` when it is not there.
///
/// # Errors
/// When the store cannot be read.
pub async fn verify(
    look: Look<'_>,
    run: RunId,
    keyring: &Keyring<'_>,
    kept: Option<Link>,
) -> StoreResult<Option<VerifiedEvents>> {
    let keys = |id: &str| keyring.key(id);
    Ok(seal::verify(look.store, look.scope, run, &keys, kept).await?.as_ref().map(shape))
}

/// What is said of the seals of a run that was removed, and of the head that somebody has kept.
#[must_use]
pub fn left(left: &Tombstone, kept: Option<Link>) -> String {
    let Some(head) = &left.head else { return "its events were never sealed".to_owned() };
    let is_kept = match kept {
        None => "",
        Some(kept) if kept == head.link => ", which is the one that was kept",
        Some(_) => ", which is not the one that was kept",
    };
    format!("its events were sealed up to {} of {} with the head {}{is_kept}", head.seq, left.seq, head.link)
}

/// What was found, as it is shown.
#[must_use]
pub fn shape(verdict: &Verdict) -> VerifiedEvents {
    let head = verdict.head.as_ref().map(|seal| SealHead {
        seq: seal.seq_last,
        link: seal.link.to_string(),
        key_id: seal.key_id.clone(),
    });
    let finding = |found: &Finding| SealFinding { seq: found.seq(), seal: found.seal(), message: found.to_string() };
    VerifiedEvents {
        run_id: verdict.run.to_string(),
        intact: verdict.findings.is_empty(),
        sealed: verdict.sealed,
        unsealed: verdict.unsealed,
        head,
        findings: verdict.findings.iter().map(finding).collect(),
    }
}
