//! Whether each package's licence can be met by a closed list.

use super::Packages;

/// Licences that a binary of ours may contain.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Every package whose licence is missing, unreadable or not satisfied.
pub fn check(packages: &Packages) -> Vec<String> {
    let verdicts = packages.0.values().map(|package| {
        let name = format!("package `{}` {}", package.name, package.version);
        match package.licence.as_deref().map(|text| (text, is_allowed(text))) {
            None => Some(format!("{name} names no licence")),
            Some((text, None)) => Some(format!("{name} has an unreadable licence: {text:?}")),
            Some((text, Some(false))) => Some(format!("{name} is under {text}, which is not in licence.rs")),
            Some((_, Some(true))) => None,
        }
    });
    verdicts.flatten().collect()
}

/// Whether an SPDX expression can be met; `None` if it cannot be read. `AND` binds tighter than `OR`, an exception
/// (`WITH`) only ever adds a permission, and the old form `MIT/Apache-2.0` means `OR`.
fn is_allowed(expression: &str) -> Option<bool> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words = spaced.split_whitespace().peekable();
    let verdict = any(&mut words)?;
    words.next().is_none().then_some(verdict)
}

type Words<'a> = std::iter::Peekable<std::str::SplitWhitespace<'a>>;

fn any(words: &mut Words) -> Option<bool> {
    let mut verdict = all(words)?;
    while words.next_if_eq(&"OR").is_some() {
        verdict |= all(words)?;
    }
    Some(verdict)
}

fn all(words: &mut Words) -> Option<bool> {
    let mut verdict = one(words)?;
    while words.next_if_eq(&"AND").is_some() {
        verdict &= one(words)?;
    }
    Some(verdict)
}

fn one(words: &mut Words) -> Option<bool> {
    match words.next()? {
        "(" => {
            let verdict = any(words)?;
            words.next_if_eq(&")").map(|_| verdict)
        }
        ")" | "AND" | "OR" | "WITH" => None,
        licence => {
            if words.next_if_eq(&"WITH").is_some() {
                words.next().filter(|word| !matches!(*word, "(" | ")" | "AND" | "OR" | "WITH"))?;
            }
            Some(ALLOWED.contains(&licence))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packages::sample;

    fn check_expression(expression: &str, expected: Option<bool>) {
        assert_eq!(is_allowed(expression), expected, "{expression}");
    }

    #[test]
    fn expressions_are_evaluated() {
        check_expression("MIT", Some(true));
        check_expression("GPL-3.0-only", Some(false));
        check_expression("MIT OR GPL-3.0-only", Some(true));
        check_expression("MIT AND GPL-3.0-only", Some(false));
        check_expression("MIT/Apache-2.0", Some(true));
        check_expression("GPL-3.0-only OR MIT AND ISC", Some(true));
        check_expression("(GPL-3.0-only OR MIT) AND AGPL-3.0-only", Some(false));
        check_expression("(MIT OR Apache-2.0) AND Unicode-3.0", Some(true));
        check_expression("Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", Some(true));
        check_expression("Apache-2.0 WITH LLVM-exception", Some(true));
        check_expression("GPL-2.0-only WITH Classpath-exception-2.0", Some(false));
        check_expression("((MIT))", Some(true));
    }

    #[test]
    fn what_cannot_be_read_is_not_guessed() {
        for expression in ["", "(MIT", "MIT)", "MIT OR", "OR MIT", "MIT ISC", "MIT WITH", "MIT WITH (ISC)", "()"] {
            check_expression(expression, None);
        }
    }

    #[test]
    fn a_package_without_licence_is_named() {
        let mut packages = sample::packages("a:\n b:\n c:");
        packages.0.get_mut("b").unwrap().licence = None;
        packages.0.get_mut("c").unwrap().licence = Some("SSPL-1.0".to_owned());
        let expected =
            ["package `b` 1.0.0 names no licence", "package `c` 1.0.0 is under SSPL-1.0, which is not in licence.rs"];
        assert_eq!(check(&packages), expected);
    }
}
