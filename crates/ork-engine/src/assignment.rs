//! What an attempt is to do, with every expression evaluated.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ork_core::attempt::{Failure, FailureKind};
use ork_core::error::{StoreError, StoreResult};
use ork_core::executor::{Assignment, Executor, ProcessWork, Program, Work};
use ork_core::json::Json;
use ork_core::plan::{Action, Fan, Node};
use serde_json::{Value, json};

use crate::backoff::Backoff;
use crate::executors::Handler;
use crate::expressions::{self, Scope, Secrets};
use crate::live::Live;
use crate::parts::lock;
use crate::prompts;
use crate::secrets;

/// The work, and who does it.
pub enum Job {
    /// It has steps.
    Steps(Arc<dyn Executor>),
    Operation(Handler, Value),
    Process(Arc<dyn Executor>, Box<Assignment>),
}

/// Why there is no work.
pub enum Unprepared {
    /// An expression failed, or nobody here does such work.
    Failed(Failure),
    /// The attempt was told to stop before it had begun.
    Stopped,
}

impl From<Failure> for Unprepared {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The pipeline up to the execution: who does it, what the expressions see, what they give.
pub async fn prepare(live: &Live) -> Result<Job, Unprepared> {
    let plan = &live.ticket.plan;
    let node = live.node().ok_or_else(|| expressions::failed("the plan has no such task"))?;
    let who = executor(live, node)?;
    if let (Who::Process(executor, _), false) = (&who, node.action.steps.is_empty()) {
        return Ok(Job::Steps(Arc::clone(executor)));
    }
    let action =
        if plan.is_literal(live.ticket.claimed.g) { Filled::literal(&node.action) } else { fill(live, node).await? };
    Ok(match who {
        Who::Handler(handler) => Job::Operation(handler, action.params),
        Who::Process(executor, program) => {
            let assignment = assignment(live, action, &node.action, program)?;
            Job::Process(executor, Box::new(assignment))
        }
    })
}

enum Who {
    Handler(Handler),
    /// With the program, when the task itself names none.
    Process(Arc<dyn Executor>, Option<Program>),
}

fn executor(live: &Live, node: &Node) -> Result<Who, Failure> {
    let executors = &live.parts.executors;
    let process = executors.process.clone();
    let (who, work) = match (node.action.executor.as_str(), &node.action.operation) {
        (Action::PROCESS, _) => (process.map(|process| Who::Process(process, None)), "run processes".to_owned()),
        (Action::WORKER, Some(operation)) => {
            let handler = executors.handlers.get(operation).cloned().map(Who::Handler);
            let program = || executors.commands.get(operation).cloned();
            let command = || process.zip(program()).map(|(process, program)| Who::Process(process, Some(program)));
            (handler.or_else(command), format!("serve the operation `{operation}`"))
        }
        (other, _) => (None, format!("have the executor `{other}`")),
    };
    let name = &live.parts.config.worker_name;
    who.ok_or_else(|| Failure::new(FailureKind::Unserved, format!("worker `{name}` does not {work}")))
}

/// An action with its templates filled in.
struct Filled {
    command: Option<Vec<String>>,
    params: Value,
    env: BTreeMap<String, String>,
    workdir: Option<String>,
}

impl Filled {
    fn literal(action: &Action) -> Self {
        let text = |value: &Value| value.as_str().map_or_else(|| plain(value), str::to_owned);
        Self {
            command: action.command.clone(),
            params: action.params.clone(),
            env: action.env.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
            workdir: action.workdir.clone(),
        }
    }

