//! What waits for a slot: one line for each workspace, served in turn. What one of them has claimed ahead is nobody else's wait.

use std::collections::{BTreeMap, VecDeque};

use ork_core::id::WorkspaceId;

use crate::desk::Ticket;

/// The lines. No line is empty.
#[derive(Default)]
pub struct Lines {
    waiting: BTreeMap<WorkspaceId, VecDeque<Ticket>>,
    /// Whose turn it is, and who follows; each workspace that waits, once.
    turns: VecDeque<WorkspaceId>,
    count: usize,
}

impl Lines {
    /// How many wait.
    pub const fn len(&self) -> usize {
        self.count
    }

    /// Puts one at the end of its line. A new line is served last.
    pub fn push(&mut self, ticket: Ticket) {
        let workspace = ticket.claimed.workspace;
        let line = self.waiting.entry(workspace).or_default();
        if line.is_empty() {
            self.turns.push_back(workspace);
        }
        line.push_back(ticket);
        self.count += 1;
    }

    /// The next one.
    pub fn pop(&mut self) -> Option<Ticket> {
        let workspace = self.turns.pop_front()?;
        let line = self.waiting.get_mut(&workspace)?;
        let ticket = line.pop_front();
        if line.is_empty() {
            self.waiting.remove(&workspace);
        } else {
            self.turns.push_back(workspace);
        }
        self.count -= usize::from(ticket.is_some());
        ticket
    }

    /// Takes out those for which this is so, each line in its order.
    pub fn take_if(&mut self, is_wanted: impl Fn(&Ticket) -> bool) -> Vec<Ticket> {
        self.take(|line| {
            let (out, stay): (Vec<_>, Vec<_>) = line.drain(..).partition(&is_wanted);
            line.extend(stay);
            out
        })
    }

    /// Takes from the head of each line as long as this is so.
    pub fn take_while(&mut self, is_wanted: impl Fn(&Ticket) -> bool) -> Vec<Ticket> {
        self.take(|line| {
            let count = line.iter().take_while(|ticket| is_wanted(ticket)).count();
            line.drain(..count).collect()
        })
    }

    fn take(&mut self, from: impl Fn(&mut VecDeque<Ticket>) -> Vec<Ticket>) -> Vec<Ticket> {
        let taken: Vec<Ticket> = self.waiting.values_mut().flat_map(from).collect();
        if !taken.is_empty() {
            self.count -= taken.len();
            self.waiting.retain(|_, line| !line.is_empty());
            self.turns.retain(|workspace| self.waiting.contains_key(workspace));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ork_core::clock::{SeededEntropy, Timestamp};
    use ork_core::graph::LeaseId;
    use ork_core::id::{RunId, TaskRef, WorkerId};
    use ork_core::store::Claimed;

    use super::*;
    use crate::plans::RunPlan;

    /// Numbers below 100 are of one workspace, the others of another.
    fn lines(numbers: &[u32]) -> Lines {
        let mut dice = SeededEntropy::new(1);
        let now = Timestamp::from_micros(1);
        let run = RunId::new(now, &mut dice);
        let worker = WorkerId::new(now, &mut dice);
        let other = WorkspaceId::new(now, &mut dice);
        let mut lines = Lines::default();
        for n in numbers {
            let workspace = if *n < 100 { WorkspaceId::DEFAULT } else { other };
            let task = TaskRef { run, n: *n };
            let claimed = Claimed { workspace, task, g: 0, task_index: 0, attempt: 1, dispatched_at: now };
            let plan = Arc::new(RunPlan::unusable(run, workspace));
            lines.push(Ticket { claimed, lease: LeaseId(1), worker, plan });
        }
        lines
    }

    fn popped(lines: &mut Lines) -> Vec<u32> {
        std::iter::from_fn(|| lines.pop()).map(|ticket| ticket.claimed.task.n).collect()
    }

    #[test]
    fn workspaces_are_served_in_turn_and_each_in_its_order() {
        let mut lines = lines(&[1, 2, 3, 4, 100, 101]);
        assert_eq!(lines.len(), 6);
        assert_eq!(popped(&mut lines), [1, 100, 2, 101, 3, 4]);
        assert_eq!(lines.len(), 0);
    }

    #[test]
    fn what_is_taken_out_is_not_served() {
        let mut lines = lines(&[1, 2, 3, 100]);
        let numbers = |taken: Vec<Ticket>| taken.iter().map(|ticket| ticket.claimed.task.n).collect::<Vec<_>>();
        assert_eq!(numbers(lines.take_if(|ticket| ticket.claimed.task.n == 100)), [100]);
        assert_eq!(numbers(lines.take_while(|ticket| ticket.claimed.task.n != 2)), [1]);
        assert_eq!((lines.len(), popped(&mut lines)), (2, vec![2, 3]));
    }
}
