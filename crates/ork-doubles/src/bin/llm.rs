//! `llm [--listen ADDRESS] [--script FILE] [--journal FILE]`: a provider of models on the loopback. The first line of its output is its
//! address; `--script` is a JSON file, and to the journal each request is appended as a line of JSON when it has ended. It runs until
//! it is killed.

use std::fs::{self, OpenOptions};
use std::process::ExitCode;

use ork_doubles::llm::{Llm, Script};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("llm: {why}");
            ExitCode::from(2)
        }
    }
}

async fn run() -> Result<(), String> {
    let (mut listen, mut script, mut journal) = ("127.0.0.1:0".to_owned(), Script::default(), None);
    let mut words = std::env::args().skip(1);
    while let Some(option) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{option}` has no value"))?;
        let failed = |why: String| format!("failed to read `{value}`: {why}");
        match option.as_str() {
            "--listen" => listen = value,
            "--script" => {
                let text = fs::read_to_string(&value).map_err(|why| failed(why.to_string()))?;
                script = serde_json::from_str(&text).map_err(|why| failed(why.to_string()))?;
            }
            "--journal" => {
                let opened = OpenOptions::new().create(true).append(true).open(&value);
                journal = Some(opened.map_err(|why| format!("failed to open `{value}`: {why}"))?);
            }
            _ => return Err(format!("there is no option `{option}`: there are --listen, --script and --journal")),
        }
    }
    let llm = Llm::listen(&listen, script, journal).await;
    let llm = llm.map_err(|why| format!("failed to listen at `{listen}`: {why}"))?;
    println!("{}", llm.url());
    std::future::pending().await
}
