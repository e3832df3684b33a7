//! Inputs: what a file declares, and what a run is given.

use std::cmp::Ordering;

use ork_core::limits;
use regex::{Regex, RegexBuilder};
use serde_json::{Number, Value};

use crate::diagnostic::{Finding, Report};
use crate::fields::{self, Fields};
use crate::source::Span;
use crate::tree::{Key, Kind, Located};
use crate::{codes, keys, suggest};

/// Bytes that a compiled pattern may take.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// The type of an input, by JSON's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputType {
    /// Text.
    String,
    /// A whole number; `5.0` is one.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// A list.
    Array,
    /// A mapping.
    Object,
}

/// A declared input.
#[derive(Debug, Clone)]
pub struct InputSpec {
    /// Its name.
    pub name: String,
    /// Its type; where the file names none, that of the default, else text.
    pub kind: InputType,
    /// Whether a run must be given it. Without a default an optional input that is not given is null.
    pub required: bool,
    /// What it is when it is not given.
    pub default: Option<Value>,
    /// What it may be; empty means anything.
    pub choices: Vec<Value>,
    /// The least number.
    pub minimum: Option<Number>,
    /// The greatest number.
    pub maximum: Option<Number>,
    /// A regular expression that text must match somewhere.
    pub pattern: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    pub(crate) at: Span,
    matcher: Option<Regex>,
}

impl InputType {
    const ALL: [Self; 6] = [Self::String, Self::Integer, Self::Number, Self::Boolean, Self::Array, Self::Object];

    /// Its name in a file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    const fn noun(self) -> &'static str {
        match self {
            Self::String => "text",
            Self::Integer => "a whole number",
            Self::Number => "a number",
            Self::Boolean => "true or false",
            Self::Array => "a list",
            Self::Object => "a mapping",
        }
    }

    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Null => None,
            Value::Bool(_) => Some(Self::Boolean),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(Self::Integer),
            Value::Number(_) => Some(Self::Number),
            Value::String(_) => Some(Self::String),
            Value::Array(_) => Some(Self::Array),
            Value::Object(_) => Some(Self::Object),
        }
    }

    fn admits(self, value: &Value) -> bool {
        match self {
            Self::Number => value.is_number(),
            Self::Integer => value.as_number().is_some_and(is_whole),
            other => Self::of(value) == Some(other),
        }
    }
}

fn is_whole(number: &Number) -> bool {
    number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

fn noun(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) if text.chars().count() <= 40 => format!("the text {value}"),
        Value::String(_) => "text".into(),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a mapping".into(),
    }
}

/// Reads `inputs:`.
pub fn read_all(node: &Located, report: &mut Report) -> Vec<InputSpec> {
    if matches!(node.kind, Kind::List(_)) {
        let hint = "write a name and what is known about it: `inputs: {source: {type: string}}`";
        report.hinted(codes::WRONG_TYPE, node.at, "`inputs` must be a mapping, and this is a list", hint);
        return Vec::new();
    }
    let Some(entries) = fields::entries(node, "`inputs`", report) else { return Vec::new() };
    entries.iter().filter_map(|(key, value)| read(key, value, report)).collect()
}

