//! Puts functions of ours where minijinja's operators are too lenient.
//!
//! minijinja orders values of any two kinds (`"10" > 9` is true) and repeats text and lists with `*` up to 100 MB.
//! It has no hook for operators, so the expression's text is rewritten: a chain of comparisons `a < b <= c` becomes
//! `__compare(a, "<", b, "<=", c)`, a product `a * b / c` becomes `__multiply(a, b) / c`. Only text is moved, never
//! values; the tokens are those that [`super::names`] has checked, in which nothing can be called.

use super::Flaw;
use super::token::{Sort, Token, tokens};
use crate::codes;

/// Name of the guard of `<`, `<=`, `>`, `>=`.
pub const COMPARE: &str = "__compare";
/// Name of the guard of `*`.
pub const MULTIPLY: &str = "__multiply";

/// The expression that minijinja runs.
pub fn rewrite(expression: &str) -> Result<String, Flaw> {
    let tokens = tokens(expression)?;
    let mut at = 0;
    let text = sequence(&atoms(&tokens, &mut at)?)?;
    Ok(text)
}

/// A token, or a bracketed group that is already rewritten.
struct Atom {
    text: String,
    role: Role,
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Part of an operand.
    Operand,
    /// Ends a comparison: `,` `:` `=` `and` `or` `not` `if` `else`.
    Separator,
    /// `<` `<=` `>` `>=`.
    Order,
    /// `==` `!=` `in` `not in`.
    Equality,
    /// `+` `~` and `-` between two values.
    Sum,
    /// `/` `//` `%`.
    Quotient,
    /// `*`.
    Product,
}

/// Reads to the end, or to the bracket that closes the current group.
fn atoms(tokens: &[Token<'_>], at: &mut usize) -> Result<Vec<Atom>, Flaw> {
    let mut found: Vec<Atom> = Vec::new();
    while let Some(&token) = tokens.get(*at) {
        *at += 1;
        match (token.sort, token.text) {
            (Sort::Sign, ")" | "]" | "}") => {
                *at -= 1;
                break;
            }
            (Sort::Sign, open @ ("(" | "[" | "{")) => {
                let inner = sequence(&atoms(tokens, at)?)?;
                let close = tokens.get(*at).map_or("", |token| token.text);
                let end = tokens.get(*at).map_or(token.end(), Token::end);
                *at += 1;
                found.push(Atom {
                    text: format!("{open}{inner}{close}"),
                    role: Role::Operand,
                    start: token.start,
                    end,
                });
            }
            _ => {
                let role = role(tokens, *at - 1, &found);
                found.push(Atom { text: token.text.to_owned(), role, start: token.start, end: token.end() });
            }
        }
    }
    Ok(found)
}

fn role(tokens: &[Token<'_>], at: usize, before: &[Atom]) -> Role {
    let token = tokens[at];
    let previous = at.checked_sub(1).map(|i| tokens[i]);
    let follows = |name: &str| previous.is_some_and(|t| t.is_name(name));
    let is_attribute = previous.is_some_and(|t| t.is_sign("."));
    match (token.sort, token.text) {
        (Sort::Name, _) if is_attribute => Role::Operand,
        (Sort::Name, "in") if follows("is") => Role::Operand,
        (Sort::Name, "in") if follows("not") && at >= 2 && tokens[at - 2].is_name("is") => Role::Operand,
        (Sort::Name, "in") => Role::Equality,
        (Sort::Name, "not") if follows("is") => Role::Operand,
        (Sort::Name, "not") if tokens.get(at + 1).is_some_and(|t| t.is_name("in")) => Role::Equality,
        (Sort::Name, "and" | "or" | "not" | "if" | "else") | (Sort::Sign, "," | ":" | "=") => Role::Separator,
        (Sort::Sign, "<" | "<=" | ">" | ">=") => Role::Order,
        (Sort::Sign, "==" | "!=") => Role::Equality,
        (Sort::Sign, "+" | "~") => Role::Sum,
        (Sort::Sign, "-") if before.last().is_some_and(|atom| atom.role == Role::Operand && atom.text != "**") => {
            Role::Sum
        }
        (Sort::Sign, "/" | "//" | "%") => Role::Quotient,
        (Sort::Sign, "*") => Role::Product,
        _ => Role::Operand,
    }
}

/// Rewrites what stands between two brackets.
fn sequence(atoms: &[Atom]) -> Result<String, Flaw> {
    let mut text = String::new();
    for (comparison, separator) in split(atoms, &[Role::Separator]) {
        text.push_str(&compare(comparison)?);
        if let Some(separator) = separator {
            text.push(' ');
            text.push_str(&separator.text);
            text.push(' ');
        }
    }
    Ok(text)
}

fn compare(atoms: &[Atom]) -> Result<String, Flaw> {
    let Some(order) = atoms.iter().find(|atom| atom.role == Role::Order) else {
        return sum(atoms);
    };
    let mut arguments = Vec::new();
    for (operand, operator) in split(atoms, &[Role::Order, Role::Equality]) {
        if operand.is_empty() {
            let flaw = Flaw::new(
                codes::EXPRESSION_SYNTAX,
                order.start,
                order.end,
                "a value is missing on one side of this comparison",
            );
            return Err(flaw);
        }
        arguments.push(sum(operand)?);
        match operator {
            Some(operator) if operator.role == Role::Equality => {
                let message = "an ordering and an equality cannot be chained";
                let flaw = Flaw::new(codes::EXPRESSION_SYNTAX, operator.start, operator.end, message);
                return Err(flaw.hint("write both comparisons, joined by `and`"));
            }
            Some(operator) => arguments.push(format!("\"{}\"", operator.text)),
            None => {}
        }
    }
    Ok(format!("{COMPARE}({})", arguments.join(", ")))
}

fn sum(atoms: &[Atom]) -> Result<String, Flaw> {
    let mut text = String::new();
    for (product, operator) in split(atoms, &[Role::Sum, Role::Equality]) {
        text.push_str(&multiply(product)?);
        if let Some(operator) = operator {
            text.push(' ');
            text.push_str(&operator.text);
            text.push(' ');
        }
    }
    Ok(text)
}

fn multiply(atoms: &[Atom]) -> Result<String, Flaw> {
    let mut text = String::new();
    let mut operator: Option<&Atom> = None;
    for (operand, next) in split(atoms, &[Role::Product, Role::Quotient]) {
        let written = operand.iter().map(|atom| atom.text.as_str()).collect::<Vec<_>>().join(" ");
        if written.is_empty()
            && let Some(sign) = operator.or(next)
        {
            return Err(Flaw::new(
                codes::EXPRESSION_SYNTAX,
                sign.start,
                sign.end,
                "a value is missing beside this sign",
            ));
        }
        text = match operator {
            None => written,
            Some(sign) if sign.role == Role::Product => format!("{MULTIPLY}({text}, {written})"),
            Some(sign) => format!("{text} {} {written}", sign.text),
        };
        operator = next;
    }
    Ok(text)
}

/// The runs of atoms between those with one of these roles, each with the atom that ends it.
fn split<'a>(atoms: &'a [Atom], roles: &[Role]) -> Vec<(&'a [Atom], Option<&'a Atom>)> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for (index, atom) in atoms.iter().enumerate() {
        if roles.contains(&atom.role) {
            pieces.push((&atoms[from..index], Some(atom)));
            from = index + 1;
        }
    }
    pieces.push((&atoms[from..], None));
    pieces
}

