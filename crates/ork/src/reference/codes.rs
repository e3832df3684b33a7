//! Every page of `ork explain`.

use super::page;
use crate::pages;

const ABOUT: &str = "\
# Codes

What `ork explain CODE` says, on one page: the codes of errors in workflow files, the exit codes, the problems of the
[API](../api.md), and the guarantees that
`ork doctor` names. Written by `cargo xtask reference`; not edited by hand.
";

/// Headings, and how the codes below them begin.
const PARTS: &[(&str, &str)] = &[
    ("The text of a file", "ORK-E01"),
    ("Keys and values", "ORK-E02"),
    ("Tasks and what they depend on", "ORK-E03"),
    ("Expressions", "ORK-E04"),
    ("Inputs", "ORK-E05"),
    ("Exit codes", "exit-"),
    ("Problems of the API", "http-"),
    ("Guarantees", "G"),
];

fn text() -> String {
    let mut text = ABOUT.to_owned();
    for (heading, start) in PARTS {
        text += &format!("\n## {heading}\n");
        for known in pages::all().filter(|known| known.code.starts_with(start)) {
            text += &format!("\n### {}\n\n**{}**\n\n{}\n", known.code, known.title, known.page.trim_end());
        }
    }
    text
}

#[test]
fn the_page_of_codes_is_fresh() {
    let text = text();
    for known in pages::all() {
        assert!(text.contains(&format!("\n### {}\n", known.code)), "`{}` stands in no part", known.code);
    }
    page::check("reference/errors.md", &text);
}
