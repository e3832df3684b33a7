//! A page that is written by a program and committed.

use std::path::Path;
use std::{env, fs};

/// Compares a page of `docs` with what it should say; for `cargo xtask reference` writes it.
pub fn check(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name);
    if env::var_os("ORK_WRITE_REFERENCE").is_some() {
        fs::write(&path, text).unwrap_or_else(|error| panic!("failed to write `{}`: {error}", path.display()));
        return;
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    let number = committed.lines().zip(text.lines()).take_while(|(old, new)| old == new).count();
    assert!(
        committed == text,
        "docs/{name}:{}: out of date; write it with `cargo xtask reference`\n  is:     {}\n  should: {}",
        number + 1,
        committed.lines().nth(number).unwrap_or_default(),
        text.lines().nth(number).unwrap_or_default(),
    );
}
