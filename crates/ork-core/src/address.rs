//! Addresses of files that are elsewhere.

use crate::limits;

/// Looks whether this may be the address of an artifact elsewhere: a URL of `http`, `https`, `s3`, `gs` or `az` that names a host and
/// holds neither a name nor a password, since addresses are shown. In at most [`limits::ARTIFACT_URL_BYTES_MAX`] bytes of ASCII
/// without blanks.
///
/// # Errors
/// In plain words.
pub fn check_address(url: &str) -> Result<(), String> {
    const SCHEMES: [&str; 5] = ["http", "https", "s3", "gs", "az"];
    if url.len() > limits::ARTIFACT_URL_BYTES_MAX {
        return Err(format!("it has {} bytes, and at most {} are allowed", url.len(), limits::ARTIFACT_URL_BYTES_MAX));
    }
    if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("it holds a blank, a control character, or one that is not ASCII: write it as `%XX`".into());
    }
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    if !SCHEMES.contains(&scheme) {
        return Err("it begins with `https://`, `http://`, `s3://`, `gs://` or `az://`".into());
    }
    match rest.split(['/', '?', '#']).next().unwrap_or_default() {
        "" => Err("it names no host".into()),
        authority if authority.contains('@') => Err("it holds a name or a password, and addresses are shown".into()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for fine in
            ["https://a.example/clip.mp4?x=1#t", "s3://bucket/key%20x", "gs://b", "az://c/d", "http://[::1]:9/x"]
        {
            assert_eq!(check_address(fine), Ok(()), "{fine}");
        }
        let long = format!("https://a/{}", "x".repeat(limits::ARTIFACT_URL_BYTES_MAX));
        for bad in [
            "",
            "a",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "https://u:p@a/",
            "https://a/b c",
            "https://a/é",
            "https://a/\nX: y",
            "data:text/plain,x",
            long.as_str(),
        ] {
            assert!(check_address(bad).is_err(), "{bad}");
        }
    }
}
