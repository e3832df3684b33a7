//! The folder of one attempt, and the files through which a task answers.

use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ork_core::id::TaskId;
use rustix::fs::OFlags;
use serde_json::Value;

/// The folder of one attempt: `TASK.ATTEMPT.NONCE` in the executor's `work_root`, for its owner alone.
///
/// Made with as few calls as can be: three folders, which must exist to be usable, and `params.json` only when there is
/// something in it. The other files come to be when the task writes them.
#[derive(Debug)]
pub struct Folder {
    base: PathBuf,
    /// `$ORK_PARAMS`: always readable.
    pub params: PathBuf,
}

/// The file that stands for parameters that are `null`, shared by all attempts.
pub fn shared_null(root: &Path) -> PathBuf {
    root.join("null.json")
}

/// Makes the root of all attempts' folders, and what they share.
///
/// # Errors
/// When it cannot be made or written to.
pub fn prepare_root(root: &Path) -> io::Result<PathBuf> {
    DirBuilder::new().recursive(true).mode(0o700).create(root)?;
    let root = root.canonicalize()?;
    fs::write(shared_null(&root), "null\n")?;
    Ok(root)
}

impl Folder {
    /// Makes the folder of an attempt.
    ///
    /// # Errors
    /// When something in it cannot be made; nothing of it is left then.
    pub fn create(root: &Path, name: &str, params: &Value) -> io::Result<Self> {
        let base = root.join(name);
        let maker = {
            let mut maker = DirBuilder::new();
            maker.mode(0o700);
            maker
        };
        maker.create(&base)?;
        let mut folder = Self { base, params: shared_null(root) };
        if let Err(error) = folder.fill(&maker, params) {
            folder.remove().ok();
            return Err(error);
        }
        Ok(folder)
    }

    fn fill(&mut self, maker: &DirBuilder, params: &Value) -> io::Result<()> {
        maker.create(self.work())?;
        maker.create(self.artifacts())?;
        if !params.is_null() {
            self.params = self.base.join("params.json");
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&self.params)?;
            file.write_all(params.to_string().as_bytes())?;
        }
        Ok(())
    }

    /// `$ORK_WORK`.
    pub fn work(&self) -> PathBuf {
        self.base.join("work")
    }

    /// `$ORK_ARTIFACTS`.
    pub fn artifacts(&self) -> PathBuf {
        self.base.join("artifacts")
    }

    /// `$ORK_OUTPUT`.
    pub fn output(&self) -> PathBuf {
        self.base.join("output.json")
    }

    /// `$ORK_PROGRESS`.
    pub fn progress(&self) -> PathBuf {
        self.base.join("progress")
    }

    /// Where a script stands that is too long to be an argument.
    pub fn script(&self) -> PathBuf {
        self.base.join("script")
    }

    /// How many files and folders the task has put into `$ORK_ARTIFACTS`.
    pub fn count_artifacts(&self) -> usize {
        // Removing an empty folder is one call, listing it four; nearly always it is empty.
        match fs::remove_dir(self.artifacts()) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => {
                fs::read_dir(self.artifacts()).map_or(0, Iterator::count)
            }
            _ => 0,
        }
    }

    /// Removes it if the task has left nothing in it but the files of the contract, which is quick.
    pub fn remove_if_empty(&self) -> bool {
        if self.params.starts_with(&self.base) {
            fs::remove_file(&self.params).ok();
        }
        fs::remove_dir(self.artifacts()).ok();
        fs::remove_dir(self.work()).ok();
        fs::remove_dir(&self.base).is_ok()
    }

    /// Removes it with everything in it.
    ///
    /// # Errors
    /// When something cannot be removed, though its folder was made writable first.
    pub fn remove(&self) -> io::Result<()> {
        remove_tree(&self.base)
    }
}

/// Removes what attempts of `task` have left under `root` whose nonce `is_live` does not know.
pub fn remove_leftovers(root: &Path, task: TaskId, is_live: impl Fn(&str) -> bool) {
    let mark = format!("{task}.");
    for entry in fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let nonce = name.to_str().and_then(|name| name.strip_prefix(&mark)?.split_once('.')).map(|(_, nonce)| nonce);
        if nonce.is_some_and(|nonce| !is_live(nonce)) {
            remove_tree(&entry.path()).ok();
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

/// Opens a file that a task may have written, whatever it is: no symbolic link is followed, no pipe blocks.
///
/// # Errors
/// When it is not a regular file, or cannot be read. `None` when there is none.
pub fn open_answer(path: &Path) -> io::Result<Option<fs::File>> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
            return Err(io::Error::other("it is a symbolic link"));
        }
        result => result?,
    };
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    Ok(Some(file))
}

/// Reads at most `max` bytes and one more.
///
/// # Errors
/// When it cannot be read.
pub fn read_up_to(file: fs::File, max: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
