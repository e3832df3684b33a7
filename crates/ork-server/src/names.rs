//! The names of a run's tasks: their numbers are what is stored, their keys are what people know.

use std::fmt;

use ork_core::error::StoreResult;
use ork_core::id::RunId;
use ork_core::store::{GroupRow, Scope, Store, TaskRow};

/// A task's place in its plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The number of its group.
    pub g: u32,
    /// Its group's name.
    pub key: &'a str,
    /// Its place among its siblings.
    pub index: u32,
    /// Siblings of it, itself counted; `None` before that is known.
    pub size: Option<u32>,
}

/// `key`, or `key/index` where there are siblings.
impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.size == Some(1) || self.size.is_none() {
            f.write_str(self.key)
        } else {
            write!(f, "{}/{}", self.key, self.index)
        }
    }
}

/// The groups of a run, as far as they are expanded.
#[derive(Debug, Default)]
pub struct Names {
    groups: Vec<GroupRow>,
    /// (first number, last number, index of the first, position in `groups`), sorted.
    ranges: Vec<(u32, u32, u32, usize)>,
}

impl Names {
    /// Reads them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(store: &dyn Store, scope: Scope, run: RunId) -> StoreResult<Self> {
        Ok(Self::of(store.groups(scope, run).await?))
    }

    /// The names that these groups give.
    #[must_use]
    pub fn of(groups: Vec<GroupRow>) -> Self {
        let mut ranges = Vec::new();
        for (at, group) in groups.iter().enumerate() {
            ranges.push((group.first, group.first, 0, at));
            let size = group.size.unwrap_or(1);
            if size > 1 {
                ranges.push((group.rest, group.rest + size - 2, 1, at));
            }
        }
        ranges.sort_unstable();
        Self { groups, ranges }
    }

    /// The place of task number `n`; `None` when it was born after these names were read.
    #[must_use]
    pub fn place(&self, n: u32) -> Option<Place<'_>> {
        let at = self.ranges.partition_point(|(first, ..)| *first <= n).checked_sub(1)?;
        let (first, last, index, group) = self.ranges[at];
        let group = &self.groups[group];
        (n <= last).then(|| Place { g: group.g, key: &group.key, index: index + n - first, size: group.size })
    }

    /// The group of this name.
    #[must_use]
    pub fn group(&self, key: &str) -> Option<&GroupRow> {
        self.groups.iter().find(|group| group.key == key)
    }

    /// All of them, in the order of the plan.
    #[must_use]
    pub fn groups(&self) -> &[GroupRow] {
        &self.groups
    }

    /// What a task is called.
    #[must_use]
    pub fn of_task(&self, row: &TaskRow) -> String {
        self.place(row.task.n).map_or_else(|| format!("{}/{}", row.key, row.task_index), |place| place.to_string())
    }
}

/// The number of a group's task with this index.
#[must_use]
pub const fn number(group: &GroupRow, index: u32) -> u32 {
    if index == 0 { group.first } else { group.rest + index - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::graph::Phase;

    fn group(g: u32, key: &str, size: Option<u32>, first: u32, rest: u32) -> GroupRow {
        GroupRow {
            g,
            key: key.into(),
            phase: Phase::Released,
            size,
            items: None,
            tasks_left: 1,
            tasks_bad: 0,
            tasks_unmet: 0,
            parents_left: 0,
            first,
            rest,
        }
    }

    #[test]
    fn numbers_have_names() {
        let names =
            Names::of(vec![group(0, "a", Some(1), 0, 0), group(1, "b", Some(3), 1, 10), group(2, "c", None, 2, 0)]);
        let shown: Vec<String> =
            [0, 1, 2, 10, 11, 12].iter().map(|n| names.place(*n).map_or("-".into(), |p| p.to_string())).collect();
        assert_eq!(shown, ["a", "b/0", "c", "b/1", "b/2", "-"]);
        assert_eq!(names.group("b").map(|group| number(group, 2)), Some(11));
    }
}
