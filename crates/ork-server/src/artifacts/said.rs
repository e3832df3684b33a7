//! What somebody says of an artifact, and whether that can be.
//!
//! A name is only shown, and bytes are never kept under it; but whoever gets the artifact makes a file of it. So a name that could
//! lead out of a folder, on whatever system and however often it is decoded, is refused.

use ork_api::Fault;
use ork_core::address::check_address;
use ork_core::artifact::{KIND_FILE, OCTETS, check_name, is_content_type};
use ork_core::id::{RunId, TaskId};
use ork_core::json::Json;
use ork_core::limits::{ARTIFACT_META_BYTES_MAX, is_name};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::look::Look;
use crate::names::{Names, number};
use crate::refused::{Answer, Code, Refused};

/// What somebody wants an artifact to be.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// What a part of it is found by in the request: `?` in a query, `/` in a body.
    pub at: &'static str,
    /// A relative path.
    pub name: String,
    /// What it is, in a word.
    pub kind: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// The task that it is of.
    pub task: Option<String>,
    /// What else there is to say.
    pub meta: Option<Value>,
}

/// What an artifact will be: that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// A relative path.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Its media type.
    pub content_type: String,
    /// The number of its task in the run.
    pub n: Option<u32>,
    /// A JSON object.
    pub meta: Option<String>,
}

impl Wish {
    /// Looks at every part.
    ///
    /// # Errors
    /// The first part that is wrong, or that the task is not there.
    pub async fn check(self, look: Look<'_>, run: RunId) -> Answer<Said> {
        let wrong = |part: &str, message: String| Err(refuse(self.at, part, message));
        if let Err(message) = fits(&self.name) {
            return wrong("name", message);
        }
        let kind = self.kind.unwrap_or_else(|| KIND_FILE.to_owned());
        if !is_name(&kind) {
            return wrong("kind", "a kind has 1 to 128 letters, digits, `.`, `_`, `-`".to_owned());
        }
        let content_type = self.content_type.unwrap_or_else(|| OCTETS.to_owned());
        if !is_content_type(&content_type) {
            return wrong("content_type", "a media type is `TYPE/SUBTYPE`, in at most 255 signs".to_owned());
        }
        let meta = match &self.meta {
            None => None,
            Some(value) => match meta(value) {
                Ok(text) => Some(text),
                Err(message) => return wrong("meta", message),
            },
        };
        let n = match &self.task {
            None => None,
            Some(text) => Some(task(look, run, text).await?),
        };
        Ok(Said { name: self.name, kind, content_type, n, meta })
    }
}

/// A part of a request about an artifact that is wrong.
pub(crate) fn refuse(at: &str, part: &str, message: impl Into<String>) -> Refused {
    let fault = Fault { pointer: format!("{at}{part}"), message: message.into(), ..Fault::default() };
    Refused::new(Code::InvalidArtifact, format!("`{part}` is wrong: {}", fault.message)).errors(vec![fault])
}

fn meta(value: &Value) -> Result<String, String> {
    if !value.is_object() {
        return Err("it is a JSON object".to_owned());
    }
    let json = Json::from_value(value).map_err(|error| error.to_string())?;
    if json.as_str().len() > ARTIFACT_META_BYTES_MAX {
        return Err(format!("it has at most {ARTIFACT_META_BYTES_MAX} bytes"));
    }
    Ok(json.as_str().to_owned())
}

/// The number of the task that a text means: an id, `KEY`, or `KEY/INDEX`.
async fn task(look: Look<'_>, run: RunId, text: &str) -> Answer<u32> {
    let missing = || Refused::missing(format_args!("task `{}` in `{run}`", text.escape_debug()));
    let names = Names::read(look.store, look.scope, run).await?;
    if let Ok(id) = text.parse::<TaskId>() {
        let n = id.n().filter(|n| id.run() == run && names.place(*n).is_some());
        return n.ok_or_else(missing);
    }
    let (key, index) = text.split_once('/').unwrap_or((text, "0"));
    let group = names.group(key).ok_or_else(missing)?;
    let index: u32 = index.parse().map_err(|_| missing())?;
    if index >= group.size.unwrap_or(1) { Err(missing()) } else { Ok(number(group, index)) }
}

