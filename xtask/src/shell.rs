//! Other programs, run from the root of the repository.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the repository")
}

/// The cargo that runs us, else the one in `PATH`.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Where cargo builds: `CARGO_TARGET_DIR`, else `target`.
pub fn target() -> PathBuf {
    root().join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Runs to the end with our own streams; anything but exit code 0 is an error.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("failed to start `{}`", line(command)))?;
    ensure!(status.success(), "`{}` failed: {status}", line(command));
    Ok(())
}

/// Runs to the end and gives what it wrote to stdout; stderr stays ours.
pub fn capture(command: &mut Command) -> Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("failed to start `{}`", line(command)))?;
    if !output.status.success() {
        bail!("`{}` failed: {}\n{}", line(command), output.status, String::from_utf8_lossy(&output.stdout));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` did not write UTF-8", line(command)))
}

/// Runs to the end, passes on what it writes to stdout and shows each line to `see`.
pub fn tee(command: &mut Command, mut see: impl FnMut(&str)) -> Result<ExitStatus> {
    let mut child =
        command.stdout(Stdio::piped()).spawn().with_context(|| format!("failed to start `{}`", line(command)))?;
    for said in BufReader::new(child.stdout.take().expect("stdout is piped")).split(b'\n') {
        let said = said?;
        let said = String::from_utf8_lossy(&said);
        println!("{said}");
        see(&said);
    }
    Ok(child.wait()?)
}

/// The command as one would type it.
pub fn line(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// A user's number; `None` is our own.
pub fn user_id(name: Option<&str>) -> Result<u32> {
    let text = capture(Command::new("id").arg("-u").args(name))?;
    text.trim().parse().with_context(|| format!("`id -u` said {text:?}"))
}

/// An empty folder that is gone when the value is.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn create(name: &str) -> Result<Folder> {
        let path = std::env::temp_dir().join(format!("ork-{name}-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("failed to create `{}`", path.display()))?;
        Ok(Folder(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            eprintln!("failed to remove `{}`: {error}", self.0.display());
        }
    }
}
