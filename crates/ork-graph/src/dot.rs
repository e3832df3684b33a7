//! DOT, for Graphviz.

use std::fmt::Write;

use crate::graph::Graph;
use crate::label::{color, lines, plain};

impl Graph {
    /// A DOT digraph.
    #[must_use]
    pub fn to_dot(&self) -> String {
        let mut text = format!("digraph \"{}\" {{\n", escaped(&self.title()));
        text += "  node [shape=box, style=rounded, fontname=monospace, fontsize=11];\n";
        for (at, node) in self.nodes.iter().enumerate() {
            let label = lines(node).iter().map(|line| escaped(line)).collect::<Vec<_>>().join("\\n");
            let siblings = if node.is_fan_out { ", peripheries=2" } else { "" };
            let color = node.states.as_ref().and_then(|states| color(states.overall().word()));
            let color = color.map(|color| format!(", color=\"{color}\", penwidth=2")).unwrap_or_default();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  n{at} [label=\"{label}\"{siblings}{color}];");
        }
        for (from, to) in self.edges() {
            let _ = writeln!(text, "  n{from} -> n{to};");
        }
        text + "}\n"
    }
}

/// For a string in quotes. Graphviz also reads HTML entities in it.
fn escaped(text: &str) -> String {
    plain(text).replace('&', "&amp;").replace('\\', "\\\\").replace('"', "\\\"")
}
