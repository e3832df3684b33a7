//! Figures of a proof: each with what it is measured against, printed as they come and kept for the verdict.

use std::cmp::Ordering;

use serde_json::{Value, json};

/// The figures of one proof.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    shown: Vec<Value>,
    missed: usize,
}

impl Figures {
    /// Notes a figure, with the floor that was measured beside it and what is asked for, when there is such a thing.
    /// Without a value nothing was measured, and that is no success.
    pub(crate) fn note(&mut self, what: &str, unit: &str, value: Option<f64>, bounds: (Option<f64>, Option<f64>)) {
        let (value, (floor, target)) = (value.unwrap_or(f64::INFINITY), bounds);
        let verdict = match target {
            Some(target) if value > target => "MISSED",
            Some(_) => "met",
            None => "",
        };
        self.missed += usize::from(verdict == "MISSED");
        let shown =
            |name: &str, value: Option<f64>| value.map_or(String::new(), |value| format!("   {name} {value:.2}"));
        println!("{what:70} {value:10.2} {unit}{}{} {verdict}", shown("floor", floor), shown("at most", target));
        self.shown.push(json!({
            "what": what, "unit": unit, "value": round(value), "floor": floor.map(round), "target": target, "verdict": verdict,
        }));
    }

    /// The verdict: these facts, and all figures. It is an error when one of them missed its target.
    pub(crate) fn verdict(self, held: &str, facts: Value) -> Result<Value, String> {
        let mut verdict = json!({"verdict": if self.missed == 0 { held } else { "MISSED" }});
        if let (Some(all), Value::Object(facts)) = (verdict.as_object_mut(), facts) {
            all.extend(facts);
            all.insert("figures".into(), self.shown.into());
        }
        if self.missed == 0 { Ok(verdict) } else { Err(verdict.to_string()) }
    }
}

fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// A quantile of some values; `None` of none.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a place in a list"
)]
pub(crate) fn quantile<T: PartialOrd + Copy>(values: &mut [T], q: f64) -> Option<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    values.get(((values.len() as f64 - 1.0) * q).round() as usize).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_over_its_target_fails_the_proof() {
        let mut figures = Figures::default();
        figures.note("a", "ms", Some(3.0), (None, Some(3.0)));
        assert!(figures.verdict("good", json!({"n": 1})).is_ok());
        let mut figures = Figures::default();
        figures.note("a", "ms", Some(3.01), (Some(1.0), Some(3.0)));
        assert!(figures.verdict("good", json!({"n": 1})).unwrap_err().contains("MISSED"));
        let mut figures = Figures::default();
        figures.note("a", "ms", None, (None, Some(3.0)));
        assert!(figures.verdict("good", json!({"n": 1})).is_err(), "nothing was measured");
    }

    #[test]
    fn quantiles_are_values() {
        assert_eq!(quantile(&mut [3, 1, 2], 0.5), Some(2));
        assert_eq!(quantile(&mut [3.5, 1.0, 2.0], 0.99), Some(3.5));
        assert_eq!(quantile::<u64>(&mut [], 0.5), None);
    }
}
