//! What is looked for in a log.

use std::ops::Range;

use memchr::{memchr, memrchr};
use ork_core::limits::LOG_PATTERN_BYTES_MAX;
use ork_core::log::{Block, Line};
use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

/// Bytes that an expression may take when it is made ready: what each byte that is searched may cost at worst grows with them.
const EXPRESSION_BYTES_MAX: usize = 512 << 10;
/// Bytes that may be kept while it is used, so that this is rare.
const STATES_BYTES_MAX: usize = 1 << 20;
/// Levels of nesting in an expression.
const EXPRESSION_DEPTH_MAX: u32 = 50;

/// A text or an expression that lines are searched for. However it is written, the time that a search takes grows with the
/// bytes that are searched, and not faster.
#[derive(Debug, Clone)]
pub struct Pattern {
    regex: Regex,
    /// It could match across lines, so each line is looked at alone.
    by_line: bool,
}

impl Pattern {
    /// A text as it stands, or a regular expression in the syntax of the `regex` crate; `^` and `$` are the ends of a line.
    ///
    /// # Errors
    /// In words, when it is empty, too long, no expression, or one that would take too much memory.
    pub fn new(text: &str, is_regex: bool, ignore_case: bool) -> Result<Self, String> {
        if text.is_empty() {
            return Err("nothing is looked for".into());
        }
        if text.len() > LOG_PATTERN_BYTES_MAX {
            return Err(format!("it has {} bytes, and at most {LOG_PATTERN_BYTES_MAX} are allowed", text.len()));
        }
        let escaped = if is_regex { text.to_owned() } else { regex::escape(text) };
        let regex = RegexBuilder::new(&escaped)
            .case_insensitive(ignore_case)
            .multi_line(true)
            .crlf(true)
            .size_limit(EXPRESSION_BYTES_MAX)
            .dfa_size_limit(STATES_BYTES_MAX)
            .nest_limit(EXPRESSION_DEPTH_MAX)
            .build()
            .map_err(|error| wrong(&error))?;
        let parsed = ParserBuilder::new()
            .utf8(false)
            .case_insensitive(ignore_case)
            .multi_line(true)
            .crlf(true)
            .nest_limit(EXPRESSION_DEPTH_MAX)
            .build()
            .parse(&escaped)
            .map_err(|error| error.to_string())?;
        let looks = parsed.properties().look_set();
        let by_line = crosses_lines(&parsed) || looks.contains(Look::Start) || looks.contains(Look::End);
        Ok(Self { regex, by_line })
    }

    /// The lines of some bytes of a block that match: they begin and end with a line. `hit` says whether to go on.
    pub fn search<'a>(&self, block: &'a Block, own: Range<usize>, mut hit: impl FnMut(Line<'a>) -> bool) {
        let mut lines = block.lines();
        lines.skip_to(own.start);
        if self.by_line {
            while lines.position() < own.end
                && let Some(line) = lines.next()
            {
                let text = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
                if self.regex.is_match(text) && !hit(line) {
                    return;
                }
            }
            return;
        }
        let bytes = &block.bytes[..own.end];
        let mut at = own.start;
        while let Some(found) =
            bytes.get(at..).filter(|rest| !rest.is_empty()).and_then(|_| self.regex.find_at(bytes, at))
        {
            if found.start() >= bytes.len() {
                return;
            }
            let begin = memrchr(b'\n', &bytes[at..found.start()]).map_or(at, |before| at + before + 1);
            lines.skip_to(begin);
            if lines.next().is_none_or(|line| !hit(line)) {
                return;
            }
            at = memchr(b'\n', &bytes[found.start()..]).map_or(bytes.len(), |end| found.start() + end + 1);
        }
    }
}

/// The last line of what the parser says, which draws a picture above it.
fn wrong(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.trim_start_matches("error: ").to_owned()
}

