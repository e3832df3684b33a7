//! Each format of each plan.

use ork_graph::Graph;

use crate::plans::{chain, diamond, running, wide};

fn check(name: &str, graph: &Graph) {
    insta::assert_snapshot!(format!("{name}.mmd"), graph.to_mermaid());
    insta::assert_snapshot!(format!("{name}.dot"), graph.to_dot());
    insta::assert_snapshot!(format!("{name}.svg"), graph.to_svg());
    insta::assert_snapshot!(format!("{name}.json"), format!("{:#}", graph.to_json()));
    assert_eq!(Graph::from_json(&graph.to_json()).as_ref(), Some(graph), "{name} is read again");
}

#[test]
fn a_chain() {
    check("chain", &chain());
}

#[test]
fn a_diamond_with_a_long_edge() {
    check("diamond", &diamond());
}

#[test]
fn fan_out_is_folded_and_conditions_are_words() {
    check("wide", &wide());
}

#[test]
fn a_run_in_the_middle_of_everything() {
    check("running", &running());
}

#[test]
fn nothing_at_all() {
    check("empty", &Graph { name: "empty".into(), ..Graph::default() });
}
