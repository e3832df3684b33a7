//! Dead source files: those that no `mod` leads to.

use std::collections::BTreeSet;

use super::files::Files;

/// Every `.rs` file of a crate that no root of it reaches.
pub fn check(files: &Files) -> Vec<String> {
    let sources: BTreeSet<&str> = files.keys().map(String::as_str).filter(|path| path.ends_with(".rs")).collect();
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<String> = sources.iter().filter(|path| is_root(path)).map(|path| (*path).to_owned()).collect();
    while let Some(path) = ahead.pop() {
        if let Some(text) = files.get(&path)
            && reached.insert(path.clone())
        {
            ahead.extend(modules(&path, text));
        }
    }
    let dead = sources.into_iter().filter(|path| !reached.contains(*path));
    dead.map(|path| format!("{path}: no `mod` leads here; delete it, or declare it")).collect()
}

/// Where cargo starts to read: the roots of libraries, programs, tests, benchmarks, examples and build scripts.
fn is_root(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [.., "src", "lib.rs" | "main.rs"] | [.., "build.rs"] => true,
        [.., "src", "bin", _] | [.., "src", "bin", _, "main.rs"] => true,
        [.., "tests" | "benches" | "examples", _] | [.., "tests" | "benches" | "examples", _, "main.rs"] => {
            !parts.contains(&"src")
        }
        _ => false,
    }
}

/// The files that the `mod name;` lines of a file may mean, one of which exists.
fn modules(path: &str, text: &str) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').unwrap_or(("", path));
    let stem = file.trim_end_matches(".rs");
    let own = if is_root(path) || stem == "mod" { folder.to_owned() } else { format!("{folder}/{stem}") };
    let mut found = Vec::new();
    let mut place = None;
    for line in text.lines().map(str::trim_start) {
        if let Some(quoted) = line.strip_prefix("#[path = \"") {
            place = quoted.split('"').next().map(|place| format!("{folder}/{place}"));
            continue;
        }
        let Some(name) = declared(line) else { continue };
        match place.take() {
            Some(place) => found.push(place),
            None => found.extend([format!("{own}/{name}.rs"), format!("{own}/{name}/mod.rs")]),
        }
    }
    found
}

fn declared(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) => rest.trim_start_matches(|letter| letter != ' ').trim_start(),
        None => line,
    };
    line.strip_prefix("mod ")?.split_once(';').map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::files::sample;

    #[test]
    fn only_what_no_mod_leads_to_is_dead() {
        let files = sample(&[
            ("crates/a/src/lib.rs", "mod plain;\npub(crate) mod folder;\n#[cfg(test)]\nmod tests;\n"),
            ("crates/a/src/plain.rs", "    mod inner; // why\n"),
            ("crates/a/src/plain/inner.rs", ""),
            ("crates/a/src/folder/mod.rs", "#[path = \"odd.rs\"]\npub mod even;\n"),
            ("crates/a/src/folder/odd.rs", ""),
            ("crates/a/src/tests.rs", ""),
            ("crates/a/src/bin/tool.rs", "mod near;\n"),
            ("crates/a/src/bin/near.rs", ""),
            ("crates/a/tests/all/main.rs", "mod one;\n"),
            ("crates/a/tests/all/one.rs", ""),
            ("crates/a/build.rs", ""),
            ("crates/a/src/dead.rs", ""),
            ("crates/a/src/inner.rs", ""),
            ("crates/a/tests/all/dead.rs", ""),
        ]);
        let expected = [
            "crates/a/src/dead.rs: no `mod` leads here; delete it, or declare it",
            "crates/a/src/inner.rs: no `mod` leads here; delete it, or declare it",
            "crates/a/tests/all/dead.rs: no `mod` leads here; delete it, or declare it",
        ];
        assert_eq!(check(&files), expected);
    }
}
