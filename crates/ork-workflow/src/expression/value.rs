//! JSON to minijinja's values and back, without its serializer: that one would see `serde_json`'s private form of
//! numbers.

use minijinja::Value;
use minijinja::value::ValueKind;
use ork_core::limits;
use serde_json::{Map, Number, Value as Json};

/// A JSON value for an expression.
pub fn into_expression(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => number_into(number),
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::from(items.iter().map(into_expression).collect::<Vec<_>>()),
        Json::Object(fields) => {
            Value::from_pairs(fields.iter().map(|(key, value)| (key.as_str(), into_expression(value))))
        }
    }
}

fn number_into(number: &Number) -> Value {
    if let Some(value) = number.as_i64() {
        return Value::from(value);
    }
    if let Some(value) = number.as_u64() {
        return Value::from(value);
    }
    let text = number.to_string();
    // Beyond 128 bits an integer becomes the nearest float, and beyond those infinity, which no result may hold.
    text.parse::<i128>().map_or_else(|_| Value::from(number.as_f64().unwrap_or(f64::INFINITY)), Value::from)
}

/// Why a result is not JSON.
#[derive(Debug, PartialEq, Eq)]
pub enum NotJson {
    Undefined,
    TooLarge,
    TooDeep,
    Other(String),
}

/// An expression's result as JSON, of at most [`limits::VALUE_BYTES_MAX`] bytes.
pub fn from_expression(value: &Value) -> Result<Json, NotJson> {
    convert(value, 1, &mut 0)
}

fn convert(value: &Value, depth: usize, bytes: &mut usize) -> Result<Json, NotJson> {
    if depth > limits::JSON_DEPTH_MAX {
        return Err(NotJson::TooDeep);
    }
    *bytes += 1 + value.as_str().map_or(0, str::len);
    if *bytes > limits::VALUE_BYTES_MAX {
        return Err(NotJson::TooLarge);
    }
    Ok(match value.kind() {
        ValueKind::Undefined => return Err(NotJson::Undefined),
        ValueKind::None => Json::Null,
        ValueKind::Bool => Json::Bool(value.is_true()),
        ValueKind::Number => Json::Number(number_from(value)?),
        ValueKind::String => Json::String(value.as_str().unwrap_or_default().to_owned()),
        ValueKind::Seq | ValueKind::Iterable => {
            let items = value.try_iter().map_err(|error| NotJson::Other(error.to_string()))?;
            Json::Array(items.map(|item| convert(&item, depth + 1, bytes)).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut fields = Map::new();
            for key in value.try_iter().map_err(|error| NotJson::Other(error.to_string()))? {
                let Some(name) = key.as_str() else {
                    return Err(NotJson::Other(format!("the key `{key}` of a mapping is not text")));
                };
                *bytes += name.len();
                let item = value.get_item(&key).map_err(|error| NotJson::Other(error.to_string()))?;
                fields.insert(name.to_owned(), convert(&item, depth + 1, bytes)?);
            }
            Json::Object(fields)
        }
        kind => return Err(NotJson::Other(format!("the result is {kind}, which JSON cannot hold"))),
    })
}

fn number_from(value: &Value) -> Result<Number, NotJson> {
    if value.is_integer() {
        if let Ok(integer) = i64::try_from(value.clone()) {
            return Ok(integer.into());
        }
        if let Ok(integer) = u64::try_from(value.clone()) {
            return Ok(integer.into());
        }
        let integer = i128::try_from(value.clone()).ok().and_then(Number::from_i128);
        return integer.ok_or_else(|| NotJson::Other("the result is a number of more than 128 bits".into()));
    }
    let float = f64::try_from(value.clone()).ok().and_then(Number::from_f64);
    float.ok_or_else(|| NotJson::Other("the result is infinite or not a number".into()))
}

impl std::fmt::Display for NotJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Undefined => f.write_str("its value is undefined"),
            Self::TooLarge => write!(f, "the result is larger than {} bytes", limits::VALUE_BYTES_MAX),
            Self::TooDeep => write!(f, "the result is nested more than {} levels deep", limits::JSON_DEPTH_MAX),
            Self::Other(why) => f.write_str(why),
        }
    }
}
