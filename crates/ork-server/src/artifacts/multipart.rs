//! Forms with a file (RFC 7578), read as they come: fields first, the file last, and never more than a piece of it in memory.
//!
//! It is written here because a form is small, and what there is to be read is held to be exactly that: nothing before the first
//! part, nothing behind the last one, no part within a part.

use async_trait::async_trait;
use ork_core::blobs::{BlobError, BlobResult, ByteSource};

use super::BodySource;
use crate::refused::{Answer, Code, Refused};

/// Bytes of the head of a part.
const HEAD_BYTES_MAX: usize = 16 << 10;
/// Bytes of a field, and how many there are.
const FIELD_BYTES_MAX: usize = 64 << 10;
const FIELDS_MAX: usize = 16;
/// Signs of a boundary.
const BOUNDARY_MAX: usize = 70;

/// What tells the parts of a form apart.
///
/// # Errors
/// When the type says none.
pub fn boundary(content_type: &str) -> Answer<String> {
    let wrong = || Refused::new(Code::InvalidRequest, "`multipart/form-data` without a `boundary`");
    let found = parameters(content_type).find(|(name, _)| name == "boundary").map(|(_, value)| value);
    let is_plain = |text: &String| {
        (1..=BOUNDARY_MAX).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&b))
    };
    found.filter(is_plain).ok_or_else(wrong)
}

/// What follows the first semicolon: names in lower case, and values without their quotes.
fn parameters(text: &str) -> impl Iterator<Item = (String, String)> {
    let mut parts = Vec::new();
    let mut rest = text.split_once(';').map(|(_, rest)| rest);
    while let Some((name, after)) = rest.and_then(|rest| rest.split_once('=')) {
        let after = after.trim_start();
        let (value, left) = match after.strip_prefix('"') {
            Some(quoted) => unquoted(quoted),
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after[..end].trim().to_owned(), &after[end..])
            }
        };
        parts.push((name.trim().to_ascii_lowercase(), value));
        rest = left.split_once(';').map(|(_, rest)| rest);
    }
    parts.into_iter()
}

/// A text up to its closing quote, and what follows that.
fn unquoted(text: &str) -> (String, &str) {
    let (mut value, mut signs) = (String::new(), text.char_indices());
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.extend(signs.next().map(|(_, sign)| sign)),
            other => value.push(other),
        }
    }
    (value, "")
}

/// The head of a part.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// The name of its field.
    pub name: String,
    /// What the file was called where it is from.
    pub file: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
}

/// A form that is being read.
pub struct Multipart {
    source: BodySource,
    /// A line break, two dashes and the boundary.
    mark: Vec<u8>,
    /// What came and was not given yet.
    buffer: Vec<u8>,
    fields: usize,
}

impl Multipart {
    /// A form of which nothing was read.
    pub fn new(source: BodySource, boundary: &str) -> Self {
        // As if a line had ended before the form.
        Self { source, mark: format!("\r\n--{boundary}").into_bytes(), buffer: b"\r\n".to_vec(), fields: 0 }
    }

    /// The head of the next part; `None` when the form is over.
    pub async fn part(&mut self) -> Answer<Option<Part>> {
        self.fields += 1;
        if self.fields > FIELDS_MAX {
            return Err(wrong(format!("it has more than {FIELDS_MAX} parts")));
        }
        let read = self.open().await;
        match read {
            Ok(head) => head.map(|head| Part::read(&head)).transpose(),
            Err(error) => self.source.judge(Err(wrong(error.to_string()))).await,
        }
    }

    /// What a field holds.
    pub async fn text(&mut self) -> Answer<String> {
        let mut bytes = Vec::new();
        loop {
            match self.piece().await {
                Ok(Some(piece)) if bytes.len() + piece.len() > FIELD_BYTES_MAX => {
                    return Err(wrong(format!(
                        "a field has more than {FIELD_BYTES_MAX} bytes; the file is the part `file`"
                    )));
                }
                Ok(Some(piece)) => bytes.extend(piece),
                Ok(None) => break,
                Err(error) => return self.source.judge(Err(wrong(error.to_string()))).await,
            }
        }
        String::from_utf8(bytes).map_err(|_| wrong("a field is not UTF-8"))
    }

