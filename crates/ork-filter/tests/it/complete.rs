//! What a word can become.

use ork_filter::{Filter, Known, complete};

fn known() -> Known {
    Known { names: vec!["etl".into(), "nightly".into()], labels: vec![("team".into(), "a b".into())] }
}

fn check(word: &str) -> String {
    let found = complete(word, &known());
    for completion in &found {
        let read: Result<Filter, _> = completion.word.parse();
        assert!(read.is_ok(), "{} is a word: {read:?}", completion.word);
    }
    let lines: Vec<String> = found.iter().map(|found| format!("{}  {}", found.word, found.help)).collect();
    lines.join("\n")
}

#[test]
fn a_word_is_completed() {
    insta::assert_snapshot!(check("s"), @r"
    status:pending  with this status
    status:running  with this status
    status:paused  with this status
    status:success  with this status
    status:failed  with this status
    status:cancelled  with this status
    started>-1h  started within an hour
    started>-1d  started within a day
    started>-7d  started within a week
    ");
    insta::assert_snapshot!(check("status:failed,ca"), @"status:failed,cancelled  with this status");
    insta::assert_snapshot!(check("finished<"), @r"
    finished<-1h  finished more than an hour ago
    finished<-1d  finished more than a day ago
    finished<-7d  finished more than a week ago
    ");
    insta::assert_snapshot!(check("label.team=\"a"), @r#"label.team="a b"  with this label"#);
    assert_eq!(check("nonsense"), "");
    assert_eq!(check("status:failed,failed"), "");
    assert_eq!(check("").lines().count(), 6 + 3 + 2 + 1 + 9);
}