fn read(key: &Key, node: &Located, report: &mut Report) -> Option<InputSpec> {
    fields::check_name(&key.name, key.at, "the name of an input", report);
    let what = format!("input `{}`", key.name);
    if !matches!(node.kind, Kind::Map(_) | Kind::Bad) {
        let message = format!("{what} must be a mapping, and this is {}", node.noun());
        report.hinted(
            codes::WRONG_TYPE,
            node.at,
            message,
            format!("write `{}: {{default: …}}` or `{}: {{type: string}}`", key.name, key.name),
        );
        return None;
    }
    let fields = Fields::open(node, &what, &keys::INPUT, report)?;
    let default = fields.get("default").and_then(|node| fields::value(node, &format!("the default of {what}"), report));
    let declared = fields.get("type").and_then(|node| read_type(node, &what, report));
    let choices = fields.get("enum").map(|node| read_choices(node, &what, report)).unwrap_or_default();
    let kind = declared
        .or_else(|| default.as_ref().and_then(InputType::of))
        .or_else(|| choices.first().and_then(InputType::of))
        .unwrap_or(InputType::String);
    let required = fields.get("required").and_then(|node| fields::boolean(node, "`required`", report)).unwrap_or(false);
    let pattern =
        fields.get("pattern").and_then(|node| fields::text(node, "`pattern`", report).map(|text| (text, node.at)));
    let spec = InputSpec {
        name: key.name.clone(),
        kind,
        required,
        choices,
        minimum: fields.get("minimum").and_then(|node| bound(node, "`minimum`", report)),
        maximum: fields.get("maximum").and_then(|node| bound(node, "`maximum`", report)),
        matcher: pattern.and_then(|(text, at)| compile(text, at, report)),
        pattern: pattern.map(|(text, _)| text.to_owned()),
        description: fields
            .get("description")
            .and_then(|node| fields::text(node, "`description`", report))
            .map(str::to_owned),
        default,
        at: key.at,
    };
    spec.check_declaration(&fields, report);
    Some(spec)
}

fn read_type(node: &Located, what: &str, report: &mut Report) -> Option<InputType> {
    if let Kind::Text(text) = &node.kind {
        let meant = match text.as_str() {
            "str" | "text" => Some("string"),
            "int" => Some("integer"),
            "float" | "double" | "decimal" => Some("number"),
            "bool" => Some("boolean"),
            "list" | "seq" | "sequence" => Some("array"),
            "map" | "dict" | "mapping" | "json" => Some("object"),
            _ => None,
        };
        if let Some(meant) = meant {
            let message = format!("the type of {what} is `{text}`, and must be one of {}", suggest::list(&keys::TYPES));
            report.hinted(codes::WORD_UNKNOWN, node.at, message, format!("did you mean `{meant}`?"));
            return None;
        }
    }
    fields::word(node, &format!("the type of {what}"), &keys::TYPES, report).map(|at| InputType::ALL[at])
}

fn read_choices(node: &Located, what: &str, report: &mut Report) -> Vec<Value> {
    let Some(items) = fields::list(node, "`enum`", report) else { return Vec::new() };
    if items.is_empty() {
        report.hinted(
            codes::OUT_OF_RANGE,
            node.at,
            format!("the `enum` of {what} is empty"),
            "list at least one value, or remove the key",
        );
    }
    items.iter().map(|item| item.to_json(report)).collect()
}

fn bound(node: &Located, what: &str, report: &mut Report) -> Option<Number> {
    match &node.kind {
        Kind::Number(number) => Some(number.clone()),
        _ => fields::wrong_type(node, what, "a number", report),
    }
}

fn compile(pattern: &str, at: Span, report: &mut Report) -> Option<Regex> {
    match RegexBuilder::new(pattern).size_limit(PATTERN_BYTES_MAX).build() {
        Ok(regex) => Some(regex),
        Err(error) => {
            let text = error.to_string();
            let why = match error {
                regex::Error::CompiledTooBig(_) => "its repetitions are too large",
                _ => text.lines().last().unwrap_or_default().trim_start_matches("error: "),
            };
            let hint =
                "look-around and back-references are not supported; a backslash in double quotes is written twice";
            report.hinted(codes::PATTERN_BAD, at, format!("this pattern cannot be read: {why}"), hint);
            None
        }
    }
}

