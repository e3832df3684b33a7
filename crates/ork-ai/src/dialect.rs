//! A schema as a provider takes it. Each knows part of JSON Schema and refuses what it does not know; what is left out is checked here,
//! when the answer is there.

use serde_json::{Map, Value};

/// What OpenAI's strict outputs take, besides the rules of [`is_strict`].
const STRICT: [&str; 21] = [
    "$defs",
    "$ref",
    "additionalProperties",
    "anyOf",
    "const",
    "description",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maximum",
    "minItems",
    "minimum",
    "multipleOf",
    "pattern",
    "properties",
    "required",
    "title",
    "type",
];
/// What Anthropic's structured outputs refuse. Of `minItems` they take 0 and 1.
const REFUSED: [&str; 9] = [
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
];

/// Whether OpenAI can hold a model to it to the letter: each object names all of its properties as required and takes no others, and the
/// outermost is an object. It refuses others that ask for it.
pub fn is_strict(schema: &Value) -> bool {
    schema["type"] == "object" && schema.get("anyOf").is_none() && is_strict_inside(schema)
}

fn is_strict_inside(schema: &Value) -> bool {
    let Some(fields) = schema.as_object() else { return false };
    let is_known = fields.keys().all(|name| STRICT.contains(&name.as_str()));
    is_known && (!is_object(fields) || is_closed(fields)) && parts(fields).into_iter().all(is_strict_inside)
}

fn is_closed(fields: &Map<String, Value>) -> bool {
    let required = fields.get("required").and_then(Value::as_array);
    let is_required = |name: &String| required.is_some_and(|all| all.iter().any(|one| one == name.as_str()));
    let known = fields.get("properties").and_then(Value::as_object);
    fields.get("additionalProperties") == Some(&Value::Bool(false))
        && known.is_none_or(|all| all.keys().all(is_required))
}

fn is_object(fields: &Map<String, Value>) -> bool {
    let is_named = match fields.get("type") {
        Some(Value::Array(all)) => all.iter().any(|one| one == "object"),
        one => one.is_some_and(|one| one == "object"),
    };
    is_named || fields.contains_key("properties")
}

/// The schema for Anthropic: without what it refuses, and each object that does not say whether it has other properties has none.
pub fn narrowed(schema: &Value) -> Value {
    let Value::Object(fields) = schema else { return schema.clone() };
    let mut fields = fields.clone();
    let is_kept = |name: &String, value: &mut Value| {
        !REFUSED.contains(&name.as_str()) || (name == "minItems" && value.as_u64().is_some_and(|least| least <= 1))
    };
    fields.retain(is_kept);
    if is_object(&fields) {
        fields.entry("additionalProperties").or_insert(Value::Bool(false));
    }
    for part in parts_mut(&mut fields) {
        *part = narrowed(part);
    }
    Value::Object(fields)
}

const NAMED: [&str; 2] = ["properties", "$defs"];
const LISTED: [&str; 2] = ["anyOf", "allOf"];

/// The schemas in a schema: a property may have the name of a keyword, and an `enum` anything in it.
fn parts(fields: &Map<String, Value>) -> Vec<&Value> {
    let named = NAMED.iter().filter_map(|name| fields.get(*name)?.as_object()).flat_map(Map::values);
    let listed = LISTED.iter().filter_map(|name| fields.get(*name)?.as_array()).flatten();
    named.chain(listed).chain(fields.get("items")).collect()
}

fn parts_mut(fields: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut parts = Vec::new();
    for (name, value) in fields {
        let name = name.as_str();
        if name == "items" {
            parts.push(value);
        } else if NAMED.contains(&name) {
            parts.extend(value.as_object_mut().into_iter().flat_map(Map::values_mut));
        } else if LISTED.contains(&name) {
            parts.extend(value.as_array_mut().into_iter().flatten());
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_schema_is_strict_when_nothing_is_left_open() {
        let closed = json!({
            "type": "object", "required": ["a"], "additionalProperties": false,
            "properties": {"a": {"type": "array", "items": {"type": ["string", "null"], "enum": ["x", null]}}},
        });
        assert!(is_strict(&closed));
        let with = |pointer: &str, value: Value| {
            let mut schema = closed.clone();
            *schema.pointer_mut(pointer).unwrap() = value;
            schema
        };
        assert!(!is_strict(&with("/required", json!([]))), "a property may be missing");
        assert!(!is_strict(&with("/additionalProperties", json!(true))));
        assert!(!is_strict(&with("/type", json!("array"))));
        assert!(!is_strict(&with("/properties/a/items", json!({"type": "object"}))), "an object inside is open");
        assert!(!is_strict(&with("/properties/a/items", json!({"maxLength": 3}))), "a keyword that it does not know");
        assert!(!is_strict(&json!({"anyOf": [closed]})));
    }

    #[test]
    fn a_schema_is_narrowed_where_it_is_a_schema() {
        let schema = json!({
            "type": "object", "required": ["maximum"],
            "properties": {
                "maximum": {"type": "integer", "minimum": 1, "maximum": 5},
                "tags": {"type": "array", "minItems": 1, "maxItems": 9, "items": {"type": "string", "maxLength": 8}},
                "pair": {"type": "array", "minItems": 2},
                "open": {"type": "object", "additionalProperties": {"type": "string"}},
                "kind": {"enum": [{"minimum": 3}]},
                "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/one"}]},
            },
            "$defs": {"one": {"properties": {"n": {"multipleOf": 2}}}},
        });
        let expected = json!({
            "type": "object", "required": ["maximum"],
            "properties": {
                "maximum": {"type": "integer"},
                "tags": {"type": "array", "minItems": 1, "items": {"type": "string"}},
                "pair": {"type": "array"},
                "open": {"type": "object", "additionalProperties": {"type": "string"}},
                "kind": {"enum": [{"minimum": 3}]},
                "either": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/one"}]},
            },
            "$defs": {"one": {"properties": {"n": {}}, "additionalProperties": false}},
            "additionalProperties": false,
        });
        assert_eq!(narrowed(&schema), expected);
    }
}
