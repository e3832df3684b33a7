//! Endpoints, and messages to them.

use async_trait::async_trait;
use ork_core::clock::Timestamp;
use ork_core::error::{StoreError, StoreResult};
use ork_core::event::{EventRow, EventType};
use ork_core::id::{DeliveryId, EndpointId, RunId};
use ork_core::limits::{DELIVERY_TRIES_MAX, ENDPOINTS_MAX};
use ork_core::state::RunStatus;
use ork_core::store::{
    Addressee, Attempted, Deliveries, DeliveryFilter, DeliveryRow, DeliveryStatus, Due, DueKey, EndpointChange,
    EndpointRow, Endpoints, Scope, Submitted, Verdict,
};
use ork_core::webhook::{Occasion, Wanted};

use super::{Model, Run, State};

impl State {
    /// The messages that tell of an event.
    pub(super) fn tell(&self, run: &Run, event: &EventRow) -> Vec<DeliveryRow> {
        let occasion = match event.event_type {
            EventType::Run(RunStatus::Running) => Occasion::RunStarted,
            EventType::Run(status) if status.is_terminal() => Occasion::RunFinished,
            EventType::Task(status) if status.is_terminal() => Occasion::TaskFinished,
            _ => return Vec::new(),
        };
        let own = run.new.webhook.iter().map(|own| (None, 0, own.url.clone(), own.events));
        let live = self.endpoints.values().filter(|e| e.workspace == run.new.workspace && e.disabled_at.is_none());
        let all = own.chain(live.map(|e| (Some(e.id), e.slot, e.url.clone(), e.events)));
        let tasks: Vec<Option<u32>> = match occasion {
            Occasion::TaskFinished => event.tasks.iter().map(Some).collect(),
            _ => vec![None],
        };
        let told = all.filter(|(.., events): &(_, _, _, Wanted)| events.has(occasion));
        told.flat_map(|(endpoint, slot, url, _)| {
            tasks.clone().into_iter().map(move |task| DeliveryRow {
                id: DeliveryId::of(run.new.id, occasion, slot, task),
                workspace: run.new.workspace,
                run: Some(run.new.id),
                task,
                endpoint,
                occasion,
                url: url.clone(),
                status: DeliveryStatus::Pending,
                attempts: 0,
                next_attempt_at: Some(event.created_at),
                body: None,
                tries: Vec::new(),
                created_at: event.created_at,
                delivered_at: None,
            })
        })
        .collect()
    }

    fn addressee(&self, row: &DeliveryRow, now: Timestamp) -> Option<Addressee> {
        match row.endpoint {
            Some(id) => Addressee::of_endpoint(self.endpoints.get(&id)?.clone(), now),
            None => self.runs.get(&row.run?)?.new.webhook.clone().map(Addressee::of_run),
        }
    }
}

fn ask_again(row: &mut DeliveryRow, now: Timestamp) {
    (row.status, row.attempts) = (DeliveryStatus::Pending, 0);
    (row.next_attempt_at, row.delivered_at) = (Some(now), None);
}

fn is_due(row: &DeliveryRow, now: Timestamp) -> bool {
    row.status == DeliveryStatus::Pending && row.next_attempt_at.is_some_and(|at| at <= now)
}

#[async_trait]
impl Endpoints for Model {
    async fn create_endpoint(&self, new: &EndpointRow) -> StoreResult<Submitted> {
        let mut state = self.state();
        if state.endpoints.contains_key(&new.id) {
            return Ok(Submitted::Existing);
        }
        let own: Vec<&EndpointRow> = state.endpoints.values().filter(|e| e.workspace == new.workspace).collect();
        if own.iter().any(|other| other.name == new.name) {
            return Err(StoreError::Conflict("the name is taken".into()));
        }
        if own.len() >= ENDPOINTS_MAX as usize {
            return Err(StoreError::Limit("too many endpoints".into()));
        }
        let slot = (1..).find(|slot| own.iter().all(|other| other.slot != *slot)).unwrap_or(u8::MAX);
        state.endpoints.insert(new.id, EndpointRow { slot, ..new.clone() });
        Ok(Submitted::Created)
    }

