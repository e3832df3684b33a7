//! The folders of attempts.
//!
//! ```text
//! work_root/
//!   lock                 held while somebody moves in
//!   4711-123456/         an executor's home: process id, and clock ticks since boot
//!     lock               held as long as that executor lives
//!     null.json          what $ORK_PARAMS names when there are none
//!     1/                 one attempt's at a time
//!       work/  artifacts/  output.json  progress  tokens  params.json  feedback.json  script
//!     2/                 that of an attempt with steps, each of which has one like `1` besides
//!       work/
//! ```
//!
//! A folder that an attempt has left as it found it serves the next one. On a journalling file system three new folders
//! an attempt cost more than starting its process: on ext4 that was four fifths of the throughput of short tasks. Files
//! are made only when there is something in them.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ork_core::executor::Assignment;
use rustix::fs::{FlockOperation, flock};
use serde_json::Value;

use super::beneath::Beneath;
use super::live::ticks_since_boot;

const LOCK: &str = "lock";
const WORK: &str = "work";
const ARTIFACTS: &str = "artifacts";
const PARAMS: &str = "params.json";
const OUTPUT: &str = "output.json";
const PROGRESS: &str = "progress";
const TOKENS: &str = "tokens";
const FEEDBACK: &str = "feedback.json";
const SCRIPT: &str = "script";
/// Where `work` is put together again.
const FRESH: &str = "fresh";

/// Tells apart the executors of one process.
static HOMES: AtomicU64 = AtomicU64::new(0);

/// The folders of one executor.
pub struct Folders {
    home: PathBuf,
    /// The same, whatever its path becomes.
    root: Arc<Beneath>,
    null: PathBuf,
    idle: Mutex<Vec<Folder>>,
    made: AtomicU64,
    _lock: File,
}

/// The folder of one attempt, for its owner alone.
#[derive(Debug)]
pub struct Folder {
    base: PathBuf,
    root: Arc<Beneath>,
    /// That of all steps, if it is a step's: its `work` stands for the one in here, which stays empty.
    shared: Option<PathBuf>,
    /// `$ORK_PARAMS`: always readable.
    pub params: PathBuf,
    /// What it, `work` and `artifacts` were when they were made, or last found empty.
    marks: [Mark; 3],
    made_at: u64,
    /// It was made long enough before this attempt that any change since shows in the marks.
    is_settled: bool,
}

/// Clock ticks (10 ms) after which the file system's own clock, which stands still for up to one, has moved on.
const SETTLED_TICKS: u64 = 3;

/// Changes with everything that is done to a folder: an entry, its mode, its attributes.
#[derive(Debug, PartialEq, Eq)]
struct Mark {
    inode: u64,
    changed: (i64, i64),
}

impl Folders {
    /// Moves in under `root`, which is made if it does not exist, and clears away what executors that are dead have
    /// left there.
    ///
    /// # Errors
    /// When `root` cannot be made or written to.
    pub fn open(root: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(root)?;
        let root = root.canonicalize()?;
        // Nobody else moves in or clears away until this is dropped: a new home is never seen without its lock.
        let _gate = lock(&root.join(LOCK), FlockOperation::LockExclusive)?;
        clear_away_the_dead(&root);
        let (pid, n) = (std::process::id(), HOMES.fetch_add(1, Ordering::Relaxed));
        let home = root.join(format!("{pid}-{}-{n}", ticks_since_boot()));
        make(&home)?;
        let _lock = lock(&home.join(LOCK), FlockOperation::NonBlockingLockExclusive)?;
        let null = home.join("null.json");
        fs::write(&null, "null\n")?;
        let root = Arc::new(Beneath::open(&home)?);
        Ok(Self { home, root, null, idle: Mutex::default(), made: AtomicU64::new(0), _lock })
    }

    /// Removes what executors that have died since have left. What cannot be removed is left to the next.
    pub fn clear_away_the_dead(&self) {
        let Some(root) = self.home.parent() else { return };
        if let Ok(_gate) = lock(&root.join(LOCK), FlockOperation::LockExclusive) {
            clear_away_the_dead(root);
        }
    }

