//! Logs as requests and command lines ask for them: as bytes, as lines, and searched.

use std::ops::Range;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::try_unfold;
use ork_api::{LogLine, LogLines};
use ork_core::error::{StoreError, StoreResult};
use ork_core::limits::LOG_LINES_MAX;
use ork_core::log::LogPlace;
use ork_logs::{LineRow, LinesAsked, LinesFrom, LinesPage, Pattern, Reader, Whose};

use crate::artifacts::{Wanted, wanted};
use crate::caller::Caller;
use crate::refused::{Answer, Code, Refused};
use crate::server::Server;

/// What is read of a log at once, to be passed on.
const PAGE_BYTES: usize = 1 << 20;
const TEXT: &str = "text/plain; charset=utf-8";
/// Lines of an answer, when nobody says how many.
const LINES: u32 = 200;

/// Which lines somebody wants.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// The last so many.
    pub tail: Option<u64>,
    /// Those behind so many.
    pub after_line: Option<u64>,
    /// So many at the most.
    pub limit: Option<u64>,
    /// Those that hold this text, or match this expression.
    pub grep: Option<String>,
    /// It is an expression.
    pub regex: bool,
    /// Capital letters are the same as small ones.
    pub ignore_case: bool,
}

impl Wish {
    fn is_of_lines(&self) -> bool {
        self.tail.is_some() || self.after_line.is_some() || self.limit.is_some() || self.grep.is_some()
    }

    /// What is looked for.
    fn pattern(&self) -> Answer<Option<Pattern>> {
        let Some(text) = &self.grep else {
            let stray = [(self.regex, "regex"), (self.ignore_case, "ignore_case")].into_iter().find(|(is, _)| *is);
            return match stray {
                Some((_, name)) => Err(Refused::query(name, "it says how `grep` is meant, and there is none", None)),
                None => Ok(None),
            };
        };
        let pattern = Pattern::new(text, self.regex, self.ignore_case);
        pattern.map(Some).map_err(|wrong| Refused::query("grep", wrong, None))
    }

    fn from(&self) -> Answer<LinesFrom> {
        match (self.tail, self.after_line) {
            (Some(_), Some(_)) => Err(Refused::query("tail", "there is an `after_line` too; send one of both", None)),
            (Some(_), None) if self.grep.is_some() => {
                Err(Refused::query("tail", "what is looked for has no tail; send `after_line`", None))
            }
            (Some(count), None) => Ok(LinesFrom::Last(count)),
            (None, after) => Ok(LinesFrom::After(after.unwrap_or(0))),
        }
    }

    /// What one answer holds of it.
    fn asked(&self) -> Answer<LinesAsked> {
        let most = u64::from(LOG_LINES_MAX);
        for (name, asked) in [("limit", self.limit), ("tail", self.tail)] {
            if asked.is_some_and(|asked| !(1..=most).contains(&asked)) {
                return Err(Refused::query(name, format!("an answer has 1 to {most} lines"), None));
            }
        }
        let limit = usize::try_from(self.limit.unwrap_or(LINES.into())).unwrap_or_default();
        Ok(LinesAsked { from: self.from()?, limit, pattern: self.pattern()? })
    }
}

/// What reads logs for a caller.
pub(crate) fn reader(server: &Server, caller: &Caller) -> Reader {
    Reader::new(Arc::clone(&caller.store), server.blobs.clone(), caller.scope())
}

/// A page of lines.
///
/// # Errors
/// When the wish makes no sense, or the log cannot be read.
pub async fn lines(reader: &Reader, whose: Whose, wish: &Wish) -> Answer<LinesPage> {
    Ok(reader.lines(whose, wish.asked()?).await?)
}

/// A page of lines as the wire has it.
#[must_use]
pub fn lines_shape(attempt: u32, page: &LinesPage) -> LogLines {
    let line = |row: &LineRow| LogLine {
        line: row.number,
        offset: row.offset,
        stream: row.stream.word().to_owned(),
        text: row.text(),
        complete: row.is_whole,
    };
    LogLines { attempt, lines: page.lines.iter().map(line).collect(), after_line: page.after, more: page.more }
}

