//! Patterns of paths: `out/*.mp4`, `**/*.json`, `frame-[0-9]?.png`.
//!
//! `*` stands for any characters of a name, `?` for one, `[a-z]` and `[!a-z]` for one of a set, `**` as a whole part for any folders,
//! none included. As in a shell, a name that begins with a dot is matched only by a part that does so as well. There is no escape:
//! `[*]` is a star.

use std::fmt;

/// Bytes of one pattern.
pub const BYTES_MAX: usize = 1 << 10;
/// Parts of one pattern.
const PARTS_MAX: usize = 64;

/// A pattern that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Glob {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// `**`
    Folders,
    /// What one name is like.
    Name(Vec<Sign>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Sign {
    Is(char),
    Any,
    Many,
    Of { ranges: Vec<(char, char)>, is_not: bool },
}

/// How far a path is matched: parts of the pattern that may come next. Kept for each folder of a walk, so that folders in which
/// nothing can match are not looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place(Vec<bool>);

impl Glob {
    /// Reads a pattern: relative, and never upwards.
    ///
    /// # Errors
    /// In plain words.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the path is empty".into());
        }
        if text.len() > BYTES_MAX {
            return Err(format!("the path has {} bytes, and at most {BYTES_MAX} are allowed", text.len()));
        }
        if text.starts_with('/') {
            return Err("the path is absolute, and must lie in the folder `$ORK_WORK`".into());
        }
        if text.contains('\\') {
            return Err("the path holds a backslash: parts are separated by `/`, and `[*]` is a star".into());
        }
        if text.contains(char::is_control) {
            return Err("the path holds a control character".into());
        }
        let parts = text.strip_prefix("./").unwrap_or(text).split('/').map(part).collect::<Result<Vec<_>, _>>()?;
        if parts.len() > PARTS_MAX {
            return Err(format!("the path has more than {PARTS_MAX} parts"));
        }
        if parts.last() == Some(&Part::Folders) {
            return Err("`**` stands for folders, and files are kept: write `**/*`".into());
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a whole path matches.
    #[must_use]
    pub fn is_match(&self, path: &str) -> bool {
        let mut place = self.start();
        for name in path.split('/') {
            place = self.step(&place, name);
        }
        self.is_end(&place)
    }

    /// The beginning of a path.
    #[must_use]
    pub fn start(&self) -> Place {
        let mut place = Place(vec![false; self.parts.len() + 1]);
        self.reach(&mut place, 0);
        place
    }

    /// One name further.
    #[must_use]
    pub fn step(&self, place: &Place, name: &str) -> Place {
        let mut next = Place(vec![false; self.parts.len() + 1]);
        for (at, part) in self.parts.iter().enumerate().filter(|(at, _)| place.0[*at]) {
            match part {
                Part::Folders if !name.starts_with('.') => self.reach(&mut next, at),
                Part::Name(signs) if fits(signs, name) => self.reach(&mut next, at + 1),
                _ => {}
            }
        }
        next
    }

    /// Whether the path so far matches as a whole.
    #[must_use]
    pub fn is_end(&self, place: &Place) -> bool {
        place.0[self.parts.len()]
    }

    /// Whether a longer path may match.
    #[must_use]
    pub fn goes_on(&self, place: &Place) -> bool {
        place.0[..self.parts.len()].contains(&true)
    }

    /// `**` may stand for nothing.
    fn reach(&self, place: &mut Place, mut at: usize) {
        place.0[at] = true;
        while self.parts.get(at) == Some(&Part::Folders) {
            at += 1;
            place.0[at] = true;
        }
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn part(text: &str) -> Result<Part, String> {
    match text {
        "" => return Err("a part of the path is empty".into()),
        "." | ".." => {
            return Err(format!("a part of the path is `{text}`, and files are kept of the folder `$ORK_WORK` only"));
        }
        "**" => return Ok(Part::Folders),
        _ if text.contains("**") => return Err("`**` must be a part of the path of its own: `**/*.mp4`".into()),
        _ => {}
    }
    let mut signs = Vec::new();
    let mut rest = text.chars();
    while let Some(sign) = rest.next() {
        signs.push(match sign {
            '*' => Sign::Many,
            '?' => Sign::Any,
            '[' => set(&mut rest)?,
            other => Sign::Is(other),
        });
    }
    Ok(Part::Name(signs))
}

/// A set, of which the bracket that opens it was read.
fn set(rest: &mut std::str::Chars<'_>) -> Result<Sign, String> {
    let open = || "a `[` of the path is not closed by `]` before the next `/`".to_owned();
    let mut inner: Vec<char> = Vec::new();
    loop {
        let next = rest.next().ok_or_else(open)?;
        // The first one stands for itself.
        if next == ']' && !matches!(inner.as_slice(), [] | ['!'] | ['^']) {
            break;
        }
        inner.push(next);
    }
    let is_not = matches!(inner.first(), Some('!' | '^'));
    let mut of = &inner[usize::from(is_not)..];
    let mut ranges = Vec::new();
    while let Some((&first, after)) = of.split_first() {
        if let ['-', last, beyond @ ..] = after {
            if *last < first {
                return Err(format!("the range `{first}-{last}` of the path is empty"));
            }
            ranges.push((first, *last));
            of = beyond;
        } else {
            ranges.push((first, first));
            of = after;
        }
    }
    Ok(Sign::Of { ranges, is_not })
}

/// Whether a name is like that. Each star is tried at its last place only once more, so that time is at most the product of both.
fn fits(signs: &[Sign], name: &str) -> bool {
    if name.starts_with('.') && signs.first() != Some(&Sign::Is('.')) {
        return false;
    }
    let name: Vec<char> = name.chars().collect();
    let (mut at, mut of, mut star) = (0, 0, None);
    while at < name.len() {
        match signs.get(of) {
            Some(Sign::Many) => {
                star = Some((at, of));
                of += 1;
            }
            Some(sign) if fits_one(sign, name[at]) => (at, of) = (at + 1, of + 1),
            _ => match &mut star {
                Some((from, many)) => {
                    *from += 1;
                    (at, of) = (*from, *many + 1);
                }
                None => return false,
            },
        }
    }
    signs[of..].iter().all(|sign| *sign == Sign::Many)
}

fn fits_one(sign: &Sign, c: char) -> bool {
    match sign {
        Sign::Is(own) => *own == c,
        Sign::Any => true,
        Sign::Many => false,
        Sign::Of { ranges, is_not } => ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) != *is_not,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(glob: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::parse(glob).unwrap();
        for path in matching {
            assert!(glob.is_match(path), "{glob} matches {path}");
        }
        for path in others {
            assert!(!glob.is_match(path), "{glob} does not match {path}");
        }
    }

    #[test]
    fn what_matches() {
        check("a.txt", &["a.txt"], &["a_txt", "b/a.txt", "a.txt/b", "A.txt"]);
        check("./a.txt", &["a.txt"], &[]);
        check("out/*.mp4", &["out/a.mp4", "out/ä b.mp4"], &["out/.mp4", "out/b/a.mp4", "a.mp4", "out/a.mp4x"]);
        check("*", &["a", "a.b"], &[".a", "a/b"]);
        check(".*", &[".a", "."], &["a"]);
        check("**/*.json", &["a.json", "b/a.json", "b/c/a.json"], &["a.jso", ".b/a.json", "b/.a.json"]);
        check("a/**/b/**/c", &["a/b/c", "a/x/b/c", "a/b/x/y/c", "a/b/b/c"], &["a/c", "b/c", "a/b/c/d"]);
        check("**/**/x", &["x", "a/x"], &[]);
        check("f-[0-9]?.png", &["f-1a.png", "f-9-.png"], &["f-a1.png", "f-1.png"]);
        check("[!a-c]x", &["dx", "-x"], &["ax", "x", ".x"]);
        check("[^a]x", &["bx"], &["ax"]);
        check("[]]", &["]"], &["[", ""]);
        check("[!]]", &["a"], &["]"]);
        check("[a-]", &["a", "-"], &["b"]);
        check("[*]", &["*"], &["a"]);
        check("*a*b*", &["ab", "xaxbx", "aab"], &["ba", "a"]);
        check(&"*a".repeat(30), &[&"a".repeat(40)], &[&"a".repeat(29), &format!("{}b", "a".repeat(900))]);
    }

    #[test]
    fn what_is_no_pattern() {
        let deep = "a/".repeat(64) + "a";
        let long = "a".repeat(BYTES_MAX + 1);
        for bad in [
            "",
            "/a",
            "../a",
            "a/../b",
            "a/..",
            "a/./b",
            "a//b",
            "a/",
            "a\\b",
            "a\nb",
            "a\0b",
            "[a",
            "[]",
            "[b-a]",
            "a**",
            "**",
            "a/**",
            deep.as_str(),
            long.as_str(),
            "a[/]b",
        ] {
            assert!(Glob::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn folders_in_which_nothing_can_match_are_told() {
        let glob = Glob::parse("out/*/x").unwrap();
        let out = glob.step(&glob.start(), "out");
        assert!(glob.goes_on(&out) && !glob.goes_on(&glob.step(&glob.start(), "in")));
        let end = glob.step(&glob.step(&out, "a"), "x");
        assert!(glob.is_end(&end) && !glob.goes_on(&end));
    }
}
