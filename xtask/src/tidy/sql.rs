//! The SQL of both drivers: one statement a file, the same names, migrations without gaps.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;

const SQLITE: &str = "crates/ork-sqlite/";
const POSTGRES: &str = "crates/ork-postgres/";
/// Lines `path: reason`, one for each `noun/verb.sql` that only one driver has; `#` begins a comment.
const DIFFERENCES: &str = "crates/ork-conformance/sql-differences.txt";

/// Every finding about `sql/` and `migrations/`.
pub fn check(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for driver in [SQLITE, POSTGRES] {
        findings.extend(statements(files, driver));
        findings.extend(numbering(files, driver));
    }
    findings.extend(verbs(files));
    findings.extend(migrations(files));
    findings
}

/// One statement a file, and each is named `"noun/verb"` by the driver's code.
fn statements(files: &Files, driver: &str) -> Vec<String> {
    let code: Vec<&String> = files.iter().filter(|(path, _)| is_code(path, driver)).map(|(_, text)| text).collect();
    let mut findings = Vec::new();
    let folder = format!("{driver}sql/");
    for name in names(files, &folder) {
        let path = format!("{folder}{name}");
        let count = count_statements(&files[&path]);
        if count != 1 {
            findings.push(format!("{path}: {count} statements, not one"));
        }
        let quoted = format!("\"{}\"", name.trim_end_matches(".sql"));
        if !code.iter().any(|text| text.contains(&quoted)) {
            findings.push(format!("{path}: no code names it; delete it, or use it"));
        }
    }
    findings
}

fn is_code(path: &str, driver: &str) -> bool {
    path.ends_with(".rs") && path.strip_prefix(driver).is_some_and(|rest| rest.starts_with("src/"))
}

/// Statements outside comments and quotes: what stands between semicolons and is not blank.
fn count_statements(text: &str) -> usize {
    let mut bare = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '-' if rest.starts_with("--") => rest.find('\n'),
            '/' if rest.starts_with("/*") => rest.find("*/").map(|at| at + 2),
            '\'' | '"' => rest[1..].find(first).map(|at| at + 2),
            '$' => dollar_quote(rest),
            _ => {
                bare.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        if matches!(first, '\'' | '"' | '$') {
            bare.push('x');
        }
        rest = &rest[end.unwrap_or(rest.len())..];
    }
    bare.split(';').filter(|statement| !statement.trim().is_empty()).count()
}

/// Where a string such as `$$…$$` or `$body$…$body$` ends; a lone `$` (a parameter) ends after itself.
fn dollar_quote(text: &str) -> Option<usize> {
    let word = text[1..].find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    let Some(length) = word.filter(|at| text[1 + at..].starts_with('$')) else { return Some(1) };
    let (tag, rest) = text.split_at(length + 2);
    rest.find(tag).map(|at| at + 2 * tag.len())
}

fn verbs(files: &Files) -> Vec<String> {
    let sqlite = names(files, &format!("{SQLITE}sql/"));
    let postgres = names(files, &format!("{POSTGRES}sql/"));
    if sqlite.is_empty() || postgres.is_empty() {
        return Vec::new();
    }
    let mut findings = Vec::new();
    let mut known = BTreeMap::new();
    let list = files.get(DIFFERENCES).map_or("", String::as_str);
    for line in list.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.split_once(": ") {
            Some((path, reason)) => drop(known.insert(path, reason)),
            None => findings.push(format!("{DIFFERENCES}: {line:?} is not `path: reason`")),
        }
    }
    let only: BTreeSet<&str> = sqlite.symmetric_difference(&postgres).copied().collect();
    let new = only.iter().filter(|path| !known.contains_key(*path)).map(|path| {
        let lacks = if sqlite.contains(path) { "PostgreSQL" } else { "SQLite" };
        format!("sql/{path}: {lacks} has no such statement; write it, or say why in {DIFFERENCES}")
    });
    findings.extend(new);
    let gone = known.keys().filter(|path| !only.contains(*path));
    findings.extend(gone.map(|path| format!("{DIFFERENCES}: `{path}` is no difference; remove the line")));
    findings
}

fn numbering(files: &Files, driver: &str) -> Option<String> {
    let folder = format!("{driver}migrations/");
    let mut numbers: Vec<Option<usize>> = names(files, &folder).into_iter().map(number).collect();
    numbers.sort_unstable();
    let gapless = numbers.iter().enumerate().all(|(index, number)| *number == Some(index + 1));
    (!gapless).then(|| format!("{driver}migrations: the numbers are not 1 to {} without gaps", numbers.len()))
}

