//! JSON as text, kept as it was given.

mod scan;

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};
use serde_json::Value;

use crate::limits;

pub use scan::{JsonScan, Utf8Scan};

/// A JSON text that was checked once: valid, at most [`limits::VALUE_BYTES_MAX`] bytes, at most
/// [`limits::JSON_DEPTH_MAX`] deep, without NUL characters (PostgreSQL cannot store them).
#[derive(Clone, PartialEq, Eq)]
pub struct Json(Arc<str>);

/// Why a text is not a value that Ork stores.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not JSON.
    #[error("not valid JSON: {0}")]
    Invalid(String),
    /// Larger than the limit.
    #[error("{bytes} bytes of JSON, and at most {} are kept inline", limits::VALUE_BYTES_MAX)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// Nested more deeply than the limit.
    #[error("JSON nested more than {} levels deep", limits::JSON_DEPTH_MAX)]
    TooDeep,
    /// A string holds U+0000.
    #[error("a string in it holds a NUL character")]
    Nul,
}

impl Json {
    /// Checks a text.
    ///
    /// # Errors
    /// When it is not JSON, over a limit, or holds a NUL character.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        let text = text.trim();
        if text.len() > limits::VALUE_BYTES_MAX {
            return Err(JsonError::TooLarge { bytes: text.len() });
        }
        let value: Value = serde_json::from_str(text).map_err(|e| JsonError::Invalid(e.to_string()))?;
        check(&value)?;
        Ok(Self(text.into()))
    }

    /// Writes a value.
    ///
    /// # Errors
    /// When it is over a limit or holds a NUL character.
    pub fn from_value(value: &Value) -> Result<Self, JsonError> {
        check(value)?;
        let text = value.to_string();
        if text.len() > limits::VALUE_BYTES_MAX {
            return Err(JsonError::TooLarge { bytes: text.len() });
        }
        Ok(Self(text.into()))
    }

    /// Takes a text that was checked before it was stored.
    #[must_use]
    pub fn from_stored(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parsed value; `null` if what is stored is not JSON, which the checker reports.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str(&self.0).unwrap_or(Value::Null)
    }
}

fn check(root: &Value) -> Result<(), JsonError> {
    let mut open = vec![(root, 1_usize)];
    while let Some((value, depth)) = open.pop() {
        if depth > limits::JSON_DEPTH_MAX {
            return Err(JsonError::TooDeep);
        }
        match value {
            Value::String(text) if text.contains('\0') => return Err(JsonError::Nul),
            Value::Array(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
            Value::Object(fields) => {
                if fields.keys().any(|key| key.contains('\0')) {
                    return Err(JsonError::Nul);
                }
                open.extend(fields.values().map(|item| (item, depth + 1)));
            }
            _ => {}
        }
    }
    Ok(())
}

impl fmt::Debug for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(&value).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_stored_is_refused() {
        assert_eq!(Json::parse(" {\"a\": 1.0} ").map(|j| j.as_str().to_owned()), Ok("{\"a\": 1.0}".to_owned()));
        assert!(matches!(Json::parse("{"), Err(JsonError::Invalid(_))));
        assert_eq!(Json::parse(r#"["\u0000"]"#), Err(JsonError::Nul));
        assert_eq!(Json::parse(&format!("{}1{}", "[".repeat(65), "]".repeat(65))), Err(JsonError::TooDeep));
        assert!(matches!(Json::parse(&format!("\"{}\"", "x".repeat(1 << 20))), Err(JsonError::TooLarge { .. })));
    }
}
