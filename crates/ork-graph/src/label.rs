//! Text that goes into a picture.

use crate::graph::Node;

/// Columns of a line in a node. A name may have 128 bytes, a condition 64 KiB.
pub const COLUMNS_MAX: usize = 36;

/// What stands in a node: its name and its conditions, each cut to [`COLUMNS_MAX`], and its states.
pub fn lines(node: &Node) -> Vec<String> {
    let mut lines = vec![cut(&node.name())];
    lines.extend(node.conditions().iter().map(|condition| cut(condition)));
    lines.extend(node.states.as_ref().map(ToString::to_string));
    lines
}

/// One line of text that every format can hold: control characters and line breaks are blanks, and what XML cannot
/// hold, or what turns the direction of the text around it, is a replacement character.
pub fn plain(text: &str) -> String {
    let one = |c: char| match c {
        '\u{2028}' | '\u{2029}' => ' ',
        '\u{fffe}' | '\u{ffff}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(one).collect()
}

/// Columns that a text takes in a monospaced font. Beyond ASCII a character is taken for a wide one: a box that is too
/// wide is better than text that leaves it.
pub fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

const fn width(c: char) -> usize {
    if c.is_ascii() || matches!(c, '×' | '…') { 1 } else { 2 }
}

fn cut(text: &str) -> String {
    // More characters than columns are never shown, and a condition may be long.
    let text = plain(&text.chars().take(COLUMNS_MAX + 1).collect::<String>());
    if columns(&text) <= COLUMNS_MAX {
        return text;
    }
    let mut left = COLUMNS_MAX - 1;
    let fits = text.chars().take_while(|c| {
        let fits = width(*c) <= left;
        left = left.saturating_sub(width(*c));
        fits
    });
    fits.chain(['…']).collect()
}

/// The outline of a status, for formats that have one colour for light and dark; `None` where nothing is to be noticed.
pub fn color(word: &str) -> Option<&'static str> {
    match word {
        "success" => Some("#2da44e"),
        "failed" => Some("#e5484d"),
        "running" | "dispatched" => Some("#3b82f6"),
        "retrying" | "waiting" | "paused" | "cancelled" => Some("#d08700"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_cut_at_its_columns() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"a".repeat(COLUMNS_MAX)), "a".repeat(COLUMNS_MAX));
        assert_eq!(cut(&"a".repeat(COLUMNS_MAX + 1)), format!("{}…", "a".repeat(COLUMNS_MAX - 1)));
        assert_eq!(columns(&cut(&"漢".repeat(40))), COLUMNS_MAX - 1);
        assert_eq!(cut("two\nlines\u{202e}\u{7}"), "two lines\u{fffd} ");
    }
}