/// A log as text, piece by piece as it is read: its whole is never in memory.
pub(crate) async fn text(reader: Reader, whose: Whose, wish: &Wish, headers: &HeaderMap) -> Answer<Response> {
    if !wish.is_of_lines() {
        wish.pattern()?;
        return ranged(reader, whose, headers).await;
    }
    let body = if let Some(pattern) = wish.pattern()? {
        let LinesFrom::After(after) = wish.from()? else { return Err(Refused::query("tail", "not with `grep`", None)) };
        found(reader, whose, pattern, (after, wish.limit.unwrap_or(u64::MAX)))
    } else {
        let from = match wish.from()? {
            LinesFrom::After(0) => 0,
            LinesFrom::After(lines) => place(&reader, whose, lines).await?.offset,
            LinesFrom::Last(count) => tail(&reader, whose, count).await?,
        };
        bytes(reader, whose, from, wish.limit.unwrap_or(u64::MAX))
    };
    Ok(([(header::CONTENT_TYPE, TEXT)], body).into_response())
}

/// All bytes that there are at this moment, or one range of them.
async fn ranged(reader: Reader, whose: Whose, headers: &HeaderMap) -> Answer<Response> {
    let size = reader.end(whose).await?.offset;
    // A log that grows has no tag.
    let (status, range) = match wanted(headers, size, "") {
        Wanted::Whole => (StatusCode::OK, 0..size),
        Wanted::Part(range) => (StatusCode::PARTIAL_CONTENT, range),
        Wanted::Nothing => {
            let detail = format!("the log has {size} bytes; one range of them can be read");
            let mut refused = Refused::new(Code::WrongRange, detail).into_response();
            refused.headers_mut().insert(header::CONTENT_RANGE, value(&format!("bytes */{size}")));
            return Ok(refused);
        }
    };
    let mut answer = HeaderMap::new();
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(TEXT));
    answer.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    answer.insert(header::CONTENT_LENGTH, (range.end - range.start).into());
    if status == StatusCode::PARTIAL_CONTENT {
        let text = format!("bytes {}-{}/{size}", range.start, range.end - 1);
        answer.insert(header::CONTENT_RANGE, value(&text));
    }
    Ok((status, answer, whole(reader, whose, range)).into_response())
}

/// Digits and plain words.
fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// Just these bytes. Where some were never stored there are spaces, so that what follows is where it belongs; a log that is gone
/// before its end cuts the connection.
fn whole(reader: Reader, whose: Whose, range: Range<u64>) -> Body {
    Body::from_stream(try_unfold(range, move |range| {
        let reader = reader.clone();
        async move {
            let left = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
            if left == 0 {
                return Ok::<_, StoreError>(None);
            }
            let pieces = reader.pieces(whose, range.start, PAGE_BYTES.min(left)).await?;
            let mut text = Vec::new();
            for block in pieces.blocks {
                let missing = block.at.offset.saturating_sub(range.start + text.len() as u64);
                text.resize(text.len() + usize::try_from(missing).unwrap_or_default().min(left), b' ');
                text.extend(block.bytes);
            }
            text.truncate(left);
            if text.is_empty() {
                return Err(StoreError::NotFound("log any more".into()));
            }
            let next = range.start + text.len() as u64;
            Ok(Some((text, next..range.end)))
        }
    }))
}

/// The bytes behind a place, up to so many line breaks.
fn bytes(reader: Reader, whose: Whose, from: u64, lines: u64) -> Body {
    Body::from_stream(try_unfold(Some((from, lines)), move |state| {
        let reader = reader.clone();
        async move {
            let Some((from, mut left)) = state.filter(|(_, left)| *left > 0) else { return Ok::<_, StoreError>(None) };
            let pieces = reader.pieces(whose, from, PAGE_BYTES).await?;
            let mut text: Vec<u8> = pieces.blocks.into_iter().flat_map(|block| block.bytes).collect();
            left = cut(&mut text, left);
            Ok(Some((text, pieces.next.map(|next| (next, left)))))
        }
    }))
}

/// Cuts a text behind so many lines; how many it leaves to be read.
fn cut(text: &mut Vec<u8>, lines: u64) -> u64 {
    let there = ork_core::log::breaks(text);
    if there < lines {
        return lines - there;
    }
    let mut left = lines;
    let end = text.iter().position(|byte| {
        left -= u64::from(*byte == b'\n');
        left == 0
    });
    text.truncate(end.map_or(text.len(), |end| end + 1));
    0
}

