//! YAML 1.2 text to a located tree: the parser's events on an explicit stack, within limits.

use std::borrow::Cow;
use std::collections::BTreeMap;

use ork_core::limits;
use serde_json::Number;
use serde_saphyr::granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, ScanError};

use crate::codes;
use crate::diagnostic::Report;
use crate::source::Span;
use crate::tree::{Key, Kind, Located, NESTING_MAX, NODES_MAX, Open};

/// Nodes that aliases of one file may add up to. Each alias copies what it names, so that a few lines of nested
/// aliases stand for billions of nodes.
pub const ALIAS_NODES_MAX: usize = 10_000;

/// Reads one document. `None` when it cannot be read to its end; the report then says why.
pub fn read(text: &str, report: &mut Report) -> Option<Located> {
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = NESTING_MAX;
    options.block_nesting_limit = NESTING_MAX;
    let mut reader = Reader {
        text,
        open: Vec::new(),
        root: None,
        anchors: BTreeMap::new(),
        marks: Vec::new(),
        nodes: 0,
        copied: 0,
        documents: 0,
    };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                let at = Span::new(span.start.byte_offset().unwrap_or(0), span.end.byte_offset().unwrap_or(0));
                let tag_start = span.tag_start.and_then(|mark| mark.byte_offset());
                if reader.step(event, at, tag_start, report).is_break() {
                    return None;
                }
            }
            Err(error) => {
                reader.refuse(&error, report);
                return None;
            }
        }
    }
    reader.root
}

struct Reader<'t> {
    text: &'t str,
    open: Vec<Open>,
    root: Option<Located>,
    /// What each anchor names, once it is complete.
    anchors: BTreeMap<usize, Located>,
    /// The anchors of the collections in `open`; 0 means none.
    marks: Vec<usize>,
    nodes: usize,
    copied: usize,
    documents: usize,
}

type Flow = std::ops::ControlFlow<()>;

impl<'t> Reader<'t> {
    fn step(&mut self, event: Event<'t>, at: Span, tag_start: Option<usize>, report: &mut Report) -> Flow {
        if event.tag().is_some() {
            let from = tag_start.unwrap_or(at.start);
            let rest = self.text.get(from..).unwrap_or_default();
            let written = rest.split([' ', '\n', ',', ']', '}']).next().unwrap_or_default();
            let hint = "text that begins with `!` must be quoted; types are told by how a value is written";
            let place = Span::new(from, from + written.len().max(1));
            report.hinted(codes::YAML_TAG, place, format!("the tag `{written}` is not supported"), hint);
            if let Event::Scalar(_, _, anchor, _) = event {
                return self.place(Located { kind: Kind::Bad, at }, anchor, report);
            }
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    let hint = "put each workflow into a file of its own";
                    report.hinted(codes::YAML_DOCUMENTS, at, "a second document begins here", hint);
                    return Flow::Break(());
                }
            }
            Event::Scalar(text, style, anchor, _) => return self.scalar(text, style, anchor, at, report),
            Event::SequenceStart(_, anchor, _) => {
                return self.begin(Open::List { items: Vec::new(), start: at.start }, anchor, at, report);
            }
            Event::MappingStart(_, anchor, _) => {
                let open = Open::Map { entries: Vec::new(), key: None, start: at.start };
                return self.begin(open, anchor, at, report);
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(open) = self.open.pop() {
                    let end = self.text[..at.end.min(self.text.len())].trim_end().len();
                    let node = open.close(end, report);
                    let anchor = self.marks.pop().unwrap_or(0);
                    return self.place(node, anchor, report);
                }
            }
            Event::Alias(anchor) => return self.alias(anchor, at, report),
            _ => {}
        }
        Flow::Continue(())
    }

    fn begin(&mut self, open: Open, anchor: usize, at: Span, report: &mut Report) -> Flow {
        if self.open.len() >= NESTING_MAX {
            too_deep(at, report);
            return Flow::Break(());
        }
        self.open.push(open);
        self.marks.push(anchor);
        Flow::Continue(())
    }

    fn scalar(&mut self, text: Cow<'t, str>, style: ScalarStyle, anchor: usize, at: Span, report: &mut Report) -> Flow {
        if let Some(c) = text.chars().find(|&c| c == '\0') {
            let hint = "remove it: databases and programs cannot take it";
            report.hinted(
                codes::CONTROL,
                at,
                format!("a NUL character (U+{:04X}) stands in this value", c as u32),
                hint,
            );
        }
        let kind = if style == ScalarStyle::Plain { resolve(&text) } else { Kind::Text(text.into_owned()) };
        self.place(Located { kind, at }, anchor, report)
    }

    fn alias(&mut self, anchor: usize, at: Span, report: &mut Report) -> Flow {
        let Some(named) = self.anchors.get(&anchor) else {
            let hint = "write the value out where it is used";
            report.hinted(codes::YAML_ALIAS, at, "this alias stands inside of what it names", hint);
            return Flow::Break(());
        };
        let size = named.size();
        if self.copied + size > ALIAS_NODES_MAX {
            let hint = "write the values out, or make them the output of a task";
            let message = format!("the aliases of this file stand for more than {ALIAS_NODES_MAX} values");
            report.hinted(codes::YAML_ALIAS, at, message, hint);
            return Flow::Break(());
        }
        if self.open.len() + named.depth() > NESTING_MAX {
            too_deep(at, report);
            return Flow::Break(());
        }
        self.copied += size;
        let node = Located { kind: named.kind.clone(), at: named.at };
        self.place(node, 0, report)
    }

    /// Puts a complete node where it belongs: a key, a value, an item, or the whole document.
    fn place(&mut self, node: Located, anchor: usize, report: &mut Report) -> Flow {
        self.nodes += 1;
        if self.nodes + self.copied > NODES_MAX {
            report.add(codes::TOO_MANY_NODES, node.at, format!("the file has more than {NODES_MAX} values"));
            return Flow::Break(());
        }
        if anchor != 0 {
            // An anchored node is copied, so that it counts like an alias: anchors may be nested.
            self.copied += node.size();
            if self.copied > ALIAS_NODES_MAX {
                let message =
                    format!("the anchors and aliases of this file stand for more than {ALIAS_NODES_MAX} values");
                report.add(codes::YAML_ALIAS, node.at, message);
                return Flow::Break(());
            }
            self.anchors.insert(anchor, node.clone());
        }
        if self.has_too_many_tasks() {
            let message = format!("the workflow has more than {} tasks", limits::TASKS_MAX);
            report.hinted(codes::TASKS_MANY, node.at, message, "write like tasks as one task with `count` or `each`");
            return Flow::Break(());
        }
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { entries, key, .. }) => match key.take() {
                Some(name) => entries.push((name, node)),
                None => *key = Some(as_key(node, self.text, report)),
            },
        }
        Flow::Continue(())
    }

    /// Known before the rest of a million tasks is read.
    fn has_too_many_tasks(&self) -> bool {
        match self.open.as_slice() {
            [Open::Map { key: Some(tasks), .. }, Open::Map { entries, .. }] => {
                entries.len() > limits::TASKS_MAX as usize && tasks.name == "tasks"
            }
            _ => false,
        }
    }

    fn refuse(&self, error: &ScanError, report: &mut Report) {
        let start = error.marker().byte_offset().unwrap_or(0);
        let at = Span::new(start, start + 1);
        let (code, message, hint) = explain(error);
        match hint {
            Some(hint) => report.hinted(code, at, message, hint),
            None => report.add(code, at, message),
        }
    }
}

