//! Whether a value is what a JSON Schema says.
//!
//! The keywords are those that the providers' structured outputs know: `type`, `properties`, `required`, `additionalProperties`, `items`,
//! `enum`, `const`, the bounds of numbers, arrays and strings, `anyOf`, `allOf`, and `$ref` into `$defs`. Others are passed over. A
//! schema may refer to itself, so depth and work are bounded.

use std::fmt;

use serde_json::{Map, Number, Value};

/// Schemas inside each other, references counted.
const DEPTH_MAX: usize = 256;
/// Pairs of a schema and a value that are looked at.
const STEPS_MAX: u32 = 1_000_000;

/// Where a value is not what it should be, and why.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// From the inside out.
    path: Vec<String>,
    what: String,
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.is_empty() {
            return write!(f, "it {}", self.what);
        }
        let path: String = self.path.iter().rev().map(String::as_str).collect();
        write!(f, "`{}` {}", path.trim_start_matches('.'), self.what)
    }
}

type Checked = Result<(), Misfit>;

fn misfit(what: impl Into<String>) -> Checked {
    Err(Misfit { path: Vec::new(), what: what.into() })
}

/// Whether the value is what the schema says.
///
/// # Errors
/// [`Misfit`], the first that is found.
pub fn check(schema: &Value, value: &Value) -> Checked {
    Check { root: schema, steps: 0, depth: 0 }.any(schema, value)
}

struct Check<'a> {
    root: &'a Value,
    steps: u32,
    depth: usize,
}

impl<'a> Check<'a> {
    fn any(&mut self, schema: &'a Value, value: &Value) -> Checked {
        self.steps += 1;
        if self.steps > STEPS_MAX || self.depth >= DEPTH_MAX {
            return misfit("takes too long to check: its schema refers to itself too often");
        }
        self.depth += 1;
        let checked = match schema {
            Value::Bool(false) => misfit("must not be there"),
            Value::Object(schema) => self.all(schema, value),
            _ => Ok(()),
        };
        self.depth -= 1;
        checked
    }

    fn all(&mut self, schema: &'a Map<String, Value>, value: &Value) -> Checked {
        if let Some(Value::String(place)) = schema.get("$ref") {
            let Some(schema) = place.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer)) else {
                return misfit(format!("cannot be checked: its schema refers to `{place}`, which is not there"));
            };
            self.any(schema, value)?;
        }
        kind(schema, value)?;
        fixed(schema, value)?;
        if let Some(Value::Array(schemas)) = schema.get("allOf") {
            schemas.iter().try_for_each(|schema| self.any(schema, value))?;
        }
        if let Some(Value::Array(schemas)) = schema.get("anyOf") {
            let mut last = Ok(());
            for schema in schemas {
                last = self.any(schema, value);
                if last.is_ok() {
                    break;
                }
            }
            last?;
        }
        match value {
            Value::Object(fields) => self.object(schema, fields),
            Value::Array(items) => self.array(schema, items),
            Value::String(text) => bounded(schema, ["minLength", "maxLength"], text.chars().count(), "characters"),
            Value::Number(number) => within(schema, number),
            Value::Null | Value::Bool(_) => Ok(()),
        }
    }

    fn object(&mut self, schema: &'a Map<String, Value>, fields: &Map<String, Value>) -> Checked {
        let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
        if let Some(name) = required.filter_map(Value::as_str).find(|name| !fields.contains_key(*name)) {
            return misfit(format!("has no `{name}`"));
        }
        let known = schema.get("properties").and_then(Value::as_object);
        let others = schema.get("additionalProperties");
        for (name, value) in fields {
            let Some(schema) = known.and_then(|known| known.get(name)).or(others) else { continue };
            self.any(schema, value).map_err(|misfit| inside(misfit, format!(".{name}")))?;
        }
        Ok(())
    }

    fn array(&mut self, schema: &'a Map<String, Value>, items: &[Value]) -> Checked {
        bounded(schema, ["minItems", "maxItems"], items.len(), "items")?;
        let Some(schema) = schema.get("items") else { return Ok(()) };
        for (index, item) in items.iter().enumerate() {
            self.any(schema, item).map_err(|misfit| inside(misfit, format!("[{index}]")))?;
        }
        Ok(())
    }
}

fn inside(mut misfit: Misfit, part: String) -> Misfit {
    misfit.path.push(part);
    misfit
}

fn kind(schema: &Map<String, Value>, value: &Value) -> Checked {
    let wanted: Vec<&str> = match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(some)) => some.iter().filter_map(Value::as_str).collect(),
        _ => return Ok(()),
    };
    if wanted.iter().any(|wanted| is(wanted, value)) {
        return Ok(());
    }
    let found = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    misfit(format!("must be of type {}, and is of type {found}", wanted.join(" or ")))
}

fn is(wanted: &str, value: &Value) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        // 2.0 is one, as the standard says.
        "integer" => value.as_number().is_some_and(is_whole),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
}

fn fixed(schema: &Map<String, Value>, value: &Value) -> Checked {
    if schema.get("const").is_some_and(|wanted| !same(wanted, value)) {
        return misfit("is not the value that it must be");
    }
    let listed = schema.get("enum").and_then(Value::as_array);
    if listed.is_some_and(|listed| !listed.iter().any(|wanted| same(wanted, value))) {
        return misfit("is none of the values that it may be");
    }
    Ok(())
}

/// Numbers are kept as they were written, and 1 is 1.0.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one == other || one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let is_there = |(name, value): (&String, &Value)| other.get(name).is_some_and(|other| same(value, other));
            one.len() == other.len() && one.iter().all(is_there)
        }
        _ => one == other,
    }
}

fn bounded(schema: &Map<String, Value>, [least, most]: [&str; 2], count: usize, unit: &str) -> Checked {
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    if let Some(least) = bound(least).filter(|least| (count as u64) < *least) {
        return misfit(format!("has {count} {unit}, and must have at least {least}"));
    }
    if let Some(most) = bound(most).filter(|most| count as u64 > *most) {
        return misfit(format!("has {count} {unit}, and may have at most {most}"));
    }
    Ok(())
}

/// A keyword, whether it holds of a number and its bound, and its words.
type Rule = (&'static str, fn(&f64, &f64) -> bool, &'static str);

const RULES: [Rule; 4] = [
    ("minimum", f64::ge, "at least"),
    ("exclusiveMinimum", f64::gt, "more than"),
    ("maximum", f64::le, "at most"),
    ("exclusiveMaximum", f64::lt, "less than"),
];

fn within(schema: &Map<String, Value>, number: &Number) -> Checked {
    // More than any float, or less.
    let found = number.as_f64().unwrap_or(if number.to_string().starts_with('-') { f64::MIN } else { f64::MAX });
    for (name, holds, words) in RULES {
        if let Some(bound) = schema.get(name).and_then(Value::as_f64).filter(|bound| !holds(&found, bound)) {
            return misfit(format!("is {number}, and must be {words} {bound}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
