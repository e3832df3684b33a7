//! One attempt, from the start of its process to the proof that nothing of it runs.

use std::future::{pending, poll_fn};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::pin::{Pin, pin};
use std::process::ExitStatus;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use ork_core::attempt::{Failure, FailureKind, Outcome, Usage};
use ork_core::executor::{AttemptIo, Report, StopCause, Stream};
use ork_core::plan::OutputFrom;
use rustix::buffer::spare_capacity;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};

use super::folders::Folder;
use super::keep::Keeping;
use super::kernel;
use super::launch::Launched;
use super::leader::Leader;
use super::log::Log;
use super::output::{Answer, Large, Printed};
use super::progress::ProgressFile;
use super::tokens;
use super::tree::{self, Tree};
use super::workshop::Workshop;

/// How often progress is looked at and orphans are reaped while a process runs.
const TICK: Duration = Duration::from_millis(500);
/// How often a stopped tree is looked at.
const STOP_TICK: Duration = Duration::from_millis(100);
/// How long a killed process may take to die before its attempt ends without proof of its death.
const DEATH: Duration = Duration::from_secs(30);
/// The same when whoever asked for it waits for that.
const DEATH_IN_HASTE: Duration = Duration::from_secs(2);
/// How long to wait when nothing is found to be killed, and yet something is there.
const BREATH: Duration = Duration::from_millis(5);
/// What is read of a stream at once.
const CHUNK_BYTES: usize = 64 << 10;
/// What is read of one stream before anything else gets its turn.
const TURN_BYTES_MAX: usize = 1 << 20;
/// The code with which a shell says that what it ran was killed.
const SHELL_KILLED: i32 = 128 + SIGKILL;
const SIGKILL: i32 = 9;

/// One attempt whose process has begun.
pub struct Attempt<'a> {
    leader: Leader,
    pidfd: AsyncFd<OwnedFd>,
    stdout: Source,
    stderr: Source,
    buffer: Vec<u8>,
    log: Log<'a>,
    progress: ProgressFile,
    folder: &'a Folder,
    workshop: &'a Workshop,
    oom_kills: Option<u64>,
    io: &'a dyn AttemptIo,
}

/// How an attempt ended.
struct Ending {
    /// `None` when its process could not be killed.
    exit: Option<(ExitStatus, Usage)>,
    /// Why it was stopped; `None` when it ended by itself.
    stopped: Option<StopCause>,
    /// Nothing of it is left.
    is_gone: bool,
}

/// What there is to be done.
enum Wake {
    Stop(StopCause),
    Ended,
    Readable,
    Tick,
    Deadline,
    Kill,
}

impl<'a> Attempt<'a> {
    /// Takes over a process that has begun.
    ///
    /// # Errors
    /// When the runtime cannot watch it; it is killed then.
    pub fn new(
        launched: Launched,
        folder: &'a Folder,
        workshop: &'a Workshop,
        io: &'a dyn AttemptIo,
    ) -> io::Result<Self> {
        Ok(Self {
            leader: launched.leader,
            pidfd: kernel::watch(launched.pidfd)?,
            stdout: Source::new(launched.stdout)?,
            stderr: Source::new(launched.stderr)?,
            buffer: Vec::with_capacity(CHUNK_BYTES),
            log: Log::new(io),
            progress: ProgressFile::new(folder.progress()),
            folder,
            workshop,
            oom_kills: workshop.oom_kills.count(),
            io,
        })
    }

    /// Sees it through to its end.
    pub async fn watch(mut self, output: OutputFrom) -> Report {
        self.io.started(Some(self.leader.pid().to_string()));
        let mut printed = Printed::new(output, self.folder.printed());
        let stopped = self.attend(&mut printed).await;
        let ending = self.end(stopped).await;
        // Nobody writes any more: what the pipes still hold is the rest.
        self.read(Stream::Stdout, &mut printed);
        self.read(Stream::Stderr, &mut printed);
        if self.folder.may_hold_answers() {
            self.look_at_progress(true);
        }
        let (report, large) = self.report(&ending, printed);
        self.keep(report, large).await
    }