#[cfg(test)]
mod tests {
    use minijinja::{Environment, Value};
    use proptest::prelude::*;

    use super::rewrite;
    use crate::expression::environment::ENVIRONMENT;

    #[test]
    fn only_orderings_and_products_are_rewritten() {
        let check = |from: &str, to: &str| assert_eq!(rewrite(from).expect(from), to, "{from}");
        check("a < b", r#"__compare(a, "<", b)"#);
        check("not a < b and c", r#" not __compare(a, "<", b) and c"#);
        check("1 < a.b[0] <= -c | int", r#"__compare(1, "<", a . b [0], "<=", - c | int)"#);
        check("a * b / c * d", "__multiply(__multiply(a, b) / c, d)");
        check("a - -b * c", "a - __multiply(- b, c)");
        check("(a < b) == c", r#"(__compare(a, "<", b)) == c"#);
        check("a is not in [b * c] or d not in e", "a is not in [__multiply(b, c)] or d not  in e");
        check("x if a > b else {'k': a > b}", r#"x if __compare(a, ">", b) else {'k' : __compare(a, ">", b)}"#);
    }

    /// Expressions over numbers, on which minijinja's own operators and ours must agree.
    fn expression() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![(0_u8..9).prop_map(|n| n.to_string()), Just("a".to_owned()), Just("b".to_owned())];
        leaf.prop_recursive(5, 24, 3, |inner| {
            let operator = prop::sample::select(vec![
                "+", "-", "*", "<", "<=", ">", ">=", "==", "and", "or", "//", "%", "**", "~",
            ]);
            prop_oneof![
                (inner.clone(), operator, inner.clone())
                    .prop_map(|(left, sign, right)| format!("{left} {sign} {right}")),
                inner.clone().prop_map(|value| format!("({value})")),
                inner.clone().prop_map(|value| format!("(not {value})")),
                inner.clone().prop_map(|value| format!("(-{value} | abs)")),
                (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} if {b} else {c})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} in [{b}, {a}])")),
                (inner.clone(), inner).prop_map(|(a, b)| format!("[{a}, {b}][0]")),
            ]
        })
    }

    proptest! {
        #[test]
        fn rewriting_changes_no_result(text in expression()) {
            let scope = Value::from_pairs([("a", 3_i64), ("b", 5_i64)]);
            let mut plain = Environment::empty();
            plain.add_filter("abs", minijinja::filters::abs);
            let wanted = plain.compile_expression(&text).ok().map(|compiled| compiled.eval(scope.clone()).map_err(|error| error.kind()));
            let Some(wanted) = wanted else { return Ok(()) };
            // A chain of both kinds is refused, and numbers are not ordered with booleans: nothing to compare.
            let Ok(rewritten) = rewrite(&text) else { return Ok(()) };
            let got = ENVIRONMENT.compile_expression(&rewritten).map_err(|error| error.to_string());
            prop_assert!(got.is_ok(), "{text} became {rewritten}: {got:?}");
            if let (Ok(wanted), Ok(Ok(got))) = (wanted, got.map(|compiled| compiled.eval(scope))) {
                prop_assert_eq!(got.to_string(), wanted.to_string(), "{} became {}", text, rewritten);
            }
        }
    }
}