fn too_deep(at: Span, report: &mut Report) {
    report.add(codes::TOO_DEEP, at, format!("values are nested more than {NESTING_MAX} levels deep"));
}

fn as_key(node: Located, source: &str, report: &mut Report) -> Key {
    let name = match &node.kind {
        Kind::Text(text) => text.clone(),
        Kind::Map(_) | Kind::Bad => {
            let end = source[node.at.start..].find("}}").map_or(node.at.end, |length| node.at.start + length + 2);
            let outer = Span::new(node.at.start.saturating_sub(1), end);
            let written = source.get(outer.start..outer.end).unwrap_or_default();
            let hint = format!("quote it: \"{written}\"");
            report.hinted(codes::KEY_NOT_TEXT, outer, "a template without quotes is a mapping for YAML", hint);
            return Key { name: String::new(), at: node.at, is_broken: true };
        }
        Kind::List(_) => {
            report.hinted(
                codes::KEY_NOT_TEXT,
                node.at,
                "a key must be text, and this is a list",
                "quote it, or give it a name",
            );
            return Key { name: String::new(), at: node.at, is_broken: true };
        }
        _ => {
            let written = source.get(node.at.start..node.at.end).unwrap_or_default().to_owned();
            let what = if matches!(node.kind, Kind::Null) { "null" } else { node.noun() };
            let hint = format!("quote it: \"{written}\"");
            report.hinted(codes::KEY_NOT_TEXT, node.at, format!("the key `{written}` is {what}, not text"), hint);
            written
        }
    };
    Key { name, at: node.at, is_broken: false }
}