    /// Reads the streams until the process has ended and they have too, or until it has to be stopped and has had its
    /// time for that. Says why it was stopped; `None` if it had ended by itself before.
    async fn attend(&mut self, printed: &mut Printed) -> Option<StopCause> {
        let io = self.io;
        let mut stop = io.stopped();
        let (mut stopped, mut is_over, mut deadline) = (None, false, None);
        let mut tick = every(TICK);
        let mut killed = pin!(self.workshop.killed());
        loop {
            // A flood of output must not keep the thread from the runtime's other tasks.
            tokio::task::consume_budget().await;
            let wake = tokio::select! {
                cause = &mut stop, if stopped.is_none() => Wake::Stop(cause),
                () = is_readable(&self.pidfd), if !is_over => Wake::Ended,
                () = self.stdout.readable() => Wake::Readable,
                () = self.stderr.readable() => Wake::Readable,
                () = until(deadline) => Wake::Deadline,
                () = &mut killed => Wake::Kill,
                _ = tick.tick() => Wake::Tick,
            };
            match wake {
                Wake::Stop(_) | Wake::Kill if stopped.is_none() && tree::is_over(self.leader.pid()) => return None,
                Wake::Stop(cause) => {
                    stopped = Some(cause);
                    self.in_tree(Tree::terminate).await;
                    deadline = after_ms(self.workshop.config.grace_ms);
                    tick = every(STOP_TICK);
                }
                Wake::Ended => {
                    is_over = true;
                    self.read(Stream::Stdout, printed);
                    self.read(Stream::Stderr, printed);
                    if stopped.is_none() {
                        deadline = after_ms(self.workshop.config.drain_ms);
                    }
                }
                Wake::Readable => {
                    // Whichever it was: what a program printed before it complained stands before it in the log.
                    self.read_ready(Stream::Stdout, printed);
                    self.read_ready(Stream::Stderr, printed);
                }
                Wake::Tick => {
                    self.look_at_progress(false);
                    tree::reap_orphans();
                    if stopped.is_some() && is_over && self.in_tree(Tree::company).await == Some(0) {
                        return stopped;
                    }
                }
                Wake::Deadline => return stopped,
                // A stop may have been asked for in the same moment.
                Wake::Kill if stopped.is_none() => return Some(ready(stop).await.unwrap_or(StopCause::Drain)),
                Wake::Kill => return stopped,
            }
            if stopped.is_none() && is_over && self.stdout.is_closed() && self.stderr.is_closed() {
                return None;
            }
        }
    }

    /// Kills and reaps whatever is left.
    async fn end(&mut self, stopped: Option<StopCause>) -> Ending {
        // While the leader is not reaped, descent and group lead to all that it started. After an end of its own it is
        // dead already, and what it left has come to us.
        let death = if *self.workshop.killed.borrow() { DEATH_IN_HASTE } else { DEATH };
        let mut is_gone = stopped.is_none() || timeout(death, self.kill_held()).await.is_ok();
        self.leader.tree().kill_group();
        let exit = match self.leader.reap() {
            None if timeout(death, is_readable(&self.pidfd)).await.is_ok() => self.leader.reap(),
            exit => exit,
        };
        is_gone &= exit.is_some();
        if is_gone && !self.leader.tree().is_gone(&self.workshop.last_pid) {
            is_gone = timeout(death, self.kill_rest()).await.is_ok();
        }
        if !is_gone {
            self.log.note("a process of this attempt cannot be killed");
        }
        Ending { exit, stopped, is_gone }
    }

    /// Kills the tree of a leader that is not reaped.
    async fn kill_held(&self) {
        while self.in_tree(|tree| tree.kill(true)).await != Some(0) {}
    }

    /// Kills what is left after the leader was reaped.
    async fn kill_rest(&self) {
        loop {
            let killed = self.in_tree(|tree| tree.kill(false)).await;
            tree::reap_orphans();
            if self.leader.tree().is_gone(&self.workshop.last_pid) {
                return;
            }
            if killed == Some(0) {
                sleep(BREATH).await;
            }
        }
    }

