//! Links between our pages: each leads to a file or a folder that is there, and to a heading that it has.

use super::files::Files;

/// Every relative link of a Markdown file that leads nowhere.
pub fn check(files: &Files) -> Vec<String> {
    let mut findings = Vec::new();
    for (path, text) in files.iter().filter(|(path, _)| path.ends_with(".md")) {
        let mut in_code = false;
        for (index, line) in text.lines().enumerate() {
            in_code ^= line.trim_start().starts_with("```");
            let dead = targets(line).filter(|target| !in_code && !leads_somewhere(files, path, target));
            findings.extend(dead.map(|target| format!("{path}:{}: the link to `{target}` leads nowhere", index + 1)));
        }
    }
    findings
}

/// What stands between `](` and `)`.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| rest.split(')').next())
}

fn leads_somewhere(files: &Files, from: &str, target: &str) -> bool {
    if target.contains("://") || target.starts_with("mailto:") {
        return true;
    }
    let (page, heading) = target.split_once('#').unwrap_or((target, ""));
    let page = if page.is_empty() { from.to_owned() } else { resolve(from, page) };
    let is_folder = || files.keys().any(|path| path.strip_prefix(&page).is_some_and(|rest| rest.starts_with('/')));
    match files.get(&page) {
        Some(text) => heading.is_empty() || text.lines().any(|line| anchor(line).as_deref() == Some(heading)),
        None => heading.is_empty() && is_folder(),
    }
}

fn resolve(from: &str, page: &str) -> String {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in page.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// A heading's anchor, as GitHub makes it: lower-case, blanks as hyphens, no punctuation.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.trim().chars().filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'));
    Some(kept.map(|letter| if letter == ' ' { '-' } else { letter }).flat_map(char::to_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::files::sample;

    fn check_link(target: &str, expected: bool) {
        let files = sample(&[
            ("docs/a.md", &format!("# A\n[link]({target})\n```\n[code](nowhere)\n```\n")),
            ("docs/b.md", "# Bee\n## How, and `why`\n"),
            ("src/lib.rs", ""),
            ("README.md", "# R\n"),
        ]);
        assert_eq!(check(&files).is_empty(), expected, "{target}");
    }

    #[test]
    fn links_lead_somewhere() {
        for target in [
            "b.md",
            "./b.md",
            "../README.md",
            "../src",
            "../src/",
            "b.md#bee",
            "#a",
            "b.md#how-and-why",
            "https://a.b/c",
        ] {
            check_link(target, true);
        }
        for target in ["c.md", "../b.md", "b.md#wasp", "#b", "../sr"] {
            check_link(target, false);
        }
    }

    #[test]
    fn a_dead_link_is_named_with_its_place() {
        let files = sample(&[("a.md", "# A\n\n[one](b.md), [two](c.md)\n"), ("b.md", "")]);
        assert_eq!(check(&files), ["a.md:3: the link to `c.md` leads nowhere"]);
    }
}