/// What the scanner's most frequent refusals mean for somebody who does not know YAML's grammar.
fn explain(error: &ScanError) -> (&'static str, String, Option<&'static str>) {
    let syntax = codes::YAML_SYNTAX;
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => {
            (codes::TAB, "a tab stands where YAML wants spaces".into(), Some("indent with spaces, two for each level"))
        }
        ErrorKind::RecursionLimitExceeded => {
            (codes::TOO_DEEP, format!("values are nested more than {NESTING_MAX} levels deep"), None)
        }
        ErrorKind::UnknownAnchor => (
            codes::YAML_ALIAS,
            "this alias names no anchor above it".into(),
            Some("text that begins with `*` must be quoted; an alias `*name` needs an anchor `&name` above"),
        ),
        ErrorKind::UndeclaredTagHandle => {
            (codes::YAML_TAG, "tags are not supported".into(), Some("text that begins with `!` must be quoted"))
        }
        ErrorKind::UnclosedQuotedScalar => {
            (syntax, "a quoted text is never closed".into(), Some("add the closing quote"))
        }
        ErrorKind::UnclosedFlowCollection { open } => {
            (syntax, format!("this `{open}` is never closed"), Some("text that begins with `{` or `[` must be quoted"))
        }
        ErrorKind::UnknownQuotedScalarEscape => (
            syntax,
            "this escape is unknown in double quotes".into(),
            Some("write a backslash as `\\\\`, or use single quotes, in which nothing is an escape"),
        ),
        ErrorKind::SimpleKeyExpected | ErrorKind::InvalidSimpleKey | ErrorKind::ExpectedBlockMappingKey => (
            syntax,
            format!("not valid YAML: {}", error.info()),
            Some("a key needs a colon and a space (`key: value`), and keys of one mapping the same indentation"),
        ),
        ErrorKind::UnexpectedCharacter { character } => (
            syntax,
            if *character == '`' {
                "a backtick cannot stand here".into()
            } else {
                format!("`{character}` cannot stand here")
            },
            Some("text that begins with `%`, `@` or a backtick must be quoted"),
        ),
        _ if error.info().contains("mapping values are not allowed") => (
            syntax,
            "a colon cannot stand here".into(),
            Some("text that holds `: ` must be quoted; if the line above is a key, it needs a colon of its own"),
        ),
        _ if error.info().contains("':' indicator") => (
            syntax,
            "a colon cannot stand here".into(),
            Some("close the `[` or `{` above; text that holds `: ` must be quoted"),
        ),
        _ if error.info().contains("EOF") => {
            let hint = "a value, a quote or a closing bracket is missing, here or above";
            (syntax, format!("not valid YAML: {}", error.info()), Some(hint))
        }
        _ if error.info().contains("expected ','") => (
            syntax,
            "not valid YAML: within `{ }` or `[ ]` a comma must stand here".into(),
            Some("quote text that holds `,`, `[`, `]`, `{` or `}`, or write each key on a line of its own"),
        ),
        _ => {
            let hint = "text with `: `, ` #`, or a special character at its beginning must be quoted";
            (syntax, format!("not valid YAML: {}", error.info()), Some(hint))
        }
    }
}

/// What a plain scalar is, by YAML's core schema.
fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kind::Null,
        "true" | "True" | "TRUE" => return Kind::Bool(true),
        "false" | "False" | "FALSE" => return Kind::Bool(false),
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return Kind::Odd("infinity and not-a-number are not values that JSON can hold");
    }
    let is_digits = |digits: &str| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if is_digits(unsigned) {
        return integer(text, unsigned);
    }
    let radix = unsigned.strip_prefix("0x").map(|d| (d, 16)).or_else(|| unsigned.strip_prefix("0o").map(|d| (d, 8)));
    if let Some((digits, radix)) = radix
        && !digits.is_empty()
        && digits.chars().all(|c| c.is_digit(radix))
    {
        return Kind::Odd("hexadecimal and octal numbers are not supported");
    }
    if is_float(unsigned) {
        // Through f64: `.5` and `1.` are numbers in YAML and not in JSON.
        return match text.parse::<f64>().ok().and_then(Number::from_f64) {
            Some(number) => Kind::Number(number),
            None => Kind::Odd("this number is too large"),
        };
    }
    Kind::Text(text.to_owned())
}

fn integer(text: &str, digits: &str) -> Kind {
    if digits.len() > 1 && digits.starts_with('0') {
        return Kind::Odd("a number that begins with 0 is octal for some readers and decimal for others");
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    if let Ok(value) = text.parse::<i64>() {
        return Kind::Number(value.into());
    }
    text.parse::<u64>().map_or(Kind::Odd("this number does not fit into 64 bits"), |value| Kind::Number(value.into()))
}

/// `[0-9]* . [0-9]*` with at least one digit, or digits, then an optional exponent. Not both without dot and exponent.
fn is_float(text: &str) -> bool {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
    let dots = mantissa.bytes().filter(|&b| b == b'.').count();
    let exponent_fits = exponent.is_none_or(|e| {
        let e = e.strip_prefix(['-', '+']).unwrap_or(e);
        !e.is_empty() && e.bytes().all(|b| b.is_ascii_digit())
    });
    digits > 0 && dots <= 1 && digits + dots == mantissa.len() && exponent_fits && (dots == 1 || exponent.is_some())
}
