//! The filters and tests of expressions. Each result is bounded: where minijinja's own could grow a value without
//! limit, or order unlike values, ours stands in its place.
//!
//! | filter | what it gives |
//! |---|---|
//! | `abs` `round(precision)` `int` `float` | a number; `int` and `float` read text as well, and fail on what is no number |
//! | `string` `bool` `list` | the value as that type |
//! | `length` (`count`) | characters of text, items of a list or a mapping |
//! | `first` `last` `min` `max` `sum` | of a list; `min` and `max` of numbers or of text |
//! | `sort` `unique` `reverse` | the list, ordered, without repeats, backwards |
//! | `join(between)` `split(at)` `lines` | a list to text and back |
//! | `map(attribute="x")` | that attribute of each item |
//! | `select` `reject` `selectattr` `rejectattr` | the items that pass a test, or do not: `outputs \| reject("none")` |
//! | `items` `keys` | a mapping as a list of pairs, its keys |
//! | `default(other, also_if_empty)` (`d`) | `other` when the value is undefined; null counts as defined |
//! | `tojson` `fromjson` | JSON text and back |
//! | `upper` `lower` `capitalize` `title` `trim` `replace(old, new)` | text |
//! | `basename` `dirname` `stem` | of a path with `/` |

use std::cmp::Ordering;

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Value, filters, tests};
use ork_core::limits::VALUE_BYTES_MAX;

use super::environment::{noun, order};
use super::evaluate::as_text;
use super::value::{from_expression, into_expression};

/// Every filter's name.
#[rustfmt::skip]
pub const FILTERS: [&str; 40] = [
    "abs", "basename", "bool", "capitalize", "count", "d", "default", "dirname", "first", "float", "fromjson", "int",
    "items", "join", "keys", "last", "length", "lines", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "replace", "reverse", "round", "select", "selectattr", "sort", "split", "stem", "string", "sum", "title", "tojson",
    "trim", "unique", "upper",
];

/// Every test's name, for `value is …`.
#[rustfmt::skip]
pub const TESTS: [&str; 20] = [
    "boolean", "defined", "divisibleby", "endingwith", "eq", "even", "false", "float", "in", "integer", "mapping", "ne",
    "none", "number", "odd", "sequence", "startingwith", "string", "true", "undefined",
];

/// Puts them all into an environment.
pub fn install(environment: &mut Environment<'static>) {
    install_text(environment);
    install_lists(environment);
    environment.add_filter("abs", filters::abs);
    environment.add_filter("int", int);
    environment.add_filter("float", float);
    environment.add_filter("round", filters::round);
    environment.add_filter("bool", filters::bool);
    environment.add_filter("default", filters::default);
    environment.add_filter("d", filters::default);
    environment.add_filter("tojson", |value: &Value| json(value).map(|json| json.to_string()));
    environment.add_filter("fromjson", fromjson);
    install_tests(environment);
}

fn install_text(environment: &mut Environment<'static>) {
    environment.add_filter("string", |value: &Value| json(value).map(|json| as_text(&json)));
    environment.add_filter("upper", |text: &str| text.to_uppercase());
    environment.add_filter("lower", |text: &str| text.to_lowercase());
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("replace", replace);
    environment.add_filter("split", filters::split);
    environment.add_filter("lines", filters::lines);
    environment.add_filter("join", join);
    environment.add_filter("basename", |path: &str| cut_path(path).1.to_owned());
    environment.add_filter("dirname", |path: &str| cut_path(path).0.to_owned());
    environment.add_filter("stem", |path: &str| {
        let name = cut_path(path).1;
        name.rfind('.').filter(|&at| at > 0).map_or(name, |at| &name[..at]).to_owned()
    });
}

fn install_lists(environment: &mut Environment<'static>) {
    environment.add_filter("length", filters::length);
    environment.add_filter("count", filters::length);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_filter("min", |list: &Value| extreme(list, "min", Ordering::Less));
    environment.add_filter("max", |list: &Value| extreme(list, "max", Ordering::Greater));
    environment.add_filter("sum", filters::sum);
    environment.add_filter("sort", sort);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("list", filters::list);
    environment.add_filter("items", filters::items);
    environment.add_filter("keys", keys);
    environment.add_filter("map", map);
    environment.add_filter("select", filters::select);
    environment.add_filter("reject", filters::reject);
    environment.add_filter("selectattr", filters::selectattr);
    environment.add_filter("rejectattr", filters::rejectattr);
}