    /// Does something that reads all of `/proc`, on a thread that may block.
    async fn in_tree<T: Send + 'static>(&self, act: impl FnOnce(&Tree) -> T + Send + 'static) -> Option<T> {
        let tree = Arc::clone(self.leader.tree());
        spawn_blocking(move || act(&tree)).await.ok()
    }

    /// Reads a stream that the runtime says is readable.
    fn read_ready(&mut self, stream: Stream, printed: &mut Printed) {
        self.drain(stream, printed, Source::read_ready);
    }

    /// Reads what a stream holds now.
    fn read(&mut self, stream: Stream, printed: &mut Printed) {
        self.drain(stream, printed, Source::read);
    }

    fn drain(
        &mut self,
        stream: Stream,
        printed: &mut Printed,
        read: impl Fn(&Source, &mut Vec<u8>) -> io::Result<usize>,
    ) {
        let source = match stream {
            Stream::Stdout => &mut self.stdout,
            Stream::Stderr => &mut self.stderr,
            // No process writes it.
            Stream::Ork => return,
        };
        let mut turn = 0;
        while turn < TURN_BYTES_MAX && !source.is_closed() {
            self.buffer.clear();
            match read(source, &mut self.buffer) {
                Ok(len) if len > 0 => {
                    turn += len;
                    self.log.take(stream, &self.buffer);
                    printed.take(stream, &self.buffer);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(_) | Err(_) => source.close(),
            }
        }
    }

    fn look_at_progress(&mut self, end: bool) {
        if let Some(line) = self.progress.look(end) {
            self.io.progress_line(&line);
        }
    }

    /// Keeps the files of an attempt that is over.
    async fn keep(&self, report: Report, large: Option<Large>) -> Report {
        let is_over = match &report.outcome {
            Outcome::Success { .. } => true,
            // They help to find out why.
            Outcome::Failed(failure) => failure.kind != FailureKind::Lost,
            _ => false,
        };
        if !is_over || large.is_none() && !self.folder.may_hold_artifacts() {
            return report;
        }
        let keeping = Keeping { folder: self.folder, log: &self.log, io: self.io };
        keeping.keep(report, large, self.workshop.killed()).await
    }

    /// The report; and the output, when it is too large to stand there.
    fn report(&self, ending: &Ending, printed: Printed) -> (Report, Option<Large>) {
        let (status, usage) = ending.exit.unzip();
        let (tokens, problem) =
            if self.folder.may_hold_answers() { tokens::read(&self.folder.tokens()) } else { (Vec::new(), None) };
        let mut large = None;
        let outcome = match (ending.stopped, status) {
            // Not `Cancelled`: that word is a proof.
            (Some(StopCause::Cancel | StopCause::Drain), _) if !ending.is_gone => {
                failed(FailureKind::Lost, "a process of the attempt cannot be killed")
            }
            (Some(StopCause::Cancel), _) => Outcome::Cancelled,
            (Some(StopCause::Drain), _) => Outcome::HandedBack,
            (Some(StopCause::Timeout), _) => failed(FailureKind::Timeout, "ran longer than its timeout"),
            (None, Some(status)) => match self.judge(status, printed) {
                Ok(Answer::Value(output)) => Outcome::Success { output },
                Ok(Answer::Large(answer)) => {
                    large = Some(answer);
                    Outcome::Success { output: None }
                }
                Err(outcome) => outcome,
            },
            (None, None) => failed(FailureKind::Lost, "its process cannot be killed"),
        };
        let outcome = match (outcome, problem) {
            (Outcome::Success { .. }, Some(problem)) => {
                large = None;
                Outcome::Failed(problem)
            }
            (outcome, _) => outcome,
        };
        let report = Report {
            outcome,
            exit_code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            usage: usage.unwrap_or_default(),
            tokens,
        };
        (report, large)
    }

    /// The answer of a process that ended by itself; its outcome, when that is no success.
    fn judge(&self, status: ExitStatus, printed: Printed) -> Result<Answer, Outcome> {
        if status.success() {
            let file = self.folder.may_hold_answers().then(|| self.folder.output());
            return printed.into_answer(file.as_deref()).map_err(Outcome::Failed);
        }
        let was_killed = status.signal() == Some(SIGKILL) || status.code() == Some(SHELL_KILLED);
        if was_killed && self.workshop.oom_kills.count() > self.oom_kills {
            return Err(failed(FailureKind::OutOfMemory, "killed by the kernel, which was out of memory for it"));
        }
        Err(match (status.code(), status.signal()) {
            (Some(code), _) => failed(FailureKind::Exit { code }, format!("exited with code {code}")),
            (None, signal) => {
                let signal = signal.unwrap_or(0);
                failed(FailureKind::Signal { signal }, format!("ended by signal {signal}"))
            }
        })
    }
}

/// What a future gives if it is ready by now.
async fn ready<T>(mut future: Pin<Box<dyn Future<Output = T> + Send + '_>>) -> Option<T> {
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

fn failed(kind: FailureKind, message: impl Into<String>) -> Outcome {
    Outcome::Failed(Failure::new(kind, message))
}

fn every(period: Duration) -> Interval {
    let mut interval = interval_at(Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

fn after_ms(ms: u64) -> Option<Instant> {
    // A time beyond the clock's end never comes.
    Instant::now().checked_add(Duration::from_millis(ms))
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

async fn is_readable(fd: &AsyncFd<OwnedFd>) {
    // An error means that the runtime is shutting down: then nothing is ready any more.
    if fd.readable().await.is_err() {
        pending().await
    }
}

/// The reading end of a stream's pipe; none once the stream has ended.
struct Source(Option<AsyncFd<OwnedFd>>);

impl Source {
    fn new(fd: OwnedFd) -> io::Result<Self> {
        kernel::watch(fd).map(|fd| Self(Some(fd)))
    }

    const fn is_closed(&self) -> bool {
        self.0.is_none()
    }

    fn close(&mut self) {
        self.0 = None;
    }

    /// Ends when there is something to be read, or the stream has ended; never once that is known.
    async fn readable(&self) {
        match &self.0 {
            Some(fd) => is_readable(fd).await,
            None => pending().await,
        }
    }

    /// Reads, and tells the runtime when there is no more for now.
    fn read_ready(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.0.as_ref().map_or(Ok(0), |fd| fd.try_io(Interest::READABLE, |fd| read(fd, buffer)))
    }

    /// Reads, whatever the runtime knows.
    fn read(&self, buffer: &mut Vec<u8>) -> io::Result<usize> {
        self.0.as_ref().map_or(Ok(0), |fd| read(fd.get_ref(), buffer))
    }
}

fn read(fd: &OwnedFd, buffer: &mut Vec<u8>) -> io::Result<usize> {
    Ok(rustix::io::read(fd, spare_capacity(buffer))?)
}
