//! The repository's text files, read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Text by path; paths are relative to the root, with `/`.
pub type Files = BTreeMap<String, String>;

/// Endings of the files that are read; everything else is only known by name, with an empty text.
const TEXT: &[&str] =
    &["css", "html", "js", "json", "md", "py", "rs", "sh", "snap", "sql", "toml", "ts", "tsx", "txt", "yaml", "yml"];

/// Reads everything under `root` but version control, what cargo built and what npm downloaded.
pub fn read(root: &Path) -> Result<Files> {
    let mut files = Files::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("failed to list `{}`", folder.display()))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                let built = path.join("CACHEDIR.TAG").exists();
                if !built && !matches!(name.as_str(), ".git" | "node_modules" | "__pycache__") {
                    folders.push(path);
                }
                continue;
            }
            let is_text = TEXT.iter().any(|ending| name.rsplit_once('.').is_some_and(|(_, end)| end == *ending));
            let text = if is_text {
                fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?
            } else {
                String::new()
            };
            files.insert(path.strip_prefix(root)?.to_string_lossy().into_owned(), text);
        }
    }
    Ok(files)
}

/// Whether a file is only there for tests.
pub fn is_test(path: &str) -> bool {
    path.split('/').any(|part| matches!(part, "tests" | "tests.rs" | "snapshots"))
}

#[cfg(test)]
pub fn sample(files: &[(&str, &str)]) -> Files {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}
