//! The engine over the real SQLite store in memory, in virtual time.

mod faults;
mod faulty;
mod flow;
mod life;
mod stops;
mod world;
