//! The process executor against real processes.

mod bench;
mod endings;
mod environment;
mod files;
mod logs;
mod stops;
mod strays;
mod world;