    /// What became of the form, in the words of whatever went wrong first.
    pub async fn judge<T>(&mut self, kept: Answer<T>) -> Answer<T> {
        self.source.judge(kept).await
    }

    /// Reads over a mark; what follows it is the head of a part, or the end.
    async fn open(&mut self) -> BlobResult<Option<Vec<u8>>> {
        let behind = self.mark.len() + 2;
        self.fill(behind).await?;
        if !self.buffer.starts_with(&self.mark) {
            return broken("it does not begin with its boundary");
        }
        match &self.buffer[self.mark.len()..behind] {
            b"--" => {
                self.buffer.drain(..behind);
                return self.end().await.map(|()| None);
            }
            b"\r\n" => {}
            _ => return broken("a boundary is followed by something"),
        }
        self.buffer.drain(..behind);
        loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                let head = self.buffer.drain(..end).collect();
                self.buffer.drain(..4);
                return Ok(Some(head));
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                return broken("the head of a part is too long");
            }
            self.more().await?;
        }
    }

    /// The next bytes of a part; `None` at its end, whose mark is left.
    async fn piece(&mut self) -> BlobResult<Option<Vec<u8>>> {
        loop {
            if let Some(at) = find(&self.buffer, &self.mark) {
                return Ok((at > 0).then(|| self.buffer.drain(..at).collect()));
            }
            // A mark may have begun in what is kept back.
            let safe = self.buffer.len().saturating_sub(self.mark.len() - 1);
            if safe > 0 {
                return Ok(Some(self.buffer.drain(..safe).collect()));
            }
            self.more().await?;
        }
    }

    /// Nothing but a line break may follow the form, and the body must come to its end.
    async fn end(&mut self) -> BlobResult<()> {
        while let Some(piece) = self.source.next().await? {
            self.buffer.extend(piece);
            if self.buffer.len() > 2 {
                break;
            }
        }
        if self.buffer.is_empty() || self.buffer == b"\r\n" { Ok(()) } else { broken("something follows the form") }
    }

    async fn fill(&mut self, bytes: usize) -> BlobResult<()> {
        while self.buffer.len() < bytes {
            self.more().await?;
        }
        Ok(())
    }

    async fn more(&mut self) -> BlobResult<()> {
        match self.source.next().await? {
            Some(piece) => self.buffer.extend(piece),
            None => return broken("it ends before its last boundary"),
        }
        Ok(())
    }
}

/// The last part of a form, as bytes: its end is one only if the form ends with it.
pub struct FilePart<'a>(pub &'a mut Multipart);

#[async_trait]
impl ByteSource for FilePart<'_> {
    async fn next(&mut self) -> BlobResult<Option<Vec<u8>>> {
        if let Some(piece) = self.0.piece().await? {
            return Ok(Some(piece));
        }
        match self.0.open().await? {
            None => {
                // Whoever asks again is told the same.
                self.0.buffer.clone_from(&self.0.mark);
                self.0.buffer.extend(b"--");
                Ok(None)
            }
            Some(_) => broken("a part follows the file, which must be the last one"),
        }
    }
}