/// Names of devices where files are made on Windows, whatever follows a dot.
const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];

/// Whether this may name an artifact that somebody sends.
fn fits(name: &str) -> Result<(), String> {
    check_name(name)?;
    let (plain, once) = (seeming(name), decoded(name));
    if plain != name {
        check_name(&plain).map_err(|message| format!("{message}, or seems so"))?;
        if plain.matches('/').count() != name.matches('/').count() {
            return Err("the name holds a sign that looks like a slash".to_owned());
        }
    }
    if once != name {
        check_name(&once).map_err(|message| format!("decoded, {message}"))?;
    }
    match name.split('/').find(|part| is_device(part)) {
        Some(part) => Err(format!("`{part}` is the name of a device on some systems")),
        None => Ok(()),
    }
}

fn is_device(part: &str) -> bool {
    let stem = part.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    let is_port = |port: &str| stem.strip_prefix(port).is_some_and(|number| matches!(number.as_bytes(), [b'1'..=b'9']));
    DEVICES.contains(&stem.as_str()) || is_port("com") || is_port("lpt")
}

/// The same with signs that look like a slash, a backslash or a dot as what they look like.
fn seeming(name: &str) -> String {
    let plain = |c| match c {
        '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{ff0f}' => '/',
        '\u{2216}' | '\u{29f5}' | '\u{29f9}' | '\u{fe68}' | '\u{ff3c}' => '\\',
        '\u{2024}' | '\u{ff0e}' | '\u{fe52}' => '.',
        other => other,
    };
    name.replace('\u{2025}', "..").chars().map(plain).collect()
}

/// The same with `%2f` and its like decoded, as long as there is something to decode.
fn decoded(name: &str) -> String {
    let mut text = name.to_owned();
    while let Some(next) = decoded_once(&text) {
        text = next;
    }
    text
}

fn decoded_once(text: &str) -> Option<String> {
    let (mut bytes, mut found, mut rest) = (Vec::new(), false, text.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        let pair = after.get(..2).filter(|_| *first == b'%').and_then(|pair| std::str::from_utf8(pair).ok());
        match pair.filter(|pair| pair.bytes().all(|b| b.is_ascii_hexdigit())) {
            Some(pair) => {
                bytes.push(u8::from_str_radix(pair, 16).unwrap_or(b'%'));
                (found, rest) = (true, &after[2..]);
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    found.then(|| String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether this may be the address of an artifact that is elsewhere. It is kept and shown, and never asked.
///
/// # Errors
/// When not, in words.
pub fn address(at: &str, url: &str) -> Answer<()> {
    check_address(url).map_err(|message| refuse(at, "url", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attack 26.
    #[test]
    fn names_lead_nowhere_however_they_are_read() {
        for fine in
            ["a", "out/clip.mp4", "ä ö.txt", "100%", "50%25.txt", "a..b", "console.log", "com10", "con-1", "中．文"]
        {
            assert_eq!(fits(fine), Ok(()), "{fine}");
        }
        for bad in [
            "",
            "../a",
            "/etc/passwd",
            "a\\b",
            "a\0b",
            "..%2fetc",
            "..%2Fetc",
            "%2e%2e/etc",
            "..%252fetc",
            "%2fetc",
            "a%00b",
            "a%5cb",
            "CON",
            "con.txt",
            "out/NUL",
            "lpt1.log",
            "Com9",
            "．．/etc",
            "‥/etc",
            "a／b",
            "a∕..∕b",
            "a＼b",
            "a\u{202e}b",
            "a\r\nb",
        ] {
            assert!(fits(bad).is_err(), "{bad:?}");
        }
    }
}
