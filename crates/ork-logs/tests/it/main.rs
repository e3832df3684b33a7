//! Logs are the same however they are stored.

mod reading;
mod shelf;
