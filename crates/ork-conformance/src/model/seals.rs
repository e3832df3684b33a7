//! Seals of events, and what bots write.

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::seal::{Anchor, Link, SealRow, Unsealed};
use ork_core::store::{Scope, SealKeyRow, Seals};

use super::{Model, Run};

impl Run {
    pub(super) fn sealed(&self) -> u64 {
        self.seals.last().map_or(0, |seal| seal.seq_last)
    }

    fn unsealed(&self, rows: u32) -> Option<Unsealed> {
        let (seq, sealed) = (self.events.len() as u64, self.sealed());
        let after = self.events.iter().filter(|event| event.seq > sealed);
        (seq > sealed).then(|| Unsealed {
            run: self.new.id,
            seals: self.seals.len() as u32,
            link: self.seals.last().map_or(Link::NONE, |seal| seal.link),
            sealed,
            seq,
            rows: after.take(rows as usize).cloned().collect(),
        })
    }
}

#[async_trait]
impl Seals for Model {
    async fn unsealed(&self, rows: u32) -> StoreResult<Vec<Unsealed>> {
        let state = self.state();
        let (mut found, mut left) = (Vec::new(), rows);
        for run in state.runs.values().filter(|run| run.status.is_terminal()) {
            if let Some(some) = run.unsealed(left).filter(|some| !some.rows.is_empty()) {
                left -= some.rows.len() as u32;
                found.push(some);
            }
        }
        Ok(found)
    }

    async fn unsealed_of(&self, scope: Scope, run: RunId, rows: u32) -> StoreResult<Option<Unsealed>> {
        Ok(self.state().run(scope, run).and_then(|run| run.unsealed(rows)))
    }

    async fn seal(&self, seals: &[SealRow]) -> StoreResult<u64> {
        let mut state = self.state();
        let mut sealed = 0;
        for seal in seals {
            if let Some(run) = state.runs.get_mut(&seal.run).filter(|run| run.sealed() + 1 == seal.seq) {
                run.seals.push(seal.clone());
                sealed += 1;
            }
        }
        Ok(sealed)
    }

    async fn seals(&self, scope: Scope, run: RunId, after: u32, limit: u32) -> StoreResult<Vec<SealRow>> {
        let state = self.state();
        let seals = state.run(scope, run).map_or(&[][..], |run| &run.seals);
        Ok(seals.iter().filter(|seal| seal.number > after).take(limit as usize).cloned().collect())
    }

    async fn anchor(&self, scope: Scope, run: RunId) -> StoreResult<Option<Anchor>> {
        let state = self.state();
        let of = |run: &Run| Anchor { seq: run.events.len() as u64, sealed: run.sealed() };
        Ok(state.run(scope, run).map(of))
    }

    async fn keep_seal_key(&self, key: &SealKeyRow) -> StoreResult<()> {
        self.state().seal_keys.insert(key.key_id.clone(), key.clone());
        Ok(())
    }

    async fn seal_keys(&self) -> StoreResult<Vec<SealKeyRow>> {
        Ok(self.state().seal_keys.values().cloned().collect())
    }
}
