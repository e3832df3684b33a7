//! Which files of a folder are kept.

use std::io;
use std::sync::Arc;

use ork_core::artifact::{KIND_FILE, check_name};
use ork_core::executor::{KeptFile, Wanted};
use ork_core::glob::{Glob, Place};
use ork_core::limits::KEPT_FILES_MAX;
use ork_core::media;

use super::beneath::{Beneath, Entry, Opened};
use super::source::FileBytes;

/// Entries of a folder that are looked at.
const ENTRIES_MAX: usize = 1_000_000;
/// What is left out that is told one by one.
const LINES_MAX: usize = 20;
/// Bytes of a path that the kernel takes.
const PATH_BYTES_MAX: usize = 4_000;

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    pub files: Vec<KeptFile>,
    /// What is not kept, and why, in words.
    left_out: Vec<String>,
    /// How many more are not.
    uncounted: usize,
}

impl Findings {
    /// Every regular file of a folder, under its path in it. Blocks.
    ///
    /// # Errors
    /// In words, when the folder cannot be read, or there are too many.
    pub fn all(folder: Beneath) -> Result<Self, String> {
        let mut walk = Walk::new(folder, Vec::new());
        walk.go()?;
        Ok(walk.found)
    }

    /// The regular files of a folder that match. Blocks.
    ///
    /// # Errors
    /// In words: as [`Findings::all`], when a pattern is none, or when nothing matches that must.
    pub fn wanted(folder: Beneath, wanted: &Wanted) -> Result<Self, String> {
        let globs = wanted.globs.iter().map(|glob| Glob::parse(glob).map_err(|why| format!("`{glob}`: {why}")));
        let mut walk = Walk::new(folder, globs.collect::<Result<_, _>>()?);
        walk.go()?;
        let mut found = walk.found;
        let count = found.files.len();
        if count == 0 && !wanted.optional {
            let lines = found.lines();
            let because = if lines.is_empty() { String::new() } else { format!("; {}", lines.join("; ")) };
            return Err(format!("no file matches {}{because}", quoted(&wanted.globs)));
        }
        if let Some(name) = &wanted.name {
            if count > 1 {
                return Err(format!("{count} files match {}, and `name` can name one", quoted(&wanted.globs)));
            }
            check_name(name)?;
        }
        for file in &mut found.files {
            if let Some(name) = &wanted.name {
                file.name.clone_from(name);
            }
            if let Some(content_type) = &wanted.content_type {
                file.content_type.clone_from(content_type);
            }
            file.kind.clone_from(&wanted.kind);
            file.meta.clone_from(&wanted.meta);
        }
        Ok(found)
    }

    /// What is not kept, to be told.
    pub fn lines(&self) -> Vec<String> {
        let more = (self.uncounted > 0).then(|| format!("{} more are left out", self.uncounted));
        self.left_out.iter().cloned().chain(more).collect()
    }

    fn leave_out(&mut self, path: &[u8], why: &str) {
        if self.left_out.len() < LINES_MAX {
            // As a whole: half of a secret in it would not be told for one.
            let shown = String::from_utf8_lossy(path);
            let shown: String = shown.chars().flat_map(char::escape_debug).collect();
            self.left_out.push(format!("`{shown}` is left out: {why}"));
        } else {
            self.uncounted += 1;
        }
    }
}

fn quoted(globs: &[String]) -> String {
    globs.iter().map(|glob| format!("`{glob}`")).collect::<Vec<_>>().join(", ")
}

/// A way through all folders below one.
struct Walk {
    root: Arc<Beneath>,
    /// Without any, everything matches.
    globs: Vec<Glob>,
    found: Findings,
    entries: usize,
}

/// A folder in the middle of being looked at.
struct Open {
    path: Vec<u8>,
    folder: Arc<Beneath>,
    places: Vec<Place>,
    names: std::vec::IntoIter<Vec<u8>>,
}

impl Walk {
    fn new(root: Beneath, globs: Vec<Glob>) -> Self {
        Self { root: Arc::new(root), globs, found: Findings::default(), entries: 0 }
    }

