//! What the executor of one step talks to.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::executor::{AttemptIo, Kept, KeptFile, Progress, StopCause, Stream, Unkept};
use ork_core::step::{Step, StepPhase};
use tokio::time::{Instant, sleep_until};

use crate::keeper::Keeper;
use crate::live::Live;
use crate::parts::lock;

/// Bytes that are kept of what a step printed, for those who ask why it failed.
const TAIL_BYTES_MAX: usize = 16 << 10;

#[derive(Clone)]
pub struct StepIo(Arc<Inner>);

struct Inner {
    live: Arc<Live>,
    /// The step's name.
    name: String,
    /// Cleanup is done whatever happens to the attempt.
    is_cleanup: bool,
    /// When this step's time is over.
    until: Option<Instant>,
    /// When the task's is.
    task_until: Option<Instant>,
    tail: Mutex<Vec<u8>>,
}

impl StepIo {
    /// For one try of a step; `ends` are those of the attempt's cleanup and of the task.
    pub fn new(live: &Arc<Live>, step: &Step, ends: (Option<Instant>, Option<Instant>)) -> Self {
        let own = step.timeout_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
        let is_cleanup = step.phase == StepPhase::Cleanup;
        let cleanup_until = ends.0.filter(|_| is_cleanup);
        Self(Arc::new(Inner {
            live: Arc::clone(live),
            name: step.name.clone(),
            is_cleanup,
            until: own.into_iter().chain(cleanup_until).min(),
            task_until: ends.1,
            tail: Mutex::default(),
        }))
    }

    /// The end of what the step printed, from the beginning of a line.
    pub fn tail(&self) -> Option<String> {
        let tail = std::mem::take(&mut *lock(&self.0.tail));
        let cut = tail.len().saturating_sub(TAIL_BYTES_MAX);
        let line = if cut == 0 { 0 } else { cut + tail[cut..].iter().position(|b| *b == b'\n').map_or(0, |at| at + 1) };
        let text = String::from_utf8_lossy(&tail[line..]).replace('\0', "\u{fffd}");
        (!text.is_empty()).then_some(text)
    }
}

async fn at(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => pending().await,
    }
}

#[async_trait]
impl AttemptIo for StepIo {
    /// That the attempt has begun was written down before its first step.
    fn started(&self, _handle: Option<String>) {}

    fn log(&self, stream: Stream, bytes: &[u8]) {
        let mut tail = lock(&self.0.tail);
        tail.extend_from_slice(bytes);
        if tail.len() > 4 * TAIL_BYTES_MAX {
            let cut = tail.len() - TAIL_BYTES_MAX;
            tail.drain(..cut);
        }
        drop(tail);
        self.0.live.log(stream, bytes);
    }

    fn log_cut(&self, stream: Stream) {
        self.0.live.log_cut(stream);
    }

    fn progress(&self, progress: Progress) {
        self.0.live.progress(progress);
    }

    fn progress_line(&self, line: &str) {
        self.0.live.progress_line(line);
    }

    async fn keep(&self, files: Vec<KeptFile>) -> Result<Vec<Kept>, Unkept> {
        Keeper::new(&self.0.live, Some(&self.0.name)).keep(files, self.stopped()).await
    }

    async fn stopped(&self) -> StopCause {
        let inner = &self.0;
        let attempt = async { if inner.is_cleanup { pending().await } else { inner.live.until_stopped().await } };
        tokio::select! {
            biased;
            cause = attempt => cause,
            () = at(inner.until) => StopCause::Timeout,
            () = at(inner.task_until) => {
                inner.live.stop(StopCause::Timeout);
                StopCause::Timeout
            }
        }
    }
}
