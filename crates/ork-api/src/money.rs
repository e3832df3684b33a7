//! Amounts of money.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Number;
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Digits behind the point.
const DIGITS: usize = 6;

/// US dollars, kept in millionths: on the wire a number with at most six digits behind the point, such as `2.5`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Usd(
    /// Millionths of a US dollar.
    pub u64,
);

/// What stands where an amount should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoAmount;

impl fmt::Display for NoAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount is a number of US dollars, such as 2.5, with at most six digits behind the point")
    }
}

impl std::error::Error for NoAmount {}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1_000_000, self.0 % 1_000_000);
        let rest = format!("{rest:06}");
        match rest.trim_end_matches('0') {
            "" => write!(f, "{whole}"),
            rest => write!(f, "{whole}.{rest}"),
        }
    }
}

impl FromStr for Usd {
    type Err = NoAmount;

    fn from_str(text: &str) -> Result<Self, NoAmount> {
        let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !rest.is_none_or(|rest| is_digits(rest) && rest.len() <= DIGITS) {
            return Err(NoAmount);
        }
        let rest: u64 = format!("{:0<DIGITS$}", rest.unwrap_or_default()).parse().map_err(|_| NoAmount)?;
        let whole: u64 = whole.parse().map_err(|_| NoAmount)?;
        whole.checked_mul(1_000_000).and_then(|micros| micros.checked_add(rest)).map(Self).ok_or(NoAmount)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_string().parse::<Number>().map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let text = number.to_string();
        // `1e-6` is the same number as 0.000001, which nobody has to write that way.
        let plain = match number.as_f64() {
            Some(number) if text.contains(['e', 'E']) => number.to_string(),
            _ => text,
        };
        plain.parse().map_err(serde::de::Error::custom)
    }
}

impl ToSchema for Usd {
    fn name() -> Cow<'static, str> {
        "Usd".into()
    }
}

impl PartialSchema for Usd {
    fn schema() -> RefOr<Schema> {
        let about = "US dollars, with at most six digits behind the point";
        ObjectBuilder::new().schema_type(Type::Number).minimum(Some(0.0)).description(Some(about)).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact() {
        for (text, micros, shown) in [
            ("2.50", 2_500_000, "2.5"),
            ("0", 0, "0"),
            ("3", 3_000_000, "3"),
            ("0.000001", 1, "0.000001"),
            ("18446744073709.551615", u64::MAX, "18446744073709.551615"),
        ] {
            assert_eq!(text.parse(), Ok(Usd(micros)), "{text}");
            assert_eq!(Usd(micros).to_string(), shown);
            let read: Usd = serde_json::from_str(text).unwrap();
            assert_eq!((read, serde_json::to_string(&read).unwrap().as_str()), (Usd(micros), shown));
        }
        for wrong in ["", ".5", "5.", "-1", "+1", "1e3", "0.0000001", "1,5", "18446744073709.551616", "1 "] {
            assert_eq!(wrong.parse::<Usd>(), Err(NoAmount), "{wrong}");
        }
        assert!(serde_json::from_str::<Usd>("\"2.5\"").is_err() && serde_json::from_str::<Usd>("-1").is_err());
        for same in ["1e-6", "0.000001", "0.0000010"] {
            let value: serde_json::Value = serde_json::from_str(same).unwrap();
            assert_eq!(serde_json::from_value::<Usd>(value).ok(), (same.len() < 9).then_some(Usd(1)), "{same}");
        }
    }
}
