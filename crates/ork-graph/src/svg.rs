//! SVG: a picture that needs nothing else, and runs nothing.

use std::fmt::Write;

use crate::graph::{Graph, Node};
use crate::label::{columns, lines, plain};
use crate::layout::{Layout, Point, Size, Spot, layout};
use crate::states::States;

/// Pixels. A column is 0.6 of the font's size, as in all common monospaced fonts, and a little for the others.
const COLUMN: f64 = 7.4;
const LINE: i32 = 17;
const PAD: i32 = 12;
const WIDTH_MIN: i32 = 72;
/// The strip of colours at the foot of a node.
const STRIP: i32 = 4;
/// How far the sheets of a fan-out lie apart.
const SHEET: i32 = 4;
const MARGIN: i32 = 24;
const HEADING: i32 = 34;

/// One colour for each kind of status, for light and for dark: at least 4.5:1 on the ground of a node, and always beside
/// the word. Variables would be shorter, but not every renderer knows them.
const STYLE: &str = "\
.ork-graph{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace}
.ork-graph .ground{fill:#f6f8fa}
.ork-graph text{fill:#1f2328}
.ork-graph .heading,.ork-graph .name{font-weight:600}
.ork-graph .heading{font-size:14px}
.ork-graph .note{fill:#59636e}
.ork-graph .box{fill:#fff;stroke:#c4cbd3;stroke-width:1.25}
.ork-graph .edge{fill:none;stroke:#8c959f;stroke-width:1.25}
.ork-graph .tip{fill:#8c959f}
.ork-graph .pending,.ork-graph .queued,.ork-graph .skipped{fill:#59636e}
.ork-graph .success{fill:#1a7f37}
.ork-graph .failed{fill:#cf222e}
.ork-graph .running,.ork-graph .dispatched{fill:#0969da}
.ork-graph .retrying,.ork-graph .waiting,.ork-graph .paused,.ork-graph .cancelled{fill:#9a6700}
.ork-graph rect.pending,.ork-graph rect.queued,.ork-graph rect.skipped{fill:#c4cbd3}
.ork-graph .is-skipped .box,.ork-graph .is-pending .box{stroke-dasharray:4 3}
.ork-graph .is-failed .box{stroke:#cf222e}
.ork-graph .is-running .box{stroke:#0969da}
@media (prefers-color-scheme:dark){
.ork-graph .ground{fill:#0d1117}
.ork-graph text{fill:#e6edf3}
.ork-graph .note{fill:#9198a1}
.ork-graph .box{fill:#161b22;stroke:#444c56}
.ork-graph .edge{stroke:#6e7681}
.ork-graph .tip{fill:#6e7681}
.ork-graph .pending,.ork-graph .queued,.ork-graph .skipped{fill:#9198a1}
.ork-graph .success{fill:#3fb950}
.ork-graph .failed{fill:#ff7b72}
.ork-graph .running,.ork-graph .dispatched{fill:#58a6ff}
.ork-graph .retrying,.ork-graph .waiting,.ork-graph .paused,.ork-graph .cancelled{fill:#d29922}
.ork-graph rect.pending,.ork-graph rect.queued,.ork-graph rect.skipped{fill:#444c56}
.ork-graph .is-failed .box{stroke:#ff7b72}
.ork-graph .is-running .box{stroke:#58a6ff}
}
";

/// Edges, the size of each node's box, and where everything is.
pub fn lay_out(graph: &Graph) -> (Vec<(u32, u32)>, Vec<Size>, Layout) {
    let edges = graph.edges();
    let sizes: Vec<Size> = graph.nodes.iter().map(size).collect();
    let layout = layout(&sizes, &edges);
    (edges, sizes, layout)
}

fn size(node: &Node) -> Size {
    let lines = lines(node);
    let widest = lines.iter().map(|line| columns(line)).max().unwrap_or_default();
    let text = (widest as f64 * COLUMN).ceil() as i32 + 2 * PAD;
    // Even, so that its middle is a whole pixel.
    let width = (text.max(WIDTH_MIN) + 1) / 2 * 2;
    let strip = if node.states.is_some() { STRIP } else { 0 };
    let height = lines.len() as i32 * LINE + PAD + strip;
    let sheets = if node.is_fan_out { 2 * SHEET } else { 0 };
    Size { width: width + sheets, height: height + sheets }
}

impl Graph {
    /// An SVG document without scripts or references, for light and dark.
    #[must_use]
    pub fn to_svg(&self) -> String {
        let (_, sizes, layout) = lay_out(self);
        let title = self.title();
        let heading = escaped(&title);
        let wide = (columns(&title) as f64 * COLUMN * 7.0 / 6.0).ceil() as i32;
        let (width, height) = (layout.width.max(wide) + 2 * MARGIN, layout.height + 2 * MARGIN + HEADING);
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ork-graph\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\">\n<title>{heading}</title>\n<style>\n{STYLE}</style>\n\
             <rect class=\"ground\" width=\"{width}\" height=\"{height}\"/>\n"
        );
        self.write_heading(&mut svg);
        let left = (width - layout.width) / 2;
        // Writing to a string cannot fail; so it is below.
        let _ = writeln!(svg, "<g transform=\"translate({left} {})\">", MARGIN + HEADING);
        for route in layout.routes.iter().filter(|route| !route.is_empty()) {
            write_edge(&mut svg, route);
        }
        for ((node, size), spot) in self.nodes.iter().zip(&sizes).zip(&layout.spots) {
            write_node(&mut svg, node, *size, *spot);
        }
        svg + "</g>\n</svg>\n"
    }

    fn write_heading(&self, svg: &mut String) {
        let baseline = MARGIN + 10;
        let _ = write!(svg, "<text class=\"heading\" x=\"{MARGIN}\" y=\"{baseline}\">{}", escaped(&self.name));
        if let Some(status) = self.status {
            let _ = write!(svg, "<tspan class=\"{status}\" dx=\"10\">{status}</tspan>");
        }
        *svg += "</text>\n";
    }
}

/// Points in pairs: a vertical line, a curve, a vertical line, …, and a tip where it arrives.
fn write_edge(svg: &mut String, route: &[Point]) {
    *svg += "<path class=\"edge\" d=\"";
    let mut before: Option<Point> = None;
    for line in route.chunks_exact(2) {
        let (top, bottom) = (line[0], line[1]);
        let _ = match before {
            None => write!(svg, "M{} {}", top.x, top.y),
            Some(from) if from.x == top.x => write!(svg, "V{}", top.y),
            Some(from) => {
                let middle = (from.y + top.y) / 2;
                write!(svg, "C{} {middle} {} {middle} {} {}", from.x, top.x, top.x, top.y)
            }
        };
        if top.y != bottom.y {
            let _ = write!(svg, "V{}", bottom.y);
        }
        before = Some(bottom);
    }
    *svg += "\"/>";
    if let Some(end) = route.last() {
        // Drawn, not a marker: a marker needs an id, and two pictures in one page would share it.
        let _ = write!(svg, "<path class=\"tip\" d=\"M{} {}l-4 -7h8z\"/>", end.x, end.y);
    }
    *svg += "\n";
}

fn write_node(svg: &mut String, node: &Node, size: Size, spot: Spot) {
    let overall = node.states.as_ref().map(|states| states.overall().word());
    let class = overall.map(|word| format!(" is-{word}")).unwrap_or_default();
    let _ = write!(svg, "<g class=\"node{class}\" transform=\"translate({} {})\">", spot.x, spot.y);
    let title: Vec<String> = std::iter::once(node.name())
        .chain(node.conditions())
        .chain(node.states.as_ref().map(ToString::to_string))
        .collect();
    let _ = write!(svg, "<title>{}</title>", escaped(&title.join(", ")));
    let sheets = if node.is_fan_out { 2 } else { 0 };
    let (width, height) = (size.width - sheets * SHEET, size.height - sheets * SHEET);
    for sheet in (0..=sheets).rev() {
        let at = sheet * SHEET;
        let _ =
            write!(svg, "<rect class=\"box\" x=\"{at}\" y=\"{at}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>");
    }
    let stated = usize::from(node.states.is_some());
    let lines = lines(node);
    let baseline = |at: usize| PAD / 2 + LINE * at as i32 + LINE - 5;
    for (at, line) in lines.iter().enumerate().take(lines.len() - stated) {
        let class = if at == 0 { "name" } else { "note" };
        let _ = write!(svg, "<text class=\"{class}\" x=\"{PAD}\" y=\"{}\">{}</text>", baseline(at), escaped(line));
    }
    if let Some(states) = &node.states {
        write_states(svg, states, baseline(lines.len() - 1));
        write_strip(svg, states, width, height);
    }
    *svg += "</g>\n";
}

/// The words of [`States`], each in its colour.
fn write_states(svg: &mut String, states: &States, baseline: i32) {
    let _ = write!(svg, "<text x=\"{PAD}\" y=\"{baseline}\">");
    if states.total() <= 1 {
        let _ = write!(svg, "<tspan class=\"{0}\">{0}</tspan>", states.overall());
    } else {
        for (at, (status, count)) in states.counts().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            let _ = write!(svg, "{comma}<tspan class=\"{status}\">{count} {status}</tspan>");
        }
    }
    *svg += "</text>";
}

/// The share of each status at the foot of a node.
fn write_strip(svg: &mut String, states: &States, width: i32, height: i32) {
    let (total, room) = (f64::from(states.total()), f64::from(width - 2 * PAD));
    let mut x = f64::from(PAD);
    for (status, count) in states.counts() {
        let share = room * f64::from(count) / total;
        let y = height - STRIP - PAD / 2;
        let _ = write!(
            svg,
            "<rect class=\"{status}\" x=\"{x:.1}\" y=\"{y}\" width=\"{share:.1}\" height=\"{STRIP}\" rx=\"1\"/>"
        );
        x += share;
    }
}

/// Text and attribute values.
fn escaped(text: &str) -> String {
    let text = plain(text).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&apos;")
}
