//! Secrets reach the task that reads them, and nothing that it says.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::clock::{Clock, SeededEntropy};
use ork_core::event::Actor;
use ork_core::executor::{Assignment, AttemptIo, Executor, Progress, Report, Stream, Work};
use ork_core::id::WorkspaceId;
use ork_core::json::Json;
use ork_core::limits::MESSAGE_BYTES_MAX;
use ork_core::store::{LogQuery, Logs, NewSecret, Scope, Secrets};
use ork_engine::{EngineConfig, Executors, HandlerContext, Handlers, Observation};
use ork_vault::{MasterKey, Place, Secret, Vault, key_of};
use tokio::time::sleep;

use crate::world::World;

const TOKEN: &str = "t0ken/of+great~value";

fn vault(byte: u8) -> Arc<Vault> {
    Arc::new(Vault::new(&[MasterKey::new([byte; 32])]))
}

async fn set(world: &World, vault: &Vault, name: &str, text: &str) {
    let place = Place::secret(WorkspaceId::DEFAULT, name);
    let sealed = vault.seal(place, &Secret::new(text.to_owned()), &mut SeededEntropy::new(9)).unwrap();
    let key_id = key_of(&sealed).unwrap();
    let (actor, now) = (Actor::user("ada"), world.clock.now());
    let new = NewSecret { workspace: WorkspaceId::DEFAULT, name: name.into(), sealed, key_id, actor, now };
    world.store.inner.set_secret(&new).await.unwrap();
}

/// What handlers do with what they are given: say it in every way, and answer with its length.
fn handlers() -> Handlers {
    Handlers::default()
        .with("tell", |context: HandlerContext| async move {
            let token = context.params["token"].as_str().unwrap_or_default().to_owned();
            let (head, tail) = token.split_at(token.len() / 2);
            context.log(Stream::Stdout, format!("it is {head}").as_bytes());
            context.log(Stream::Stderr, format!("or {token}\n").as_bytes());
            context.log(Stream::Stdout, format!("{tail}, said in two pieces\n").as_bytes());
            context.log(Stream::Stdout, head.as_bytes());
            context.progress(Progress {
                percent: 50,
                stage: Some(token.clone()),
                message: Some(format!("at {token}")),
            });
            sleep(Duration::from_secs(3)).await;
            let answer = serde_json::json!({"length": token.len(), "said": token, token.clone(): [token]});
            Ok(Json::from_value(&answer).ok())
        })
        .with("fail", |context: HandlerContext| async move { Err(format!("refused: {}", context.params["token"])) })
        .with("panic", |context: HandlerContext| async move { panic!("with {}", context.params["token"]) })
}

async fn ends(world: &mut World, vault: Option<Arc<Vault>>, work: &str) -> (ork_core::store::RunDump, String) {
    let executors = Executors { handlers: handlers(), ..Executors::default() };
    let lanes = ["tell", "fail", "panic"].map(str::to_owned).to_vec();
    let change = |config: &mut EngineConfig| (config.vault, config.lanes) = (vault, lanes);
    let _engine = world.start(executors, change).await;
    let run = world.submit(&format!("{{name: say, tasks: {{a: {work}}}, result: '{{{{ tasks.a.output }}}}'}}")).await;
    let shown = world.end(run).await;
    (world.dump(run).await, shown)
}

#[tokio::test(start_paused = true)]
async fn what_a_task_says_of_a_secret_is_hidden() {
    let mut world = World::new();
    set(&world, &vault(1), "token", TOKEN).await;
    let work = "{operation: tell, with: {token: '{{ secrets.token }}'}}";
    let (dump, shown) = ends(&mut world, Some(vault(1)), work).await;
    let output = r#"{"length":20,"said":"***","***":["***"]}"#;
    assert_eq!(shown, format!("run success {output}\na[0] success {output}"));
    let task = dump.tasks[0].row.task;
    let query = LogQuery { task, attempt: 1, from: 0, bytes_max: 10_000 };
    let page = world.store.inner.logs(Scope::All, query).await.unwrap();
    let text: String = page.chunks.iter().map(|chunk| String::from_utf8_lossy(&chunk.bytes).into_owned()).collect();
    // The two streams are told apart, and each is searched by itself.
    let is_hidden = ["it is ", "or ***\n", "***, said in two pieces\n"].iter().all(|part| text.contains(part));
    assert!(is_hidden, "{text}");
    assert!(!text.contains(&TOKEN[..8]), "it ends with the beginning of one: {text}");
    assert!(!text.contains(TOKEN));
    assert!(!format!("{dump:?}").contains(TOKEN), "neither plan, events, errors nor progress have it");
}

