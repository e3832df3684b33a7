//! Everything that an attempt has started: found, signalled, and proven to be gone.
//!
//! Three threads lead to a process, and one of them holds whatever it does. Its *group* is the attempt's unless it left
//! it. If it left (`setsid`, `setpgid`), its *parent* is of the attempt as long as that lives. If its parent is dead,
//! it was handed to this process, which is the subreaper of all its descendants: it is *our child* although we did not
//! start it, and its environment names the attempt, or one of the attempt's pipes is open in it. Who has left its
//! group, its parent, its environment and its streams behind is killed once no other attempt that could have started it
//! is in hand.
//!
//! A group may be signalled by its number only while its leader is not reaped: until then nobody else can get the
//! number. Single processes are signalled through a descriptor, after a second look at their start time.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, getpid, kill_process_group, pidfd_open, pidfd_send_signal,
    test_kill_process_group, waitid,
};

use super::live::{self, ticks_since_boot};
use super::spawner;
use super::table::{self, Environ, LastPid, Row};

/// The variable that marks the processes of one attempt.
pub const NONCE: &str = "ORK_NONCE";

/// An attempt that was over sooner than this has left nothing that is not among the ids given out meanwhile. It is
/// short enough that they cannot have gone round once.
const SHORT_MS: u64 = 200;

/// How long a pass waits for what it killed.
const PASS: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// The processes of one attempt.
pub struct Tree {
    leader: i32,
    /// The same number, as the name of the group.
    group: Pid,
    nonce: String,
    since: u64,
    /// The pipes of its streams, by inode.
    pipes: [u64; 2],
}

/// What is to be done with a child of this process that no attempt has as its leader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// It is of this attempt and runs.
    Ours,
    /// It is over, and waits to be reaped.
    Dead,
    /// It is not of this attempt, or nobody can tell yet.
    NotOurs,
}

impl Tree {
    /// The tree that begins with `leader`, which carries `nonce` and is no older than `entry`.
    pub fn new(leader: Pid, nonce: &str, entry: &live::Entry, pipes: [u64; 2]) -> Self {
        Self { leader: raw(leader), group: leader, nonce: nonce.to_owned(), since: entry.since(), pipes }
    }

    /// Its first process.
    pub const fn leader(&self) -> Pid {
        self.group
    }

    /// Asks every process of the tree to end. The leader must not have been reaped.
    pub fn terminate(&self) {
        // At once, and without a look around: a signal that waits for a scan may come too late.
        let _ = kill_process_group(self.group, Signal::TERM);
        for row in self.members(true) {
            if row.group != self.leader {
                strike(&row, Signal::TERM);
            }
            if row.is_stopped() {
                strike(&row, Signal::CONT);
            }
        }
    }

    /// How many processes of the tree run besides the leader, which must not have been reaped.
    pub fn company(&self) -> usize {
        self.members(true).iter().filter(|row| row.pid != self.leader).count()
    }

    /// Kills what it finds of the tree, the leader included, waits a moment for the deaths, and says how many it found.
    /// `held`: the leader has not been reaped.
    pub fn kill(&self, held: bool) -> usize {
        let found = self.members(held);
        kill_all(&found);
        found.len()
    }

    /// Kills what is left in the leader's group. The leader must not have been reaped.
    pub fn kill_group(&self) {
        let _ = kill_process_group(self.group, Signal::KILL);
    }

    /// Whether nothing of the tree runs any more. The leader has been reaped and its group killed. Reaps orphans on the
    /// way. Costs two system calls when this process has no other child.
    pub fn is_gone(&self, last_pid: &LastPid) -> bool {
        // Members that are dying still count, and hold the number. Signal 0 hurts nobody who might have got it since.
        if test_kill_process_group(self.group) != Err(Errno::SRCH) {
            return false;
        }
        if waitid(WaitId::All, PEEK).is_err_and(|error| error == Errno::CHILD) {
            return true;
        }
        self.candidates(last_pid).into_iter().all(|pid| match self.examine(pid) {
            Found::Ours => false,
            Found::Dead => {
                reap(pid);
                true
            }
            Found::NotOurs => true,
        })
    }

