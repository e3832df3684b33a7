//! Durations as people write them: `500ms`, `10m`, `1h30m`.

/// What a duration must look like.
pub const RULE: &str = "write a number and a unit, such as `500ms`, `30s`, `10m`, `1h30m` or `2d`";
/// The longest duration, ten years: beyond it, sums of times could overflow.
pub const MS_MAX: u64 = 10 * 365 * DAY;

const DAY: u64 = 86_400_000;
/// Units, largest first, with their milliseconds.
const UNITS: [(&str, u64); 5] = [("d", DAY), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Milliseconds of a duration such as `1h30m`: whole numbers, each with a unit, larger units first.
///
/// # Errors
/// What is wrong, for the end of a sentence.
pub fn parse(text: &str) -> Result<u64, String> {
    if text.is_empty() {
        return Err("it is empty".into());
    }
    let mut rest = text;
    let mut total: u64 = 0;
    let mut smaller_than = usize::MAX;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let letters = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(letters);
        if number.is_empty() {
            return Err("it is not a duration".into());
        }
        if unit.is_empty() {
            return Err(if tail.is_empty() { "it has no unit".into() } else { "it is not a duration".into() });
        }
        let Some(rank) = UNITS.iter().position(|(name, _)| *name == unit) else {
            return Err(format!("`{unit}` is not a unit"));
        };
        if smaller_than != usize::MAX && rank <= smaller_than {
            return Err("its units must go from large to small".into());
        }
        smaller_than = rank;
        total = number
            .parse::<u64>()
            .ok()
            .and_then(|n| n.checked_mul(UNITS[rank].1))
            .and_then(|ms| total.checked_add(ms))
            .filter(|&ms| ms <= MS_MAX)
            .ok_or("it is longer than ten years")?;
        rest = tail;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn durations() {
        let check = |text: &str| parse(text).map_or_else(|why| why, |ms| ms.to_string());
        assert_eq!(
            ["500ms", "1s", "10m", "1h30m", "2d", "0s"].map(check),
            ["500", "1000", "600000", "5400000", "172800000", "0"]
        );
        assert_eq!(
            ["10", "10 m", "1.5h", "m", "1m1h", "1s1s", "3w", "", "4000d", "99999999999999999999s", "-1s", "1h30"]
                .map(check),
            [
                "it has no unit",
                "it is not a duration",
                "it is not a duration",
                "it is not a duration",
                "its units must go from large to small",
                "its units must go from large to small",
                "`w` is not a unit",
                "it is empty",
                "it is longer than ten years",
                "it is longer than ten years",
                "it is not a duration",
                "it has no unit"
            ]
        );
    }
}
