//! A database with a row of every kind, and how one that was left in the middle is carried to its end: for tests that move
//! rows from one database into another.

use std::sync::Arc;

use ork_core::access::{Role, Settings};
use ork_core::artifact::{ArtifactAt, Provenance};
use ork_core::attempt::Outcome;
use ork_core::blobs::BlobKey;
use ork_core::check::check;
use ork_core::clock::{SeededEntropy, Timestamp};
use ork_core::event::{Actor, ActorKind, BotType};
use ork_core::executor::Stream;
use ork_core::graph::{Expansion, LeaseId, NewRun, OpenAs, RevisionRef};
use ork_core::id::{BulkId, RevisionId, RunId, TokenId, WorkerId, WorkflowId, WorkspaceId};
use ork_core::json::Json;
use ork_core::log::LogPlace;
use ork_core::plan::{Concurrency, Fan, Node, Plan};
use ork_core::seal::{Key, SealRow, seal};
use ork_core::state::RunStatus;
use ork_core::step::{Allowance, Cost, PlanBudget, Rates};
use ork_core::store::{
    ArtifactsCreated, Attempted, BudgetPeriod, BulkAction, BulkRow, BulkStatus, CatchUp, Claim, Decision, DeliveryTry,
    Due, EndpointRow, EvaluationTarget, Expected, GateFilter, HookRow, LogChunk, LogPack, LogPart, LooseBlob, NewEvent,
    NewEvents, NewPrompt, NewRevision, NewSchedule, NewSecret, Overlap, Packed, PartKept, PriceRow, PromptVariable,
    RunFilter, SavedWork, ScheduleSpec, Scope, SealKeyRow, Settle, StepBegin, StepChange, Store, TokenHash, TokenRow,
    Verdict, WorkPart, WorkspaceRow,
};
use ork_core::webhook::{Format, Occasion, RunWebhook, SigningSecret};
use serde_json::Value;

use crate::bed::{Bed, ada, done, failed, settle, worker_row};
use crate::cases::{begin, kept, key, new_artifact, waits, write_steps};
use crate::plans::{node, one_at_a_time, plan, tries};

/// Rounds in which nothing is done before nothing more is expected.
const IDLE_ROUNDS_MAX: u32 = 3;

/// Fills an empty store with rows of every kind, most of them in the middle of something.
pub async fn scene(store: Arc<dyn Store>) {
    let mut bed = Bed::new(Arc::clone(&store)).await;
    let revision = workflows(&mut bed).await;
    runs(&mut bed, revision).await;
    secrets(&bed).await;
    telling(&mut bed).await;
    artifacts(&mut bed).await;
    steps(&mut bed).await;
    packed(&mut bed).await;
    tenants(&mut bed).await;
    store.pause_queue(WorkspaceId::DEFAULT, "second", &ada(), bed.now).await.expect("a queue is paused");
    let mut random = SeededEntropy::new(7);
    let bulk = BulkRow {
        id: BulkId::new(bed.now, &mut random),
        workspace: WorkspaceId::DEFAULT,
        external_id: Some("all of \"them\"".into()),
        action: BulkAction::Acknowledge,
        filter: "is:unacknowledged".into(),
        status: BulkStatus::Running,
        before: RunId::new(bed.now, &mut random),
        seen: 3,
        changed: 1,
        actor: ada(),
        created_at: bed.now,
        finished_at: None,
    };
    sealed(&bed).await;
    store.create_bulk(&bulk).await.expect("an action is created");
    store.hold_duty("bulk", bed.worker, bed.now, bed.now.plus_ms(10_000)).await.expect("a duty is held");
}

