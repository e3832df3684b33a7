//! Checksums: 64 hexadecimal digits in Ork, base64 in headers (RFC 9530).

use axum::http::HeaderMap;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ork_core::artifact::is_checksum;

use crate::refused::{Answer, Code, Refused};

/// Headers that say a checksum of what is sent: the newer name, and the older one.
const HEADERS: [&str; 3] = ["repr-digest", "content-digest", "digest"];

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A SHA-256 that somebody wrote, in the way in which Ork writes one.
pub fn checksum(text: &str) -> Option<String> {
    Some(text.to_ascii_lowercase()).filter(|text| is_checksum(text))
}

/// The checksum that a request announces: in its query, or in a header.
pub fn announced(headers: &HeaderMap, asked: Option<&str>) -> Answer<Option<String>> {
    let mut found = asked.map(|text| {
        checksum(text).ok_or_else(|| Refused::query("checksum", "a SHA-256 is 64 hexadecimal digits", None))
    });
    for name in HEADERS {
        let Some(value) = headers.get(name) else { continue };
        let wrong = || {
            let detail = format!("`{name}` is wrong: it is `sha-256=:BASE64:`");
            Refused::new(Code::InvalidRequest, detail)
        };
        let own = value.to_str().ok().and_then(sha256).ok_or_else(wrong)?;
        match found {
            Some(Ok(other)) if other != own => {
                return Err(Refused::new(Code::InvalidRequest, "the request announces two checksums"));
            }
            Some(Err(refused)) => return Err(refused),
            _ => found = Some(Ok(own)),
        }
    }
    found.transpose()
}

/// The SHA-256 among the digests of a header.
fn sha256(value: &str) -> Option<String> {
    let (_, text) = value
        .split(',')
        .filter_map(|one| one.trim().split_once('='))
        .find(|(algorithm, _)| algorithm.eq_ignore_ascii_case("sha-256"))?;
    let text = text.strip_prefix(':').and_then(|text| text.strip_suffix(':')).unwrap_or(text);
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    (bytes.len() == 32).then(|| hex(&bytes))
}

/// A checksum as a header has it.
pub fn repr_digest(checksum: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(checksum.get(at..at + 2).unwrap_or_default(), 16).unwrap_or_default();
    let bytes: Vec<u8> = (0..checksum.len() / 2).map(|n| byte(n * 2)).collect();
    format!("sha-256=:{}:", BASE64_STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SHA-256 of nothing.
    const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn check(lines: &[(&'static str, &str)], asked: Option<&str>, expected: Result<Option<&str>, ()>) {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        let found = announced(&headers, asked).map_err(drop);
        assert_eq!(found, expected.map(|text| text.map(str::to_owned)), "{lines:?} {asked:?}");
    }

    #[test]
    fn checksums_come_in_a_query_or_a_header() {
        let header = repr_digest(NOTHING);
        assert_eq!(header, "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:");
        let bare = header.replace(':', "").replace("sha-256", "SHA-256");
        check(&[], None, Ok(None));
        check(&[], Some(NOTHING), Ok(Some(NOTHING)));
        check(&[], Some(&NOTHING.to_ascii_uppercase()), Ok(Some(NOTHING)));
        check(&[("repr-digest", &header)], None, Ok(Some(NOTHING)));
        check(&[("digest", &bare)], Some(NOTHING), Ok(Some(NOTHING)));
        check(&[("content-digest", &format!("sha-512=:AA==:, {header}"))], None, Ok(Some(NOTHING)));
        check(&[("repr-digest", &header)], Some(&"0".repeat(64)), Err(()));
        for wrong in ["", "md5=:AA==:", "sha-256=:AA==:", "sha-256=:?:", "sha-256"] {
            check(&[("repr-digest", wrong)], None, Err(()));
        }
        check(&[], Some("abc"), Err(()));
    }
}
