//! From an assignment to a running process. Everything here blocks, and runs on a spawner thread.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ork_core::executor::{Assignment, ProcessWork, Program};
use rustix::fs::{Access, access};
use rustix::io::{Errno, ioctl_fionbio};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::environment::{self, Variables};
use super::folders::Folder;
use super::leader::Leader;
use super::live;
use super::tree::Tree;

/// A script up to this length is given to the shell as an argument (the kernel's limit for one is 128 KiB). That costs
/// no file, and lets the shell `exec` its last command instead of forking for it. A longer one is written to a file.
const SCRIPT_ARG_BYTES_MAX: usize = 120 << 10;

const SHELL: &str = "/bin/sh";

/// A process that has begun.
pub struct Launched {
    pub leader: Leader,
    /// Becomes readable when the leader has ended.
    pub pidfd: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// Starts the process of an attempt.
///
/// # Errors
/// In words, when it cannot be started. Nothing is running then.
pub fn launch(
    work: &Assignment,
    process: &ProcessWork,
    folder: &Folder,
    inherited: &Variables,
    entry: &live::Entry,
) -> Result<Launched, String> {
    let variables = environment::of_attempt(inherited, work, process, folder)?;
    let place = place(work, process, folder)?;
    let mut command = match &process.program {
        Program::Argv(argv) => argv_command(argv, &place, &variables)?,
        Program::Script(script) => {
            script_command(script, work.step.as_ref().map_or(&work.key, |step| &step.name), folder)?
        }
    };
    command
        .env_clear()
        .envs(variables)
        .current_dir(&place)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let program = Path::new(command.get_program()).to_owned();
    // `std` takes its `posix_spawn` path for this: no `pre_exec`, no other user, an absolute program.
    let mut child = command.spawn().map_err(|error| explain(&program, &error))?;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("the kernel's pids are positive");
    entry.lead(pid.as_raw_nonzero().get());
    let pipes = [child.stdout.as_ref().map(inode), child.stderr.as_ref().map(inode)].map(Option::unwrap_or_default);
    let leader = Leader::new(Tree::new(pid, &work.nonce, entry, pipes));
    let mut ready = || -> io::Result<(OwnedFd, OwnedFd, OwnedFd)> {
        // The child is not reaped before the attempt ends, so its id is its own until then.
        let pidfd = pidfd_open(pid, PidfdFlags::empty())?;
        let stdout: OwnedFd = child.stdout.take().ok_or(Errno::BADF)?.into();
        let stderr: OwnedFd = child.stderr.take().ok_or(Errno::BADF)?.into();
        ioctl_fionbio(&stdout, true)?;
        ioctl_fionbio(&stderr, true)?;
        Ok((pidfd, stdout, stderr))
    };
    match ready() {
        Ok((pidfd, stdout, stderr)) => Ok(Launched { leader, pidfd, stdout, stderr }),
        Err(error) => Err(format!("failed to watch the process: {error}")),
    }
}

/// What tells a pipe from all others; 0, which no pipe has, if the system does not say.
fn inode(pipe: &impl AsFd) -> u64 {
    rustix::fs::fstat(pipe).map_or(0, |found| found.st_ino)
}

/// Where the process runs: in the project, and a step in the folder that it shares with the others. `workdir` is below the
/// project for both.
fn place(work: &Assignment, process: &ProcessWork, folder: &Folder) -> Result<PathBuf, String> {
    let base = work.project.clone().unwrap_or_else(|| folder.work());
    let place = match &process.workdir {
        Some(workdir) => base.join(workdir),
        None if work.step.is_some() => folder.work(),
        None => base,
    };
    match fs::metadata(&place) {
        Ok(found) if found.is_dir() => Ok(place),
        Ok(_) => Err(format!("failed to run in `{}`: it is not a folder", place.display())),
        Err(error) => Err(format!("failed to run in `{}`: {error}", place.display())),
    }
}

fn argv_command(argv: &[String], place: &Path, variables: &Variables) -> Result<Command, String> {
    let (name, args) = argv.split_first().ok_or("the command is empty")?;
    if argv.iter().any(|arg| arg.contains('\0')) {
        return Err("the command holds a NUL character, which no process can receive".into());
    }
    let mut command = Command::new(find(name, place, variables)?);
    command.arg0(name).args(args);
    Ok(command)
}

fn script_command(script: &str, name: &str, folder: &Folder) -> Result<Command, String> {
    if script.contains('\0') {
        return Err("the script holds a NUL character".into());
    }
    let mut command = Command::new(SHELL);
    command.arg("-e");
    if script.len() <= SCRIPT_ARG_BYTES_MAX {
        // The word after the script is `$0`: the shell's own messages begin with the task's name, or the step's.
        command.args(["-c", "--", script, name]);
    } else {
        fs::write(folder.script(), script).map_err(|error| format!("failed to write the script: {error}"))?;
        command.arg(folder.script());
    }
    Ok(command)
}

/// Looks a program up as `execvp` would, on the task's own `PATH` and from the folder in which it will run.
fn find(name: &str, place: &Path, variables: &Variables) -> Result<PathBuf, String> {
    if name.is_empty() {
        return Err("the command's program has no name".into());
    }
    if name.contains('/') {
        let path = place.join(name);
        return match fs::metadata(&path) {
            Ok(_) if is_program(&path) => Ok(path),
            Ok(found) if found.is_dir() => Err(format!("failed to start `{name}`: it is a folder")),
            Ok(_) => Err(not_executable(&path)),
            Err(error) => Err(format!("failed to start `{name}`: {error}")),
        };
    }
    let mut refused = None;
    for folder in environment::search_path(variables) {
        let path = place.join(folder).join(name);
        if is_program(&path) {
            return Ok(path);
        }
        if path.is_file() {
            refused.get_or_insert(path);
        }
    }
    Err(refused.map_or_else(
        || {
            let path = variables.get(std::ffi::OsStr::new("PATH")).map(|path| path.to_string_lossy());
            let path = path.as_deref().unwrap_or("the system's default");
            // On a line of its own: lists show the first.
            format!("failed to start `{name}`: no such program on the task's `PATH`\n`PATH` is {path}")
        },
        |path| not_executable(&path),
    ))
}

fn is_program(path: &Path) -> bool {
    access(path, Access::EXEC_OK).is_ok() && path.is_file()
}

fn not_executable(path: &Path) -> String {
    let path = path.display();
    format!("failed to start `{path}`: it is not executable; `chmod +x {path}` makes it so")
}

/// The program was there a moment ago, so an error of `exec` means something that a person would not guess from it.
fn explain(program: &Path, error: &io::Error) -> String {
    let program = program.display();
    match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOENT) => {
            format!(
                "failed to start `{program}`: the interpreter that it names, in `#!` or as its loader, does not exist"
            )
        }
        Some(Errno::NOEXEC) => {
            format!("failed to start `{program}`: it is not a program of this machine, and has no `#!` line")
        }
        Some(Errno::TOOBIG) => {
            format!("failed to start `{program}`: its arguments and environment are too large; put them into a file")
        }
        _ => format!("failed to start `{program}`: {error}"),
    }
}
