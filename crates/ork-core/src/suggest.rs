//! "Did you mean": the known name that is nearest to an unknown one.

use std::fmt::Write as _;

/// Names that a hint lists when none is near.
const LISTED_MAX: usize = 12;
/// Names that are compared at most; a plan has up to 100,000.
const COMPARED_MAX: usize = 2_000;
/// Longer names are not compared: the comparison is quadratic in their length.
const COMPARED_CHARS_MAX: usize = 64;

/// The nearest of `known`, if it is near enough that a slip of the hand explains it.
pub fn nearest<'k>(name: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let wanted = fold(name);
    if wanted.len() > COMPARED_CHARS_MAX {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in known.into_iter().take(COMPARED_MAX) {
        let folded = fold(candidate);
        let longer = folded.len().max(wanted.len());
        let far_max = (longer / 3).min(3);
        if folded.len().abs_diff(wanted.len()) > far_max || longer > COMPARED_CHARS_MAX {
            continue;
        }
        if let Some(far) = distance(&wanted, &folded, far_max)
            && best.is_none_or(|(least, _)| far < least)
        {
            best = Some((far, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// A hint for an unknown name: the nearest known one, or the list of them.
pub fn hint<'k>(name: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> Option<String> {
    if let Some(near) = nearest(name, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let names: Vec<&str> = known.into_iter().take(LISTED_MAX + 1).collect();
    (!names.is_empty()).then(|| format!("known here: {}", list(&names)))
}

/// `a, b, c`, cut after some.
pub fn list(names: &[&str]) -> String {
    let mut text = String::new();
    for (index, name) in names.iter().take(LISTED_MAX).enumerate() {
        let _ = write!(text, "{}`{name}`", if index == 0 { "" } else { ", " });
    }
    if names.len() > LISTED_MAX {
        text.push_str(", …");
    }
    text
}

/// All of them.
pub fn list_all(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Case, `-` and `_` are the differences that nobody sees.
fn fold(name: &str) -> Vec<char> {
    name.chars().flat_map(char::to_lowercase).map(|c| if c == '-' { '_' } else { c }).collect()
}

/// Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment). `None` when
/// there are more than `far_max`.
fn distance(a: &[char], b: &[char], far_max: usize) -> Option<usize> {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row: Vec<usize> = Vec::with_capacity(last.len());
    for (i, &x) in a.iter().enumerate() {
        row.clear();
        row.push(i + 1);
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(x != y));
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        // A swap looks two rows back, so that both must be beyond the limit.
        if row.iter().chain(&last).min() > Some(&far_max) {
            return None;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    last.last().copied().filter(|&far| far <= far_max)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_of_the_hand_are_recognised_and_guesses_are_not_made() {
        let known = ["depends_on", "command", "run", "retry", "timeout", "a", "b"];
        let check = |name: &str| nearest(name, known).unwrap_or("-");
        assert_eq!(
            ["dependson", "Depends-On", "comand", "commnad", "rn", "rnu", "retrys", "timeuot", "c", "queue", ""]
                .map(check),
            ["depends_on", "depends_on", "command", "command", "run", "run", "retry", "timeout", "-", "-", "-"]
        );
    }
}