/// Whether something in an expression can match a line break.
fn crosses_lines(part: &Hir) -> bool {
    match part.kind() {
        HirKind::Empty | HirKind::Look(_) => false,
        HirKind::Literal(literal) => literal.0.contains(&b'\n'),
        HirKind::Class(Class::Unicode(class)) => class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&'\n')),
        HirKind::Class(Class::Bytes(class)) => class.ranges().iter().any(|r| (r.start()..=r.end()).contains(&b'\n')),
        HirKind::Repetition(repeated) => crosses_lines(&repeated.sub),
        HirKind::Capture(group) => crosses_lines(&group.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(crosses_lines),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::executor::Stream;
    use ork_core::log::LogPlace;
    use proptest::prelude::*;

    fn found(pattern: &Pattern, text: &str) -> Vec<u64> {
        let block = Block::of(LogPlace::default(), Stream::Stdout, text.as_bytes().to_vec());
        let mut numbers = Vec::new();
        pattern.search(&block, 0..text.len(), |line| {
            numbers.push(line.number);
            true
        });
        numbers
    }

    fn check(text: &str, pattern: &str, expected: &[u64]) {
        assert_eq!(found(&Pattern::new(pattern, true, false).unwrap(), text), expected, "{pattern}");
    }

    #[test]
    fn expressions_are_of_one_line() {
        let text = "one error\ntwo\r\n\nerror: three\nfour err\nor";
        check(text, "error", &[1, 4]);
        check(text, "^error", &[4]);
        check(text, "error$", &[1]);
        check(text, "two$", &[2]);
        check(text, "^$", &[3]);
        check(text, r"err\s*or", &[1, 4]);
        check(text, r"(?s)one.*two", &[]);
        check(text, r"[^x]+three", &[4]);
        check(text, r"\Atwo\z", &[2]);
        check(text, r"\bor\b", &[6]);
        check(text, "x*", &[1, 2, 3, 4, 5, 6]);
        check("", "x*", &[]);
        check("\n", "x*", &[1]);
    }

    #[test]
    fn texts_are_no_expressions() {
        let of = |text, ignore_case| Pattern::new(text, false, ignore_case).unwrap();
        assert_eq!(found(&of("a.c", false), "abc\na.c\nA.C\n"), [2]);
        assert_eq!(found(&of("a.c", true), "abc\na.c\nA.C\n"), [2, 3]);
        assert_eq!(found(&of("größe", true), "GRÖSSE\nGRÖßE\n"), [2]);
        assert_eq!(found(&of("a\nb", false), "a\nb\n"), [0; 0], "a line has no line break");
    }

    #[test]
    fn what_would_take_too_much_is_refused() {
        let refused = |text: &str| Pattern::new(text, true, false).unwrap_err();
        assert!(refused("(").contains("unclosed group"), "{}", refused("("));
        assert!(refused("(?:x{1000}){1000}").contains("size limit"), "{}", refused("(?:x{1000}){1000}"));
        assert!(refused(&"(".repeat(200)).contains("nest") || refused(&"(".repeat(200)).contains("unclosed"));
        assert!(refused("[a-z]{0,9000}[0-9]").contains("size limit"));
        for fine in [r"\w+=0*5\s[^x]+x$", r"\w{1,8}@\w+\.\w+", "[a-z]{0,2000}[0-9]"] {
            assert!(Pattern::new(fine, true, false).is_ok(), "{fine}");
        }
        assert!(refused("").contains("nothing"));
        assert!(refused(&"x".repeat(2_000)).contains("2000 bytes"));
    }

    proptest! {
        /// Whether a whole block is searched or line by line, the same lines are found.
        #[test]
        fn both_ways_find_the_same(text in "[ab\r\n ]{0,60}", pattern in r"(\^|)[ab. ]{1,3}(\$|\*|\\b|)") {
            let Ok(own) = Pattern::new(&pattern, true, false) else { return Ok(()) };
            let by_line = Pattern { by_line: true, ..own.clone() };
            prop_assert_eq!(found(&own, &text.replace('\r', "")), found(&by_line, &text.replace('\r', "")));
        }
    }
}
