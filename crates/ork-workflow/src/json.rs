//! JSON text (RFC 8259) to the same located tree. A reader of our own, for places and for duplicate keys.

use serde_json::Number;

use crate::codes;
use crate::diagnostic::Report;
use crate::source::Span;
use crate::tree::{Key, Kind, Located, NESTING_MAX, NODES_MAX, Open};

/// Reads one value. `None` when it cannot be read to its end; the report then says why.
pub fn read(text: &str, report: &mut Report) -> Option<Located> {
    let mut reader = Reader { text, at: 0, open: Vec::new(), nodes: 0 };
    match reader.document(report) {
        Ok(root) => Some(root),
        Err(flaw) => {
            let at = Span::new(flaw.at, flaw.at + 1);
            match flaw.hint {
                Some(hint) => report.hinted(flaw.code, at, flaw.message, hint),
                None => report.add(flaw.code, at, flaw.message),
            }
            None
        }
    }
}

/// The repair of a comment.
const NO_COMMENTS: &str = "remove it, or write the file in YAML";

struct Flaw {
    code: &'static str,
    at: usize,
    message: String,
    hint: Option<&'static str>,
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    open: Vec<Open>,
    nodes: usize,
}

impl Reader<'_> {
    fn document(&mut self, report: &mut Report) -> Result<Located, Flaw> {
        self.at = if self.text.starts_with('\u{feff}') { 3 } else { 0 };
        loop {
            self.skip_space();
            if let Some(node) = self.value(report)?
                && let Some(root) = self.place(node, report)?
            {
                self.skip_space();
                return if self.at == self.text.len() {
                    Ok(root)
                } else {
                    Err(self.flaw("something follows the end of the value", Some("remove it")))
                };
            }
        }
    }

    /// The next scalar or empty collection; `None` when a collection was opened.
    fn value(&mut self, report: &mut Report) -> Result<Option<Located>, Flaw> {
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{' | b'[') => return self.begin(report),
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Kind::Bool(true))?,
            Some(b'f') => self.word("false", Kind::Bool(false))?,
            Some(b'n') => self.word("null", Kind::Null)?,
            Some(b'\'') => {
                return Err(self.flaw("text must stand in double quotes", Some("write \"…\" in place of '…'")));
            }
            Some(b'/' | b'#') => {
                return Err(self.flaw("JSON has no comments", Some(NO_COMMENTS)));
            }
            Some(b']' | b'}') => return Err(self.flaw("a value is missing here", Some("remove the comma before it"))),
            Some(_) => return Err(self.flaw("this is not a JSON value", Some("text must stand in double quotes"))),
            None => return Err(self.unclosed()),
        };
        Ok(Some(Located { kind, at: Span::new(start, self.at) }))
    }

    fn begin(&mut self, report: &mut Report) -> Result<Option<Located>, Flaw> {
        if self.open.len() >= NESTING_MAX {
            let message = format!("values are nested more than {NESTING_MAX} levels deep");
            return Err(Flaw { code: codes::TOO_DEEP, at: self.at, message, hint: None });
        }
        let start = self.at;
        let is_map = self.peek() == Some(b'{');
        self.at += 1;
        self.open.push(if is_map {
            Open::Map { entries: Vec::new(), key: None, start }
        } else {
            Open::List { items: Vec::new(), start }
        });
        self.skip_space();
        if self.peek() == Some(if is_map { b'}' } else { b']' }) {
            return Ok(self.close(report));
        }
        if is_map {
            self.key()?;
        }
        Ok(None)
    }

    fn close(&mut self, report: &mut Report) -> Option<Located> {
        self.at += 1;
        self.open.pop().map(|open| open.close(self.at, report))
    }

    fn key(&mut self) -> Result<(), Flaw> {
        self.skip_space();
        let start = self.at;
        match self.peek() {
            Some(b'"') => {}
            Some(b'}') => return Err(self.flaw("a key is missing here", Some("remove the comma before it"))),
            Some(b'/' | b'#') => return Err(self.flaw("JSON has no comments", Some(NO_COMMENTS))),
            _ => return Err(self.flaw("a key must be text in double quotes", Some("write it as \"key\": value"))),
        }
        let name = self.string()?;
        let found = Key { name, at: Span::new(start, self.at), is_broken: false };
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.flaw("a key must be followed by a colon", None));
        }
        self.at += 1;
        if let Some(Open::Map { key, .. }) = self.open.last_mut() {
            *key = Some(found);
        }
        Ok(())
    }

    /// Puts a value into the collection around it and goes on to the next; a value that ends the document is returned.
    fn place(&mut self, mut node: Located, report: &mut Report) -> Result<Option<Located>, Flaw> {
        loop {
            self.nodes += 1;
            if self.nodes > NODES_MAX {
                let message = format!("the file has more than {NODES_MAX} values");
                return Err(Flaw { code: codes::TOO_MANY_NODES, at: self.at, message, hint: None });
            }
            let end = match self.open.last_mut() {
                None => return Ok(Some(node)),
                Some(Open::List { items, .. }) => {
                    items.push(node);
                    b']'
                }
                Some(Open::Map { entries, key, .. }) => {
                    if let Some(key) = key.take() {
                        entries.push((key, node));
                    }
                    b'}'
                }
            };
            self.skip_space();
            match self.peek() {
                Some(b',') => {
                    self.at += 1;
                    if end == b'}' {
                        self.key()?;
                    }
                    return Ok(None);
                }
                Some(c) if c == end => match self.close(report) {
                    Some(closed) => node = closed,
                    None => return Ok(None),
                },
                Some(_) => return Err(self.flaw("a comma is missing before this", None)),
                None => return Err(self.unclosed()),
            }
        }
    }

    /// A string's extent is found here; its escapes are read by `serde_json`.
    fn string(&mut self) -> Result<String, Flaw> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.at += 2,
                Some(c) if c < 0x20 => {
                    return Err(self.flaw(
                        "a control character stands in this text",
                        Some("write a line break as \\n, a tab as \\t"),
                    ));
                }
                Some(_) => self.at += 1,
                None => {
                    self.at = start;
                    return Err(self.flaw("this text is never closed", Some("add the closing quote")));
                }
            }
        }
        self.at += 1;
        let written = self.text.get(start..self.at).unwrap_or_default();
        let text: String = serde_json::from_str(written).map_err(|_| Flaw {
            code: codes::JSON_SYNTAX,
            at: start,
            message: "this text holds an escape that JSON does not know".into(),
            hint: Some("write a backslash as \\\\"),
        })?;
        if text.contains('\0') {
            let message = "a NUL character (U+0000) stands in this text".into();
            return Err(Flaw {
                code: codes::CONTROL,
                at: start,
                message,
                hint: Some("remove it: databases and programs cannot take it"),
            });
        }
        Ok(text)
    }

    fn number(&mut self) -> Result<Kind, Flaw> {
        let start = self.at;
        while matches!(self.peek(), Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'e' | b'E')) {
            self.at += 1;
        }
        let written = &self.text[start..self.at];
        let number: Number = serde_json::from_str(written).map_err(|_| Flaw {
            code: codes::JSON_SYNTAX,
            at: start,
            message: format!("`{written}` is not a JSON number"),
            hint: Some("a number has no leading zero and no plus sign, and digits on both sides of its dot"),
        })?;
        if number.as_i64().is_some() || number.as_u64().is_some() {
            return Ok(Kind::Number(number));
        }
        let is_integer = !written.contains(['.', 'e', 'E']);
        let fits = number.as_f64().is_some_and(f64::is_finite);
        Ok(match (is_integer, fits) {
            (false, true) => Kind::Number(number),
            (true, _) => Kind::Odd("this number does not fit into 64 bits"),
            (false, false) => Kind::Odd("this number is too large"),
        })
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<Kind, Flaw> {
        if self.text[self.at..].starts_with(word) {
            self.at += word.len();
            return Ok(kind);
        }
        Err(self.flaw("this is not a JSON value", Some("text must stand in double quotes")))
    }

    fn unclosed(&self) -> Flaw {
        let at = match self.open.last() {
            Some(Open::List { start, .. } | Open::Map { start, .. }) => *start,
            None => self.at,
        };
        Flaw { at, ..self.flaw("this is never closed", Some("the file ends before its closing bracket")) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn flaw(&self, message: &str, hint: Option<&'static str>) -> Flaw {
        Flaw { code: codes::JSON_SYNTAX, at: self.at, message: message.into(), hint }
    }
}
