//! A whole run as it is stored, for the checker and for tests; lanes, and who has slots.

use std::collections::BTreeMap;

use async_trait::async_trait;
use ork_core::error::StoreResult;
use ork_core::graph::OpenAs;
use ork_core::id::{RunId, TaskRef};
use ork_core::step::StepRow;
use ork_core::store::{AttemptRow, GateRow, Inspect, LaneRow, RunDump, RunRow, Scope, TaskDump, TaskRow};
use tokio_postgres::Row;

use crate::conn::{Answer, Batch, Conn, one};
use crate::fault::Work;
use crate::rows::{self, Columns, filter};
use crate::sql::Sql;
use crate::store::{PgStore, Transition};
use crate::writes::RESULT;
use crate::{artifacts, budgets, gates, steps};

#[async_trait]
impl Inspect for PgStore {
    async fn dump(&self, scope: Scope, run: RunId) -> StoreResult<Option<RunDump>> {
        self.read(scope, Dump { scope, run }).await
    }

    async fn run_ids(&self, scope: Scope, after: Option<RunId>, limit: u32) -> StoreResult<Vec<RunId>> {
        let rows = self
            .select(scope, Sql::RunsIdsAfter, &[&after.map(RunId::uuid), &filter(scope), &i64::from(limit)])
            .await?;
        rows.iter().map(|row| Columns::of(row, "runs").next("id")).collect()
    }

    async fn overbooked(&self, scope: Scope) -> StoreResult<Vec<(String, u32, u32)>> {
        let rows = self.select(scope, Sql::SlotsOverbooked, &[&filter(scope)]).await?;
        rows.iter()
            .map(|row| {
                let mut c = Columns::of(row, "groups");
                let key = c.next("concurrency_key")?;
                let (limit, counted): (u64, u64) = (c.next("max")?, c.next("count")?);
                let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
                Ok((key, small(limit), small(counted)))
            })
            .collect()
    }

    async fn lanes(&self, scope: Scope, limit: u32) -> StoreResult<Vec<LaneRow>> {
        let rows = self.select(scope, Sql::LanesList, &[&filter(scope), &i64::from(limit)]).await?;
        rows.iter().map(lane).collect()
    }

    async fn slot_tasks(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<TaskRef>> {
        let rows = self.select(scope, Sql::SlotsTasks, &[&key, &filter(scope), &i64::from(limit)]).await?;
        rows.iter()
            .map(|row| {
                let mut c = Columns::of(row, "leases");
                Ok(TaskRef { run: c.next("run_id")?, n: c.next("n")? })
            })
            .collect()
    }

    async fn slot_runs(&self, scope: Scope, key: &str, limit: u32) -> StoreResult<Vec<RunId>> {
        let rows = self.select(scope, Sql::SlotsRuns, &[&key, &filter(scope), &i64::from(limit)]).await?;
        rows.iter().map(|row| Columns::of(row, "run_slots").next("run_id")).collect()
    }
}

fn lane(row: &Row) -> StoreResult<LaneRow> {
    let mut c = Columns::of(row, "ready");
    let mut row = LaneRow { lane: c.next("lane")?, ..LaneRow::default() };
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    row.ready = small(c.next("sum")?);
    row.oldest_at = c.option("max")?;
    row.held = small(c.next("sum")?);
    row.delayed = small(c.next("sum")?);
    row.leased = small(c.next("sum")?);
    Ok(row)
}

struct Dump {
    scope: Scope,
    run: RunId,
}

impl Transition for Dump {
    type Output = Option<RunDump>;

