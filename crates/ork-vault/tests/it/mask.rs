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
    check_cut(secrets, text, expected, expected);
}

/// `expected` when the text is whole, `cut` when it was cut, or is a stream that has ended.
fn check_cut(secrets: &[&str], text: &str, expected: &str, cut: &str) {
    let mask = mask(secrets);
    assert_eq!(mask.text(text), expected, "{text}");
    assert_eq!(mask.cut_text(text), cut, "{text}, cut");
    for size in [1, 2, 3, 7, 64] {
        let mut stream = Masked::new(Arc::clone(&mask));
        let mut shown = Vec::new();
        for chunk in text.as_bytes().chunks(size) {
            shown.extend(stream.write(chunk));
        }
        shown.extend(stream.end());
        assert_eq!(String::from_utf8(shown).unwrap(), cut, "{text} in pieces of {size}");
    }
}

#[test]
fn plain_texts_are_found_anywhere() {
    check(&[TOKEN], "a s3cr3t/tok+en~42 b", "a *** b");
    check(&[TOKEN], "s3cr3t/tok+en~42s3cr3t/tok+en~42", "******");
    check(&[TOKEN], "s3cr3t/tok+en~4 ", "s3cr3t/tok+en~4 ");
    check(&[TOKEN], "s3crs3cr3t/tok+en~42", "s3cr***");
    check(&["aaaaaaaa"], "aaaaaaaaaaa!", "***!");
    check(&["password1", "password12"], "password12 password1 password.", "*** *** password.");
    check(&["abcdefgh", "efghijkl"], "abcdefghijkl.", "***.");
    check(&[], "nothing", "nothing");
    check(&["pässwörter"], "das pässwörter da", "das *** da");
}

#[test]
fn a_beginning_at_the_end_of_what_was_cut_is_hidden() {
    check_cut(&[TOKEN], "a s3cr3t/tok+en~4", "a s3cr3t/tok+en~4", "a ***");
    check_cut(&[TOKEN], "a s3cr3t/t", "a s3cr3t/t", "a ***");
    check(&[TOKEN], "a s3cr3t/", "a s3cr3t/");
    check_cut(&["password1", "password12"], "password1 password", "*** password", "*** ***");
    check_cut(&[TOKEN], "x s3cr3t%2Ftok%2", "x s3cr3t%2Ftok%2", "x ***");
    check_cut(&["abcdefgh", "efghijklmnop"], "abcdefghijkl", "***ijkl", "***");
    check_cut(&["das pässwort da"], "das pässwort", "das pässwort", "***");
    let half = base64(TOKEN.as_bytes())[..12].to_owned();
    check_cut(&[TOKEN], &half, &half, "***");
}

#[test]
fn a_cut_stream_begins_anew() {
    let mut stream = Masked::new(mask(&[TOKEN]));
    assert_eq!(stream.write(b"x s3cr3t/tok"), b"x ");
    assert_eq!(stream.end(), b"***");
    assert_eq!(stream.write(b"+en~42 s3cr3t/tok+en~42 s3"), b"+en~42 *** ");
    assert_eq!(stream.end(), b"s3");
}

#[test]
fn percent_forms_are_found_whatever_they_spare() {
    const SECRET: &str = "pa&ss /w$r%d";
    for text in [
        "pa&ss /w$r%d",
        "pa&ss%20%2Fw$r%25d", // PathEscape of Go
        "pa&ss%20/w$r%25d",   // encodeURI of JavaScript
        "pa&ss%20%2Fw$r%d",   // URL.password of JavaScript
        "pa%26ss+%2Fw%24r%25d",
        "pa%26ss%20%2fw%24r%25d",
        "%70%61%26%73%73%20%2F%77%24%72%25%64",
    ] {
        check(&[SECRET], &format!("https://u:{text}@host"), "https://u:***@host");
    }
    check(&[SECRET], "pa&ss%2F/w$r%25d", "pa&ss%2F/w$r%25d");
    check(&["pässwörter"], "?q=p%C3%A4ssw%c3%b6rter&", "?q=***&");
}

