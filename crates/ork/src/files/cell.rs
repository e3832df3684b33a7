//! Between a row and the text of its file.
//!
//! A column's value stands under its name: a moment (`…_at`) as RFC 3339 in UTC with microseconds, JSON as it was given, an id as
//! a UUID, bytes as text. What cannot be said so without a loss stands under the name with an ending instead: `NAME:base64` for
//! bytes that are no text, `NAME:text` for JSON that could not be told from something else.

use std::cell::Cell;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ork_core::transfer::{Column, Kind, Row, Table, Value};
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use uuid::Uuid;

/// Endings of names.
const BASE64: &str = ":base64";
const TEXT: &str = ":text";

/// The text of a row's file.
pub fn write(table: &Table, row: &[Value]) -> String {
    let mut text = String::from("{");
    for (at, (column, value)) in table.columns.iter().zip(row).enumerate() {
        let (ending, value) = written(column, value);
        let comma = if at == 0 { "" } else { "," };
        text += &format!("{comma}\n  \"{}{ending}\": {value}", column.name);
    }
    text + "\n}\n"
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn written(column: &Column, value: &Value) -> (&'static str, String) {
    let value = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Integer(number) => moment(column, *number).unwrap_or_else(|| number.to_string()),
        Value::Text(text) => quoted(text),
        Value::Id(id) => quoted(&id.to_string()),
        Value::Json(text) if stands_for_itself(text) => text.clone(),
        Value::Json(text) => return (TEXT, quoted(text)),
        Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => quoted(text),
            Err(_) => return (BASE64, quoted(&STANDARD.encode(bytes))),
        },
    };
    ("", value)
}

fn is_moment(column: &Column) -> bool {
    column.kind == Kind::Integer && column.name.ends_with("_at")
}

fn moment(column: &Column, micros: i64) -> Option<String> {
    let at = jiff::Timestamp::from_microsecond(micros).ok().filter(|_| is_moment(column))?;
    Some(format!("\"{at:.6}\""))
}

/// Whether the same text comes out again when it is read as a value in the middle of a file.
fn stands_for_itself(text: &str) -> bool {
    text != "null" && serde_json::from_str::<&RawValue>(text).is_ok_and(|raw| raw.get() == text)
}

/// The row of a file's text.
///
/// # Errors
/// What is wrong with it, with the line and the column.
pub fn read(table: &Table, text: &str) -> Result<Row, String> {
    let fault = Cell::new(None);
    let mut json = serde_json::Deserializer::from_str(text);
    let row = json.deserialize_map(Reader { table, text, fault: &fault }).and_then(|row| json.end().map(|()| row));
    row.map_err(|error| {
        let message = error.to_string();
        let end = format!(" at line {} column {}", error.line(), error.column());
        let (line, column) = fault.get().map_or((error.line(), error.column()), |at| place(text, at));
        format!("{line}:{column}: {}", message.strip_suffix(&end).unwrap_or(&message))
    })
}

/// The line and the column of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or(before);
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Reads fields one by one, so that what is wrong with one of them is said with its place.
struct Reader<'a> {
    table: &'a Table,
    text: &'a str,
    /// Where the value is that is wrong.
    fault: &'a Cell<Option<usize>>,
}

impl Reader<'_> {
    fn wrong<E: Error>(&self, raw: &RawValue, message: String) -> E {
        // It is a part of the text.
        self.fault.set(Some(raw.get().as_ptr().addr() - self.text.as_ptr().addr()));
        E::custom(message)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Row;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object with the columns of `{}`", self.table.name)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Row, A::Error> {
        let table = self.table;
        let mut row: Vec<Option<Value>> = vec![None; table.columns.len()];
        while let Some(field) = fields.next_key::<String>()? {
            let (name, ending) = field.find(':').map_or((field.as_str(), ""), |at| field.split_at(at));
            let raw = fields.next_value::<&RawValue>()?;
            let Some(at) = table.place(name) else {
                return Err(self.wrong(raw, format!("`{}` has no column `{name}`", table.name)));
            };
            let column = &table.columns[at];
            let Some(value) = value(column, ending, raw.get()) else {
                let holds = shape(column.kind);
                return Err(self.wrong(raw, format!("`{field}` is not what `{}.{name}` holds: {holds}", table.name)));
            };
            if row[at].replace(value).is_some() {
                return Err(self.wrong(raw, format!("`{name}` is said twice")));
            }
        }
        let missing = row.iter().position(Option::is_none).map(|at| &table.columns[at].name);
        match missing {
            Some(name) => Err(A::Error::custom(format!("`{name}` is missing"))),
            None => Ok(row.into_iter().flatten().collect()),
        }
    }
}

const fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Integer => "a whole number, or a moment in RFC 3339",
        Kind::Bool => "true or false",
        Kind::Text | Kind::Bytes => "a text",
        Kind::Json => "JSON",
        Kind::Id => "a UUID",
        Kind::Texts => "a list of texts",
        Kind::Integers => "a list of whole numbers",
    }
}

