//! Files that newcomers and attackers write, and what Ork answers: one snapshot each, beside the file.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use ork_workflow::{Format, Source, codes, parse};

fn files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/malformed");
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "json"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn every_malformed_file_is_refused_with_place_code_and_repair() {
    let files = files();
    assert!(files.len() >= 100, "{} files", files.len());
    insta::with_settings!({snapshot_path => "malformed", prepend_module_to_snapshot => false, omit_expression => true}, {
        for (name, text) in files {
            let Err(errors) = parse(&Source { name: &name, text: &text, format: Format::of_name(&name) }) else {
                panic!("{name} was taken");
            };
            for item in &errors.items {
                assert!(codes::find(item.code).is_some(), "{name}: {} is no code", item.code);
            }
            insta::assert_snapshot!(name.as_str(), errors.to_string());
        }
    });
}

#[test]
fn every_code_is_produced() {
    let files = files();
    let mut produced: BTreeSet<&str> = BTreeSet::new();
    for (name, text) in &files {
        if let Err(errors) = parse(&Source { name, text, format: Format::of_name(name) }) {
            produced.extend(errors.items.iter().map(|item| item.code));
        }
    }
    let elsewhere =
        [include_str!("binding.rs"), include_str!("bombs.rs"), include_str!("cron.rs"), include_str!("expressions.rs")]
            .concat();
    let missing: Vec<&str> = codes::ALL
        .iter()
        .map(|code| code.code)
        .filter(|code| !produced.contains(code) && !elsewhere.contains(&format!("\"{code}\"")))
        .collect();
    assert!(missing.is_empty(), "no test produces {missing:?}");
}

#[test]
fn every_code_has_a_page() {
    for code in codes::ALL {
        assert!(code.code.starts_with("ORK-E0") && code.title.len() > 10 && code.page.len() > 20, "{code:?}");
        assert_eq!(codes::find(&code.code.to_lowercase()), Some(code));
    }
    assert!(codes::ALL.windows(2).all(|pair| pair[0].code < pair[1].code));
    assert_eq!(codes::find("ORK-E9999"), None);
}
