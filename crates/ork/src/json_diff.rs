//! Where two JSON values differ.

use serde_json::Value;

/// One place where they do.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// Where: `clips[2].start`; empty for the whole value.
    pub path: String,
    /// What is there in the first value, if anything is.
    pub a: Option<Value>,
    /// The same of the second.
    pub b: Option<Value>,
}

/// All places where two values differ, as deep as both have something there.
pub fn differences(a: &Value, b: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    compare(String::new(), Some(a), Some(b), &mut found);
    found
}

fn compare(path: String, a: Option<&Value>, b: Option<&Value>, found: &mut Vec<Difference>) {
    match (a, b) {
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let more = b.keys().filter(|key| !a.contains_key(*key));
            for key in a.keys().chain(more) {
                compare(step(&path, key), a.get(key), b.get(key), found);
            }
        }
        (Some(Value::Array(a)), Some(Value::Array(b))) => {
            for at in 0..a.len().max(b.len()) {
                compare(format!("{path}[{at}]"), a.get(at), b.get(at), found);
            }
        }
        (a, b) if a == b => {}
        (a, b) => found.push(Difference { path, a: a.cloned(), b: b.cloned() }),
    }
}

fn step(path: &str, key: &str) -> String {
    let is_plain = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    match (is_plain, path.is_empty()) {
        (true, true) => key.to_owned(),
        (true, false) => format!("{path}.{key}"),
        (false, _) => format!("{path}[{key:?}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[track_caller]
    fn check(a: &Value, b: &Value, expected: &[&str]) {
        let text = |value: Option<Value>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let found: Vec<String> =
            differences(a, b).into_iter().map(|d| format!("{} {} {}", d.path, text(d.a), text(d.b))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn differences_have_paths() {
        check(&json!({"a": [1, {"b": 2}]}), &json!({"a": [1, {"b": 2}]}), &[]);
        check(&json!({"a": [1, {"b": 2}]}), &json!({"a": [1, {"b": 3}, 4]}), &["a[1].b 2 3", "a[2] - 4"]);
        check(&json!({"a": 1, "x y": 2}), &json!({"c": null}), &["a 1 -", "[\"x y\"] 2 -", "c - null"]);
        check(&json!(1), &json!({"a": 1}), &[" 1 {\"a\":1}"]);
        check(&json!(1), &json!(1.0), &[" 1 1.0"]);
    }
}
