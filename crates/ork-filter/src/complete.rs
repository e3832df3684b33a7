//! What a word that is being typed can become.

use std::ops::Range;

use ork_core::state::RunStatus;

use crate::filter::{Is, quoted};

/// What the history has to offer.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// Names of workflows.
    pub names: Vec<String>,
    /// Labels: keys and values.
    pub labels: Vec<(String, String)>,
}

/// A whole word, and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completion {
    /// The word.
    pub word: String,
    /// In a few words.
    pub help: String,
}

const TIMES: [(&str, &str); 3] = [("-1h", "an hour"), ("-1d", "a day"), ("-7d", "a week")];

/// The words that begin like this one: whole words, the likeliest first.
#[must_use]
pub fn complete(word: &str, known: &Known) -> Vec<Completion> {
    let mut all = statuses(word);
    let mut add = |word: String, help: &str| all.push(Completion { word, help: help.into() });
    for is in Is::ALL {
        let help = match is {
            Is::Held => "waits for a slot of its concurrency key",
            Is::Retrying => "has a task that waits for its next attempt",
            Is::Unacknowledged => "is over, and nobody has taken note of it",
        };
        add(format!("is:{}", is.word()), help);
    }
    for name in &known.names {
        add(format!("name:{}", quoted(name)), "of this workflow");
    }
    for (key, value) in &known.labels {
        add(format!("label.{key}={}", quoted(value)), "with this label");
    }
    for field in ["created", "started", "finished"] {
        for (time, long) in TIMES {
            add(format!("{field}>{time}"), &format!("{field} within {long}"));
            // Rarely wanted, so that it is only there for who has typed the `<`.
            if word.contains('<') {
                add(format!("{field}<{time}"), &format!("{field} more than {long} ago"));
            }
        }
    }
    all.retain(|completion| completion.word.starts_with(word));
    all
}

/// `status:` with each status, or with one more after those that are there.
fn statuses(word: &str) -> Vec<Completion> {
    let before = match word.rfind(',') {
        Some(comma) if word.starts_with("status:") => &word[..=comma],
        _ => "status:",
    };
    let is_there = |status: &RunStatus| before["status:".len()..].split(',').any(|part| part == status.word());
    let left = RunStatus::ALL.iter().filter(|status| !is_there(status));
    left.map(|status| Completion { word: format!("{before}{status}"), help: "with this status".into() }).collect()
}

/// The word that the cursor is in or at the end of, as bytes of the text; empty where it stands between blanks. `at` counts
/// characters, and what is behind the text is its end. Blanks between quotes belong to a word, closed or not.
#[must_use]
pub fn word_at(text: &str, at: usize) -> Range<usize> {
    let cursor = text.char_indices().nth(at).map_or(text.len(), |(byte, _)| byte);
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (byte, c) in text.char_indices() {
        if !is_quoted && c.is_whitespace() {
            if byte >= cursor {
                return start..byte;
            }
            start = byte + c.len_utf8();
            continue;
        }
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = is_quoted,
            '"' => is_quoted = !is_quoted,
            _ => {}
        }
    }
    start..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_at_the_cursor_is_found() {
        let word = |text: &str, at| text[word_at(text, at)].to_owned();
        assert_eq!(word("status:fa", 99), "status:fa");
        assert_eq!(word("is:held sta", 2), "is:held");
        assert_eq!(word("is:held sta", 7), "is:held", "at its end");
        assert_eq!(word("is:held sta", 8), "sta", "at its beginning");
        assert_eq!(word("is:held  sta", 8), "", "between blanks");
        assert_eq!(word("is:held ", 99), "");
        assert_eq!(word("", 0), "");
        assert_eq!(word("label.a=\"b c", 11), "label.a=\"b c");
        assert_eq!(word("label.ä=\"b \\\" c\" is:", 99), "is:");
        assert_eq!(word_at("ä is:x", 3), 3..7, "bytes of the text");
    }
}