    /// The ids among which an orphan of this attempt must be.
    fn candidates(&self, last_pid: &LastPid) -> Vec<i32> {
        let age = ticks_since_boot().saturating_sub(self.since);
        let is_short = age * 1000 / rustix::param::clock_ticks_per_second() < SHORT_MS;
        match last_pid.get() {
            Some(last) if is_short && last >= self.leader => (self.leader..=last).collect(),
            _ => table::pids(),
        }
    }

    fn examine(&self, pid: i32) -> Found {
        if live::is_leader(pid) || peek(pid).is_err() {
            return Found::NotOurs;
        }
        table::row(pid).map_or(Found::NotOurs, |row| self.judge_child(&row))
    }

    /// Judges a child of this process that no attempt has as its leader.
    fn judge_child(&self, row: &Row) -> Found {
        if row.is_zombie() {
            return if may_reap(row) { Found::Dead } else { Found::NotOurs };
        }
        // Between `vfork` and `exec` a child still bears the name of the thread that is starting it.
        if row.name == spawner::NAME {
            return Found::NotOurs;
        }
        let environ = Environ::of(row.pid);
        let nonce = environ.get(NONCE);
        if nonce == Some(self.nonce.as_bytes()) || row.group == self.leader {
            return Found::Ours;
        }
        // Before its streams, since a child that somebody else in this process is just starting has all of our pipes
        // until its `exec`.
        if row.group == table::own().group || row.start < self.since {
            return Found::NotOurs;
        }
        let may_be_anothers = || {
            nonce.is_some_and(live::has) || live::is_leader(row.pid) || live::may_be_of_another(row.start, &self.nonce)
        };
        if table::holds_pipe(row.pid, &self.pipes) || !may_be_anothers() { Found::Ours } else { Found::NotOurs }
    }

    /// Everything of the tree that runs, by a look at all processes.
    fn members(&self, held: bool) -> Vec<Row> {
        let (me, rows) = (raw(getpid()), table::rows());
        let roots = rows.iter().filter(|row| {
            // Who is older than the attempt is not of it: most processes of a machine cost no further look.
            if row.start < self.since || row.is_zombie() {
                return false;
            }
            let is_child = row.parent == me;
            (row.group == self.leader && (held || is_child))
                || Environ::of(row.pid).get(NONCE) == Some(self.nonce.as_bytes())
                || (is_child && !live::is_leader(row.pid) && self.judge_child(row) == Found::Ours)
        });
        let roots = roots.map(|row| row.pid).collect();
        with_descendants(&rows, roots)
    }
}

const PEEK: WaitIdOptions = WaitIdOptions::EXITED.union(WaitIdOptions::NOHANG).union(WaitIdOptions::NOWAIT);

/// Whether `pid`, a child of this process, has ended. An error when it is no child.
fn peek(pid: i32) -> Result<bool, Errno> {
    let pid = Pid::from_raw(pid).ok_or(Errno::CHILD)?;
    waitid(WaitId::Pid(pid), PEEK).map(|ended| ended.is_some())
}

/// Whether a child has ended, though it is not reaped.
pub fn is_over(child: Pid) -> bool {
    peek(raw(child)) != Ok(false)
}

/// Reaps the orphans that have ended. Costs one system call when no child has.
pub fn reap_orphans() {
    if !matches!(waitid(WaitId::All, PEEK), Ok(Some(_))) {
        return;
    }
    for pid in table::pids() {
        if peek(pid) == Ok(true) && table::row(pid).is_some_and(|row| may_reap(&row)) {
            reap(pid);
        }
    }
}

/// Kills the processes that `is_root` chooses, what they started, and the groups that they lead; says how many were
/// found, and returns when they are gone, or after `passes` passes of at most 100 ms.
pub fn kill_where(is_root: impl Fn(&Row) -> bool, passes: usize) -> usize {
    let mut seen = BTreeSet::new();
    for _ in 0..passes {
        let rows = table::rows();
        let roots: BTreeSet<i32> = rows.iter().filter(|row| !row.is_zombie() && is_root(row)).map(|r| r.pid).collect();
        let in_led_group = |row: &&Row| roots.contains(&row.group);
        let roots = rows.iter().filter(in_led_group).map(|row| row.pid).chain(roots.iter().copied()).collect();
        let found = with_descendants(&rows, roots);
        if found.is_empty() {
            break;
        }
        seen.extend(found.iter().map(|row| (row.pid, row.start)));
        kill_all(&found);
        reap_orphans();
    }
    seen.len()
}