    /// Not by recursion: a task may have made the folder deeper than the stack of a thread is. One descriptor a level: the path of
    /// a folder is at most [`PATH_BYTES_MAX`] long, and deeper ones than [`LEVELS_MAX`] are left out.
    fn go(&mut self) -> Result<(), String> {
        let names = self.root.names().map_err(|error| format!("failed to read the folder: {error}"))?;
        let places = self.globs.iter().map(Glob::start).collect();
        let folder = Arc::clone(&self.root);
        let mut open = vec![Open { path: Vec::new(), folder, places, names: names.into_iter() }];
        while let Some(last) = open.last_mut() {
            let Some(name) = last.names.next() else {
                open.pop();
                continue;
            };
            self.entries += 1;
            if self.entries > ENTRIES_MAX {
                return Err(format!("the folder has more than {ENTRIES_MAX} entries"));
            }
            let path = if last.path.is_empty() { name.clone() } else { [&last.path, &b"/"[..], &name].concat() };
            let is_deep = open.len() > LEVELS_MAX;
            let last = &open[open.len() - 1];
            let below = self.look(last, &name, path, is_deep)?;
            open.extend(below);
        }
        Ok(())
    }

    /// Looks at one entry; a folder is to be gone into.
    fn look(&mut self, within: &Open, name: &[u8], path: Vec<u8>, is_deep: bool) -> Result<Option<Open>, String> {
        // What no pattern can match is not looked at, and a pattern is text.
        let text = std::str::from_utf8(name).ok();
        let steps = |(glob, place): (&Glob, &Place)| text.map_or_else(|| place.clone(), |text| glob.step(place, text));
        let places: Vec<Place> = self.globs.iter().zip(&within.places).map(steps).collect();
        let any = |holds: &dyn Fn(&Glob, &Place) -> bool| {
            self.globs.is_empty() || self.globs.iter().zip(&places).any(|(glob, place)| holds(glob, place))
        };
        let (is_wanted, goes_on) = (any(&|glob, place| glob.is_end(place)), any(&|glob, place| glob.goes_on(place)));
        if !is_wanted && !goes_on || text.is_none() && !self.globs.is_empty() {
            return Ok(None);
        }
        let left_out = match within.folder.entry(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => error.to_string(),
            Ok(Entry::Folder) if !goes_on => return Ok(None),
            Ok(Entry::Folder) if is_deep || path.len() > PATH_BYTES_MAX => "it lies too deep".to_owned(),
            Ok(Entry::Folder) => match self.enter(&path) {
                Ok((folder, names)) => return Ok(Some(Open { path, folder, places, names: names.into_iter() })),
                Err(error) => error.to_string(),
            },
            Ok(_) if !is_wanted => return Ok(None),
            Ok(Entry::Other(why)) => why.to_owned(),
            Ok(Entry::File) => match self.file(&path) {
                Ok(file) => {
                    if self.found.files.len() >= KEPT_FILES_MAX {
                        return Err(format!(
                            "more than {KEPT_FILES_MAX} files are to be kept: put them into an archive"
                        ));
                    }
                    self.found.files.push(file);
                    return Ok(None);
                }
                Err(why) => why,
            },
        };
        self.found.leave_out(&path, &left_out);
        Ok(None)
    }

    fn enter(&self, path: &[u8]) -> io::Result<(Arc<Beneath>, Vec<Vec<u8>>)> {
        let folder = self.root.folder(path)?;
        let names = folder.names()?;
        Ok((Arc::new(folder), names))
    }

    fn file(&self, path: &[u8]) -> Result<KeptFile, String> {
        let name = std::str::from_utf8(path).map_err(|_| "its name is not valid UTF-8")?;
        check_name(name)?;
        let Opened { size, identity, .. } = self.root.file(path).map_err(|error| error.to_string())?;
        let bytes = FileBytes { root: Arc::clone(&self.root), path: path.to_vec(), size, identity };
        Ok(KeptFile {
            name: name.to_owned(),
            kind: KIND_FILE.to_owned(),
            content_type: media::of_name(name).to_owned(),
            size,
            meta: None,
            is_value: false,
            bytes: Arc::new(bytes),
        })
    }
}

/// Folders in each other that are gone into.
const LEVELS_MAX: usize = 64;

#[cfg(test)]
mod tests;
