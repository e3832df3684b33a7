//! The process executor, with a way to end everything at once.

use std::future::pending;
use std::sync::Arc;

use async_trait::async_trait;
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{Assignment, AttemptIo, Executor, Report};
use ork_core::id::TaskId;
use ork_executors::ProcessExecutor;
use tokio::sync::watch;

/// Passes work on. Once it was told to, what runs is killed with everything that it started, without the
/// grace that a stopped attempt has.
pub struct Killer {
    inner: ProcessExecutor,
    killed: watch::Sender<Option<Outcome>>,
}

impl Killer {
    pub fn new(inner: ProcessExecutor) -> Arc<Self> {
        Arc::new(Self { inner, killed: watch::Sender::new(None) })
    }

    /// Kills what earlier attempts of these tasks have left, such as those of a process that was killed.
    pub async fn kill_strays(self: &Arc<Self>, tasks: &[TaskId]) {
        let (killer, tasks) = (Arc::clone(self), tasks.to_vec());
        let job = move || tasks.into_iter().map(|task| killer.inner.kill_strays(task)).sum::<usize>();
        // It reads all of `/proc`. A panic in it would be one of the executor's own attempts as well.
        tokio::task::spawn_blocking(job).await.ok();
    }

    /// Kills what runs because the run is cancelled. Dropping an attempt kills its tree; that nothing of it is left is
    /// not proven, and `lost` says so.
    pub fn kill(&self) {
        self.end(Outcome::Failed(Failure::new(FailureKind::Lost, "killed at once")));
    }

    /// Kills what runs so that another worker can do it.
    pub fn kill_and_hand_back(&self) {
        self.end(Outcome::HandedBack);
    }

    fn end(&self, outcome: Outcome) {
        self.killed.send_replace(Some(outcome));
    }
}

async fn order(killed: &mut watch::Receiver<Option<Outcome>>) -> Outcome {
    match killed.wait_for(Option::is_some).await.map(|order| order.clone()) {
        Ok(Some(outcome)) => outcome,
        // Nobody can give the order any more.
        Ok(None) | Err(_) => pending().await,
    }
}

#[async_trait]
impl Executor for Killer {
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        let mut killed = self.killed.subscribe();
        tokio::select! {
            biased;
            report = self.inner.execute(work, io) => report,
            outcome = order(&mut killed) => Report::of(outcome),
        }
    }
}