/// Events of runs that are over are sealed, and then a bot has something to say of one of them.
async fn sealed(bed: &Bed) {
    let key = Key::new("k1", &[3; 32]);
    let unsealed = bed.store.unsealed(1_000).await.expect("what is not sealed is answered");
    let seals: Vec<SealRow> = unsealed.iter().map(|of| seal(&key, of, bed.now)).collect();
    assert!(bed.store.seal(&seals).await.expect("they are sealed") > 0);
    let event_type = BotType::parse("bot.size").expect("a word of bots");
    let event = NewEvent { event_type, task: Some(0), payload: Some(Json::from_stored("{ \"ü\":  1.50 }")) };
    let actor = Actor { kind: ActorKind::Bot, id: "scribe".into() };
    let run = unsealed.last().expect("a run is over").run;
    let new = NewEvents { run, key: Some("once".into()), events: vec![event], actor, now: bed.now };
    bed.store.append_events(Scope::All, &new).await.expect("a bot writes");
    let row = SealKeyRow { key_id: "k0".into(), sealed: vec![1, 0xff], sealed_by: "k1".into(), sealed_at: bed.now };
    bed.store.keep_seal_key(&row).await.expect("a key is kept");
}

/// An attempt that waits for a decision, and one whose call of a model is on its way; what it may use, and is told.
async fn steps(bed: &mut Bed) {
    let prompt = NewPrompt {
        workspace: WorkspaceId::DEFAULT,
        id: "captions".into(),
        category: Some("média".into()),
        context: None,
        text: "{{ vars.n }} lines of \"ü\"".into(),
        variables: vec![PromptVariable { name: "n".into(), description: None, default: Some(3.into()) }],
        actor: ada(),
        now: bed.now,
    };
    bed.store.put_prompt(&prompt).await.expect("a prompt is stored");
    let rates = Rates { input: 3_000_000, output: 15_000_000, cached: 1 };
    let price = PriceRow { model: "acme/m:1".into(), rates, updated_by: "ada".into(), updated_at: bed.now };
    bed.store.set_price(WorkspaceId::DEFAULT, &price).await.expect("a price is set");
    let allowance = Allowance { tokens: Some(1_000), micros: None };
    bed.store.set_budget(WorkspaceId::DEFAULT, BudgetPeriod::Month, Some(allowance), bed.now).await.expect("it is set");
    let urgent = |key| Node { priority: Some(1_000), ..node(key, &[]) };
    let budget = Some(PlanBudget { allowance, asks: true });
    bed.submit(Plan { budget, ..plan(vec![urgent("call"), urgent("wait")]) }).await;
    let [call, wait] = bed.claim(2).await[..] else { panic!("nothing is more urgent") };
    let reserve = Some(Cost { tokens: 700, micros: 9 });
    let asked = StepBegin { reserve, model: Some("acme/m:1".into()), ..begin(bed, key(1, 0)) };
    write_steps(bed, &call, vec![StepChange::Begin(asked)]).await;
    let part = WorkPart {
        task: wait.claimed.task,
        attempt: 1,
        lease: wait.lease,
        number: 1,
        part: 0,
        bytes: vec![0xfd, 0, b'\n'],
    };
    assert_eq!(bed.store.save_part(Scope::All, &part).await, Ok(true));
    let saved = SavedWork { number: 1, parts: 1, bytes: 3, checksum: "ab".into() };
    assert_eq!(bed.store.keep_work(Scope::All, (part.task, 1, part.lease), &saved).await, Ok(true));
    waits(bed, wait, &[0]).await;
}

/// What a run keeps, here and elsewhere; and bytes that nobody names, which stay behind.
async fn artifacts(bed: &mut Bed) {
    let run = bed.submit(plan(vec![Node { priority: Some(-900), ..node("a", &[]) }])).await;
    let mut named = kept(bed, run, "größe/a \"b\".txt").await;
    named.id = bed.new_artifact_id();
    named.from = Provenance { n: Some(0), attempt: Some(1), step: Some("cut".into()) };
    named.at = ArtifactAt::Elsewhere { url: "s3://bucket/ü".into(), size: None, checksum: None };
    named.meta = None;
    let created = bed.store.create_artifacts(Scope::All, &[named], None, &ada(), bed.now).await;
    assert_eq!(created, Ok(ArtifactsCreated::Created));
    let loose = new_artifact(bed, run, "loose");
    let key = loose.at.key().expect("it is to be kept").clone();
    let blob = LooseBlob { key, workspace: WorkspaceId::DEFAULT, kept_until: bed.now.plus_ms(1_000) };
    assert_eq!(bed.store.note_blob(Scope::All, &blob).await, Ok(true));
}

