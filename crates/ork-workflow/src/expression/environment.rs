//! minijinja, set up once: strict, with fuel, with our filters and guards and nothing else.

use std::cmp::Ordering;
use std::sync::LazyLock;

use minijinja::value::{Rest, ValueKind};
use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value};

use super::{FUEL, Flaw, filters, guard};
use crate::codes;

/// The environment of all expressions.
pub static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    filters::install(&mut environment);
    environment.add_function(guard::COMPARE, compare);
    environment.add_function(guard::MULTIPLY, multiply);
    environment
});

/// Whether minijinja can read an expression.
pub fn check_syntax(expression: &str) -> Result<(), Flaw> {
    match ENVIRONMENT.compile_expression(expression) {
        Ok(_) => guard::rewrite(expression).map(|_| ()),
        Err(error) => {
            let range = error.range().unwrap_or(0..expression.len());
            let (start, end) = (range.start.min(expression.len()), range.end.min(expression.len()));
            let message = error.detail().map_or_else(|| "not an expression".to_owned(), plain);
            let flaw =
                Flaw::new(codes::EXPRESSION_SYNTAX, start, end.max(start + 1), format!("not an expression: {message}"));
            Err(if message.contains("end of") {
                flaw.hint("the expression ends too early: something is missing here")
            } else {
                flaw
            })
        }
    }
}

fn plain(detail: &str) -> String {
    detail.replace("identifier", "a name")
}

/// `a < b <= c …`: each pair in turn.
fn compare(arguments: Rest<Value>) -> Result<bool, Error> {
    let mut holds = true;
    for chain in arguments.windows(3).step_by(2) {
        if let [left, operator, right] = chain {
            let operator = operator.as_str().unwrap_or_default();
            let order = order(left, right, operator)?;
            holds &= match operator {
                "<" => order == Some(Ordering::Less),
                "<=" => matches!(order, Some(Ordering::Less | Ordering::Equal)),
                ">" => order == Some(Ordering::Greater),
                _ => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            };
        }
    }
    Ok(holds)
}

/// How two values of one kind stand to each other. `verb` names what was to be done, for the message.
pub fn order(left: &Value, right: &Value, verb: &str) -> Result<Option<Ordering>, Error> {
    match (left.kind(), right.kind()) {
        (ValueKind::Number, ValueKind::Number) | (ValueKind::String, ValueKind::String) => Ok(left.partial_cmp(right)),
        (ValueKind::Undefined, _) | (_, ValueKind::Undefined) => Err(Error::from(ErrorKind::UndefinedError)),
        (left, right) => Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("`{verb}` cannot order {} and {}", noun(left), noun(right)),
        )),
    }
}

fn multiply(left: &Value, right: &Value) -> Result<Value, Error> {
    for value in [left, right] {
        match value.kind() {
            ValueKind::Number => {}
            ValueKind::Undefined => return Err(Error::from(ErrorKind::UndefinedError)),
            kind => {
                let message = format!("`*` multiplies numbers, and this is {}", noun(kind));
                return Err(Error::new(ErrorKind::InvalidOperation, message));
            }
        }
    }
    if left.is_integer() && right.is_integer() {
        let product = i128::try_from(left.clone())?.checked_mul(i128::try_from(right.clone())?);
        return product
            .map(Value::from)
            .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the product does not fit into 128 bits"));
    }
    Ok(Value::from(f64::try_from(left.clone())? * f64::try_from(right.clone())?))
}

/// A kind of value, for a sentence.
pub const fn noun(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Undefined => "something undefined",
        ValueKind::None => "null",
        ValueKind::Bool => "a boolean",
        ValueKind::Number => "a number",
        ValueKind::String => "text",
        ValueKind::Seq | ValueKind::Iterable => "a list",
        ValueKind::Map => "a mapping",
        _ => "a value of another kind",
    }
}