impl InputSpec {
    /// A declaration must fit itself.
    fn check_declaration(&self, fields: &Fields<'_>, report: &mut Report) {
        let is_number = matches!(self.kind, InputType::Integer | InputType::Number);
        for (key, fits, kinds) in [
            ("minimum", is_number, "an input of type `integer` or `number`"),
            ("maximum", is_number, "an input of type `integer` or `number`"),
            ("pattern", self.kind == InputType::String, "an input of type `string`"),
        ] {
            if let Some((key, _)) = fields.entry(key).filter(|_| !fits) {
                let message = format!("`{}` fits {kinds}, and this one is `{}`", key.name, self.kind.name());
                report.add(codes::KEYS_CONFLICT, key.at, message);
            }
        }
        if let (Some(least), Some(most), Some(node)) = (&self.minimum, &self.maximum, fields.get("maximum"))
            && compare(least, most) == Some(Ordering::Greater)
        {
            report.add(codes::KEYS_CONFLICT, node.at, format!("`maximum` is {most}, and `minimum` is {least}"));
        }
        if let (true, Some(_), Some((key, _))) = (self.required, &self.default, fields.entry("required")) {
            let hint = "remove one of them: an input with a default never has to be given";
            report.hinted(
                codes::KEYS_CONFLICT,
                key.at,
                format!("input `{}` is required and has a default", self.name),
                hint,
            );
        }
        if let (Some(default), Some(node)) = (&self.default, fields.get("default"))
            && !matches!(node.kind, Kind::Odd(_))
            && let Some(finding) = self.refuse(default, &format!("the default of input `{}`", self.name))
        {
            report.push(Finding { at: Some(node.at), ..finding });
        }
    }

    /// A value for this input from a command line: text stays text, for any other type it is read as JSON. What cannot
    /// be read stays text, and binding then says what is wrong with it.
    #[must_use]
    pub fn value_of(&self, text: &str) -> Value {
        if self.kind == InputType::String {
            return Value::String(text.to_owned());
        }
        serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
    }

    /// What is wrong with a value, if anything is.
    pub(crate) fn refuse(&self, value: &Value, what: &str) -> Option<Finding> {
        let finding = |code, message, hint| Some(Finding { code, at: Some(self.at), message, hint });
        if value.is_null() && !self.required {
            return None;
        }
        if !self.kind.admits(value) {
            let hint = match (self.kind, value) {
                (InputType::String, Value::Number(_) | Value::Bool(_)) => Some("put it in quotes".to_owned()),
                (InputType::Integer | InputType::Number | InputType::Boolean, Value::String(text))
                    if serde_json::from_str(text).is_ok_and(|value| self.kind.admits(&value)) =>
                {
                    Some("give it without quotes".to_owned())
                }
                _ => None,
            };
            return finding(
                codes::INPUT_TYPE,
                format!("{what} must be {}, and this is {}", self.kind.noun(), noun(value)),
                hint,
            );
        }
        if !self.choices.is_empty() && !self.choices.iter().any(|choice| same(choice, value)) {
            let allowed: Vec<String> = self.choices.iter().take(12).map(crate::expression::as_text).collect();
            let near = value.as_str().and_then(|text| suggest::nearest(text, allowed.iter().map(String::as_str)));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            return finding(
                codes::INPUT_NOT_ALLOWED,
                format!("{what} is {}, and must be one of {}", noun(value), allowed.join(", ")),
                hint,
            );
        }
        if let Some(number) = value.as_number() {
            let low = self.minimum.as_ref().filter(|least| compare(number, least) == Some(Ordering::Less));
            let high = self.maximum.as_ref().filter(|most| compare(number, most) == Some(Ordering::Greater));
            if let Some(least) = low {
                return finding(codes::INPUT_RANGE, format!("{what} is {number}, and must be at least {least}"), None);
            }
            if let Some(most) = high {
                return finding(codes::INPUT_RANGE, format!("{what} is {number}, and must be at most {most}"), None);
            }
        }
        if let (Some(matcher), Some(text)) = (&self.matcher, value.as_str())
            && !matcher.is_match(text)
        {
            return finding(codes::INPUT_PATTERN, format!("{what} does not match its pattern `{matcher}`"), None);
        }
        if value.to_string().len() > limits::VALUE_BYTES_MAX {
            return finding(
                codes::VALUE_LARGE,
                format!("{what} is larger than {} bytes", limits::VALUE_BYTES_MAX),
                None,
            );
        }
        None
    }
}

/// Numbers by value: `5` and `5.0` are the same.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare(a, b) == Some(Ordering::Equal),
        _ => a == b,
    }
}

fn compare(a: &Number, b: &Number) -> Option<Ordering> {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => Some(a.cmp(&b)),
        _ => a.as_f64()?.partial_cmp(&b.as_f64()?),
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}
