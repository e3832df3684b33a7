//! What runs keep, and the bytes that nobody names.

use async_trait::async_trait;
use ork_core::artifact::{ArtifactRow, NewArtifact, fresh, too_many};
use ork_core::blobs::BlobKey;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{Actor, EventType};
use ork_core::id::{ArtifactId, RunId, TaskRef, WorkspaceId};
use ork_core::limits::ARTIFACTS_MAX;
use ork_core::store::{ArtifactFilter, Artifacts, ArtifactsCreated, KeptUnder, LooseBlob, PartKept, RunDump, Scope};

use super::rules::payload;
use super::{Model, Run, State};

/// Bytes that no artifact names.
#[derive(Debug)]
pub(super) struct Loose {
    workspace: WorkspaceId,
    kept_until: Timestamp,
    is_doomed: bool,
}

impl State {
    /// Everything that is stored of a run.
    pub(super) fn dump(&self, run: &Run) -> RunDump {
        let artifacts = self.artifacts.values().filter(|row| row.artifact.run == run.new.id).cloned().collect();
        RunDump { artifacts, ..run.dump() }
    }

    /// Those of runs that are there.
    fn shown(&self, scope: Scope) -> impl Iterator<Item = &ArtifactRow> {
        self.artifacts.values().filter(move |row| self.run(scope, row.artifact.run).is_some())
    }

    fn is_named(&self, key: &BlobKey) -> bool {
        self.artifacts.values().any(|row| row.artifact.at.key() == Some(key))
    }

    pub(super) fn is_loose(&self, workspace: WorkspaceId, key: &BlobKey, now: Timestamp) -> bool {
        let fits = |loose: &Loose| loose.workspace == workspace && !loose.is_doomed && loose.kept_until >= now;
        self.loose.get(key).is_some_and(fits)
    }

    /// The artifacts of a run that was pruned go, and the parts of its logs, and doom their bytes.
    pub(super) fn drop_artifacts(&mut self, run: RunId) {
        let kept_until = self.tombstones.get(&run).map(|(row, _)| row.pruned_at).unwrap_or_default();
        let workspace = self.tombstones.get(&run).map(|(row, _)| row.workspace);
        for ((task, ..), part) in &self.log_parts {
            if let (PartKept::Blob { key, .. }, Some(workspace), true) = (&part.kept, workspace, task.run == run) {
                self.loose.insert(key.clone(), Loose { workspace, kept_until, is_doomed: true });
            }
        }
        self.log_parts.retain(|(task, ..), _| task.run != run);
        for row in self.artifacts.values().filter(|row| row.artifact.run == run) {
            if let Some(key) = row.artifact.at.key() {
                self.loose.insert(key.clone(), Loose { workspace: row.workspace, kept_until, is_doomed: true });
            }
        }
        self.artifacts.retain(|_, row| row.artifact.run != run);
    }
}

#[async_trait]
impl Artifacts for Model {
    async fn note_blob(&self, scope: Scope, blob: &LooseBlob) -> StoreResult<bool> {
        let mut state = self.state();
        if !scope.admits(blob.workspace) {
            return Err(StoreError::NotFound(format!("workspace `{}`", blob.workspace)));
        }
        if state.is_named(&blob.key) {
            return Ok(false);
        }
        let new = Loose { workspace: blob.workspace, kept_until: blob.kept_until, is_doomed: false };
        let loose = state.loose.entry(blob.key.clone()).or_insert(new);
        if !loose.is_doomed {
            loose.kept_until = loose.kept_until.max(blob.kept_until);
        }
        Ok(!loose.is_doomed)
    }

