//! Random decisions that a seed makes.

use ork_core::clock::{Entropy, SeededEntropy};

/// A stream of decisions. The same seed and stream decide the same.
#[derive(Debug, Clone)]
pub struct Dice(SeededEntropy);

impl Dice {
    /// The stream of this name within a seed. Streams do not disturb each other: what one part of the world decides
    /// stays as it is when another part is left out, which is what lets a failing seed shrink.
    #[must_use]
    pub fn new(seed: u64, stream: &[u64]) -> Self {
        let mix =
            |mixed: u64, part: &u64| SeededEntropy::new(mixed ^ part.wrapping_mul(0x2545_f491_4f6c_dd1d)).next_u64();
        Self(SeededEntropy::new(stream.iter().fold(SeededEntropy::new(seed).next_u64(), mix)))
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    /// A number in `low..=high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True so many times of a thousand.
    pub fn per_mille(&mut self, share: u64) -> bool {
        self.below(1000) < share
    }

    /// True so many times of a hundred.
    pub fn percent(&mut self, share: u64) -> bool {
        self.below(100) < share
    }

    /// A position in a list of this length; 0 for an empty one.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }
}

impl Entropy for Dice {
    fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
}
