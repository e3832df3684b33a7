//! Where the compiler takes our word: the two system calls that neither `std` nor `rustix` offers, `wait4` and
//! `getrusage`, and the promise that the runtime wants for a descriptor that it watches.
//!
//! `wait4` collects the exit of one child together with what it used; everything else would read `/proc` once more for
//! each attempt, and could not tell the memory of a process that is gone.
#![allow(unsafe_code)] // the one module that speaks to the kernel by itself

use std::ffi::{c_int, c_long};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use ork_core::attempt::Usage;
use rustix::process::Pid;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// `struct rusage` of 64-bit Linux. The tail is musl's reserve; glibc and the kernel do not write it.
#[repr(C)]
#[derive(Default)]
struct Rusage {
    user: [c_long; 2],
    system: [c_long; 2],
    maxrss_kib: c_long,
    rest: [c_long; 13],
    reserve: [c_long; 16],
}

const _: () = assert!(size_of::<c_long>() == 8, "`Rusage` is laid out for 64-bit Linux");

const WNOHANG: c_int = 1;
const RUSAGE_SELF: c_int = 0;

unsafe extern "C" {
    fn wait4(pid: c_int, status: *mut c_int, options: c_int, usage: *mut Rusage) -> c_int;
    fn getrusage(who: c_int, usage: *mut Rusage) -> c_int;
}

/// Reaps the child `pid`, and nobody else, if it has ended: how it ended and what it used, together with those of its
/// descendants that it had waited for. `None` while it runs.
///
/// # Errors
/// When it is not a child of this process.
pub fn reap(pid: Pid) -> io::Result<Option<(ExitStatus, Usage)>> {
    let (mut status, mut usage) = (0, Rusage::default());
    // SAFETY: both pointers are to live values of the size and layout that the call writes; it keeps neither.
    let reaped = unsafe { wait4(pid.as_raw_nonzero().get(), &raw mut status, WNOHANG, &raw mut usage) };
    match reaped {
        0 => Ok(None),
        n if n < 0 => Err(io::Error::last_os_error()),
        _ => Ok(Some((ExitStatus::from_raw(status), usage.into_usage(own_memory_kib())))),
    }
}

/// Has the runtime watch when `fd` can be read.
///
/// # Errors
/// When the system refuses to watch one more.
pub fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` is open, and the same descriptor, for as long as it lives, and the `AsyncFd` owns it.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE) }?)
}

/// The largest resident set that this process ever had.
fn own_memory_kib() -> c_long {
    let mut usage = Rusage::default();
    // SAFETY: as above.
    if unsafe { getrusage(RUSAGE_SELF, &raw mut usage) } == 0 { usage.maxrss_kib } else { 0 }
}

impl Rusage {
    /// A child that is spawned in its parent's memory (`vfork`, as `posix_spawn` does) inherits the parent's largest
    /// resident set as its own floor. A value that is not above it says nothing about the child, and counts as 0.
    fn into_usage(self, floor_kib: c_long) -> Usage {
        let micros = |t: [c_long; 2]| u64::try_from(t[0]).unwrap_or(0) * 1_000_000 + u64::try_from(t[1]).unwrap_or(0);
        let memory_kib = if self.maxrss_kib > floor_kib { self.maxrss_kib } else { 0 };
        Usage {
            cpu_ms: (micros(self.user) + micros(self.system)) / 1000,
            memory_bytes_max: u64::try_from(memory_kib).unwrap_or(0) * 1024,
        }
    }
}
