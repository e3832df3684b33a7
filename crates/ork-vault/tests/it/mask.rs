//! What a masked stream shows.

use std::sync::Arc;

use ork_vault::{Mask, Masked, Secret};
use proptest::prelude::*;

const TOKEN: &str = "s3cr3t/tok+en~42";

fn mask(secrets: &[&str]) -> Arc<Mask> {
    let secrets: Vec<Secret> = secrets.iter().map(|text| Secret::new((*text).to_owned())).collect();
    Arc::new(Mask::new(&secrets))
}

fn check(secrets: &[&str], text: &str, expected: &str) {
    let mask = mask(secrets);
    assert_eq!(mask.text(text), expected, "{text}");
    for size in [1, 2, 3, 7, 64] {
        let mut stream = Masked::new(Arc::clone(&mask));
        let mut shown = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            shown.extend(stream.write(chunk));
        }
        shown.extend(stream.end());
        assert_eq!(String::from_utf8(shown).unwrap(), expected, "{text} in pieces of {size}");
    }
}

#[test]
fn plain_texts_are_found_anywhere() {
    check(&[TOKEN], "a s3cr3t/tok+en~42 b", "a *** b");
    check(&[TOKEN], "s3cr3t/tok+en~42s3cr3t/tok+en~42", "******");
    check(&[TOKEN], "s3cr3t/tok+en~4", "s3cr3t/tok+en~4");
    check(&[TOKEN], "s3crs3cr3t/tok+en~42", "s3cr***");
    check(&["aaaaaaaa"], "aaaaaaaaaaa!", "***!");
    check(&["password1", "password12"], "password12 password1 password", "*** *** password");
    check(&["abcdefgh", "efghijkl"], "abcdefghijkl.", "***.");
    check(&[], "nothing", "nothing");
    check(&["pässwörter"], "das pässwörter da", "das *** da");
}

#[test]
fn encodings_are_found() {
    check(&["s3cr3t tok/en"], "?a=s3cr3t%20tok%2Fen&b", "?a=***&b");
    check(&["s3cr3t tok/en"], "?a=s3cr3t+tok%2fen&b", "?a=***&b");
    check(&["s3cr3t tok/en"], "/s3cr3t%20tok/en", "/***");
    check(&["say \"hello\"\tnow"], r#"{"a":"say \"hello\"\tnow"}"#, r#"{"a":"***"}"#);
}

/// Base64 as everybody knows it, to compare with.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for sign in 0..4 {
            let is_padding = sign > chunk.len();
            out.push(if is_padding { '=' } else { char::from(SIGNS[(n >> (18 - 6 * sign) & 63) as usize]) });
        }
    }
    out
}

#[test]
fn base64_is_found_at_all_three_alignments() {
    for before in ["", "u", "us", "use", "user:"] {
        for after in ["", "\n", "xy", "xyz"] {
            let encoded = base64(format!("{before}{TOKEN}{after}").as_bytes());
            let shown = mask(&[TOKEN]).text(&encoded);
            assert!(shown.contains("***"), "{before}…{after}: {shown}");
            assert!(shown.len() <= 3 + 4 + before.len() * 2 + after.len() * 2 + 4, "{before}…{after}: {shown}");
        }
    }
    check(&["subjects?_d>~~~~"], "c3ViamVjdHM_X2Q-fn5-fg", "***g");
}

#[test]
fn base64_is_found_over_the_breaks_of_its_lines() {
    let long: String = (0..200).map(|n| char::from(b'a' + (n * 7 % 26) as u8)).collect();
    let encoded = base64(long.as_bytes());
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let shown = mask(&[&long]).text(&lines.join("\n"));
    assert!(shown.len() < 10, "{shown}");
}

#[test]
fn secrets_of_several_lines_are_found_line_by_line() {
    let pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0BAQEFAASCBKcwggSj\nab\n-----END KEY-----\n";
    check(&[pem], "> 9w0BAQEFAASCBKcwggSj <\n", "> *** <\n");
    check(&[pem], pem, "***\n");
    let indented = pem.lines().map(|line| format!("  {line}\n")).collect::<String>();
    check(&[pem], &indented, "  ***\n  ***\n  ***\n  ab\n  ***\n");
}

#[test]
fn a_beginning_is_held_back_until_it_is_clear() {
    let mut stream = Masked::new(mask(&[TOKEN]));
    assert_eq!(stream.write(b"x s3cr"), b"x ");
    assert_eq!(stream.write(b"3t/tok+en~42"), b"***");
    assert_eq!(stream.write(b"s3cr"), b"");
    assert_eq!(stream.end(), b"s3cr");
    assert_eq!(stream.end(), b"");
}

proptest! {
    #[test]
    fn pieces_change_nothing(parts in prop::collection::vec("[ab ]{0,6}|aabbaabb|abababab", 0..30), cuts in prop::collection::vec(1usize..9, 1..40)) {
        let text = parts.concat();
        let mask = mask(&["aabbaabb", "abababab"]);
        let mut stream = Masked::new(Arc::clone(&mask));
        let (mut rest, mut shown) = (text.as_bytes(), Vec::new());
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*cut).min(rest.len()));
            shown.extend(stream.write(now));
            rest = later;
        }
        shown.extend(stream.end());
        let shown = String::from_utf8(shown).unwrap();
        prop_assert!(!shown.contains("aabbaabb") && !shown.contains("abababab"));
        prop_assert_eq!(shown, mask.text(&text));
    }
}