/// The rows of `roots` and of everything below them that runs. This process and its ancestors are never among them.
fn with_descendants(rows: &[Row], roots: BTreeSet<i32>) -> Vec<Row> {
    let by_pid: BTreeMap<i32, &Row> = rows.iter().map(|row| (row.pid, row)).collect();
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for row in rows {
        children.entry(row.parent).or_default().push(row.pid);
    }
    let mut spared = BTreeSet::from([0, 1]);
    let mut above = raw(getpid());
    while spared.insert(above) {
        above = by_pid.get(&above).map_or(0, |row| row.parent);
    }
    let (mut chosen, mut open) = (BTreeSet::new(), Vec::from_iter(roots));
    while let Some(pid) = open.pop() {
        if !spared.contains(&pid) && chosen.insert(pid) {
            open.extend(children.get(&pid).into_iter().flatten());
        }
    }
    chosen.iter().filter_map(|pid| by_pid.get(pid)).filter(|row| !row.is_zombie()).map(|row| (*row).clone()).collect()
}

/// Kills, and waits at most [`PASS`] after the last death.
fn kill_all(rows: &[Row]) {
    let mut struck: Vec<OwnedFd> = rows.iter().filter_map(|row| strike(row, Signal::KILL)).collect();
    while !struck.is_empty() {
        let mut polls: Vec<PollFd<'_>> = struck.iter().map(|fd| PollFd::new(fd, PollFlags::IN)).collect();
        if !poll(&mut polls, Some(&PASS)).is_ok_and(|ready| ready > 0) {
            return;
        }
        let mut over = polls.iter().map(|poll| !poll.revents().is_empty()).collect::<Vec<_>>().into_iter();
        struck.retain(|_| !over.next().unwrap_or(false));
    }
}

/// Sends a signal to exactly the process that was seen. The descriptor names whoever has the id now; if that is still
/// the process of this start time, the descriptor is its own, whatever becomes of the id.
fn strike(seen: &Row, signal: Signal) -> Option<OwnedFd> {
    let fd = pidfd_open(Pid::from_raw(seen.pid)?, PidfdFlags::empty()).ok()?;
    let now = table::row(seen.pid)?;
    if now.start != seen.start || now.is_zombie() {
        return None;
    }
    pidfd_send_signal(&fd, signal).ok()?;
    Some(fd)
}

/// Whether a dead child is an orphan that came to us. A child in our own group was started by somebody else in this
/// process, who waits for it; one that leads a group in our session may be an attempt's leader that is not registered
/// yet, as long as one is being started.
fn may_reap(row: &Row) -> bool {
    let looks_like_a_leader = row.group == row.pid && row.session == table::own().session;
    let is_spared = if looks_like_a_leader { live::may_be_leader(row.pid) } else { live::is_leader(row.pid) };
    row.group != table::own().group && !is_spared
}

fn reap(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOHANG);
    }
}

fn raw(pid: Pid) -> i32 {
    pid.as_raw_nonzero().get()
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn a_process_that_has_got_the_id_of_another_is_not_signalled() {
        let mut child = Command::new("/bin/sleep").arg("1000").spawn().unwrap();
        let seen = table::row(i32::try_from(child.id()).unwrap()).unwrap();
        let earlier = Row { start: seen.start - 1, ..seen.clone() };
        assert!(strike(&earlier, Signal::KILL).is_none());
        assert!(child.try_wait().unwrap().is_none());
        assert!(strike(&seen, Signal::KILL).is_some());
        child.wait().unwrap();
        assert!(strike(&seen, Signal::KILL).is_none());
    }

    #[test]
    fn this_process_and_those_above_it_are_never_chosen() {
        let rows = table::rows();
        let all = rows.iter().map(|row| row.pid).collect();
        let chosen: BTreeSet<i32> = with_descendants(&rows, all).iter().map(|row| row.pid).collect();
        let me = table::row(raw(getpid())).unwrap();
        assert!(chosen.is_disjoint(&BTreeSet::from([me.pid, me.parent, 1])));
    }

    #[test]
    fn a_child_in_our_own_group_is_left_to_whoever_started_it() {
        let mut child = Command::new("/bin/true").spawn().unwrap();
        let pid = i32::try_from(child.id()).unwrap();
        while peek(pid) != Ok(true) {
            std::thread::yield_now();
        }
        reap_orphans();
        assert!(child.wait().unwrap().success());
    }
}
