//! Annotations of GitHub Actions: <https://docs.github.com/en/actions/reference/workflow-commands-for-github-actions>.

use ork_workflow::{Diagnostic, Diagnostics};

/// A line `::error …::…` for each error of a file.
pub fn lines(diagnostics: &Diagnostics) -> Vec<String> {
    diagnostics.items.iter().map(|item| line(&diagnostics.file, item)).collect()
}

fn line(file: &str, item: &Diagnostic) -> String {
    let file = property(file);
    let place = item.place.map_or_else(String::new, |place| {
        let end = place.column + place.length - 1;
        format!(",line={},col={},endColumn={end}", place.line, place.column)
    });
    let hint = item.hint.as_deref().map(|hint| format!("\nhelp: {hint}")).unwrap_or_default();
    format!("::error file={file}{place},title={}::{}", item.code, data(&format!("{}{hint}", item.message)))
}

/// Text behind the second `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text between commas.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