    async fn create_artifacts(
        &self,
        scope: Scope,
        new: &[NewArtifact],
        under: Option<KeptUnder>,
        actor: &Actor,
        now: Timestamp,
    ) -> StoreResult<ArtifactsCreated> {
        let mut state = self.state();
        let Some(first) = new.first() else { return Ok(ArtifactsCreated::Created) };
        let run = state.run(scope, first.run).ok_or_else(|| StoreError::NotFound(format!("run `{}`", first.run)))?;
        let (workspace, owner) = (run.new.workspace, run.new.owner.clone());
        let found: Vec<NewArtifact> = new
            .iter()
            .filter_map(|artifact| state.artifacts.get(&artifact.id))
            .map(|row| row.artifact.clone())
            .collect();
        let fresh = fresh(new, &found, run.tasks.len() as u32)?;
        if fresh.is_empty() {
            return Ok(ArtifactsCreated::Created);
        }
        if let Some(KeptUnder { task, attempt, lease }) = under
            && (task.run != first.run || !state.is_leased(scope, (task, attempt, lease)))
        {
            return Ok(ArtifactsCreated::Stale);
        }
        for (at, artifact) in fresh.iter().enumerate() {
            let Some(key) = artifact.at.key() else { continue };
            let again = fresh[..at].iter().any(|other| other.at.key() == Some(key));
            if again || !state.is_loose(workspace, key, now) {
                return Ok(ArtifactsCreated::Gone(artifact.id));
            }
        }
        let before = state.artifacts.values().filter(|row| row.artifact.run == first.run).count();
        if before + fresh.len() > ARTIFACTS_MAX as usize {
            return Err(too_many(first.run));
        }
        for artifact in fresh {
            if let Some(key) = artifact.at.key() {
                state.loose.remove(key);
            }
            let row = ArtifactRow { workspace, owner: owner.clone(), artifact: artifact.clone(), created_at: now };
            state.artifacts.insert(artifact.id, row);
            let tasks: Vec<u32> = artifact.from.n.into_iter().collect();
            if let Some(run) = state.change(scope, first.run, actor, now) {
                run.event(EventType::ArtifactCreated, &tasks, payload(&artifact.told()));
            }
        }
        Ok(ArtifactsCreated::Created)
    }

    async fn artifact(&self, scope: Scope, id: ArtifactId) -> StoreResult<Option<ArtifactRow>> {
        Ok(self.state().shown(scope).find(|row| row.artifact.id == id).cloned())
    }

    async fn artifacts(&self, scope: Scope, filter: &ArtifactFilter) -> StoreResult<Vec<ArtifactRow>> {
        let state = self.state();
        let is_of =
            |row: &ArtifactRow, task: TaskRef| row.artifact.run == task.run && row.artifact.from.n == Some(task.n);
        let is_wanted = |row: &&ArtifactRow| {
            filter.run.is_none_or(|run| row.artifact.run == run)
                && filter.task.is_none_or(|task| is_of(row, task))
                && filter.kind.as_ref().is_none_or(|kind| row.artifact.kind == *kind)
                && filter.name.as_ref().is_none_or(|name| row.artifact.name == *name)
                && (filter.owner.is_none() || row.owner == filter.owner)
                && filter.before.is_none_or(|before| row.artifact.id < before)
        };
        let mut found: Vec<ArtifactRow> = state.shown(scope).filter(is_wanted).cloned().collect();
        found.sort_by_key(|row| std::cmp::Reverse(row.artifact.id));
        found.truncate(filter.limit as usize);
        Ok(found)
    }

    async fn doom_blobs(&self, now: Timestamp, limit: u32) -> StoreResult<Vec<BlobKey>> {
        let mut state = self.state();
        let is_due = |(key, loose): &(&BlobKey, &Loose)| loose.kept_until <= now && !state.is_named(key);
        let mut due: Vec<(Timestamp, BlobKey)> =
            state.loose.iter().filter(is_due).map(|(key, loose)| (loose.kept_until, key.clone())).collect();
        due.sort_unstable();
        due.truncate(limit as usize);
        let mut keys: Vec<BlobKey> = due.into_iter().map(|(_, key)| key).collect();
        keys.sort_unstable();
        for key in &keys {
            if let Some(loose) = state.loose.get_mut(key) {
                (loose.is_doomed, loose.kept_until) = (true, loose.kept_until.max(now));
            }
        }
        Ok(keys)
    }

    async fn forget_blobs(&self, keys: &[BlobKey]) -> StoreResult<()> {
        self.state().loose.retain(|key, loose| !loose.is_doomed || !keys.contains(key));
        Ok(())
    }
}
