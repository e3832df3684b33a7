//! Names that say nothing, leftovers, and manifests that say too little.

use super::files::Files;

/// A crate or a module is called after what it holds.
const EMPTY: &[&str] = &["common", "helper", "helpers", "misc", "types", "util", "utils"];

/// Files and modules with an empty name, snapshots that nobody decided on, manifests without lints or a description.
pub fn check(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files {
        findings.extend(empty_names(path, text));
        if path.ends_with(".snap.new") || path.ends_with(".pending-snap") {
            findings.push(format!("{path}: decide on it with `cargo insta review`, or delete it"));
        }
        if path.ends_with("Cargo.toml") && text.contains("[package]") {
            findings.extend(manifest(path, text));
        }
    }
    findings
}

fn empty_names(path: &str, text: &str) -> Vec<String> {
    let Some(stem) = path.strip_suffix(".rs") else { return Vec::new() };
    let parts = stem.split('/').filter(|part| EMPTY.contains(&part.rsplit('-').next().unwrap_or(part)));
    let modules = text.lines().filter_map(|line| {
        let name = line.trim_start().trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix('{')?.trim();
        EMPTY.contains(&name).then_some(name)
    });
    parts.chain(modules).map(|name| format!("{path}: `{name}` says nothing; name it after what it holds")).collect()
}

fn manifest(path: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    if !text.lines().any(|line| line.starts_with("description = \"")) {
        findings.push(format!("{path}: no description"));
    }
    let own_workspace = text.lines().any(|line| line == "[workspace]");
    if !own_workspace && !text.contains("[lints]\nworkspace = true\n") {
        findings.push(format!("{path}: no `[lints] workspace = true`"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::files::sample;

    fn check_file(path: &str, text: &str, expected: &[&str]) {
        assert_eq!(check(&sample(&[(path, text)])), expected, "{path}");
    }

    #[test]
    fn empty_names_are_found() {
        check_file(
            "crates/a/src/util.rs",
            "",
            &["crates/a/src/util.rs: `util` says nothing; name it after what it holds"],
        );
        check_file(
            "crates/ork-types/src/lib.rs",
            "",
            &["crates/ork-types/src/lib.rs: `ork-types` says nothing; name it after what it holds"],
        );
        check_file(
            "crates/a/src/lib.rs",
            "pub mod helpers {\n}\n",
            &["crates/a/src/lib.rs: `helpers` says nothing; name it after what it holds"],
        );
        check_file("crates/a/src/utility_meter.rs", "mod meter {\n}\n", &[]);
    }

    #[test]
    fn an_undecided_snapshot_is_found() {
        check_file("a/b.snap.new", "", &["a/b.snap.new: decide on it with `cargo insta review`, or delete it"]);
    }

    #[test]
    fn a_manifest_has_lints_and_a_description() {
        check_file("crates/a/Cargo.toml", "[package]\ndescription = \"A\"\n[lints]\nworkspace = true\n", &[]);
        check_file(
            "crates/a/Cargo.toml",
            "[package]\nname = \"a\"\n",
            &["crates/a/Cargo.toml: no description", "crates/a/Cargo.toml: no `[lints] workspace = true`"],
        );
        check_file("Cargo.toml", "[workspace]\nmembers = []\n", &[]);
        check_file("bench/Cargo.toml", "[package]\ndescription = \"B\"\n[workspace]\n", &[]);
    }
}