    /// A folder for an attempt, or for a step in the folder that it shares with others.
    ///
    /// # Errors
    /// When something in it cannot be made.
    pub fn take(&self, work: &Assignment, shared: Option<PathBuf>) -> io::Result<Folder> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut folder = match idle {
            Some(mut folder) => {
                folder.is_settled = ticks_since_boot() >= folder.made_at + SETTLED_TICKS;
                folder
            }
            None => Folder::create(self.next(), Arc::clone(&self.root), self.null.clone())?,
        };
        folder.shared = shared;
        if work.params.is_null() {
            folder.params.clone_from(&self.null);
        } else {
            folder.params = folder.base.join(PARAMS);
            write_new(&folder.params, &work.params)?;
        }
        if let Some(feedback) = work.step.as_ref().and_then(|step| step.feedback.as_ref()) {
            write_new(&folder.feedback(), feedback)?;
        }
        Ok(folder)
    }

    /// A folder for an attempt with steps.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn share(&self) -> io::Result<Shared> {
        let shared = Shared { base: self.next(), root: Arc::clone(&self.root) };
        make(&shared.base)?;
        make(&shared.work())?;
        Ok(shared)
    }

    fn next(&self) -> PathBuf {
        self.home.join(self.made.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Takes a folder back if it is as it was when it was made; returns it if it has to be removed, which may take long.
    pub fn take_back(&self, mut folder: Folder) -> Option<Folder> {
        if !folder.is_as_new().unwrap_or(false) {
            return Some(folder);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(folder);
        None
    }
}

impl Drop for Folders {
    fn drop(&mut self) {
        remove_tree(&self.home).ok();
    }
}

impl Folder {
    fn create(base: PathBuf, root: Arc<Beneath>, params: PathBuf) -> io::Result<Self> {
        make(&base)?;
        let (work, artifacts) = (base.join(WORK), base.join(ARTIFACTS));
        make(&work)?;
        make(&artifacts)?;
        let marks = [Mark::of(&base)?, Mark::of(&work)?, Mark::of(&artifacts)?];
        let made_at = ticks_since_boot();
        Ok(Self { base, root, shared: None, params, marks, made_at, is_settled: false })
    }

    /// `$ORK_WORK`.
    pub fn work(&self) -> PathBuf {
        self.shared.as_ref().unwrap_or(&self.base).join(WORK)
    }

    /// `$ORK_ARTIFACTS`.
    pub fn artifacts(&self) -> PathBuf {
        self.base.join(ARTIFACTS)
    }

    /// `$ORK_ARTIFACTS` itself, also when its path leads elsewhere by now.
    ///
    /// # Errors
    /// When it is not there, or is no folder any more.
    pub fn open_artifacts(&self) -> io::Result<Beneath> {
        open_in(&self.root, &self.base, ARTIFACTS)
    }

    /// Where the standard output stands that is too large to be held in memory, until it is opened: nothing is left there.
    pub fn printed(&self) -> PathBuf {
        self.base.with_extension("printed")
    }

    /// `$ORK_OUTPUT`.
    pub fn output(&self) -> PathBuf {
        self.base.join(OUTPUT)
    }

    /// `$ORK_PROGRESS`.
    pub fn progress(&self) -> PathBuf {
        self.base.join(PROGRESS)
    }

    /// `$ORK_TOKENS`.
    pub fn tokens(&self) -> PathBuf {
        self.base.join(TOKENS)
    }

    /// `$ORK_FEEDBACK`.
    pub fn feedback(&self) -> PathBuf {
        self.base.join(FEEDBACK)
    }

    /// Where a script stands that is too long to be an argument.
    pub fn script(&self) -> PathBuf {
        self.base.join(SCRIPT)
    }

    /// Whether the task may have written one of the files that it answers by: told by a single call.
    pub fn may_hold_answers(&self) -> bool {
        !self.is_untouched(&self.base, 0)
    }

    /// Whether something may have come into `$ORK_ARTIFACTS`: told by a single call, as a rule.
    pub fn may_hold_artifacts(&self) -> bool {
        let folder = self.artifacts();
        !self.is_untouched(&folder, 2)
            && match fs::read_dir(folder) {
                Ok(mut entries) => entries.next().is_some(),
                Err(error) => error.kind() != io::ErrorKind::NotFound,
            }
    }

    /// Whether nothing was done to a folder, told by a single call.
    fn is_untouched(&self, folder: &Path, at: usize) -> bool {
        self.is_settled && Mark::of(folder).is_ok_and(|mark| mark == self.marks[at])
    }

    /// Removes the files of the contract, and says whether nothing else was changed.
    fn is_as_new(&mut self) -> io::Result<bool> {
        for (folder, at) in [(self.base.join(WORK), 1), (self.base.join(ARTIFACTS), 2)] {
            let is_as_new = self.is_untouched(&folder, at)
                || (Mark::of(&folder)? == self.marks[at] && fs::read_dir(&folder)?.next().is_none());
            if !is_as_new {
                return Ok(false);
            }
        }
        if self.is_untouched(&self.base, 0) {
            return Ok(true);
        }
        for entry in fs::read_dir(&self.base)? {
            let name = entry?.file_name();
            match name.to_str() {
                Some(WORK | ARTIFACTS) => {}
                Some(PARAMS | OUTPUT | PROGRESS | TOKENS | FEEDBACK | SCRIPT) => fs::remove_file(self.base.join(name))?,
                _ => return Ok(false),
            }
        }
        let mark = Mark::of(&self.base)?;
        if mark != self.marks[0] {
            // These files have changed the mark, and so they start a new one.
            (self.marks[0], self.made_at) = (mark, ticks_since_boot());
        }
        Ok(fs::symlink_metadata(&self.base)?.mode() & 0o7777 == 0o700)
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// When something cannot be removed, though its folder was made writable first.
    pub fn remove(&self) -> io::Result<()> {
        remove_tree(&self.base)
    }
}

/// The folder that all steps of an attempt share. Dropped, it goes with everything in it, which may block.
pub struct Shared {
    base: PathBuf,
    root: Arc<Beneath>,
}

impl Shared {
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// `$ORK_WORK` of all steps.
    pub fn work(&self) -> PathBuf {
        self.base.join(WORK)
    }

    /// `$ORK_WORK` itself, also when its path leads elsewhere by now.
    ///
    /// # Errors
    /// When it is not there, or is no folder any more.
    pub fn open_work(&self) -> io::Result<Beneath> {
        open_in(&self.root, &self.base, WORK)
    }

    /// Fills `$ORK_WORK`, which must be empty, and stays so when that fails.
    ///
    /// # Errors
    /// Those of `fill`, and when something is there already.
    pub fn fill(&self, fill: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let fresh = self.base.join(FRESH);
        let filled = make(&fresh).and_then(|()| fill(&fresh)).and_then(|()| fs::rename(&fresh, self.work()));
        if filled.is_err() {
            remove_tree(&fresh).ok();
        }
        filled
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// As [`Folder::remove`].
    pub fn remove(&self) -> io::Result<()> {
        remove_tree(&self.base)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.remove().ok();
    }
}

impl Mark {
    fn of(path: &Path) -> io::Result<Self> {
        let found = fs::symlink_metadata(path)?;
        Ok(Self { inode: found.ino(), changed: (found.ctime(), found.ctime_nsec()) })
    }
}

fn make(folder: &Path) -> io::Result<()> {
    DirBuilder::new().mode(0o700).create(folder)
}

fn write_new(path: &Path, value: &Value) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(value.to_string().as_bytes())
}

/// A folder in one that lies in `root`.
fn open_in(root: &Beneath, base: &Path, name: &str) -> io::Result<Beneath> {
    let base = base.file_name().ok_or(io::ErrorKind::NotFound)?;
    root.folder(Path::new(base).join(name).as_os_str().as_bytes())
}

fn lock(path: &Path, operation: FlockOperation) -> io::Result<File> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
    flock(&file, operation)?;
    Ok(file)
}

/// Removes the homes whose lock nobody holds.
fn clear_away_the_dead(root: &Path) {
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let home = entry.path();
        let is_home = entry.file_type().is_ok_and(|kind| kind.is_dir()) && home.join(LOCK).is_file();
        if is_home && lock(&home.join(LOCK), FlockOperation::NonBlockingLockExclusive).is_ok() {
            remove_tree(&home).ok();
        }
    }
}

fn remove_tree(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            // Go's module cache, for one, is made of folders that nothing can be removed from.
            make_writable(path);
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn make_writable(root: &Path) {
    let mut open = vec![root.to_owned()];
    while let Some(folder) = open.pop() {
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).ok();
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            }
        }
    }
}