fn install_tests(environment: &mut Environment<'static>) {
    environment.add_test("boolean", tests::is_boolean);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("divisibleby", tests::is_divisibleby);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("eq", tests::is_eq);
    environment.add_test("even", tests::is_even);
    environment.add_test("false", tests::is_false);
    environment.add_test("float", tests::is_float);
    environment.add_test("in", tests::is_in);
    environment.add_test("integer", tests::is_integer);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("ne", tests::is_ne);
    environment.add_test("none", tests::is_none);
    environment.add_test("number", tests::is_number);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("string", tests::is_string);
    environment.add_test("true", tests::is_true);
    environment.add_test("undefined", tests::is_undefined);
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

fn json(value: &Value) -> Result<serde_json::Value, Error> {
    if value.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    from_expression(value).map_err(|why| refuse(why.to_string()))
}

fn fromjson(text: &str) -> Result<Value, Error> {
    let json: serde_json::Value =
        serde_json::from_str(text).map_err(|error| refuse(format!("`fromjson`: not valid JSON: {error}")))?;
    Ok(into_expression(&json))
}

/// A whole number: of a number its integral part, of text what it spells.
fn int(value: &Value) -> Result<Value, Error> {
    match value.kind() {
        ValueKind::Number if value.is_integer() => Ok(value.clone()),
        #[allow(clippy::cast_possible_truncation)] // beyond 128 bits a float stops at the largest integer
        ValueKind::Number => Ok(Value::from(f64::try_from(value.clone())? as i128)),
        ValueKind::Bool => Ok(Value::from(i64::from(value.is_true()))),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim();
            text.parse::<i128>().map(Value::from).map_err(|_| refuse(format!("`int`: {text:?} is not a whole number")))
        }
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => Err(refuse(format!("`int` cannot read {}", noun(kind)))),
    }
}

fn float(value: &Value) -> Result<f64, Error> {
    match value.kind() {
        ValueKind::Number => f64::try_from(value.clone()),
        ValueKind::Bool => Ok(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default().trim();
            let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| refuse(format!("`float`: {text:?} is not a number")))
        }
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        kind => Err(refuse(format!("`float` cannot read {}", noun(kind)))),
    }
}

fn replace(text: &str, old: &str, new: &str) -> Result<String, Error> {
    let grown = text.matches(old).count().saturating_mul(new.len()).saturating_add(text.len());
    if grown > VALUE_BYTES_MAX {
        return Err(refuse(format!("`replace` would give more than {VALUE_BYTES_MAX} bytes")));
    }
    Ok(text.replace(old, new))
}

fn join(list: &Value, between: Option<&str>) -> Result<String, Error> {
    let between = between.unwrap_or_default();
    let mut joined = String::new();
    for (index, item) in list.try_iter()?.enumerate() {
        if index > 0 {
            joined.push_str(between);
        }
        joined.push_str(&as_text(&json(&item)?));
        if joined.len() > VALUE_BYTES_MAX {
            return Err(refuse(format!("`join` would give more than {VALUE_BYTES_MAX} bytes")));
        }
    }
    Ok(joined)
}

fn extreme(list: &Value, verb: &str, wanted: Ordering) -> Result<Value, Error> {
    let mut best: Option<Value> = None;
    for item in list.try_iter()? {
        best = Some(match best {
            Some(best) if order(&item, &best, verb)? != Some(wanted) => best,
            _ => item,
        });
    }
    best.ok_or_else(|| refuse(format!("`{verb}` of an empty list")))
}

fn sort(list: &Value) -> Result<Value, Error> {
    let mut items: Vec<Value> = list.try_iter()?.collect();
    if let Some((first, rest)) = items.split_first() {
        for item in rest {
            order(first, item, "sort")?;
        }
    }
    items.sort();
    Ok(Value::from(items))
}

fn keys(mapping: &Value) -> Result<Value, Error> {
    if mapping.kind() != ValueKind::Map {
        return Err(refuse(format!("`keys` takes a mapping, and this is {}", noun(mapping.kind()))));
    }
    Ok(Value::from(mapping.try_iter()?.collect::<Vec<_>>()))
}

/// Only attributes: minijinja's own also calls filters by name, each result of which could be large.
fn map(list: &Value, arguments: Kwargs) -> Result<Value, Error> {
    let attribute: &str = arguments.get("attribute")?;
    let default: Option<Value> = arguments.get("default")?;
    arguments.assert_all_used()?;
    let mut found = Vec::new();
    for item in list.try_iter()? {
        let mut value = item;
        for name in attribute.split('.') {
            value = value.get_attr(name)?;
        }
        if value.is_undefined() {
            value = default.clone().ok_or_else(|| refuse(format!("`map`: an item has no `{attribute}`")))?;
        }
        found.push(value);
    }
    Ok(Value::from(found))
}

/// Folder and name of a path with `/`.
fn cut_path(path: &str) -> (&str, &str) {
    let path = if path.len() > 1 { path.trim_end_matches('/') } else { path };
    match path.rfind('/') {
        Some(0) => ("/", &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => ("", path),
    }
}