fn value(column: &Column, ending: &str, raw: &str) -> Option<Value> {
    let text = || serde_json::from_str::<String>(raw).ok();
    match (ending, column.kind) {
        ("", _) if raw == "null" => Some(Value::Null),
        ("", Kind::Integer) => integer(column, raw).map(Value::Integer),
        ("", Kind::Bool) => serde_json::from_str(raw).ok().map(Value::Bool),
        ("", Kind::Text) => text().map(Value::Text),
        ("", Kind::Id) => Uuid::try_parse(&text()?).ok().map(Value::Id),
        ("", Kind::Bytes) => text().map(|text| Value::Bytes(text.into_bytes())),
        (BASE64, Kind::Bytes) => STANDARD.decode(text()?).ok().map(Value::Bytes),
        ("", Kind::Json | Kind::Texts | Kind::Integers) => listed(column.kind, raw.to_owned()),
        (TEXT, Kind::Json | Kind::Texts | Kind::Integers) => listed(column.kind, text()?),
        _ => None,
    }
}

fn integer(column: &Column, raw: &str) -> Option<i64> {
    if let Ok(number) = raw.parse() {
        return Some(number);
    }
    let text = serde_json::from_str::<String>(raw).ok().filter(|_| is_moment(column))?;
    text.parse().ok().map(jiff::Timestamp::as_microsecond)
}

/// JSON that a column takes.
fn listed(kind: Kind, text: String) -> Option<Value> {
    let fits = match kind {
        Kind::Texts => serde_json::from_str::<Vec<String>>(&text).is_ok(),
        Kind::Integers => serde_json::from_str::<Vec<i32>>(&text).is_ok(),
        _ => serde_json::from_str::<&RawValue>(&text).is_ok(),
    };
    fits.then_some(Value::Json(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let kinds = [
            ("id", Kind::Id),
            ("due_at", Kind::Integer),
            ("n", Kind::Integer),
            ("yes", Kind::Bool),
            ("text", Kind::Text),
            ("json", Kind::Json),
            ("bytes", Kind::Bytes),
            ("list", Kind::Texts),
        ];
        let columns = kinds.map(|(name, kind)| Column { name: name.into(), kind });
        Table { name: "things".into(), columns: columns.into(), key: vec![0] }
    }

    fn row(json: &str, bytes: &[u8], due_at: i64) -> Row {
        vec![
            Value::Id(Uuid::from_u128(7)),
            Value::Integer(due_at),
            Value::Integer(-3),
            Value::Bool(true),
            Value::Text("a \"b\"\n\u{0}ü".into()),
            Value::Json(json.into()),
            Value::Bytes(bytes.into()),
            Value::Json("[\"a\",\"b\"]".into()),
        ]
    }

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let table = table();
        for json in ["{\"a\":  1.50, \"a\": 1e999}", "null", " {}", "{} ", "\"x\"", "[\n1]", "not json", ""] {
            for bytes in [b"plain\n".as_slice(), &[0xff, 0], b""] {
                for due_at in [0, 1_750_000_000_123_456, -1, i64::MAX, i64::MIN] {
                    let row = row(json, bytes, due_at);
                    let text = write(&table, &row);
                    // What is stored and is no JSON can be told of, and is not taken back.
                    if ["not json", ""].contains(&json) {
                        assert!(read(&table, &text).is_err());
                        continue;
                    }
                    assert_eq!(read(&table, &text), Ok(row), "{text}");
                }
            }
        }
        let nothing = vec![Value::Null; 8];
        assert_eq!(read(&table, &write(&table, &nothing)), Ok(nothing));
    }

    #[test]
    fn a_file_is_readable() {
        let text = write(&table(), &row("{\"a\": 1}", b"out\n", 1_750_000_000_000_000));
        let expected = "{\n  \"id\": \"00000000-0000-0000-0000-000000000007\",\n  \"due_at\": \"2025-06-15T15:06:40.000000Z\",\n  \"n\": -3,\n  \
                        \"yes\": true,\n  \"text\": \"a \\\"b\\\"\\n\\u0000ü\",\n  \"json\": {\"a\": 1},\n  \"bytes\": \"out\\n\",\n  \
                        \"list\": [\"a\",\"b\"]\n}\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place() {
        let table = table();
        let good = write(&table, &row("1", b"x", 1));
        let check = |from: &str, to: &str, expected: &str| {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good, "{from}");
            assert_eq!(read(&table, &bad).unwrap_err(), expected);
        };
        check("\"n\": -3", "\"m\": -3", "4:8: `things` has no column `m`");
        check(
            "\"n\": -3",
            "\"n\": 3.5",
            "4:8: `n` is not what `things.n` holds: a whole number, or a moment in RFC 3339",
        );
        check(
            "\"n\": -3",
            "\"n\": \"2025-06-15T15:06:40Z\"",
            "4:8: `n` is not what `things.n` holds: a whole number, or a moment in RFC 3339",
        );
        check("\"yes\": true", "\"yes\": 1", "5:10: `yes` is not what `things.yes` holds: true or false");
        check("\"yes\": true", "\"yes:text\": true", "5:15: `yes:text` is not what `things.yes` holds: true or false");
        check("[\"a\",\"b\"]", "[1]", "9:11: `list` is not what `things.list` holds: a list of texts");
        check("\"n\": -3,\n", "\n", "10:1: `n` is missing");
        check("\"n\": -3", "\"n\": -3, \"n\": 4", "4:17: `n` is said twice");
        check("}\n", "}\n7", "11:1: trailing characters");
        check("\"id\": \"0", "\"id\": \"x", "2:9: `id` is not what `things.id` holds: a UUID");
        assert!(read(&table, "[]").unwrap_err().starts_with("1:"));
        assert!(read(&table, good.trim_end_matches("}\n")).unwrap_err().ends_with("EOF while parsing an object"));
    }
}
