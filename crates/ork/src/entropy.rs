//! The randomness of the operating system: the one place of this program where it enters.

use ork_core::clock::Entropy;
use rustix::rand::{GetRandomFlags, getrandom};

/// Bits from the kernel.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        // Up to 256 bytes come whole, and are not interrupted, once the kernel has seeded itself.
        let filled = getrandom(&mut bytes, GetRandomFlags::empty()).expect("Linux gives random bytes");
        debug_assert_eq!(filled, bytes.len(), "getrandom gives up to 256 bytes whole");
        u64::from_ne_bytes(bytes)
    }
}
