//! What can be wrong with sealed events, each with its one sentence.

use std::fmt;

/// Something that is not as it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The row with this first number is not the one that was sealed there.
    Changed {
        /// Its number.
        seq: u64,
    },
    /// Events are not there that the run has had.
    Missing {
        /// The first of them.
        seq: u64,
        /// The last.
        seq_last: u64,
    },
    /// A row stands where none was.
    Added {
        /// Its number.
        seq: u64,
    },
    /// Events that no seal covers, before one that does: nothing tells whether they were changed.
    Uncovered {
        /// The first of them.
        seq: u64,
        /// The last.
        seq_last: u64,
    },
    /// A row cannot be what Ork wrote.
    Unreadable {
        /// Where, and what is wrong with it.
        problem: String,
    },
    /// A seal is not as it was made.
    SealChanged {
        /// Its place among the run's.
        number: u32,
    },
    /// A seal is not there.
    SealMissing {
        /// Its place among the run's.
        number: u32,
    },
    /// The run says that less is sealed than seals cover, or more than all seals that are left.
    SealedDiffers {
        /// What the run says.
        said: u64,
        /// What seals cover.
        covered: u64,
    },
    /// A seal was made with a key that is not here, so nothing can be said of what it covers.
    UnknownKey {
        /// Its place among the run's.
        number: u32,
        /// The key.
        key_id: String,
    },
    /// The head that somebody has kept is none of this chain.
    OtherHead,
}

impl Finding {
    /// The number of the event that it names, if it names one.
    #[must_use]
    pub const fn seq(&self) -> Option<u64> {
        match self {
            Self::Changed { seq } | Self::Missing { seq, .. } | Self::Added { seq } | Self::Uncovered { seq, .. } => {
                Some(*seq)
            }
            _ => None,
        }
    }

    /// The seal that it names, by its place, if it names one.
    #[must_use]
    pub const fn seal(&self) -> Option<u32> {
        match self {
            Self::SealChanged { number } | Self::SealMissing { number } | Self::UnknownKey { number, .. } => {
                Some(*number)
            }
            _ => None,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { seq } => write!(f, "event {seq} is not what was sealed"),
            Self::Missing { seq, seq_last } if seq == seq_last => write!(f, "event {seq} is missing"),
            Self::Missing { seq, seq_last } => write!(f, "events {seq} to {seq_last} are missing"),
            Self::Added { seq } => write!(f, "event {seq} was added: the run never had it"),
            Self::Uncovered { seq, seq_last } => {
                write!(f, "events {seq} to {seq_last} were left out when what follows them was sealed")
            }
            Self::Unreadable { problem } => f.write_str(problem),
            Self::SealChanged { number } => write!(f, "seal {number} is not as it was made"),
            Self::SealMissing { number } => write!(f, "seal {number} is missing"),
            Self::SealedDiffers { said, covered } => {
                write!(f, "the run says that its events are sealed up to {said}, and its seals go up to {covered}")
            }
            Self::UnknownKey { number, key_id } => {
                write!(f, "seal {number} was made with the key `{key_id}`, which is not here")
            }
            Self::OtherHead => f.write_str("the head that was kept is none of this run's seals"),
        }
    }
}
