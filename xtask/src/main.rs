//! The project's own commands. `cargo xtask` without arguments lists them.

mod apt;
mod bench;
mod facts;
mod packages;
mod postgres;
mod proof;
mod python;
mod shell;
mod suite;
mod tidy;

use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test                    everything that CI runs, in the order of `test --list`
  test --only STEP        one step of it
  reference               writes the pages of docs/reference from the program itself
  tidy                    sizes, names, words, SQL, arrows, packages, licences
  prove                   lists the proofs
  prove NAME [ARGUMENT]…  runs a proof that is too long for CI and writes docs/proof/NAME.json
  bench [--repeats=N]     runs all workloads of bench/ and writes docs/proof/bench.json
  bench W1… [--small]     some of them; --database=sqlite or postgres for one, --record keeps what was found
  postgres                a private PostgreSQL cluster until Ctrl-C; prints the variable that tests read";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(words: &[&str]) -> Result<ExitCode> {
    match words {
        [] | ["help" | "--help" | "-h"] => println!("{USAGE}"),
        ["test"] => return suite::run(None),
        ["test", "--only", step] => return suite::run(Some(step)),
        ["test", "--list"] => suite::list(),
        ["reference"] => suite::write_reference()?,
        ["tidy"] => tidy::run()?,
        ["prove"] => proof::list(),
        ["prove", name, arguments @ ..] => proof::run(name, arguments)?,
        ["bench", names @ ..] => bench::run(names)?,
        ["postgres"] => postgres::serve()?,
        _ => bail!("`{}` is not a command\n\n{USAGE}", words.join(" ")),
    }
    Ok(ExitCode::SUCCESS)
}
