//! The name of a row's file: its key. A task's is its id, as everywhere.

use ork_core::transfer::{Table, Value};
use uuid::Uuid;

/// The ending of all of them.
pub const ENDING: &str = ".json";

/// Bytes of a name without its ending. File systems take 255.
const NAME_BYTES_MAX: usize = 240;

/// The parts of the row's key with commas between them: ids and numbers as they are, texts with everything else than letters,
/// digits, and a few signs as `%XX`. What a run has of a task stands under the id of the task.
pub fn of(table: &Table, row: &[Value]) -> String {
    let mut parts = Vec::new();
    let mut key = table.key.iter().map(|at| (table.columns[*at].name.as_str(), &row[*at])).peekable();
    while let Some((name, value)) = key.next() {
        parts.push(match (name, value, key.peek()) {
            ("run_id", Value::Id(run), Some(("n", Value::Integer(n)))) => {
                let task = task(*run, *n);
                key.next();
                task
            }
            (_, value, _) => part(value),
        });
    }
    let name = parts.join(",");
    if name.len() <= NAME_BYTES_MAX {
        return name + ENDING;
    }
    format!("{}~{:016x}{ENDING}", &name[..NAME_BYTES_MAX - 17], digest(name.as_bytes()))
}

/// The id of a task: its run's, with its number and one in the 32 bits that are zero in a run's.
fn task(run: Uuid, n: i64) -> String {
    let number = u128::try_from(n).map_or(0, |n| n + 1);
    Uuid::from_u128(run.as_u128() | number).to_string()
}

fn part(value: &Value) -> String {
    match value {
        Value::Id(id) => id.to_string(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => plain(text.as_bytes()),
        Value::Bool(yes) => yes.to_string(),
        Value::Json(text) => plain(text.as_bytes()),
        Value::Bytes(bytes) => plain(bytes),
        Value::Null => "null".to_owned(),
    }
}

fn plain(bytes: &[u8]) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'@' | b'#');
    let letter = |byte: &u8| if is_plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") };
    bytes.iter().map(letter).collect()
}

/// FNV-1a: tells long names apart, and keeps no secret.
fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ork_core::transfer::{Column, Kind};

    #[test]
    fn a_name_is_the_key() {
        let check = |key: &[(&str, Value)], expected: &str| {
            let columns = key.iter().map(|(name, _)| Column { name: (*name).into(), kind: Kind::Text }).collect();
            let table = Table { name: "t".into(), columns, key: (0..key.len()).collect() };
            let row: Vec<Value> = key.iter().map(|(_, value)| value.clone()).collect();
            assert_eq!(of(&table, &row), expected);
        };
        let run = || ("run_id", Value::Id(Uuid::from_u128(0x0197_72af_0000_7000_8000_0001_0000_0000)));
        check(&[run()], "019772af-0000-7000-8000-000100000000.json");
        check(&[run(), ("n", Value::Integer(0))], "019772af-0000-7000-8000-000100000001.json");
        check(
            &[run(), ("n", Value::Integer(1)), ("attempt", Value::Integer(2))],
            "019772af-0000-7000-8000-000100000002,2.json",
        );
        check(&[run(), ("seq", Value::Integer(7))], "019772af-0000-7000-8000-000100000000,7.json");
        check(&[("lane", Value::Text("#run_1/../x,ü".into()))], "#run_1%2F..%2Fx%2C%C3%BC.json");
        let (long, other) = ("x".repeat(300), "x".repeat(299) + "y");
        let name = |text: &str| {
            let columns = vec![Column { name: "a".into(), kind: Kind::Text }];
            of(&Table { name: "t".into(), columns, key: vec![0] }, &[Value::Text(text.into())])
        };
        assert!(name(&long).len() < 255 && name(&long) != name(&other));
    }
}
