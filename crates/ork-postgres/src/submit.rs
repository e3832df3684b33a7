//! A run's creation.

use ork_core::access::Settings;
use ork_core::error::StoreError;
use ork_core::graph::{Birth, Group, Head, NewRun, Pin, birth};
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::store::Submitted;
use ork_core::webhook::{RunWebhook, Wanted};
use ork_core::workspace::Load;
use tokio_postgres::error::SqlState;

use crate::bell::Note;
use crate::budgets;
use crate::change::{self, Left};
use crate::conn::{Answer, Batch, Conn, Param, one};
use crate::deliveries;
use crate::fault::{Fault, Work};
use crate::rows::{self, Columns, big, encode, int, on_failure_word, run_if_word};
use crate::sql::Sql;
use crate::store::Transition;
use crate::writes::{self, Finished, NewRange};

pub struct Submit(pub NewRun);

impl Transition for Submit {
    type Output = Submitted;

    async fn apply(&self, db: &Conn) -> Work<Submitted> {
        let new = &self.0;
        let answers = db.begin_send(&begin(new)?).await.map_err(|fault| refused(new, fault))?;
        let submitted = create(db, new, &answers).await?;
        if submitted == Submitted::Created {
            db.commit().await?;
        }
        Ok(submitted)
    }
}

/// Creates a run in the transaction at hand.
pub async fn submit_within(db: &Conn, new: &NewRun) -> Work<Submitted> {
    let answers = db.send(&begin(new)?).await.map_err(|fault| refused(new, fault))?;
    create(db, new, &answers).await
}

fn begin(new: &NewRun) -> Work<Batch<'_>> {
    let mut run = Batch::default();
    run.add(Sql::RunsInsert, run_params(new)?);
    run.add(Sql::WorkspacesSettings, vec![one(new.workspace.uuid())]);
    Ok(run)
}

/// Writes the rest of a run, after [`begin`].
async fn create(db: &Conn, new: &NewRun, begun: &[Answer]) -> Work<Submitted> {
    if begun[0].changed == 0 {
        return Ok(Submitted::Existing);
    }
    let (settings, told) = settings(&begun[1])?;
    let Birth { head, groups, changes, reused_from } = birth(new, told);
    check_quotas(db, &settings, &head).await?;
    let finished = [Finished { head, groups, changes, evaluated: Vec::new() }];
    let [Finished { head, groups, changes, .. }] = &finished;
    let mut batch = Batch::default();
    batch.add(Sql::HeadsInsert, head_params(head, new));
    add_wide(&mut batch, new);
    budgets::create(&mut batch, new);
    batch.add(Sql::GroupsInsert, group_params(head, &groups.values().collect::<Vec<_>>())?);
    writes::insert_tasks(&mut batch, &ranges(head, groups.values()));
    let tasks = writes::tasks(&mut batch, &finished, new.now)?;
    if !reused_from.is_empty() {
        let reused: Vec<(u32, TaskRef)> = reused_from.into_iter().collect();
        batch.add(
            Sql::TasksNoteReuse,
            vec![
                one(new.id.uuid()),
                one(reused.iter().map(|(n, _)| int(*n)).collect::<Vec<_>>()),
                one(reused.iter().map(|(_, from)| from.run.uuid()).collect::<Vec<_>>()),
                one(reused.iter().map(|(_, from)| int(from.n)).collect::<Vec<_>>()),
            ],
        );
    }
    writes::advance_runs(&mut batch, &finished, None, new.now)?;
    let queued = writes::queue(&mut batch, &finished, Vec::new(), new.now);
    writes::events(&mut batch, &finished);
    deliveries::tell(db, &mut batch, &finished, new.now).await?;
    let answers = db.send(&batch).await?;
    tasks.check(&answers)?;
    let mut left = Left::default();
    if let Some(place) = queued {
        change::note_queued(db, &answers[place].rows, &mut left)?;
    }
    change::leave(head, changes, &mut left);
    if left.upkeep || head.held {
        db.note(Note::Look);
    }
    db.note(Note::Events);
    Ok(Submitted::Created)
}

/// What a workspace has decided, and what its endpoints want to be told of.
fn settings(answer: &Answer) -> Work<(Settings, Wanted)> {
    let Some(row) = answer.rows.first() else { return Ok(Default::default()) };
    let mut c = Columns::of(row, "workspaces");
    Ok((c.next("settings")?, rows::told(&mut c)?))
}

/// Where a quota is set, submits go one by one from here to their commit; nobody waits where none is.
async fn check_quotas(db: &Conn, settings: &Settings, head: &Head) -> Work<()> {
    if !settings.limits_runs() {
        return Ok(());
    }
    let workspace = head.workspace.uuid();
    db.row(Sql::WorkspacesLock, &[&workspace]).await?;
    // A statement of its own, so that it sees what was committed before the lock was given.
    let Some(row) = db.row(Sql::RunsLoad, &[&workspace]).await? else { return Ok(()) };
    let mut c = Columns::of(&row, "runs");
    let load = Load { live_runs: c.next("count")?, live_tasks: c.next("coalesce")? };
    Ok(settings.admit(load, head)?)
}

fn refused(new: &NewRun, fault: Fault) -> Fault {
    let unique = fault.state() == Some(&SqlState::UNIQUE_VIOLATION);
    if unique && fault.constraint() == Some("runs_by_external_id") {
        let id = new.external_id.as_deref().unwrap_or_default();
        return StoreError::Conflict(format!("another run has the external id `{id}`")).into();
    }
    if fault.state() == Some(&SqlState::FOREIGN_KEY_VIOLATION) {
        return StoreError::NotFound(format!("workspace `{}`", new.workspace)).into();
    }
    fault
}

