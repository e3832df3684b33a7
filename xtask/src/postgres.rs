//! A private PostgreSQL cluster for as long as a value lives: in a short folder under `/tmp` (a socket's path is limited
//! to 107 bytes), on a free loopback port, never as root, with the non-superuser role `ork_owner` that may create
//! databases and roles, and `ork_app` that works on them.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{apt, shell};

/// The variable by which tests, provers and benchmarks get the cluster's URL.
pub const URL_VARIABLE: &str = "ORK_TEST_POSTGRES_URL";

/// The variable by which provers of outages get the pipe that stops and starts the server: see `postgres/keeper.sh`.
pub const CONTROL_VARIABLE: &str = "ORK_TEST_POSTGRES_CONTROL";

const KEEPER: &str = include_str!("postgres/keeper.sh");
const FOLDER_PREFIX: &str = "ork-pg-";
/// A free port may be taken between our look and the server's start.
const STARTS_MAX: usize = 3;

/// What a cluster is for decides how durable it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Tests of behaviour: nothing reaches the disk in time, because nothing here survives anyway.
    Test,
    /// Measurements and crash proofs: everything durable, the settings that `docs/proof/README.md` publishes.
    Proof,
}

impl Purpose {
    /// Lines of `postgresql.conf`.
    pub fn settings(self) -> &'static [&'static str] {
        match self {
            Purpose::Test => {
                &["fsync = off", "full_page_writes = off", "max_connections = 100", "jit = off", "timezone = 'UTC'"]
            }
            Purpose::Proof => &[
                "fsync = on",
                "synchronous_commit = on",
                "full_page_writes = on",
                "wal_level = replica",
                "shared_buffers = 1GB",
                "max_wal_size = 8GB",
                "checkpoint_timeout = 30min",
                "max_connections = 100",
                "jit = off",
                "autovacuum_naptime = 10s",
                "timezone = 'UTC'",
            ],
        }
    }
}

/// A running cluster. Dropping it stops the server and removes its folder.
pub struct Cluster {
    /// `postgres://ork_owner:…@127.0.0.1:PORT/postgres`.
    pub url: String,
    /// The pipe that stops and starts it.
    pub control: PathBuf,
    keeper: Child,
    lifeline: Option<ChildStdin>,
}

impl Cluster {
    /// Makes and starts a cluster with the programs in `bin`.
    ///
    /// # Errors
    /// When no server could be started; the message holds the end of its log.
    fn start(bin: &Path, purpose: Purpose) -> Result<Cluster> {
        remove_stale(Path::new("/tmp"));
        let mut last = None;
        for _ in 0..STARTS_MAX {
            match Cluster::start_once(bin, purpose) {
                Ok(cluster) => return Ok(cluster),
                Err(error) => last = Some(error),
            }
        }
        Err(last.expect("STARTS_MAX is not zero"))
    }

    fn start_once(bin: &Path, purpose: Purpose) -> Result<Cluster> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let password = random_hex()?;
        let folder = PathBuf::from(format!("/tmp/{FOLDER_PREFIX}{}-{port}", std::process::id()));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("failed to create `{}`", folder.display()))?;

        let mut command = Command::new("/bin/sh");
        command.args(["-c", KEEPER, "keeper"]).arg(bin).arg(&folder).arg(port.to_string()).arg(&password);
        command.args(purpose.settings()).current_dir("/");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if let Some((uid, gid)) = server_user()? {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid))?;
            command.uid(uid).gid(gid);
        }
        let mut keeper = command.spawn().context("failed to start `/bin/sh`")?;
        let lifeline = keeper.stdin.take();
        let mut said = BufReader::new(keeper.stdout.take().expect("stdout is piped"));
        let mut first = String::new();
        said.read_line(&mut first)?;
        if first != "ready\n" {
            said.read_to_string(&mut first)?;
            keeper.stderr.take().expect("stderr is piped").read_to_string(&mut first)?;
            keeper.wait()?;
            bail!("failed to start PostgreSQL from `{}`:\n{}", bin.display(), first.trim_end());
        }
        let url = format!("postgres://ork_owner:{password}@127.0.0.1:{port}/postgres");
        Ok(Cluster { url, control: folder.join("control"), keeper, lifeline })
    }

    /// A cluster with the programs of this machine, which are installed if need be.
    ///
    /// # Errors
    /// When there is no PostgreSQL, or it does not start.
    pub fn find_and_start(purpose: Purpose) -> Result<Cluster> {
        Cluster::start(&find_or_install()?, purpose)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        if let Err(error) = self.keeper.wait() {
            eprintln!("failed to wait for the cluster's end: {error}");
        }
    }
}

/// Keeps a cluster for developers until this process is ended. Ctrl-C does that, and the keeper sees it.
pub fn serve() -> Result<()> {
    let mut cluster = Cluster::find_and_start(Purpose::Test)?;
    println!("export {URL_VARIABLE}={}", cluster.url);
    eprintln!("Ctrl-C stops and removes this cluster");
    let status = cluster.keeper.wait()?;
    bail!("the keeper of the cluster ended by itself: {status}")
}

