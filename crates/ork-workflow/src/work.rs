//! What a task and a step have in common: a program, a script, their environment, a condition.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::Report;
use crate::sight::{Eyes, Sight};
use crate::tree::{Kind, Located};
use crate::{codes, fields};

/// Reads `command`: a program and its arguments.
pub fn command(node: &Located, sight: Sight, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<Vec<String>> {
    if let Kind::Text(text) = &node.kind {
        let hint = if text.contains(['|', '>', '<', '&', ';', '$', '*']) {
            "a shell script stands under `run`".to_owned()
        } else {
            format!(
                "write [{}]; a shell script stands under `run`",
                text.split_whitespace().collect::<Vec<_>>().join(", ")
            )
        };
        let message = "`command` must be a list of program and arguments, and this is text";
        report.hinted(codes::WRONG_TYPE, node.at, message, hint);
        return None;
    }
    let items = fields::list(node, "`command`", report)?;
    let Some(program) = items.first() else {
        report.hinted(codes::OUT_OF_RANGE, node.at, "`command` is empty", "name a program: [echo, hello]");
        return None;
    };
    if matches!(&program.kind, Kind::Text(text) if text.is_empty()) {
        report.add(codes::OUT_OF_RANGE, program.at, "the program of `command` is empty text");
    }
    eyes.value(node, sight, report);
    let source = eyes.world.source;
    let argument = |item| fields::scalar(item, "an argument", source, report);
    Some(items.iter().filter_map(argument).map(Into::into).collect())
}

/// Reads `run`: a shell script, in which no template may stand.
pub fn script(node: &Located, eyes: &Eyes<'_, '_>, report: &mut Report) -> Option<String> {
    if let Kind::List(items) = &node.kind {
        let hint = if items.iter().all(|item| matches!(item.kind, Kind::Text(_))) {
            "for one program with arguments write `command`; for several lines write `run: |` and indent them below"
        } else {
            "write `run: |` and indent the lines of the script below"
        };
        report.hinted(codes::WRONG_TYPE, node.at, "`run` must be the text of a script, and this is a list", hint);
        return None;
    }
    let text = fields::text(node, "`run`", report)?;
    if text.trim().is_empty() {
        report.add(codes::OUT_OF_RANGE, node.at, "`run` is an empty script");
    }
    let mut from = 0;
    while let Some(start) = text[from..].find("{{").map(|at| from + at) {
        let end = text[start..].find("}}").map_or(text.len(), |length| start + length + 2);
        let inner = text[start + 2..end].trim_end_matches("}}").trim();
        let hint = format!(
            "pass the value through the environment, where it stays data: env: {{VALUE: \"{{{{ {} }}}}\"}}, and \"$VALUE\" in the script",
            inner.chars().take(60).collect::<String>()
        );
        let at = node.place_of(eyes.world.source, start, end);
        let message = "a template cannot stand in `run`: its value would become part of the script";
        report.hinted(codes::TEMPLATE_IN_RUN, at, message, hint);
        from = end;
    }
    Some(text.to_owned())
}

/// Reads environment variables: text, with templates in it.
pub fn env(node: &Located, sight: Sight, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    if let Kind::List(_) = node.kind {
        let hint = "write `env: {NAME: value}`, or one `NAME: value` on each line";
        report.hinted(codes::WRONG_TYPE, node.at, "`env` must be a mapping, and this is a list", hint);
        return found;
    }
    for (key, value) in fields::entries(node, "`env`", report).unwrap_or_default() {
        let first_fits = key.name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic());
        if !first_fits || !key.name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
            let message = format!("`{}` cannot name an environment variable", key.name);
            let hint = "letters, digits and `_` are allowed, and no digit at the beginning";
            report.hinted(codes::NAME_BAD, key.at, message, hint);
        } else if key.name.starts_with("ORK_") {
            let message = format!("`{}` cannot be set: names that begin with ORK_ are Ork's own", key.name);
            report.hinted(codes::NAME_BAD, key.at, message, "choose another name");
        }
        if let Some(text) = fields::scalar(value, &format!("the variable `{}`", key.name), eyes.world.source, report) {
            eyes.value(value, sight, report);
            found.insert(key.name.clone(), Value::String(text.into_owned()));
        }
    }
    found
}

/// Reads a condition, which stands under `key`: a bare expression.
pub fn condition(
    node: &Located,
    key: &str,
    sight: Sight,
    eyes: &mut Eyes<'_, '_>,
    report: &mut Report,
) -> Option<String> {
    let what = format!("`{key}`");
    let text = match &node.kind {
        Kind::Bool(value) => return Some(value.to_string()),
        Kind::Text(text) => text,
        _ => return fields::wrong_type(node, &what, "a condition, such as `inputs.clips > 3`", report),
    };
    if text.contains("{{") {
        let bare = text.replace("{{", "").replace("}}", "").replace("&&", "and").replace("||", "or");
        let hint = format!("write it without braces: {key}: {}", bare.trim());
        report.hinted(codes::CONDITION_BRACES, node.at, format!("{what} is a bare expression"), hint);
        eyes.value(node, sight, report);
        return None;
    }
    let source = text.trim();
    let start = text.len() - text.trim_start().len();
    if source.is_empty() {
        let hint = "write a condition, or remove the key";
        report.hinted(codes::EXPRESSION_SYNTAX, node.at, format!("{what} is empty"), hint);
        return None;
    }
    eyes.expression(node, source, start, sight, report);
    Some(source.to_owned())
}
