//! `stream --rounds N`: events at clients, processes after submits, in milliseconds. The last line is the verdict as JSON.

use std::process::ExitCode;

fn main() -> ExitCode {
    ork_sim::rounds::main(5, |rounds| {
        let (ork, url) = ork_sim::rounds::machine()?;
        ork_sim::stream::prove(&ork, &url, rounds)
    })
}