/// The folder of the PostgreSQL programs with the highest version, installing them where we may.
///
/// # Errors
/// When there is none and this is not root on a system with apt; the message says what to install.
fn find_or_install() -> Result<PathBuf> {
    if let Some(bin) = find(Path::new("/usr/lib/postgresql"), std::env::var_os("PATH").as_deref()) {
        return Ok(bin);
    }
    apt::install("postgresql").with_context(|| {
        format!("failed to find PostgreSQL, and {URL_VARIABLE} names no server whose role may create databases")
    })?;
    find(Path::new("/usr/lib/postgresql"), None).context("apt-get installed `postgresql`, but no server is there")
}

fn find(versions: &Path, path: Option<&OsStr>) -> Option<PathBuf> {
    let packaged = fs::read_dir(versions).into_iter().flatten().flatten().filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin")))
    });
    let mut packaged: Vec<_> = packaged.filter(|(_, bin)| is_complete(bin)).collect();
    packaged.sort();
    packaged.pop().map(|(_, bin)| bin).or_else(|| std::env::split_paths(path?).find(|bin| is_complete(bin)))
}

fn is_complete(bin: &Path) -> bool {
    ["postgres", "initdb", "pg_ctl"].iter().all(|program| bin.join(program).is_file())
}

/// Whom the server runs as: PostgreSQL refuses root. `None` is this process's own user.
fn server_user() -> Result<Option<(u32, u32)>> {
    if shell::user_id(None)? != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").context("failed to read `/etc/passwd`")?;
    let ids = ["postgres", "nobody"].iter().find_map(|name| ids_of(&users, name));
    ids.map(Some).context("failed to find the user `postgres` or `nobody`, and PostgreSQL refuses root")
}

fn ids_of(passwd: &str, name: &str) -> Option<(u32, u32)> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [user, _, uid, gid, ..] = fields[..] else { return None };
        if user == name { Some((uid.parse().ok()?, gid.parse().ok()?)) } else { None }
    })
}

fn random_hex() -> Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Removes clusters whose owner and keeper were both killed: the folder's name holds the owner's process id. A server is
/// only stopped if its working directory proves that it is that folder's.
fn remove_stale(parent: &Path) {
    let alive = |pid: &str| Path::new("/proc").join(pid).exists();
    if !alive("self") {
        return; // no way to tell a dead owner from a living one
    }
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(owner) = name.to_str().and_then(owner_of) else { continue };
        if alive(owner) || entry.metadata().is_ok_and(|meta| !meta.is_dir() || meta.mode() & 0o077 != 0) {
            continue;
        }
        let data = entry.path().join("data");
        if let Ok(text) = fs::read_to_string(data.join("postmaster.pid"))
            && let Some(server) = text.lines().next()
            && fs::read_link(Path::new("/proc").join(server).join("cwd")).is_ok_and(|cwd| cwd == data)
        {
            let _ = Command::new("kill").args(["-QUIT", server]).status();
        }
        // Its keeper may be removing it at this moment, and another user's cluster is not ours to remove.
        let _ = fs::remove_dir_all(entry.path());
    }
}

fn owner_of(folder: &str) -> Option<&str> {
    let (owner, port) = folder.strip_prefix(FOLDER_PREFIX)?.split_once('-')?;
    (owner.parse::<u32>().is_ok() && port.parse::<u16>().is_ok()).then_some(owner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_of_proofs_are_published() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let published = words(include_str!("../../docs/proof/README.md"));
        for setting in Purpose::Proof.settings() {
            assert!(published.contains(setting), "docs/proof/README.md does not say `{setting}`");
        }
    }

    #[test]
    fn users_are_found_by_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\npostgres:x:101:104::/var/lib/postgresql:/bin/bash\nbroken\n";
        assert_eq!(ids_of(passwd, "postgres"), Some((101, 104)));
        assert_eq!(ids_of(passwd, "nobody"), None);
    }

    #[test]
    fn a_folder_names_its_owner() {
        assert_eq!(owner_of("ork-pg-4711-54321"), Some("4711"));
        assert_eq!(owner_of("ork-pg-4711"), None);
        assert_eq!(owner_of("ork-pg-data-1"), None);
        assert_eq!(owner_of("other-4711-1"), None);
    }

    #[test]
    fn the_highest_complete_version_wins() {
        let folder = shell::Folder::create("find").unwrap();
        for version in ["9", "15", "17", "17beta"] {
            let bin = folder.0.join(version).join("bin");
            fs::create_dir_all(&bin).unwrap();
            for program in ["postgres", "initdb", "pg_ctl"] {
                fs::write(bin.join(program), "").unwrap();
            }
        }
        assert_eq!(find(&folder.0, None), Some(folder.0.join("17/bin")));
        fs::remove_file(folder.0.join("17/bin/initdb")).unwrap();
        assert_eq!(find(&folder.0, None), Some(folder.0.join("15/bin")));
        assert_eq!(find(&folder.0.join("none"), Some(OsStr::new("/nowhere:/nothing"))), None);
    }
}