#[tokio::test(start_paused = true)]
async fn errors_say_nothing_of_a_secret() {
    for (work, error) in [
        ("{operation: fail, with: {token: '{{ secrets.token }}'}}", r#"refused: "***""#),
        ("{operation: panic, with: {token: '{{ secrets.token }}'}}", r#"panicked: with "***""#),
    ] {
        let mut world = World::new();
        set(&world, &vault(1), "token", TOKEN).await;
        let (dump, shown) = ends(&mut world, Some(vault(1)), work).await;
        assert_eq!(shown, format!("run failed\na[0] failed error: {error}"));
        assert!(!format!("{dump:?}").contains(TOKEN));
    }
    let mut world = World::new();
    set(&world, &vault(1), "token", TOKEN).await;
    let (dump, shown) =
        ends(&mut world, Some(vault(1)), "{operation: fail, with: {n: '{{ secrets.token | int }}'}}").await;
    assert!(shown.starts_with("run failed\na[0] failed error: failed to evaluate"), "{shown}");
    assert!(!format!("{dump:?}").contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_had_fails_the_task() {
    let work = "{operation: fail, retry: {max_attempts: 3}, with: {token: '{{ secrets.token }}'}}";
    let mut world = World::new();
    let (_, shown) = ends(&mut world, Some(vault(1)), work).await;
    assert_eq!(shown, "run failed\na[0] failed error: there is no secret `token`");
    let mut world = World::new();
    set(&world, &vault(2), "token", TOKEN).await;
    let key = vault(2).key_id().unwrap();
    let (_, shown) = ends(&mut world, Some(vault(1)), work).await;
    let wanted = format!(
        "failed to open the secret `token`: it was sealed with the key `{key}`, and this process has no such key"
    );
    assert_eq!(shown, format!("run failed\na[0] failed error: {wanted}"));
    let mut world = World::new();
    set(&world, &vault(1), "token", TOKEN).await;
    let (_, shown) = ends(&mut world, None, work).await;
    assert_eq!(shown, "run failed\na[0] failed error: this worker opens no secrets, and the task reads `token`");
}

/// Cuts what its program says of a secret of several words, as the executor of processes does: a line of progress as it was
/// written, one of the log that is too long, and an error that is.
struct Cutter;

#[async_trait]
impl Executor for Cutter {
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        io.started(None);
        let Work::Process(process) = &work.work else { panic!("not a process") };
        let token = process.env["TOKEN"].as_str();
        io.progress_line(&format!("40 {token} now\r"));
        io.progress_line(&format!("50 at {}", &token[..15]));
        io.progress_line(&format!("{token} 60"));
        io.log(Stream::Stdout, format!("long: {}", &token[..15]).as_bytes());
        io.log_cut(Stream::Stdout);
        io.log(Stream::Stdout, b" [cut]\nnext: ");
        io.log(Stream::Stdout, &token.as_bytes()[..12]);
        sleep(Duration::from_secs(3)).await;
        let message = format!("{}{token}", "x".repeat(MESSAGE_BYTES_MAX - 10));
        Report::of(Outcome::Failed(Failure::new(FailureKind::Output, message)))
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_cut_or_split_is_hidden_before_that() {
    const WORDS: &str = "correct horse battery";
    let mut world = World::new();
    set(&world, &vault(1), "words", WORDS).await;
    let executors = Executors { process: Some(Arc::new(Cutter)), ..Executors::default() };
    let engine = world.start(executors, |config| config.vault = Some(vault(1))).await;
    let mut seen = engine.observe();
    let run = world.submit("{name: cut, tasks: {a: {command: [say], env: {TOKEN: '{{ secrets.words }}'}}}}").await;
    let shown = world.end(run).await;
    let (mut progress, mut log) = (Vec::new(), Vec::new());
    while let Ok(observation) = seen.try_recv() {
        match observation {
            Observation::Progress { progress: Progress { percent, stage, message }, .. } => {
                progress.push(format!("{percent} {stage:?} {message:?}"));
            }
            Observation::Log { bytes, .. } => log.extend_from_slice(&bytes),
            _ => {}
        }
    }
    assert_eq!(progress, [r#"40 Some("***") Some("now")"#, r#"50 Some("at") Some("***")"#]);
    assert_eq!(String::from_utf8_lossy(&log), "long: *** [cut]\nnext: ***");
    assert!(shown.ends_with("xxx***…"), "{}", &shown[shown.len() - 40..]);
    let dump = format!("{:?}", world.dump(run).await);
    assert!(!dump.contains("correct") && !dump.contains("battery"));
}
