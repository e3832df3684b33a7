//! Names and conditions that are syntax somewhere. Files cannot hold such names; plans from elsewhere may.

use ork_core::plan::RunIf;
use ork_graph::{Graph, Node};

const NAMES: [&str; 7] = [
    "\"]:::x --> y[\"",
    "a\nb\r\tclick n0 href \"javascript:alert(1)\"",
    "</title><script>alert(1)</script>",
    "x\"]; y -> z; \\N\\",
    "&lt;b&gt; &amp; #quot; #35;",
    "]]> --> <!-- %%{init: {}}%% end",
    "\u{0}\u{1b}[31m\u{202e}\u{ffff}'`",
];

fn hostile() -> Graph {
    let node = |key: &&str| Node {
        key: (*key).to_owned(),
        size: Some(1),
        when: Some((*key).to_owned()),
        run_if: Some(RunIf::Always),
        ..Node::default()
    };
    Graph { name: NAMES.concat(), status: None, nodes: NAMES.iter().map(node).collect() }
}

#[test]
fn mermaid_has_no_syntax_but_its_own() {
    let text = hostile().to_mermaid();
    for line in text.lines().skip(4) {
        let label = line.trim().split_once("[\"").unwrap().1.strip_suffix("\"]").unwrap();
        let safe = |c: char| c.is_alphanumeric() || " .,_-?×…#;".contains(c);
        assert!(label.split("<br/>").all(|line| line.chars().all(safe)), "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn dot_strings_end_where_they_should() {
    let text = hostile().to_dot();
    for line in text.lines() {
        let mut quotes = 0;
        let mut chars = line.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' => drop(chars.next()),
                '"' => quotes += 1,
                _ => {}
            }
        }
        assert!(matches!(quotes, 0 | 2), "{line}");
    }
    insta::assert_snapshot!(text);
}

#[test]
fn svg_has_no_element_but_its_own() {
    let text = hostile().to_svg();
    let body = text.split("</style>").nth(1).unwrap();
    for tag in body.split('<').skip(1) {
        let name: String = tag.trim_start_matches('/').chars().take_while(char::is_ascii_alphabetic).collect();
        assert!(["svg", "title", "g", "rect", "text", "path"].contains(&name.as_str()), "<{tag}");
    }
    assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
    insta::assert_snapshot!(body);
}

#[test]
fn json_keeps_everything() {
    let value = hostile().to_json();
    let read: serde_json::Value = serde_json::from_str(&value.to_string()).unwrap();
    let keys: Vec<&str> = read["nodes"].as_array().unwrap().iter().map(|node| node["key"].as_str().unwrap()).collect();
    assert_eq!(keys, NAMES);
}

#[test]
fn long_names_are_cut_and_edges_to_nowhere_left_out() {
    let long = "x".repeat(100_000);
    let node = Node { key: long.clone(), when: Some(long), depends_on: vec![0, 7], ..Node::default() };
    let graph = Graph { nodes: vec![node], ..Graph::default() };
    assert!(graph.to_mermaid().len() < 400 && graph.to_dot().len() < 400);
    assert_eq!(graph.to_json()["edges"][0]["points"], serde_json::json!([]), "a node that needs itself");
    assert_eq!(graph.to_json()["edges"].as_array().unwrap().len(), 1);
}
