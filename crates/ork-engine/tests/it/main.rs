//! The engine over the real SQLite store in memory, in virtual time.
#![allow(clippy::unwrap_used)] // tests

mod collector;
mod courier;
mod faults;
mod faulty;
mod flow;
mod janitor;
mod keeper;
mod life;
mod packer;
mod process;
mod schedules;
mod seals;
mod secrets;
mod shop;
mod steps;
mod stops;
mod world;