/// Migrations that only one driver has, once both have any.
fn migrations(files: &Files) -> Vec<String> {
    let sqlite = names(files, &format!("{SQLITE}migrations/"));
    let postgres = names(files, &format!("{POSTGRES}migrations/"));
    if sqlite.is_empty() || postgres.is_empty() {
        return Vec::new();
    }
    let only = sqlite.symmetric_difference(&postgres);
    only.map(|name| format!("migrations/{name}: both databases have the same migrations")).collect()
}

/// `0001_name.sql` or `V0001__name.sql`.
fn number(migration: &str) -> Option<usize> {
    migration.strip_prefix('V').unwrap_or(migration).split_once('_')?.0.parse().ok()
}

fn names<'a>(files: &'a Files, under: &str) -> BTreeSet<&'a str> {
    files.keys().filter_map(|path| path.strip_prefix(under).filter(|name| name.ends_with(".sql"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::files::sample;

    #[test]
    fn statements_are_counted_outside_comments_and_quotes() {
        for (text, expected) in [
            ("select 1", 1),
            ("select 1;\n", 1),
            ("-- why; really\nselect 1;\n-- end;", 1),
            ("/* a; b */ select ';', \";\";", 1),
            ("select 'it''s; fine';", 1),
            ("select 1; select 2", 2),
            ("do $$ begin; end; $$;", 1),
            ("do $body$ begin; $$; end; $body$; select $1;", 2),
            ("select $1, $2;", 1),
            ("select $1", 1),
            ("-- nothing", 0),
            ("'open", 1),
            ("select $", 1),
            ("select $é", 1),
            ("select $…; select", 2),
        ] {
            assert_eq!(count_statements(text), expected, "{text}");
        }
    }

    /// Code that names every statement of these tests.
    const CODE: &str = "const INSERT: &str = text!(\"run/insert\"); const LOCK: &str = text!(\"run/lock\");";

    fn check_files(files: &[(&str, &str)], expected: &[&str]) {
        let code = [("crates/ork-sqlite/src/sql.rs", CODE), ("crates/ork-postgres/src/sql.rs", CODE)];
        assert_eq!(check(&sample(&[files, &code].concat())), expected);
    }

    #[test]
    fn a_file_holds_one_statement_that_code_names() {
        check_files(
            &[
                ("crates/ork-sqlite/sql/run/insert.sql", "insert; insert"),
                ("crates/ork-sqlite/sql/run/drop.sql", "drop"),
            ],
            &[
                "crates/ork-sqlite/sql/run/drop.sql: no code names it; delete it, or use it",
                "crates/ork-sqlite/sql/run/insert.sql: 2 statements, not one",
            ],
        );
    }

    #[test]
    fn both_drivers_have_the_same_verbs() {
        let sqlite = ("crates/ork-sqlite/sql/run/insert.sql", "insert");
        let postgres = ("crates/ork-postgres/sql/run/insert.sql", "insert");
        let more = ("crates/ork-sqlite/sql/run/lock.sql", "select");
        check_files(&[sqlite, postgres], &[]);
        check_files(&[sqlite, more], &[]);
        let missing = "sql/run/lock.sql: PostgreSQL has no such statement; write it, or say why in \
                       crates/ork-conformance/sql-differences.txt";
        check_files(&[sqlite, postgres, more], &[missing]);
        check_files(&[sqlite, postgres, more, (DIFFERENCES, "# why\nrun/lock.sql: one writer\n")], &[]);
        let stale = "crates/ork-conformance/sql-differences.txt: `run/lock.sql` is no difference; remove the line";
        check_files(&[sqlite, postgres, (DIFFERENCES, "run/lock.sql: one writer\n")], &[stale]);
        let unread = "crates/ork-conformance/sql-differences.txt: \"run/lock.sql\" is not `path: reason`";
        check_files(&[sqlite, postgres, (DIFFERENCES, "run/lock.sql\n")], &[unread]);
    }

    #[test]
    fn migrations_have_no_gaps_and_are_the_same() {
        let first = ("crates/ork-sqlite/migrations/V1__first.sql", "");
        let third = ("crates/ork-sqlite/migrations/V3__third.sql", "");
        let other = ("crates/ork-postgres/migrations/V1__other.sql", "");
        check_files(&[first], &[]);
        check_files(&[first, third], &["crates/ork-sqlite/migrations: the numbers are not 1 to 2 without gaps"]);
        check_files(
            &[first, other],
            &[
                "migrations/V1__first.sql: both databases have the same migrations",
                "migrations/V1__other.sql: both databases have the same migrations",
            ],
        );
    }
}