    fn rendered(action: &Action, scope: &Scope) -> Result<Self, Failure> {
        let text = |text: &String| expressions::render_text(text, scope);
        let params = expressions::render(&action.params, scope)?;
        Json::from_value(&params)
            .map_err(|error| expressions::failed(format!("failed to make the parameters: {error}")))?;
        let env = action.env.iter().map(|(name, value)| Ok((name.clone(), plain(&expressions::render(value, scope)?))));
        Ok(Self {
            command: action.command.as_ref().map(|argv| argv.iter().map(text).collect()).transpose()?,
            params,
            env: env.collect::<Result<_, Failure>>()?,
            workdir: action.workdir.as_ref().map(text).transpose()?,
        })
    }
}

/// A value in the environment.
fn plain(value: &Value) -> String {
    expressions::as_text(value)
}

/// What the expressions of a task see.
pub struct Context {
    /// Shared with its siblings.
    pub scope: Arc<Mutex<Scope>>,
    /// What is its own.
    pub task: Value,
    /// The texts of the prompts that they read.
    pub prompts: BTreeMap<String, String>,
}

impl Context {
    pub async fn of(live: &Live, node: &Node) -> Result<Self, Unprepared> {
        let (parts, plan, claimed) = (&live.parts, &live.ticket.plan, &live.ticket.claimed);
        let scope = patiently(live, || parts.outputs.scope(parts, plan, Some(claimed.g))).await?;
        let item = match &node.fan {
            Fan::Each(items) => items.get(claimed.task_index as usize).cloned(),
            Fan::EachOf(_) => {
                let items = patiently(live, || parts.outputs.items(parts, plan, claimed.g)).await?;
                items.get(claimed.task_index as usize).cloned()
            }
            Fan::One | Fan::Count(_) | Fan::CountOf(_) => None,
        };
        let task = json!({
            "id": claimed.task.id().to_string(),
            "key": node.key,
            "index": claimed.task_index,
            "item": item,
            "attempt": claimed.attempt,
        });
        Ok(Self { scope, task, prompts: prompts::texts(live, node).await? })
    }
}

/// Evaluates the expressions of an action over what they read.
async fn fill(live: &Live, node: &Node) -> Result<Filled, Unprepared> {
    let Context { scope, task, prompts } = Context::of(live, node).await?;
    let secrets = secrets::unlock(live, node, &[]).await?;
    let mut scope = lock(&scope);
    (scope.task, scope.prompts) = (Some(task), prompts);
    // Siblings share the scope, and nobody else is to find secrets in it.
    scope.secrets = secrets;
    let filled = Filled::rendered(&node.action, &scope);
    scope.secrets = Secrets::default();
    Ok(filled?)
}

/// Reads from the store until it answers, or the attempt has to stop.
pub async fn patiently<T, F>(live: &Live, read: impl Fn() -> F) -> Result<T, Unprepared>
where
    F: Future<Output = StoreResult<T>>,
{
    let mut backoff = Backoff::new();
    loop {
        match read().await {
            Ok(answer) => return Ok(answer),
            Err(error @ StoreError::Unavailable(_)) => live.parts.store_failed("attempt", &error),
            Err(error) => return Err(Unprepared::Failed(expressions::failed(error))),
        }
        tokio::select! {
            biased;
            _ = live.until_stopped() => return Err(Unprepared::Stopped),
            () = backoff.wait() => {}
        }
    }
}

fn assignment(
    live: &Live,
    filled: Filled,
    action: &Action,
    program: Option<Program>,
) -> Result<Assignment, Unprepared> {
    let (ticket, plan) = (&live.ticket, &live.ticket.plan);
    let claimed = &ticket.claimed;
    let program = match (program, filled.command, &action.run) {
        (Some(program), ..) => program,
        (None, Some(argv), _) => Program::Argv(argv),
        (None, None, Some(script)) => Program::Script(script.clone()),
        (None, None, None) => return Err(expressions::failed("the task has neither a command nor a script").into()),
    };
    let is_here = plan.host.as_ref().is_none_or(|host| *host == live.parts.config.host);
    Ok(Assignment {
        workspace: claimed.workspace,
        task: claimed.task,
        key: plan.key(claimed.g),
        index: claimed.task_index,
        attempt: claimed.attempt,
        nonce: format!("{}-{}-{:016x}", claimed.task.id(), claimed.attempt, ticket.lease.0),
        work: Work::Process(ProcessWork {
            program,
            env: filled.env,
            workdir: filled.workdir.map(PathBuf::from),
            output: action.output,
        }),
        params: filled.params,
        project: plan.project.clone().filter(|_| is_here),
        step: None,
    })
}
