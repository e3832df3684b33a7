//! Seals the events of runs that are over, many runs at a time.

use std::sync::Arc;
use std::time::Duration;

use ork_core::clock::Timestamp;
use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::seal::{Key, SealRow, seal};
use ork_core::store::{Scope, Store};
use ork_vault::Vault;
use tokio::time::{Instant, sleep};

use crate::parts::Parts;

/// How often it is looked whether something is to be sealed. What comes right after the end of a run is sealed with it.
const PERIOD: Duration = Duration::from_secs(5);
/// Between two pieces those who claim and settle have their turn: for so many times as long as the piece took.
const REST: u32 = 4;
const REST_MIN: Duration = Duration::from_millis(5);
const DUTY: &str = "sealer";
/// Short: whoever dies keeps others from it for so long, and two at once seal nothing twice.
const HOLD_MS: u64 = 15_000;
/// Rows of a piece: a few milliseconds, and at most 32 MiB.
const ROWS: u32 = 500;

pub async fn run(parts: Arc<Parts>) {
    let Some(vault) = parts.config.vault.clone().filter(|_| parts.config.keeps_house) else { return };
    let mut held_until = parts.clock.now();
    loop {
        let began = Instant::now();
        let rest = match round(&parts, &vault, &mut held_until).await {
            Ok(true) => (began.elapsed() * REST).clamp(REST_MIN, PERIOD),
            Ok(false) => PERIOD,
            Err(error) => {
                parts.store_failed("sealer", &error);
                PERIOD
            }
        };
        sleep(rest).await;
    }
}

/// One piece. False when there is no more, or when it is not for this process to do.
async fn round(parts: &Parts, vault: &Vault, held_until: &mut Timestamp) -> StoreResult<bool> {
    let (store, now) = (parts.store.as_ref(), parts.clock.now());
    let mut unsealed = store.unsealed(ROWS).await?;
    if unsealed.is_empty() {
        return Ok(false);
    }
    if held_until.since_ms(now) < HOLD_MS / 2 {
        let until = now.plus_ms(HOLD_MS);
        if !store.hold_duty(DUTY, parts.identity.now(), now, until).await? {
            return Ok(false);
        }
        *held_until = until;
    }
    let Some(key) = vault.event_key() else { return Ok(false) };
    let is_full = unsealed.iter().map(|of| of.rows.len()).sum::<usize>() >= ROWS as usize;
    if is_full && unsealed.len() > 1 {
        // Its last rows may not be among these: it gets one seal in the next piece, and not two.
        unsealed.pop();
    }
    let seals: Vec<SealRow> = unsealed.iter().map(|of| seal(&key, of, now)).collect();
    let sealed = store.seal(&seals).await?;
    Ok(sealed > 0 && is_full)
}

/// Seals all events of a run that are there now.
///
/// # Errors
/// When the store does not answer.
pub async fn seal_run(store: &dyn Store, key: &Key, (scope, run): (Scope, RunId), now: Timestamp) -> StoreResult<()> {
    while let Some(of) = store.unsealed_of(scope, run, ROWS).await? {
        store.seal(&[seal(key, &of, now)]).await?;
    }
    Ok(())
}