async fn tenants(bed: &mut Bed) {
    let settings = Settings { live_runs_max: Some(1_000), ..Settings::default() };
    bed.store.set_workspace(WorkspaceId::DEFAULT, &settings).await.expect("settings are set");
    let media = WorkspaceRow {
        id: bed.new_workspace_id(),
        name: "média".into(),
        settings: Settings::default(),
        created_at: bed.now,
    };
    bed.store.create_workspace(&media).await.expect("a workspace is created");
    for (number, workspace) in [WorkspaceId::DEFAULT, media.id].into_iter().enumerate() {
        let number = u8::try_from(number).unwrap_or_default();
        let token = TokenRow {
            id: TokenId::new(bed.now, &mut SeededEntropy::new(u64::from(number))),
            workspace,
            name: "ci".into(),
            principal: "ada@example.com".into(),
            role: Role::Worker,
            queues: vec!["default".into(), "a \"b\"\\".into()],
            prefix: "ork_abcd".into(),
            key_id: "k1".into(),
            created_by: "bob".into(),
            created_at: bed.now,
            expires_at: Some(bed.now.plus_ms(1_000)),
            last_used_at: None,
            revoked_at: None,
        };
        bed.store.create_token(&token, TokenHash([0xa5 + number; 32])).await.expect("a token is created");
    }
    let mut run = bed.new_run(plan(vec![node("a", &[])]));
    run.workspace = media.id;
    run.owner = Some("bob".into());
    bed.store.submit(&run).await.expect("a run of another tenant is created");
}

