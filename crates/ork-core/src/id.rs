//! Identifiers: UUIDv7, shown and accepted with a type prefix (`run_…`, `task_…`).
//!
//! A run's id ends in 32 zero bits. A task's id is its run's id with its number plus one in those bits: the two convert
//! into each other without a look-up, tasks of a run lie side by side in an index, and a run and its tasks can be
//! created by a client that has never spoken to the database.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::clock::{Entropy, Timestamp};
use crate::webhook::Occasion;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {kind} id: it looks like `{prefix}0191e0c8-…`")]
pub struct IdError {
    text: String,
    kind: &'static str,
    prefix: &'static str,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The prefix that this kind of id is shown and accepted with.
            pub const PREFIX: &'static str = $prefix;

            /// The identifier without its prefix.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// Takes a UUID that is known to be of this kind, as a row of the database is.
            #[must_use]
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                let bare = text.strip_prefix($prefix).unwrap_or(text);
                Uuid::try_parse(bare)
                    .map(Self)
                    .map_err(|_| IdError { text: text.into(), kind: $kind, prefix: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

id!(
    /// A tenant.
    WorkspaceId, "ws_", "a workspace"
);
id!(
    /// One execution of a plan. Its low 32 bits are zero.
    RunId, "run_", "a run"
);
id!(
    /// One node of a run, or one of its fan-out siblings.
    TaskId, "task_", "a task"
);
id!(
    /// One worker process, from its start to its end: a restarted one is another worker.
    WorkerId, "worker_", "a worker"
);
id!(
    /// One secret that lets its bearer use the API.
    TokenId, "token_", "a token"
);

id!(
    /// A stored workflow, under one name.
    WorkflowId, "wf_", "a workflow"
);
id!(
    /// One immutable version of a stored workflow.
    RevisionId, "rev_", "a revision"
);

id!(
    /// An action on many runs.
    BulkId, "bulk_", "an action on many runs"
);

id!(
    /// Somebody who is told of runs.
    EndpointId, "endpoint_", "an endpoint"
);
id!(
    /// One message about a run: the `webhook-id`, the same however often it is sent.
    DeliveryId, "msg_", "a message"
);

id!(
    /// A decision that somebody must take.
    GateId, "gate_", "a gate"
);

id!(
    /// A file that a run keeps.
    ArtifactId, "art_", "an artifact"
);

macro_rules! fresh {
    ($($name:ident)*) => {$(
        impl $name {
            /// A new id.
            pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
                Self(v7(now, entropy))
            }
        }
    )*};
}

fresh!(WorkflowId RevisionId BulkId EndpointId DeliveryId GateId ArtifactId);

impl WorkspaceId {
    /// The workspace that every new database has.
    pub const DEFAULT: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0001));
}

impl WorkspaceId {
    /// A new id.
    pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self(v7(now, entropy))
    }
}

impl TokenId {
    /// A new id: later ones are larger.
    pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self(v7(now, entropy))
    }
}

impl Default for WorkspaceId {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The low bits of a run's id, which tell its tasks apart.
const TASK_BITS: u128 = 0xffff_ffff;

fn v7(now: Timestamp, entropy: &mut dyn Entropy) -> Uuid {
    let mut random = [0_u8; 10];
    random[..8].copy_from_slice(&entropy.next_u64().to_be_bytes());
    random[8..].copy_from_slice(&entropy.next_u64().to_be_bytes()[..2]);
    let millis = u64::try_from(now.micros() / 1000).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

impl RunId {
    /// A new id. 42 random bits tell apart the runs of one millisecond; the store refuses the rest by its primary key.
    pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self(Uuid::from_u128(v7(now, entropy).as_u128() & !TASK_BITS))
    }

    /// The id of this run's task number `n`, counted from 0.
    #[must_use]
    pub fn task(self, n: u32) -> TaskId {
        TaskId(Uuid::from_u128((self.0.as_u128() & !TASK_BITS) | (u128::from(n) + 1)))
    }
}

impl DeliveryId {
    /// The id of a message about a run: its run's id, with what happened (4 bits), whom it is for (8 bits) and the task (20 bits,
    /// more than a run has tasks) where that has zeros.
    #[must_use]
    pub fn of(run: RunId, occasion: Occasion, slot: u8, task: Option<u32>) -> Self {
        const { assert!(crate::limits::TASKS_MAX < 1 << 20) };
        let number = occasion.number() << 28 | u32::from(slot) << 20 | task.unwrap_or(0);
        Self(Uuid::from_u128((run.0.as_u128() & !TASK_BITS) | u128::from(number)))
    }
}

impl TaskId {
    /// The run that this task belongs to.
    #[must_use]
    pub fn run(self) -> RunId {
        RunId(Uuid::from_u128(self.0.as_u128() & !TASK_BITS))
    }

    /// The task's number in its run, counted from 0; `None` when the low bits are zero, as in a run's id.
    #[must_use]
    #[allow(clippy::cast_possible_truncation)] // masked to 32 bits
    pub fn n(self) -> Option<u32> {
        ((self.0.as_u128() & TASK_BITS) as u32).checked_sub(1)
    }
}

impl WorkerId {
    /// A new id, for the life of one process.
    pub fn new(now: Timestamp, entropy: &mut dyn Entropy) -> Self {
        Self(v7(now, entropy))
    }
}

/// A task, by its run and its number in it: the key that stores use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskRef {
    /// The run.
    pub run: RunId,
    /// The task's number in the run, counted from 0.
    pub n: u32,
}

impl TaskRef {
    /// The public id.
    #[must_use]
    pub fn id(self) -> TaskId {
        self.run.task(self.n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SeededEntropy;

    #[test]
    fn a_task_id_is_its_runs_id_and_its_number() {
        let run = RunId::new(Timestamp::from_micros(1_700_000_000_000_000), &mut SeededEntropy::new(7));
        for n in [0, 1, 99_999, u32::MAX - 1] {
            assert_eq!((run.task(n).run(), run.task(n).n()), (run, Some(n)));
        }
        assert_eq!(run.task(3).to_string().parse::<TaskId>(), Ok(run.task(3)));
        assert!("run_nonsense".parse::<RunId>().is_err());
    }
}
