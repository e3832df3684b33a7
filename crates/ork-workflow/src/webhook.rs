//! `webhook`: whom a run tells of itself.

use ork_core::limits::is_name;
use ork_core::webhook::{Format, Occasion, PlanWebhook};

use crate::diagnostic::Report;
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Sight};
use crate::source::Span;
use crate::tree::Located;
use crate::{codes, keys};

/// Bytes of a URL.
const URL_BYTES_MAX: usize = 2_048;

/// Reads `webhook`. Its URL may be a template over inputs; its secret is the name of one.
pub fn read(node: &Located, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<PlanWebhook> {
    let fields = Fields::open(node, "`webhook`", &keys::WEBHOOK, report)?;
    let secret = fields.get("secret").and_then(|node| secret(node, "secret", report));
    let format = fields.get("format").and_then(|node| fields::word(node, "`format`", &keys::WEBHOOK_FORMATS, report));
    let events = match fields.get("events") {
        Some(node) => events(node, report),
        None => vec![Occasion::RunFinished.word().to_owned()],
    };
    let Some(node) = fields.get("url") else {
        let hint = "say where messages go: `webhook: {url: \"https://example.com/hook\"}`";
        report.hinted(codes::KEY_MISSING, fields.at, "`webhook` has no `url`", hint);
        return None;
    };
    let url = fields::text(node, "`url`", report)?.to_owned();
    eyes.value(node, Sight::Inputs("`webhook`"), report);
    if !url.contains("{{") {
        check_url(&url, node.at, report);
    }
    Some(PlanWebhook { url, secret, events, format: format.map(|at| Format::ALL[at]).unwrap_or_default() })
}

fn events(node: &Located, report: &mut Report) -> Vec<String> {
    let Some(items) = fields::list(node, "`events`", report) else { return Vec::new() };
    if items.is_empty() {
        report.hinted(codes::OUT_OF_RANGE, node.at, "`events` is empty", "remove it for `run.finished`");
    }
    let word = |item| fields::word(item, "an item of `events`", &keys::WEBHOOK_EVENTS, report);
    items.iter().filter_map(word).map(|at| keys::WEBHOOK_EVENTS[at].to_owned()).collect()
}

/// The name of the secret that stands under `key`: a file is read by many, so it names secrets and never holds one.
pub fn secret<'t>(node: &'t Located, key: &str, report: &mut Report) -> Option<String> {
    let text = fields::text(node, &format!("`{key}`"), report)?;
    let inner = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).map(str::trim);
    let in_brackets = |inner: &'t str| {
        let quoted = inner.strip_prefix("secrets[")?.strip_suffix(']')?;
        let of = |quote| quoted.strip_prefix(quote)?.strip_suffix(quote);
        of('"').or_else(|| of('\''))
    };
    let named = inner.and_then(|inner| inner.strip_prefix("secrets.").or_else(|| in_brackets(inner)));
    let name = named.filter(|name| is_name(name));
    if name.is_none() {
        let hint = format!("store it with `ork secrets`, and write its name: `{key}: \"{{{{ secrets.hook }}}}\"`");
        let message = format!("`{key}` must be the name of a secret of the workspace");
        report.hinted(codes::SECRET_WRITTEN, node.at, message, hint);
    }
    name.map(str::to_owned)
}

/// What can be said of a URL before it is called. Whether its addresses may be reached is seen then.
pub fn check_url(url: &str, at: Span, report: &mut Report) {
    let is_web = url.starts_with("http://") || url.starts_with("https://");
    let is_plain = url.len() <= URL_BYTES_MAX && !url.contains(|c: char| c.is_control() || c == ' ');
    let authority = url.split("://").nth(1).unwrap_or_default().split(['/', '?', '#']).next().unwrap_or_default();
    if !is_web || !is_plain || authority.is_empty() || authority.contains('@') {
        let message = "`url` must be a URL that begins with `https://` or `http://`, without a name and a password";
        report.add(codes::WEBHOOK_URL, at, message);
    }
}
