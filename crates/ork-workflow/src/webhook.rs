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
    let secret = fields.get("secret").and_then(|node| secret(node, report));
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

/// A file is read by many, so it names a secret and never holds one.
fn secret(node: &Located, report: &mut Report) -> Option<String> {
    let text = fields::text(node, "`secret`", report)?;
    let inner = text.trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}")).map(str::trim);
    let name = inner.and_then(|inner| inner.strip_prefix("secrets.")).filter(|name| is_name(name));
    if name.is_none() {
        let hint = "store it with `ork secrets`, and write its name: `secret: \"{{ secrets.hook }}\"`";
        report.hinted(codes::WEBHOOK_SECRET, node.at, "`secret` must be the name of a secret of the workspace", hint);
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