fn schedule(now: Timestamp) -> NewSchedule {
    let spec = ScheduleSpec {
        cron: "*/5 * * * *".into(),
        timezone: "Europe/Paris".into(),
        input: Json::from_stored(r#"{"n": 1.50}"#),
        overlap: Overlap::Queue,
        catch_up: CatchUp::Latest,
    };
    NewSchedule { spec, next_at: now.plus_ms(60_000) }
}

async fn secrets(bed: &Bed) {
    let secret = NewSecret {
        workspace: WorkspaceId::DEFAULT,
        name: "hook".into(),
        sealed: vec![0, 1, 0xff, b'\n'],
        key_id: "k1".into(),
        actor: ada(),
        now: bed.now,
    };
    bed.store.set_secret(&secret).await.expect("a secret is set");
}

/// Somebody is told of a run that is pruned afterwards and of one that stays, and may say something.
async fn telling(bed: &mut Bed) {
    let endpoint = EndpointRow {
        id: bed.new_endpoint_id(),
        workspace: WorkspaceId::DEFAULT,
        name: "ci".into(),
        url: "https://ci.example.com/ork?a=b".into(),
        events: Occasion::RunFinished.into(),
        format: Format::Execution,
        secret: vec![0, 0xff],
        previous: Some((vec![7], bed.now.plus_ms(1_000))),
        slot: 1,
        created_by: "ada".into(),
        created_at: bed.now,
        updated_at: bed.now,
        disabled_at: None,
        disabled_because: None,
    };
    bed.store.create_endpoint(&endpoint).await.expect("an endpoint is created");
    let hook = HookRow {
        workspace: WorkspaceId::DEFAULT,
        name: "push".into(),
        key: "abcd2345".into(),
        workflow: "film".into(),
        secret: vec![1, 0],
        input: Some(Json::from_stored(r#"{ "ref": "{{ body.ref }}" }"#)),
        created_by: "ada".into(),
        created_at: bed.now,
    };
    bed.store.create_hook(&hook).await.expect("a hook is created");
    let webhook = RunWebhook {
        url: "https://a.example/".into(),
        secret: Some(SigningSecret::Named("hook".into())),
        events: Occasion::TaskFinished.into(),
        format: Format::Standard,
    };
    let urgent = Node { priority: Some(1_000), ..node("a", &[]) };
    let [gone, kept] =
        [(); 2].map(|()| NewRun { webhook: Some(webhook.clone()), ..bed.new_run(plan(vec![urgent.clone()])) });
    for new in [&gone, &kept] {
        bed.store.submit(new).await.expect("the run is created");
        let ended = bed.work(done()).await;
        assert_eq!(ended.run, new.id, "nothing is more urgent");
    }
    bed.hear(gone.id).await;
    assert_eq!(bed.store.prune_runs(Scope::All, &[gone.id], bed.now).await, Ok(1));
    let due = bed.store.due_deliveries(Some(kept.id), None, bed.now, 1).await.expect("due messages are listed");
    let ids: Vec<_> = due.iter().map(|key| key.id).collect();
    let due = bed.store.take_deliveries(&ids, bed.now, bed.now.plus_ms(60_000)).await;
    for Due { row, .. } in due.expect("a message is taken") {
        let attempt = DeliveryTry {
            at: bed.now,
            took_ms: 7,
            status_code: Some(500),
            error: Some("it answered 500".into()),
            response: Some("größer \"n\"\n".into()),
        };
        let verdict = Verdict::Again(bed.now.plus_ms(5_000));
        let taken_until = row.next_attempt_at.expect("it was taken");
        let attempted = Attempted { id: row.id, taken_until, body: Some("{}".into()), attempt, verdict, now: bed.now };
        assert_eq!(bed.store.note_delivery(&attempted).await, Ok(true));
    }
}

async fn workflows(bed: &mut Bed) -> RevisionRef {
    let mut random = SeededEntropy::new(3);
    let workflow = WorkflowId::new(bed.now, &mut random);
    let [first, second] = [1, 2].map(|_| RevisionId::new(bed.now, &mut random));
    for (source, revision) in [("name: film\n", first), ("name: film # ü\n", second)] {
        let new = NewRevision {
            workspace: WorkspaceId::DEFAULT,
            name: "film".into(),
            workflow,
            revision,
            description: None,
            source: source.into(),
            hash: format!("hash of {source}"),
            schedule: Some(schedule(bed.now)),
            expected: Expected::Anything,
            actor: ada(),
            now: bed.now,
        };
        bed.store.apply_workflow(&new).await.expect("a workflow is applied");
    }
    RevisionRef { workflow, revision: second }
}

async fn runs(bed: &mut Bed, revision: RevisionRef) {
    ended(bed, revision).await;
    retrying(bed).await;
    let group = Node { fan: Fan::CountOf("{{ n }}".into()), ..node("b", &[]) };
    bed.submit(plan(vec![group])).await;
    let slot = || Plan { concurrency: one_at_a_time("home"), ..plan(vec![node("a", &[])]) };
    bed.submit(slot()).await;
    bed.submit(slot()).await;
    let limited = Concurrency { key: "gpu".into(), limit: 2 };
    let narrow = Node { fan: Fan::Count(4), concurrency: Some(limited), ..node("a", &[]) };
    bed.submit(plan(vec![narrow, node("last", &[0])])).await;
    bed.store.admit(Scope::All, bed.now).await.expect("slots are given");
    half_done(bed).await;
    let paused = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    bed.store.pause_run(Scope::All, paused, &ada(), bed.now).await.expect("a run is paused");
    let elsewhere = Node { queue: "second".into(), priority: Some(-5), ..node("a", &[]) };
    bed.submit(plan(vec![elsewhere])).await;
}

/// Runs that are over, with all that a run can have.
async fn ended(bed: &mut Bed, revision: RevisionRef) {
    let labels = [("team".to_owned(), "a \"b\" ü".to_owned()), ("tier".to_owned(), "1".to_owned())].into();
    let group = Node { fan: Fan::Each(vec![Value::from(1), Value::from("x")]), ..node("a", &[]) };
    let mut new: NewRun = bed.new_run(Plan { labels, ..plan(vec![group, node("b", &[0])]) });
    new.revision = Some(revision);
    new.external_id = Some("order/77".into());
    new.plan_source = Some("tasks:\n  a: {}\n".into());
    new.input = Json::from_stored("{ \"n\":  1.50 }");
    bed.store.submit(&new).await.expect("the run is created");
    for part in 0..3_u32 {
        let held = bed.claim_one().await;
        bed.start(&held).await;
        let bytes = if part == 0 { vec![0xff, 0, b'\n'] } else { "größer\n".as_bytes().to_vec() };
        let (task, attempt) = (held.claimed.task, held.claimed.attempt);
        let chunk = LogChunk { task, attempt, at: LogPlace::default(), stream: Stream::Stdout, bytes };
        bed.store.append_logs(Scope::All, &[chunk]).await.expect("a log is kept");
        bed.settle(held, Outcome::Success { output: Some(Json::from_stored("[1,  \"ü\"]")) }).await;
    }
    let failing = bed.submit(plan(vec![node("a", &[]), node("b", &[0])])).await;
    bed.work(failed()).await;
    assert_eq!(bed.status(failing).await, RunStatus::Failed);
    bed.store.acknowledge_run(Scope::All, failing, &ada(), bed.now).await.expect("it is acknowledged");
}

/// A run that is over and whose log is packed but for its end.
async fn packed(bed: &mut Bed) {
    bed.submit(plan(vec![Node { priority: Some(900), ..node("talk", &[]) }])).await;
    let held = bed.claim_one().await;
    let (task, attempt) = (held.claimed.task, held.claimed.attempt);
    let (mut at, mut blocks) = (LogPlace::default(), Vec::new());
    for stream in [Stream::Stdout, Stream::Ork] {
        let bytes = "größer\n".repeat(2_500).into_bytes();
        let chunk = LogChunk { task, attempt, at, stream, bytes };
        bed.store.append_logs(Scope::All, std::slice::from_ref(&chunk)).await.expect("a log is kept");
        at = chunk.end();
        blocks.push(chunk.into_block());
    }
    bed.settle(held, Outcome::Success { output: None }).await;
    let workspace = WorkspaceId::DEFAULT;
    let key = BlobKey::of_run(workspace, task.run, "log-0-1-0");
    let loose = LooseBlob { key: key.clone(), workspace, kept_until: bed.now.plus_ms(1) };
    assert_eq!(bed.store.note_blob(Scope::All, &loose).await, Ok(true));
    let half = blocks[0].split_off(5_000);
    let mut after = 0;
    for (block, kept) in
        [(&blocks[0], PartKept::Inline(vec![0xfd, 0, b'\n'])), (&half, PartKept::Blob { key, size: 77 })]
    {
        let lines = block.end().line - block.at.line;
        let part = LogPart { at: block.at, length: block.bytes.len() as u64, lines, kept };
        let pack = LogPack { task, attempt, after, part, now: bed.now };
        assert_eq!(bed.store.pack_log(&pack).await, Ok(Packed::Done));
        after = block.end_offset();
    }
}

/// A task that waits for its second attempt.
async fn retrying(bed: &mut Bed) {
    bed.submit(plan(vec![Node { retry: tries(3), ..node("a", &[]) }])).await;
    bed.work(failed()).await;
}

/// A run of which some tasks are done, one is claimed, one has begun, and the others wait.
async fn half_done(bed: &mut Bed) {
    bed.submit(plan(vec![Node { fan: Fan::Count(6), priority: Some(9), ..node("part", &[]) }, node("join", &[0])]))
        .await;
    bed.work(done()).await;
    let held = bed.claim(2).await;
    bed.start(&held[0]).await;
}

/// Takes a database over as engines do when whoever worked on it is gone: its leases are lost, pauses end, time passes, and
/// all of it is carried to its end. Then looks for anything that is wrong.
pub async fn carry_on(store: Arc<dyn Store>) {
    let now = Timestamp::from_micros(1_900_000_000_000_000);
    let worker = WorkerId::new(now, &mut SeededEntropy::new(now.micros().unsigned_abs()));
    for gone in store.workers(Scope::All).await.expect("workers are listed") {
        strike_off(store.as_ref(), gone.id, now).await;
    }
    store.register_worker(&worker_row(worker, now)).await.expect("a worker registers");
    for pause in store.queue_pauses(Scope::All).await.expect("pauses are listed") {
        store.resume_queue(pause.workspace, &pause.queue).await.expect("a queue goes on");
    }
    let ids = store.run_ids(Scope::All, None, 10_000).await.expect("ids are answered");
    for id in &ids {
        // Most were never paused.
        store.resume_run(Scope::All, *id, &ada(), now).await.ok();
    }
    let gates = store.gates(Scope::All, &GateFilter { open: true, limit: 200, ..GateFilter::default() }).await;
    for gate in gates.expect("gates are listed") {
        let decision = Decision { gate: gate.id, approve: true, comment: None, grant: None, actor: ada(), now };
        store.decide(Scope::All, &decision).await.expect("it is decided");
    }
    let (mut at, mut idle) = (Carrier { store: Arc::clone(&store), worker, now, lease: 1_000_000 }, 0);
    while idle < IDLE_ROUNDS_MAX {
        idle = if at.round().await { 0 } else { idle + 1 };
    }
    let live = RunFilter {
        statuses: RunStatus::ALL.iter().copied().filter(|status| !status.is_terminal()).collect(),
        limit: 200,
        ..RunFilter::default()
    };
    let left = store.runs(Scope::All, &live).await.expect("runs are listed");
    assert_eq!(left.iter().map(|run| run.id).collect::<Vec<_>>(), [], "they are still live");
    for id in store.run_ids(Scope::All, None, 10_000).await.expect("ids are answered") {
        let dump = store.dump(Scope::All, id).await.expect("a dump is answered").expect("the run exists");
        assert_eq!(check(&dump), [], "{id}");
    }
    assert_eq!(store.overbooked(Scope::All).await.expect("limits are answered"), []);
}

async fn strike_off(store: &dyn Store, gone: WorkerId, now: Timestamp) {
    store.retire_worker(gone, now).await.expect("a worker is struck off");
    let leases = store.leases_of(gone, 10_000).await.expect("leases are listed");
    let settles: Vec<Settle> = (leases.iter())
        .map(|lease| Settle {
            task: lease.task,
            attempt: lease.attempt,
            lease: lease.id,
            outcome: Outcome::lost(&gone.to_string()),
            started_at: None,
            finished_at: now,
            end: ork_core::graph::ProcessEnd::default(),
            random: 0,
        })
        .collect();
    if !settles.is_empty() {
        store.settle(Scope::All, &settles, &ada(), now).await.expect("leases are settled");
    }
}

/// An engine in one task.
struct Carrier {
    store: Arc<dyn Store>,
    worker: WorkerId,
    now: Timestamp,
    lease: i64,
}

impl Carrier {
    /// One round; whether anything was done.
    async fn round(&mut self) -> bool {
        self.now = self.now.plus_ms(3_600_000);
        self.lease += 1;
        let (store, now) = (Arc::clone(&self.store), self.now);
        let mut is_busy = store.promote(Scope::All, now, 1_000).await.expect("upkeep is answered").queued > 0;
        is_busy |= store.admit(Scope::All, now).await.expect("upkeep is answered").queued > 0;
        for evaluation in store.evaluations(Scope::All, None, 1_000).await.expect("evaluations are listed") {
            is_busy = true;
            match evaluation.target {
                EvaluationTarget::Group(g) => self.expand(evaluation.run, g).await,
                EvaluationTarget::Result => {
                    let result = Ok(Json::from_stored("1"));
                    store.conclude_run(Scope::All, evaluation.run, result, now).await.expect("it is answered");
                }
            }
        }
        let lanes = store.lanes(Scope::All, 1_000).await.expect("lanes are listed");
        let lanes = lanes.into_iter().map(|row| row.lane).collect();
        let (worker, lease) = (self.worker, LeaseId(self.lease));
        let claim = Claim { scope: Scope::All, worker, lease, again: false, lanes, limit: 1_000, now };
        for claimed in store.claim(&claim).await.expect("a claim is answered") {
            is_busy = true;
            let held = crate::bed::Held { claimed, lease };
            let stands = store.standing(Scope::All, claimed.task, claimed.attempt).await.expect("it is answered");
            let outcome = match stands.open_as {
                Some(OpenAs::Lost) => Outcome::WoundUp { failure: stands.error },
                Some(OpenAs::Waiting | OpenAs::Cancelled) | None => done(),
            };
            store.settle(Scope::All, &[settle(&held, outcome, now)], &ada(), now).await.expect("it is settled");
        }
        is_busy
    }

    async fn expand(&self, run: RunId, g: u32) {
        let groups = self.store.groups(Scope::All, run).await.expect("groups are listed");
        let size = groups.iter().find(|group| group.g == g).and_then(|group| group.size).unwrap_or(2);
        let expansion = Expansion::Siblings { size, items: None, unmet: Vec::new() };
        self.store.expand(Scope::All, run, g, &expansion, self.now).await.expect("a group expands");
    }
}
