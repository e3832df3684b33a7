//! `uploads --mebibytes N --uploads N --starts N`: large artifacts through S3's protocol in bounded memory, and many at once beside a
//! full load. The last line is the verdict as JSON.

use std::process::ExitCode;

use ork_sim::rounds::{machine, main_with, option};
use ork_sim::uploads::{Size, prove};

fn main() -> ExitCode {
    main_with("--uploads", 1_000, |uploads| {
        let (ork, url) = machine()?;
        prove(&ork, &url, Size { mebibytes: option("--mebibytes", 5_120), uploads, starts: option("--starts", 100) })
    })
}