/// The lines that match, each with its line break.
fn found(reader: Reader, whose: Whose, pattern: Pattern, (after, limit): (u64, u64)) -> Body {
    Body::from_stream(try_unfold(Some((after, limit)), move |state| {
        let (reader, pattern) = (reader.clone(), Some(pattern.clone()));
        async move {
            let Some((after, left)) = state.filter(|(_, left)| *left > 0) else { return Ok::<_, StoreError>(None) };
            let limit = usize::try_from(left.min(LOG_LINES_MAX.into())).unwrap_or_default();
            let asked = LinesAsked { from: LinesFrom::After(after), limit, pattern };
            let page = reader.lines(whose, asked).await?;
            let left = left - page.lines.len() as u64;
            let text: Vec<u8> = page.lines.into_iter().flat_map(|line| [line.bytes, b"\n".to_vec()].concat()).collect();
            Ok(Some((text, page.more.then_some((page.after, left)))))
        }
    }))
}

/// Where the line behind so many begins: the end of the log, if there is none.
async fn place(reader: &Reader, whose: Whose, lines: u64) -> StoreResult<LogPlace> {
    let mut at = reader.place(whose, lines).await?;
    loop {
        let pieces = reader.pieces(whose, at.offset, PAGE_BYTES).await?;
        for block in &pieces.blocks {
            let mut own = block.lines();
            if own.skip_lines(lines.saturating_sub(at.line)) {
                let offset = block.at.offset + own.position() as u64;
                return Ok(LogPlace { offset, line: lines });
            }
            at = block.end();
        }
        if pieces.next.is_none() {
            return Ok(at);
        }
    }
}

/// Where the last so many lines begin. A line that has no end yet is one.
async fn tail(reader: &Reader, whose: Whose, count: u64) -> StoreResult<u64> {
    if count <= LOG_LINES_MAX.into() {
        let asked = LinesAsked { from: LinesFrom::Last(count), limit: usize::MAX, pattern: None };
        let lines = reader.lines(whose, asked).await?.lines;
        if let Some(first) = lines.first().filter(|_| lines.len() as u64 == count) {
            return Ok(first.offset);
        }
    }
    let end = reader.end(whose).await?;
    if end.offset == 0 || count == 0 {
        return Ok(end.offset);
    }
    let last = reader.pieces(whose, end.offset - 1, 1).await?;
    let is_open = last.blocks.first().is_some_and(|block| !block.bytes.ends_with(b"\n"));
    Ok(place(reader, whose, (end.line + u64::from(is_open)).saturating_sub(count)).await?.offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_behind_lines() {
        let check = |text: &str, lines, expected: &str, left| {
            let mut bytes = text.as_bytes().to_vec();
            assert_eq!((cut(&mut bytes, lines), String::from_utf8(bytes).unwrap()), (left, expected.to_owned()));
        };
        check("a\nb\nc", 2, "a\nb\n", 0);
        check("a\nb\nc", 3, "a\nb\nc", 1);
        check("a\nb\n", 5, "a\nb\n", 3);
        check("", 1, "", 1);
    }

    #[test]
    fn wishes_that_make_no_sense_are_refused() {
        let refused = |wish: Wish| wish.asked().err().map(|refused| refused.detail).unwrap_or_default();
        let grep = || Some("x".to_owned());
        assert!(refused(Wish { tail: Some(1), after_line: Some(1), ..Wish::default() }).contains("one of both"));
        assert!(refused(Wish { tail: Some(1), grep: grep(), ..Wish::default() }).contains("`tail` is wrong"));
        assert!(refused(Wish { regex: true, ..Wish::default() }).contains("`regex` is wrong"));
        assert!(refused(Wish { grep: Some("(".into()), regex: true, ..Wish::default() }).contains("unclosed"));
        for wrong in [0, 1_001] {
            assert!(refused(Wish { limit: Some(wrong), ..Wish::default() }).contains("1 to 1000 lines"));
            assert!(refused(Wish { tail: Some(wrong), ..Wish::default() }).contains("1 to 1000 lines"));
        }
        assert_eq!(refused(Wish { after_line: Some(u64::MAX), grep: grep(), ..Wish::default() }), "");
    }
}