    async fn endpoints(&self, scope: Scope) -> StoreResult<Vec<EndpointRow>> {
        let state = self.state();
        let mut rows: Vec<EndpointRow> =
            state.endpoints.values().filter(|row| scope.admits(row.workspace)).cloned().collect();
        rows.sort_by(|a, b| (a.workspace, &a.name).cmp(&(b.workspace, &b.name)));
        Ok(rows)
    }

    async fn endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<Option<EndpointRow>> {
        Ok(self.state().endpoints.get(&id).filter(|row| scope.admits(row.workspace)).cloned())
    }

    async fn change_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        change: &EndpointChange,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.endpoints.get_mut(&id).filter(|row| scope.admits(row.workspace));
        let Some(row) = row else { return Ok(false) };
        row.url = change.url.clone().unwrap_or_else(|| row.url.clone());
        row.events = change.events.unwrap_or(row.events);
        row.format = change.format.unwrap_or(row.format);
        match change.is_enabled {
            Some(true) => (row.disabled_at, row.disabled_because) = (None, None),
            Some(false) if row.disabled_at.is_none() => {
                (row.disabled_at, row.disabled_because) = (Some(now), Some("it was disabled".into()));
            }
            _ => {}
        }
        row.updated_at = now;
        Ok(true)
    }

    async fn rotate_endpoint(
        &self,
        scope: Scope,
        id: EndpointId,
        secret: &[u8],
        until: Timestamp,
        now: Timestamp,
    ) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.endpoints.get_mut(&id).filter(|row| scope.admits(row.workspace));
        let Some(row) = row else { return Ok(false) };
        row.previous = Some((std::mem::replace(&mut row.secret, secret.to_owned()), until));
        row.updated_at = now;
        Ok(true)
    }

    async fn delete_endpoint(&self, scope: Scope, id: EndpointId) -> StoreResult<bool> {
        let mut state = self.state();
        let is_there = state.endpoints.get(&id).is_some_and(|row| scope.admits(row.workspace));
        if is_there {
            state.endpoints.remove(&id);
        }
        Ok(is_there)
    }
}

#[async_trait]
impl Deliveries for Model {
    async fn deliveries(&self, scope: Scope, filter: &DeliveryFilter) -> StoreResult<Vec<DeliveryRow>> {
        let state = self.state();
        let is_wanted = |row: &&DeliveryRow| {
            scope.admits(row.workspace)
                && filter.run.is_none_or(|run| row.run == Some(run))
                && filter.endpoint.is_none_or(|endpoint| row.endpoint == Some(endpoint))
                && filter.status.is_none_or(|status| row.status == status)
                && filter.before.is_none_or(|before| (row.created_at, row.id) < before)
        };
        let mut rows: Vec<DeliveryRow> = state.deliveries.values().filter(is_wanted).cloned().collect();
        rows.sort_by_key(|row| std::cmp::Reverse((row.created_at, row.id)));
        rows.truncate(filter.limit as usize);
        Ok(rows.into_iter().map(|row| DeliveryRow { body: None, ..row }).collect())
    }

    async fn delivery(&self, scope: Scope, id: DeliveryId) -> StoreResult<Option<DeliveryRow>> {
        Ok(self.state().deliveries.get(&id).filter(|row| scope.admits(row.workspace)).cloned())
    }

    async fn create_delivery(&self, new: &DeliveryRow) -> StoreResult<()> {
        self.state().deliveries.entry(new.id).or_insert_with(|| new.clone());
        Ok(())
    }

