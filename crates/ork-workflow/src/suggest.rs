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
    known
        .into_iter()
        .take(COMPARED_MAX)
        .map(|candidate| (distance(&wanted, &fold(candidate)), candidate))
        .filter(|&(far, candidate)| far <= (candidate.chars().count().max(wanted.len()) / 3).min(3))
        .min_by_key(|&(far, _)| far)
        .map(|(_, candidate)| candidate)
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

/// Edits between two words: insert, delete, replace, or swap two neighbours (optimal string alignment).
fn distance(a: &[char], b: &[char]) -> usize {
    if b.len() > COMPARED_CHARS_MAX {
        return usize::MAX;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, &x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, &y) in b.iter().enumerate() {
            let mut best = (last[j + 1] + 1).min(row[j] + 1).min(last[j] + usize::from(x != y));
            if i > 0 && j > 0 && x == b[j - 1] && a[i - 1] == y {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}
