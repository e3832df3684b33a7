use serde_json::{Value, json};

use super::check;

/// What is said of a value; nothing when it fits.
fn finds(schema: &Value, value: &Value, expected: &str) {
    let said = check(schema, value).map_or_else(|misfit| misfit.to_string(), |()| String::new());
    assert_eq!(said, expected, "{schema} {value}");
}

#[test]
fn each_keyword_has_its_word() {
    let cases = [
        (json!({"type": "string"}), json!("x"), ""),
        (json!({"type": "string"}), json!(1), "it must be of type string, and is of type number"),
        (json!({"type": ["string", "null"]}), json!(null), ""),
        (json!({"type": ["string", "null"]}), json!([]), "it must be of type string or null, and is of type array"),
        (json!({"type": "integer"}), json!(2.0), ""),
        (json!({"type": "integer"}), json!(2.5), "it must be of type integer, and is of type number"),
        (json!({"required": ["a", "b"]}), json!({"a": 1}), "it has no `b`"),
        (json!({"properties": {"a": {}}, "additionalProperties": false}), json!({"a": 1}), ""),
        (json!({"properties": {"a": {}}, "additionalProperties": false}), json!({"b": 1}), "`b` must not be there"),
        (
            json!({"additionalProperties": {"type": "null"}}),
            json!({"b": 1}),
            "`b` must be of type null, and is of type number",
        ),
        (json!({"items": {"type": "null"}}), json!([null, 1]), "`[1]` must be of type null, and is of type number"),
        (json!({"enum": [1, "a", {"b": [2]}]}), json!({"b": [2.0]}), ""),
        (json!({"enum": ["a"]}), json!("b"), "it is none of the values that it may be"),
        (json!({"const": null}), json!(false), "it is not the value that it must be"),
        (json!({"minimum": 1, "maximum": 2}), json!(2), ""),
        (json!({"minimum": 1}), json!(0.5), "it is 0.5, and must be at least 1"),
        (json!({"maximum": 1}), json!(2), "it is 2, and must be at most 1"),
        (json!({"exclusiveMinimum": 1}), json!(1), "it is 1, and must be more than 1"),
        (json!({"exclusiveMaximum": 1}), json!(1), "it is 1, and must be less than 1"),
        (json!({"minItems": 1}), json!([]), "it has 0 items, and must have at least 1"),
        (json!({"maxItems": 1}), json!([1, 2]), "it has 2 items, and may have at most 1"),
        (json!({"minLength": 2}), json!("ä"), "it has 1 characters, and must have at least 2"),
        (json!({"maxLength": 2}), json!("äöü"), "it has 3 characters, and may have at most 2"),
        (json!({"anyOf": [{"type": "null"}, {"minimum": 3}]}), json!(3), ""),
        (json!({"anyOf": [{"type": "null"}, {"minimum": 3}]}), json!(2), "it is 2, and must be at least 3"),
        (json!({"allOf": [{"minimum": 1}, {"maximum": 3}]}), json!(4), "it is 4, and must be at most 3"),
        (json!({"$defs": {"n": {"type": "null"}}, "$ref": "#/$defs/n"}), json!(null), ""),
        (
            json!({"$ref": "#/$defs/n"}),
            json!(null),
            "it cannot be checked: its schema refers to `#/$defs/n`, which is not there",
        ),
        (json!({"format": "email", "what": "ever"}), json!("x"), ""),
        (json!(true), json!("x"), ""),
        (json!(false), json!("x"), "it must not be there"),
    ];
    for (schema, value, expected) in cases {
        finds(&schema, &value, expected);
    }
}

#[test]
fn a_place_is_named_from_the_outside_in() {
    let schema = json!({"properties": {"items": {"items": {"properties": {"name": {"type": "string"}}}}}});
    let value = json!({"items": [{"name": "a"}, {"name": 7}]});
    finds(&schema, &value, "`items[1].name` must be of type string, and is of type number");
}

#[test]
fn numbers_beyond_all_bounds_are_beyond_these_too() {
    let huge: Value = serde_json::from_str("1e999").unwrap();
    finds(&json!({"maximum": 5}), &huge, "it is 1e+999, and must be at most 5");
    let low: Value = serde_json::from_str("-1e999").unwrap();
    finds(&json!({"maximum": 5}), &low, "");
}

/// 61: neither a schema nor a value keeps the checker busy.
#[test]
fn what_refers_to_itself_comes_to_an_end() {
    let tired = "it takes too long to check: its schema refers to itself too often";
    finds(&json!({"$ref": "#"}), &json!(1), tired);
    finds(&json!({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}), &json!(1), tired);
    let list = json!({"type": ["object", "null"], "properties": {"next": {"$ref": "#"}}});
    let mut value = json!(null);
    for _ in 0..60 {
        value = json!({ "next": value });
    }
    finds(&list, &value, "");
}