#[test]
fn json_forms_are_found_whatever_they_escape() {
    const SECRET: &str = "a<b>&c/\"d\\é\u{1f511}\n'";
    for text in [
        r#"a<b>&c/\"d\\é🔑\n'"#,
        r#"a\u003cb\u003e\u0026c/\"d\\é🔑\n'"#,        // Go
        r#"a<b>&c/\"d\\\u00e9\ud83d\udd11\n'"#,        // Python
        r#"a<b>&c\/\"d\\\u00E9\uD83D\uDD11\n'"#,       // PHP
        r#"a<b>&c/"d\\é🔑\n\'"#,                       // between single quotes
        r#"\u0061<b>&c/\u0022d\u005cé🔑\u000a\u0027"#, // none of them short
    ] {
        check(&[SECRET], &format!("[\"{text}\"]"), r#"["***"]"#);
    }
    check(&[SECRET], r"a\u003cb\u003f\u0026", r"a\u003cb\u003f\u0026");
    check(&["Пароль-Пароль"], r#""\u041f\u0430\u0440\u043e\u043b\u044c-Пароль""#, r#""***""#);
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
    assert_eq!(mask(&[&long]).text(&lines.join("\r\n")), shown);
    // No program writes empty lines into it.
    assert!(mask(&[&long]).text(&lines.join("\n\n")).contains(&lines[1][..60]));
}

#[test]
fn nothing_waits_for_what_never_comes() {
    let first = &base64(TOKEN.as_bytes())[..1];
    let mut stream = Masked::new(mask(&[TOKEN]));
    assert_eq!(stream.write(first.as_bytes()), b"");
    assert_eq!(stream.write(b"\n"), b"");
    assert_eq!(stream.write(b"\n\n\n"), format!("{first}\n\n\n\n").as_bytes());
    // What was looked at is not looked at again with each piece.
    let long = "ab".repeat(30_000);
    let mut stream = Masked::new(mask(&[&long]));
    let shown: Vec<u8> = long.as_bytes().iter().flat_map(|byte| stream.write(&[*byte])).collect();
    assert_eq!(shown, b"***");
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

/// Each byte as itself or percent-encoded, as the choices say.
fn percent(secret: &str, choices: &[u8], spares_percent: bool) -> String {
    let mut out = Vec::new();
    for (byte, choice) in secret.bytes().zip(choices.iter().cycle()) {
        match (byte, choice) {
            (b'%', _) if spares_percent => out.push(b'%'),
            (b' ', 0) => out.push(b'+'),
            (byte, 0 | 1) if byte != b'%' => out.push(byte),
            (byte, 2) => out.extend(format!("%{byte:02x}").bytes()),
            (byte, _) => out.extend(format!("%{byte:02X}").bytes()),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Each sign as itself, or as `\uXXXX`, as the choices say.
fn json(secret: &str, choices: &[u8]) -> String {
    let mut out = String::new();
    for (sign, choice) in secret.chars().zip(choices.iter().cycle()) {
        match (sign, choice) {
            ('"' | '\\' | '/', 0 | 1) => out.extend(['\\', sign]),
            (sign, 0 | 1) => out.push(sign),
            (sign, 2) => out.extend(sign.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}"))),
            (sign, _) => out.extend(sign.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04X}"))),
        }
    }
    out
}

proptest! {
    #[test]
    fn every_choice_of_an_encoding_is_found(secret in "[ab %+/\"\\\\u25é🔑]{8,12}", choices in prop::collection::vec(0u8..4, 1..13)) {
        // A sign that was spared in half is no text.
        let whole: Vec<u8> = if secret.is_ascii() { choices.clone() } else { vec![3] };
        for text in [percent(&secret, &whole, true), percent(&secret, &whole, false), json(&secret, &choices)] {
            check(&[&secret], &format!("<{text}>"), "<***>");
        }
    }

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
