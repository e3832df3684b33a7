//! The few files that may do what is banned everywhere else.

use super::files::{self, Files};
use super::lines::outside_tests;

/// Lints whose exemptions are counted.
const LINTS: &[&str] = &["unsafe_code", "disallowed_methods", "disallowed_types"];

/// Lint and file; the reason stands at the attribute. A ratchet: an entry that is no longer needed must go.
const EXEMPT: &[(&str, &str)] = &[
    ("disallowed_methods", "crates/ork-engine/src/clock.rs"),
    ("disallowed_methods", "crates/ork-sim/src/fleet.rs"),
    ("disallowed_methods", "crates/ork-sim/src/kills.rs"),
    ("disallowed_methods", "crates/ork-sim/src/outage.rs"),
    ("disallowed_methods", "crates/ork-sim/src/serving.rs"),
    ("disallowed_methods", "crates/ork-sim/src/storm.rs"),
    ("disallowed_methods", "crates/ork-sim/src/stream.rs"),
    ("disallowed_methods", "xtask/src/suite.rs"),
    ("unsafe_code", "crates/ork-executors/src/process/kernel.rs"),
];

/// Exemptions that are not in the table, and entries of the table that are not needed.
pub fn check(files: &Files) -> Vec<String> {
    compare(files, EXEMPT)
}

fn compare(files: &Files, exempt: &[(&str, &str)]) -> Vec<String> {
    let sources = files.iter().filter(|(path, _)| path.ends_with(".rs") && !files::is_test(path));
    let mut used = Vec::new();
    for (path, text) in sources.filter(|(path, _)| !path.starts_with("xtask/src/tidy/")) {
        let lints = LINTS.iter().filter(|lint| outside_tests(text).any(|(_, line)| is_exemption(line, lint)));
        used.extend(lints.map(|lint| (*lint, path.as_str())));
    }
    let new = used.iter().filter(|entry| !exempt.contains(entry));
    let new = new.map(|(lint, path)| {
        format!(
            "{path}: exempts itself from `{lint}`; take what is handed in, or enter it in xtask/src/tidy/exemptions.rs"
        )
    });
    let gone = exempt.iter().filter(|entry| !used.contains(entry));
    let gone =
        gone.map(|(lint, path)| format!("{path}: needs no exemption from `{lint}`; remove it from exemptions.rs"));
    new.chain(gone).collect()
}

/// rustfmt may give a long attribute several lines, so only the line with the lint is looked at.
fn is_exemption(line: &str, lint: &str) -> bool {
    let line = line.trim_start();
    line.contains(lint) && !["//", "#![deny", "#![forbid", "#[deny"].iter().any(|start| line.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::files::sample;

    #[test]
    fn new_exemptions_and_stale_entries_are_found() {
        let files = sample(&[
            ("a/src/clock.rs", "#[expect(\n    clippy::disallowed_methods,\n    reason = \"one\"\n)]\n"),
            ("a/src/sneaky.rs", "#![allow(unsafe_code)]\n"),
            ("a/src/strict.rs", "#![forbid(unsafe_code)]\n// unsafe_code\n"),
            ("a/src/tested.rs", "#[cfg(test)]\nmod tests {\n    #![allow(unsafe_code)]\n}\n"),
            ("a/tests/it/main.rs", "#![allow(unsafe_code)]\n"),
        ]);
        let exempt = [("disallowed_methods", "a/src/clock.rs"), ("disallowed_methods", "a/src/gone.rs")];
        let expected = [
            "a/src/sneaky.rs: exempts itself from `unsafe_code`; take what is handed in, or enter it in \
             xtask/src/tidy/exemptions.rs",
            "a/src/gone.rs: needs no exemption from `disallowed_methods`; remove it from exemptions.rs",
        ];
        assert_eq!(compare(&files, &exempt), expected);
    }
}
