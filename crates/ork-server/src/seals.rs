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

/// What is said of the seals of a run that was removed.
#[must_use]
pub fn left(left: &Tombstone) -> String {
    match &left.head {
        Some(head) => format!("its events were sealed up to {} of {} with the head {}", head.seq, left.seq, head.link),
        None => "its events were never sealed".to_owned(),
    }
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
