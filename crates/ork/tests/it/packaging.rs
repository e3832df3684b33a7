//! What the unit and the image start is there, and takes the options that they give it.

use std::fs;

use serde_json::Value;

use crate::docs::root;
use crate::home::Home;

fn packaged(name: &str) -> String {
    fs::read_to_string(root().join("packaging").join(name)).unwrap()
}

fn accepts(command: &str) {
    let said = Home::new().says(&format!("{command} --help"));
    assert!(said.starts_with("exit 0\n"), "{command}\n{said}");
}

#[test]
fn the_unit_starts_a_server_that_says_when_it_is_ready() {
    let unit = packaged("ork.service");
    let value = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap();
    accepts(value("ExecStart").strip_prefix("/usr/local/bin/ork ").unwrap());
    assert_eq!(value("Type"), "notify");
    // Longer than the grace and the time that stopped tasks have.
    assert_eq!(value("TimeoutStopSec"), "180");
}

#[test]
fn the_image_starts_a_server() {
    let file = packaged("Dockerfile");
    let command = file.lines().find_map(|line| line.strip_prefix("CMD ")).unwrap();
    let words: Vec<String> = serde_json::from_str::<Value>(command)
        .unwrap()
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().to_owned())
        .collect();
    accepts(&words.join(" "));
    assert!(file.contains("ENTRYPOINT [\"ork\"]") && file.contains("--package ork\n"));
}
