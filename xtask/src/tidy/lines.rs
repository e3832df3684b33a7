//! The size of files. The size of functions is clippy's `too_many_lines`.

use super::files::{self, Files};

/// Lines of a source file, its tests apart. A longer one holds two nouns.
const LINES_MAX: usize = 600;
const SOURCES: &[&str] = &["css", "js", "py", "rs", "sh", "sql", "ts", "tsx"];

/// Files over the budget.
pub fn check(files: &Files) -> Vec<String> {
    let sources = files.iter().filter(|(path, _)| {
        !files::is_test(path)
            && SOURCES.iter().any(|ending| path.rsplit_once('.').is_some_and(|(_, end)| end == *ending))
    });
    let counted = sources.map(|(path, text)| (path, count(text)));
    let long = counted.filter(|(_, lines)| *lines > LINES_MAX);
    long.map(|(path, lines)| format!("{path}: {lines} lines, allowed are {LINES_MAX}; give a noun of it its own file"))
        .collect()
}

/// Lines outside `#[cfg(test)]` items. rustfmt puts the end of a top-level item in column 0, so braces in strings do not
/// matter.
fn count(text: &str) -> usize {
    outside_tests(text).count()
}

/// The lines outside `#[cfg(test)]` items, with their numbers from 1.
pub fn outside_tests(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_test = false;
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(move |(_, line)| {
        if *line == "#[cfg(test)]" {
            in_test = true;
            return false;
        }
        if in_test {
            in_test =
                !(*line == "}" || line.starts_with(|first: char| first.is_ascii_alphabetic()) && line.ends_with(';'));
            return false;
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_do_not_count() {
        assert_eq!(count("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {\n    }\n}\nfn c() {}\n"), 2);
        assert_eq!(count("#[cfg(test)]\nmod tests;\nfn c() {}\n"), 1);
        assert_eq!(count("#[cfg(test)]\npub mod sample;\n\nfn c() {}\n"), 2);
        assert_eq!(count("#[cfg(test)]\n#[allow(dead_code)]\npub fn sample() {\n    let a = 1;\n}\nfn c() {}\n"), 1);
        assert_eq!(count(""), 0);
    }

    #[test]
    fn a_long_file_is_named_with_its_length() {
        let long = "a\n".repeat(601);
        let files = files::sample(&[
            ("crates/a/src/long.rs", &long),
            ("crates/a/src/short.rs", &"a\n".repeat(600)),
            ("crates/a/src/tests.rs", &long),
            ("crates/a/tests/all.rs", &long),
            ("docs/long.md", &long),
        ]);
        let expected = ["crates/a/src/long.rs: 601 lines, allowed are 600; give a noun of it its own file"];
        assert_eq!(check(&files), expected);
    }
}
