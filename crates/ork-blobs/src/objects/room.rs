//! The memory and the lines that parts take while they are sent: bounded for all uploads of a process together, and used again.
//!
//! It is not given back to the allocator, which would keep it apart for each thread that ever had some.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of one seat.
pub const SEAT_BYTES: usize = 256 << 10;
/// Seats: four parts of 8 MiB.
const SEATS: u32 = 128;
/// Parts that are sent at once. More would only share the line, until each is too slow.
const LINES: usize = 32;

/// Buffers nobody uses at the moment.
type Free = Arc<Mutex<Vec<Vec<u8>>>>;

/// All seats there are.
#[derive(Clone)]
pub struct Room {
    vacant: Arc<Semaphore>,
    lines: Arc<Semaphore>,
    free: Free,
}

/// The right to send a part, for as long as this lives.
pub type Line = OwnedSemaphorePermit;

/// A buffer for as long as this lives.
pub struct Seat {
    pub bytes: Vec<u8>,
    free: Free,
    _permit: OwnedSemaphorePermit,
}

impl Room {
    pub fn new() -> Self {
        Self {
            vacant: Arc::new(Semaphore::new(SEATS as usize)),
            lines: Arc::new(Semaphore::new(LINES)),
            free: Free::default(),
        }
    }

    /// Waits for a line. Whoever takes seats has one: who has seats never waits for anything but its own request.
    pub async fn line(&self) -> Line {
        Arc::clone(&self.lines).acquire_owned().await.expect("nobody closes the room")
    }

    /// Waits for as many seats as so many bytes take, which are at most a fourth of all.
    pub async fn seats(&self, bytes: usize) -> Vec<Seat> {
        let count = u32::try_from(bytes.div_ceil(SEAT_BYTES)).unwrap_or(SEATS).min(SEATS);
        let waited = Arc::clone(&self.vacant).acquire_many_owned(count).await;
        let mut permits = waited.expect("nobody closes the room");
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let seat = |permit| Seat {
            bytes: free.pop().unwrap_or_else(|| Vec::with_capacity(SEAT_BYTES)),
            free: Arc::clone(&self.free),
            _permit: permit,
        };
        std::iter::from_fn(|| permits.split(1)).map(seat).collect()
    }
}

impl AsRef<[u8]> for Seat {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        bytes.clear();
        self.free.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
    }
}