    async fn redeliver(&self, scope: Scope, id: DeliveryId, now: Timestamp) -> StoreResult<bool> {
        let mut state = self.state();
        let row = state.deliveries.get_mut(&id).filter(|row| scope.admits(row.workspace));
        Ok(row.map(|row| ask_again(row, now)).is_some())
    }

    async fn redeliver_failed(&self, scope: Scope, endpoint: Option<EndpointId>, now: Timestamp) -> StoreResult<u64> {
        let mut state = self.state();
        let is_meant = |row: &&mut DeliveryRow| {
            row.status == DeliveryStatus::Failed
                && scope.admits(row.workspace)
                && endpoint.is_none_or(|endpoint| row.endpoint == Some(endpoint))
        };
        Ok(state.deliveries.values_mut().filter(is_meant).map(|row| ask_again(row, now)).count() as u64)
    }

    async fn next_delivery(&self, run: Option<RunId>) -> StoreResult<Option<Timestamp>> {
        let state = self.state();
        let pending = state.deliveries.values().filter(|row| row.status == DeliveryStatus::Pending);
        Ok(pending.filter(|row| run.is_none_or(|run| row.run == Some(run))).filter_map(|row| row.next_attempt_at).min())
    }

    async fn due_deliveries(
        &self,
        run: Option<RunId>,
        after: Option<(Timestamp, DeliveryId)>,
        now: Timestamp,
        limit: u32,
    ) -> StoreResult<Vec<DueKey>> {
        let state = self.state();
        let is_asked_for = |row: &&DeliveryRow| is_due(row, now) && run.is_none_or(|run| row.run == Some(run));
        let due = state.deliveries.values().filter(is_asked_for).filter_map(|row| {
            let (workspace, url) = (row.workspace, row.url.clone());
            Some(DueKey { id: row.id, workspace, url, next_attempt_at: row.next_attempt_at? })
        });
        let mut due: Vec<DueKey> = due.filter(|key| after.is_none_or(|after| key.place() > after)).collect();
        due.sort_by_key(DueKey::place);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn take_deliveries(&self, ids: &[DeliveryId], now: Timestamp, until: Timestamp) -> StoreResult<Vec<Due>> {
        let mut state = self.state();
        let mut due = Vec::new();
        for id in ids {
            let Some(row) = state.deliveries.get_mut(id).filter(|row| is_due(row, now)) else { continue };
            row.next_attempt_at = Some(until);
            let row = row.clone();
            due.push(Due { addressee: state.addressee(&row, now), row });
        }
        Ok(due)
    }

    async fn note_delivery(&self, attempted: &Attempted) -> StoreResult<bool> {
        let mut state = self.state();
        let taken = Some(attempted.taken_until);
        let row = state.deliveries.get_mut(&attempted.id);
        let row = row.filter(|row| row.status == DeliveryStatus::Pending && row.next_attempt_at == taken);
        let Some(row) = row else { return Ok(false) };
        row.attempts += 1;
        row.tries.push(attempted.attempt.clone());
        let old = row.tries.len().saturating_sub(DELIVERY_TRIES_MAX);
        row.tries.drain(..old);
        row.body = attempted.body.clone().or(row.body.take());
        (row.status, row.next_attempt_at) = match attempted.verdict {
            Verdict::Delivered => (DeliveryStatus::Delivered, None),
            Verdict::Again(at) => (DeliveryStatus::Pending, Some(at)),
            Verdict::Failed | Verdict::Gone => (DeliveryStatus::Failed, None),
        };
        row.delivered_at = (row.status == DeliveryStatus::Delivered).then_some(attempted.now);
        let endpoint = row.endpoint.filter(|_| attempted.verdict == Verdict::Gone);
        if let Some(endpoint) = endpoint.and_then(|id| state.endpoints.get_mut(&id)) {
            endpoint.disabled_at.get_or_insert(attempted.now);
            endpoint.disabled_because.get_or_insert("it answered 410 Gone".into());
            endpoint.updated_at = attempted.now;
        }
        Ok(true)
    }
}
