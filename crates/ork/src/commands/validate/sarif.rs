//! SARIF 2.1.0, what code scanners exchange: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ork_workflow::{Diagnostic, Diagnostics, codes};
use serde_json::{Value, json};

use crate::VERSION;

/// The document for all files. Its rules are the codes that occur in it.
pub fn document(found: &[Diagnostics]) -> Value {
    let used: BTreeSet<&str> = found.iter().flat_map(|file| file.items.iter().map(|item| item.code)).collect();
    let rules: Vec<Value> = codes::ALL
        .iter()
        .filter(|known| used.contains(known.code))
        .map(|known| json!({"id": known.code, "shortDescription": {"text": known.title}, "help": {"text": known.page}}))
        .collect();
    let results: Vec<Value> =
        found.iter().flat_map(|file| file.items.iter().map(|item| result(&file.file, item))).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "ork", "semanticVersion": VERSION, "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(file: &str, item: &Diagnostic) -> Value {
    let mut place = json!({"artifactLocation": {"uri": uri(file)}});
    if let Some(at) = item.place {
        place["region"] = json!({"startLine": at.line, "startColumn": at.column, "endColumn": at.column + at.length});
    }
    let hint = item.hint.as_deref().map(|hint| format!("\nhelp: {hint}")).unwrap_or_default();
    json!({
        "ruleId": item.code,
        "level": "error",
        "message": {"text": format!("{}{hint}", item.message)},
        "locations": [{"physicalLocation": place}],
    })
}

/// A path as a reference of RFC 3986.
fn uri(path: &str) -> String {
    path.bytes().fold(String::new(), |mut uri, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
        uri
    })
}
