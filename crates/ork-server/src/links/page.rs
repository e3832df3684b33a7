//! What a link shows: a page without scripts, which nothing keeps and no search engine lists.

use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ork_core::store::{GateKind, GateRow};
use sha2::{Digest, Sha256};

use super::{Choice, Ticket};
use crate::view::moment;

const STYLE: &str = "\
body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:3em auto;padding:0 1em;color:#222;background:#fff}\
dt{color:#666;float:left;clear:left;width:7em}dd{margin:0 0 0 7em}pre{white-space:pre-wrap;font:inherit;font-weight:600}\
textarea{width:100%;box-sizing:border-box;font:inherit}button{font:inherit;padding:.4em 1.2em;margin:1em 1em 0 0}";

/// The name of the header of [`policy`].
pub const POLICY_HEADER: &str = "content-security-policy";

/// What a browser may do with the page: show it in this style, and send its form to where it is from.
pub fn policy() -> &'static str {
    static POLICY: LazyLock<String> = LazyLock::new(|| {
        let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
        )
    });
    &POLICY
}

/// What is asked, and the form that answers.
pub fn asks(ticket: &Ticket, row: &GateRow) -> String {
    let what = match (&row.message, row.kind) {
        (Some(message), _) => message.clone(),
        (None, GateKind::Approval) => "May the work go on?".to_owned(),
        (None, GateKind::Budget) => "May the run use more than its budget?".to_owned(),
    };
    let button = |word: &str, text: &str| format!("<button name=\"decision\" value=\"{word}\">{text}</button>");
    let buttons = match ticket.choice {
        Choice::Approve => button("approve", "Approve"),
        Choice::Reject => button("reject", "Reject"),
        Choice::Any => button("approve", "Approve") + &button("reject", "Reject"),
    };
    let body = format!(
        "<h1>Your decision</h1>\n<pre>{what}</pre>\n{facts}\n<form method=\"post\">\n<label>Comment<textarea name=\"comment\" \
         rows=\"3\" maxlength=\"1000\"></textarea></label>\n{buttons}\n</form>",
        what = escaped(&what),
        facts = facts(row, &[("for", &ticket.principal), ("until", &moment(ticket.expires_at))]),
    );
    page("Your decision", &body)
}

/// What was decided.
pub fn done(row: &GateRow) -> String {
    let by = row.decided_by.as_ref().map_or("", |by| by.id.as_str());
    let body = format!("<h1>Thank you</h1>\n{}", facts(row, &[("decision", row.status.word()), ("by", by)]));
    page("Thank you", &body)
}

/// What every link shows that leads nowhere, whatever is wrong with it.
pub fn nothing() -> String {
    let body = "<h1>Nothing to decide</h1>\n<p>This link is not valid, or not any more.</p>";
    page("Nothing to decide", body)
}

fn facts(row: &GateRow, more: &[(&str, &str)]) -> String {
    let task = if row.task_index == 0 { row.task_key.clone() } else { format!("{}/{}", row.task_key, row.task_index) };
    let (run, started) = (row.task.run.to_string(), moment(row.opened_at));
    let own = [
        ("workflow", row.run_name.as_str()),
        ("run", &run),
        ("task", &task),
        ("step", &row.step_name),
        ("started by", &row.started_by),
        ("asked", &started),
    ];
    let line = |(name, value): &(&str, &str)| format!("<dt>{name}</dt><dd>{}</dd>", escaped(value));
    format!("<dl>{}</dl>", own.iter().chain(more).map(line).collect::<Vec<_>>().join("\n"))
}

fn page(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"robots\" content=\"noindex\">\n<meta \
         name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>{STYLE}</style>\n{body}\n</html>\n"
    )
}

/// A text that is shown, whatever it says.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            '"' => shown.push_str("&quot;"),
            '\'' => shown.push_str("&#39;"),
            sign => shown.push(sign),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shown_and_not_obeyed() {
        assert_eq!(escaped("<a href=\"x\" b='y'>&"), "&lt;a href=&quot;x&quot; b=&#39;y&#39;&gt;&amp;");
        assert!(policy().starts_with("default-src 'none'; style-src 'sha256-"), "{}", policy());
        assert!(!policy().contains("unsafe") && !nothing().contains("script"));
    }
}