fn run_params(new: &NewRun) -> Work<Vec<Param<'_>>> {
    let host = match &new.pin {
        Pin::Host(host) => Some(host.as_str()),
        Pin::Anywhere | Pin::Process => None,
    };
    Ok(vec![
        one(new.id.uuid()),
        one(new.workspace.uuid()),
        one(new.external_id.as_deref()),
        one(new.plan.name.as_str()),
        one(new.priority.unwrap_or(new.plan.priority)),
        one(new.plan_source.as_deref()),
        one(encode(&new.plan)?),
        one(new.input.as_str()),
        one(new.triggered_by.word()),
        one(new.retry_of.map(|run| run.uuid())),
        one(host),
        one(new.pin == Pin::Process),
        one(new.project.as_deref()),
        one(new.plan.concurrency.as_ref().map(|c| c.key.as_str())),
        one(new.plan.timeout_ms.map(|ms| new.now.plus_ms(ms).micros())),
        one(new.now.micros()),
        one(new.owner.as_deref()),
        one(new.revision.map(|of| of.workflow.uuid())),
        one(new.revision.map(|of| of.revision.uuid())),
        one(new.webhook.as_ref().map(|webhook| webhook.url.as_str())),
        one(new.webhook.as_ref().and_then(RunWebhook::sealed)),
        one(new.webhook.as_ref().and_then(RunWebhook::named)),
        one(new.webhook.as_ref().map(|webhook| webhook.events.stored())),
        one(new.webhook.as_ref().map(|webhook| webhook.format.word())),
    ])
}

fn add_wide<'a>(batch: &mut Batch<'a>, new: &'a NewRun) {
    let (run, workspace) = (new.id.uuid(), new.workspace.uuid());
    if !new.plan.labels.is_empty() {
        let keys: Vec<&str> = new.plan.labels.keys().map(String::as_str).collect();
        let values: Vec<&str> = new.plan.labels.values().map(String::as_str).collect();
        batch.add(Sql::RunsInsertLabels, vec![one(run), one(workspace), one(keys), one(values)]);
    }
    if let Some(slot) = &new.plan.concurrency {
        batch.add(
            Sql::SlotsInsertRun,
            vec![
                one(run),
                one(workspace),
                one(slot.key.as_str()),
                one(i64::from(slot.limit)),
                one(new.priority.unwrap_or(new.plan.priority)),
            ],
        );
    }
}

fn head_params<'a>(head: &Head, new: &NewRun) -> Vec<Param<'a>> {
    vec![
        one(head.run.uuid()),
        one(head.workspace.uuid()),
        one(head.status.word()),
        one(head.paused),
        one(head.held),
        one(head.stopping),
        one(head.cancelling.map(|reason| reason.word())),
        one(on_failure_word(head.on_failure)),
        one(head.has_result),
        one(big(head.seq)),
        one(int(head.tasks_total)),
        one(int(head.tasks_left)),
        one(int(head.tasks_bad)),
        one(i32::from(new.told().bits())),
    ]
}

fn group_params<'a>(head: &Head, groups: &[&'a Group]) -> Work<Vec<Param<'a>>> {
    let retries = groups.iter().map(|g| encode(&g.spec.retry)).collect::<Result<Vec<_>, _>>()?;
    let all = |value: fn(&Group) -> i32| one(groups.iter().map(|g| value(g)).collect::<Vec<_>>());
    let flag = |value: fn(&Group) -> bool| one(groups.iter().map(|g| value(g)).collect::<Vec<_>>());
    let text = |value: fn(&Group) -> Option<&str>| one(groups.iter().map(|g| value(g)).collect::<Vec<_>>());
    Ok(vec![
        one(head.run.uuid()),
        one(head.workspace.uuid()),
        all(|g| int(g.g)),
        text(|g| Some(&g.spec.key)),
        one(groups.iter().map(|g| array_text(&g.spec.children)).collect::<Vec<_>>()),
        all(|g| int(g.spec.parents)),
        text(|g| g.spec.run_if.map(run_if_word)),
        flag(|g| g.spec.deep),
        flag(|g| g.spec.evaluated),
        text(|g| Some(&g.spec.lane)),
        all(|g| g.spec.priority),
        text(|g| g.spec.concurrency.as_ref().map(|c| c.key.as_str())),
        one(groups.iter().map(|g| g.spec.concurrency.as_ref().map(|c| i64::from(c.limit))).collect::<Vec<_>>()),
        one(retries),
        flag(|g| g.spec.at_most_once),
        text(|g| Some(g.phase.word())),
        all(|g| int(g.first)),
        all(|g| int(g.rest)),
        one(groups.iter().map(|g| g.size.map(int)).collect::<Vec<_>>()),
        text(|g| g.items.as_ref().map(Json::as_str)),
        all(|g| int(g.tasks_left)),
        all(|g| int(g.tasks_bad)),
        all(|g| int(g.tasks_unmet)),
        all(|g| int(g.parents_left)),
        all(|g| int(g.parents_bad)),
        all(|g| int(g.parents_unmet)),
        one(groups.iter().map(|g| g.ended.to_string()).collect::<Vec<_>>()),
    ])
}

/// An array as PostgreSQL reads it from text.
fn array_text(numbers: &[u32]) -> String {
    let mut text = String::from("{");
    for (at, number) in numbers.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text.push('}');
    text
}

fn ranges<'a>(head: &Head, groups: impl Iterator<Item = &'a Group>) -> Vec<NewRange> {
    let (run, workspace) = (head.run.uuid(), head.workspace.uuid());
    groups
        .flat_map(|group| {
            writes::ranges(group)
                .map(|(from, to, index)| (run, workspace, int(group.g), int(from), int(to), int(index)))
        })
        .collect()
}
