//! The last rows that were read, for all streams.

use std::collections::VecDeque;
use std::sync::Arc;

use ork_core::feed::FeedPosition;
use ork_core::json::Json;
use ork_core::store::FeedRow;

/// Rows that are kept.
const ROWS_MAX: usize = 10_000;
/// Bytes that they may have together, about.
const BYTES_MAX: usize = 8 << 20;
/// Bytes of a row without its payload and its tasks, about.
const ROW_BYTES: usize = 256;
/// Bytes of a range of tasks.
const RANGE_BYTES: usize = 8;

/// A stretch of the order of all events without a gap.
#[derive(Debug)]
pub struct Ring {
    rows: VecDeque<Arc<FeedRow>>,
    bytes: usize,
    /// The first row comes next after this place.
    begins: FeedPosition,
}

impl Default for Ring {
    fn default() -> Self {
        Self { rows: VecDeque::new(), bytes: 0, begins: FeedPosition::START }
    }
}

impl Ring {
    /// Forgets everything, and begins anew after a place.
    pub fn restart(&mut self, begins: FeedPosition) {
        *self = Self { begins, ..Self::default() };
    }

    /// Adds what comes next, and forgets the oldest.
    pub fn push(&mut self, rows: Vec<FeedRow>) {
        for row in rows {
            self.bytes += bytes(&row);
            self.rows.push_back(Arc::new(row));
        }
        while (self.rows.len() > ROWS_MAX || self.bytes > BYTES_MAX)
            && let Some(oldest) = self.rows.pop_front()
        {
            self.bytes -= bytes(&oldest);
            self.begins = oldest.end();
        }
    }

    /// The rows that hold an event after a place, at most `limit`, and the place behind the last of them.
    ///
    /// # Errors
    /// When what comes next after that place was forgotten: where the ring begins.
    pub fn after(&self, at: FeedPosition, limit: usize) -> Result<(Vec<Arc<FeedRow>>, FeedPosition), FeedPosition> {
        if at < self.begins {
            return Err(self.begins);
        }
        let first = self.rows.partition_point(|row| row.end() <= at);
        let rows: Vec<Arc<FeedRow>> = self.rows.iter().skip(first).take(limit).cloned().collect();
        let next = rows.last().map_or(at, |row| row.end());
        Ok((rows, next))
    }
}

fn bytes(row: &FeedRow) -> usize {
    let tasks = row.event.tasks.ranges() * RANGE_BYTES;
    ROW_BYTES + tasks + row.event.payload.as_ref().map_or(0, |payload| Json::as_str(payload).len())
}

#[cfg(test)]
mod tests {
    use ork_core::clock::{SeededEntropy, Timestamp};
    use ork_core::event::{Actor, EventRow, EventType, TaskSet};
    use ork_core::id::{RunId, WorkspaceId};

    use super::*;

    fn rows(from: u64, count: u64, payload: usize) -> Vec<FeedRow> {
        let run = RunId::new(Timestamp::from_micros(0), &mut SeededEntropy::new(1));
        let row = |feed| FeedRow {
            feed,
            workspace: WorkspaceId::DEFAULT,
            event: EventRow {
                run,
                seq: feed,
                seq_last: feed,
                event_type: EventType::RunCreated,
                tasks: TaskSet::default(),
                actor: Actor::system("test"),
                payload: Some(Json::from_stored("x".repeat(payload))),
                created_at: Timestamp::from_micros(0),
            },
        };
        (from..from + count).map(row).collect()
    }

    fn feeds(ring: &Ring, at: FeedPosition, limit: usize) -> Option<Vec<u64>> {
        ring.after(at, limit).ok().map(|(rows, _)| rows.iter().map(|row| row.feed).collect())
    }

    #[test]
    fn the_oldest_is_forgotten() {
        let mut ring = Ring::default();
        assert_eq!(feeds(&ring, FeedPosition::START, 9), Some(vec![]));
        let all = rows(1, ROWS_MAX as u64 + 5, 1);
        ring.push(all.clone());
        assert_eq!(ring.after(all[3].end(), 9), Err(all[4].end()), "row 5 was forgotten");
        assert_eq!(feeds(&ring, all[4].end(), 2), Some(vec![6, 7]));
        assert_eq!(feeds(&ring, all[ROWS_MAX + 3].end(), 9), Some(vec![ROWS_MAX as u64 + 5]));
        assert_eq!(feeds(&ring, all[ROWS_MAX + 4].end(), 9), Some(vec![]));
        ring.push(rows(ROWS_MAX as u64 + 6, 3, BYTES_MAX / 2));
        assert_eq!(ring.rows.len(), 1, "and when the rows are large");
        assert!(ring.bytes <= BYTES_MAX);
        ring.restart(all[9].end());
        assert_eq!((feeds(&ring, all[8].end(), 9), feeds(&ring, all[9].end(), 9)), (None, Some(vec![])));
    }
}
