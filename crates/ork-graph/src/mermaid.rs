//! Mermaid: text that GitHub and many editors draw.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::graph::Graph;
use crate::label::{color, lines, plain};

impl Graph {
    /// A Mermaid flowchart. Its renderers draw at most 500 edges unless they are told otherwise.
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let mut text = format!("---\ntitle: \"{}\"\n---\nflowchart TB\n", escaped(&self.title()));
        let mut words = BTreeSet::new();
        for (at, node) in self.nodes.iter().enumerate() {
            let label = lines(node).iter().map(|line| escaped(line)).collect::<Vec<_>>().join("<br/>");
            let (open, close) = if node.is_fan_out { ("[[", "]]") } else { ("[", "]") };
            let class = node.states.as_ref().map(|states| states.overall().word());
            let class = class.filter(|word| color(word).is_some());
            words.extend(class);
            let class = class.map(|word| format!(":::{word}")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  n{at}{open}\"{label}\"{close}{class}");
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "  n{from} --> n{to}");
        }
        for (word, color) in words.into_iter().filter_map(|word| Some((word, color(word)?))) {
            // Only the outline: the fill is the theme's, so that text stays readable on it.
            let _ = writeln!(text, "  classDef {word} stroke:{color},stroke-width:2px");
        }
        text
    }
}

/// Mermaid has no escape but `#NUMBER;`, and takes almost any punctuation for syntax somewhere.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in plain(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '_' | '-' | '?' | '×' | '…') {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
    }
    safe
}