impl Part {
    fn read(head: &[u8]) -> Answer<Self> {
        let text = std::str::from_utf8(head).map_err(|_| wrong("the head of a part is not UTF-8"))?;
        let (mut name, mut file, mut content_type) = (None, None, None);
        for line in text.split("\r\n") {
            let (key, value) = line.split_once(':').ok_or_else(|| wrong("the head of a part cannot be read"))?;
            match key.to_ascii_lowercase().as_str() {
                "content-disposition" if value.trim_start().to_ascii_lowercase().starts_with("form-data") => {
                    for (key, value) in parameters(value) {
                        match key.as_str() {
                            "name" => name = Some(value),
                            "filename" => file = Some(value),
                            _ => {}
                        }
                    }
                }
                "content-type" => content_type = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let name = name.ok_or_else(|| wrong("a part has no name"))?;
        Ok(Self { name, file, content_type })
    }
}

fn wrong(what: impl std::fmt::Display) -> Refused {
    Refused::new(Code::InvalidBody, format!("the form cannot be read: {what}"))
        .hint("fields `name`, `kind`, `task`, `meta`, `checksum`, and then the file as `file`")
}

fn broken<T>(what: &str) -> BlobResult<T> {
    Err(BlobError::Refused(what.to_owned()))
}

/// Where these bytes begin.
fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|b| *b == wanted[0]) {
        if bytes[from + at..].starts_with(wanted) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    /// A form in pieces of so many bytes, as words.
    async fn read(text: &str, bytes: usize) -> String {
        let pieces: Vec<_> =
            text.as_bytes().chunks(bytes).map(|piece| Ok::<_, std::io::Error>(piece.to_vec())).collect();
        let body = Body::from_stream(futures_util::stream::iter(pieces));
        let mut form = Multipart::new(BodySource::new(body), "XX");
        let mut said = String::new();
        loop {
            match form.part().await {
                Ok(Some(part)) if part.name == "file" => {
                    said += &format!("file {:?} {:?}: ", part.file, part.content_type);
                    let mut file = FilePart(&mut form);
                    loop {
                        match file.next().await {
                            Ok(Some(piece)) => said += &String::from_utf8(piece).unwrap(),
                            Ok(None) => return said + ".",
                            Err(error) => return format!("{said}! {error}"),
                        }
                    }
                }
                Ok(Some(part)) => match form.text().await {
                    Ok(text) => said += &format!("{}={text}; ", part.name),
                    Err(refused) => return format!("{said}! {}", refused.detail),
                },
                Ok(None) => return said + "over",
                Err(refused) => return format!("{said}! {}", refused.detail),
            }
        }
    }

    const NAME: &str = "--XX\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\na b\r\n";
    const FILE: &str = "--XX\r\ncontent-disposition: form-data; name=file; filename=\"c\\\"\\\\.txt\"\r\n\
                        Content-Type: text/plain\r\n\r\n";

    #[tokio::test]
    async fn a_form_is_the_same_in_whatever_pieces_it_comes() {
        let file = r#"file Some("c\"\\.txt") Some("text/plain"): "#;
        for (form, expected) in [
            (format!("{NAME}{FILE}one\r\ntwo\r\n--XY\r\n--XX--\r\n"), format!("name=a b; {file}one\r\ntwo\r\n--XY.")),
            (format!("{FILE}\r\n--XX--"), format!("{file}.")),
            (format!("{NAME}--XX--\r\n"), "name=a b; over".into()),
            (
                format!("{FILE}one\r\n{NAME}--XX--\r\n"),
                format!("{file}one! a part follows the file, which must be the last one"),
            ),
            (format!("{FILE}one\r\n--XX"), format!("{file}one! it ends before its last boundary")),
            (format!("{FILE}one\r\n--XXX--\r\n"), format!("{file}one! a boundary is followed by something")),
            (format!("{FILE}one\r\n--XX--\r\nmore"), format!("{file}one! something follows the form")),
            ("preamble\r\n--XX--".into(), "! the form cannot be read: it does not begin with its boundary".into()),
            (
                "--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n--XX--".into(),
                "! the form cannot be read: a part has no name".into(),
            ),
            (String::new(), "! the form cannot be read: it ends before its last boundary".into()),
        ] {
            for bytes in [1, 2, 3, 7, 64, 1_000] {
                assert_eq!(read(&form, bytes).await, expected, "in pieces of {bytes}");
            }
        }
    }

    #[tokio::test]
    async fn fields_and_heads_have_an_end() {
        let long = NAME.replace("a b", &"x".repeat(FIELD_BYTES_MAX + 1)) + "--XX--";
        assert!(read(&long, 1_000).await.contains("a field has more than"));
        let head = format!("--XX\r\nX: {}", "x".repeat(2 * HEAD_BYTES_MAX));
        assert!(read(&head, 1_000).await.contains("the head of a part is too long"));
        assert!(read(&(NAME.repeat(FIELDS_MAX + 1) + "--XX--"), 1_000).await.contains("more than 16 parts"));
    }

    #[test]
    fn a_boundary_is_plain() {
        let check = |text: &str| boundary(text).ok();
        assert_eq!(check("multipart/form-data; boundary=abc"), Some("abc".into()));
        assert_eq!(check("multipart/form-data; charset=utf-8; Boundary=\"a b\""), Some("a b".into()));
        for wrong in
            ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\"a\r\nb\""]
        {
            assert_eq!(check(wrong), None, "{wrong}");
        }
        assert_eq!(check(&format!("multipart/form-data; boundary={}", "a".repeat(71))), None);
    }
}