    async fn apply(&self, db: &Conn) -> Work<Option<RunDump>> {
        db.begin_snapshot().await?;
        let run = self.run.uuid();
        let Some(found) = db.row(Sql::RunsGet, &[&run, &filter(self.scope)]).await? else { return Ok(None) };
        let mut row = rows::run_row(&found)?;
        let mut batch = Batch::default();
        let labels = batch.add(Sql::RunsLabels, vec![one(vec![run])]);
        for sql in [Sql::GroupsAll, Sql::LeasesOfRun, Sql::TasksWaits, Sql::AttemptsOfRun, Sql::EvaluationsOfRun] {
            batch.add(sql, vec![one(run)]);
        }
        let kept = batch.add(Sql::ArtifactsOfRun, vec![one(run)]);
        let own = [Sql::TasksOpenAs, Sql::StepsOfRun, Sql::GatesOfRun].map(|sql| batch.add(sql, vec![one(run)]));
        let budget = batch.add(Sql::RunBudgetsGet, vec![one(run), one(filter(self.scope))]);
        let head = batch.add(Sql::HeadsGet, vec![one(run), one(filter(self.scope))]);
        let no_number = || one(None::<i32>);
        let all =
            vec![one(run), one(filter(self.scope)), no_number(), no_number(), one(None::<Vec<String>>), one(i64::MAX)];
        let tasks = batch.add(Sql::TasksList, all);
        let events = batch.add(Sql::EventsList, vec![one(run), one(0_i64), one(filter(self.scope)), one(i64::MAX)]);
        let answers = db.send(&batch).await?;
        db.commit().await?;
        add_labels(&mut row, &answers[labels].rows)?;
        let [groups, leases, waits, attempts, evaluations] = [1, 2, 3, 4, 5].map(|at: usize| &answers[at]);
        let (evaluations, evaluates_result) = read_evaluations(evaluations)?;
        let Some(head) = answers[head].rows.first() else { return Ok(None) };
        Ok(Some(RunDump {
            row,
            head: rows::head(head)?,
            groups: groups
                .rows
                .iter()
                .map(|row| rows::group(row).map(|(_, group)| group))
                .collect::<StoreResult<_>>()?,
            tasks: Tasks::read([leases, waits, attempts], own.map(|at| &answers[at]))?.dump(&answers[tasks])?,
            evaluations,
            evaluates_result,
            budget: budgets::read(&answers[budget].rows)?,
            artifacts: answers[kept].rows.iter().map(artifacts::row).collect::<StoreResult<_>>()?,
            events: answers[events]
                .rows
                .iter()
                .map(|row| rows::event_row(self.run, Columns::of(row, "events")))
                .collect::<StoreResult<_>>()?,
        }))
    }
}

fn add_labels(run: &mut RunRow, labels: &[Row]) -> StoreResult<()> {
    for row in labels {
        let mut c = Columns::of(row, "run_labels");
        c.skip(1);
        run.labels.insert(c.next("key")?, c.next("value")?);
    }
    Ok(())
}

fn read_evaluations(answer: &Answer) -> StoreResult<(Vec<u32>, bool)> {
    let all =
        answer.rows.iter().map(|row| Columns::of(row, "evaluations").next("g")).collect::<StoreResult<Vec<i32>>>()?;
    let groups = all.iter().filter_map(|g| u32::try_from(*g).ok()).collect();
    Ok((groups, all.contains(&RESULT)))
}

/// What lies about a run's tasks, by number.
struct Tasks {
    leases: BTreeMap<u32, ork_core::graph::Lease>,
    waits: BTreeMap<u32, [u32; 3]>,
    attempts: BTreeMap<u32, Vec<AttemptRow>>,
    open_as: BTreeMap<u32, OpenAs>,
    steps: BTreeMap<u32, Vec<StepRow>>,
    gates: BTreeMap<u32, Vec<GateRow>>,
}

impl Tasks {
    fn read([leases, waits, attempts]: [&Answer; 3], [open_as, steps, gates]: [&Answer; 3]) -> StoreResult<Self> {
        let open_as = open_as.rows.iter().map(|row| {
            let mut c = Columns::of(row, "tasks");
            Ok((c.next("n")?, c.next("open_as")?))
        });
        let mut steps_of: BTreeMap<u32, Vec<StepRow>> = BTreeMap::new();
        for step in steps.rows.iter().map(steps::row) {
            let step = step?;
            steps_of.entry(step.task.n).or_default().push(step);
        }
        let mut gates_of: BTreeMap<u32, Vec<GateRow>> = BTreeMap::new();
        for gate in gates.rows.iter().map(gates::row) {
            let gate = gate?;
            gates_of.entry(gate.task.n).or_default().push(gate);
        }
        let leases = leases.rows.iter().map(|row| rows::lease(row).map(|lease| (lease.task.n, lease)));
        let waits = waits.rows.iter().map(|row| {
            let mut c = Columns::of(row, "ready");
            Ok((c.next("n")?, [c.next("ready")?, c.next("held")?, c.next("delayed")?]))
        });
        let mut by_task: BTreeMap<u32, Vec<AttemptRow>> = BTreeMap::new();
        for row in &attempts.rows {
            let mut c = Columns::of(row, "attempts");
            by_task.entry(c.next("n")?).or_default().push(rows::attempt_row(c)?);
        }
        Ok(Self {
            leases: leases.collect::<StoreResult<_>>()?,
            waits: waits.collect::<StoreResult<_>>()?,
            attempts: by_task,
            open_as: open_as.collect::<StoreResult<_>>()?,
            steps: steps_of,
            gates: gates_of,
        })
    }

    fn dump(mut self, tasks: &Answer) -> StoreResult<Vec<TaskDump>> {
        let mut dump = |row: TaskRow| {
            let n = row.task.n;
            let [ready, held, delayed] = self.waits.remove(&n).unwrap_or_default();
            let (lease, attempts) = (self.leases.remove(&n), self.attempts.remove(&n).unwrap_or_default());
            let open_as = self.open_as.remove(&n).filter(|_| lease.is_none());
            let (steps, gates) = (self.steps.remove(&n).unwrap_or_default(), self.gates.remove(&n).unwrap_or_default());
            TaskDump { row, lease, ready, held, delayed, attempts, open_as, steps, gates }
        };
        tasks.rows.iter().map(|row| rows::task_row(row).map(&mut dump)).collect()
    }
}
