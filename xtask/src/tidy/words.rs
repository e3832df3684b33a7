//! Words that do not belong here, with what does.

use super::files::Files;
use super::lines::outside_tests;

struct Word {
    word: &'static str,
    instead: &'static str,
    /// Which files: the end of their path.
    ending: &'static str,
    /// Which files: the beginning of their path.
    under: &'static str,
}

const ANYWHERE: &str = "";

const WORDS: &[Word] = &[
    Word {
        word: "FIXME",
        instead: "mend it, or say in the docs what does not work",
        ending: ANYWHERE,
        under: ANYWHERE,
    },
    Word { word: "TODO", instead: "do it, or say in the docs what is missing", ending: ANYWHERE, under: ANYWHERE },
    Word { word: "whitelist", instead: "allow-list", ending: ANYWHERE, under: ANYWHERE },
    Word { word: "blacklist", instead: "deny-list", ending: ANYWHERE, under: ANYWHERE },
    Word { word: "jsonb", instead: "json: it is stored as it was given", ending: ".sql", under: "crates/" },
    Word {
        word: "serde(flatten",
        instead: "fields written out: places in the file are lost",
        ending: ".rs",
        under: "crates/ork-workflow/src/",
    },
    Word {
        word: "serde(untagged",
        instead: "a reader of its own: places in the file are lost",
        ending: ".rs",
        under: "crates/ork-workflow/src/",
    },
];

/// Where the words are data.
const EXCEPT: &[&str] = &["xtask/src/tidy/words.rs", "CONTRIBUTING.md"];

/// Each banned word, and each line that ends in blanks.
pub fn check(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| !EXCEPT.contains(&path.as_str())) {
        let words: Vec<_> =
            WORDS.iter().filter(|word| path.ends_with(word.ending) && path.starts_with(word.under)).collect();
        for (number, line) in outside_tests(text) {
            let code = if path.ends_with(".sql") { line.split("--").next().unwrap_or(line) } else { line };
            let found = words.iter().filter(|word| code.contains(word.word));
            findings.extend(found.map(|word| format!("{path}:{number}: `{}`: {}", word.word, word.instead)));
            if line.ends_with([' ', '\t']) && !path.ends_with(".snap") {
                findings.push(format!("{path}:{number}: ends in blanks"));
            }
        }
        if !text.is_empty() && !text.ends_with('\n') {
            findings.push(format!("{path}: does not end with a line break"));
        }
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
    fn a_word_is_found_with_its_replacement() {
        check_file("docs/a.md", "one\na whitelist\n", &["docs/a.md:2: `whitelist`: allow-list"]);
        check_file("a.rs", "fn a() {}\n#[cfg(test)]\nmod tests {\n    // whitelist\n}\n", &[]);
    }

    #[test]
    fn a_word_may_belong_to_some_files_only() {
        let sql = "-- never jsonb\nselect a::jsonb\n";
        let found = "crates/ork-postgres/sql/run/get.sql:2: `jsonb`: json: it is stored as it was given";
        check_file("crates/ork-postgres/sql/run/get.sql", sql, &[found]);
        check_file("examples/000/views.sql", sql, &[]);
    }

    #[test]
    fn blanks_and_missing_ends_are_found() {
        check_file("a.md", "a \nb", &["a.md:1: ends in blanks", "a.md: does not end with a line break"]);
        check_file("a.md", "", &[]);
    }
}
