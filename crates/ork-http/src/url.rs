//! Where a call goes.

use std::net::{IpAddr, Ipv4Addr};

use hyper::Uri;

/// Bytes of a URL.
const BYTES_MAX: usize = 2_048;

/// Why a URL is not called, for the end of a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(pub(crate) String);

/// A URL that may be called, as far as its text says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) uri: Uri,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_encrypted: bool,
}

impl Target {
    /// Reads a URL: http or https, a host, no name and no password, and no address in disguise. Whether its addresses are
    /// public is seen when it is called, and not before: by then they may be others.
    ///
    /// # Errors
    /// [`Refused`] with what is wrong, for the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, Refused> {
        let no = |why: &str| Err(Refused(why.to_owned()));
        if text.len() > BYTES_MAX {
            return no("it is longer than 2048 bytes");
        }
        if text.bytes().any(|b| b.is_ascii_control() || b == b' ') {
            return no("it holds a blank or a control character");
        }
        let Ok(uri) = text.parse::<Uri>() else { return no("it is not a URL") };
        Self::of(uri)
    }

    /// As [`Self::parse`], of a URL that was read.
    pub(crate) fn of(uri: Uri) -> Result<Self, Refused> {
        let no = |why: &str| Err(Refused(why.to_owned()));
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return no("it begins with neither `http://` nor `https://`"),
        };
        let Some(authority) = uri.authority() else { return no("it names no host") };
        if authority.as_str().contains('@') {
            return no("a URL is shown and logged, so it holds no name and no password");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return no("it names no host");
        }
        if is_disguised(&host) {
            return no("an address is written as four decimal numbers");
        }
        let port = authority.port_u16();
        if port.is_none() && authority.as_str().rsplit_once(':').is_some_and(|(_, port)| !port.ends_with(']')) {
            return no("its port is not a number");
        }
        let port = port.unwrap_or(if is_encrypted { 443 } else { 80 });
        if port == 0 {
            return no("there is no port 0");
        }
        Ok(Self { host, port, is_encrypted, uri })
    }

    /// The address, if the host is one.
    pub(crate) fn literal(&self) -> Option<IpAddr> {
        self.host.trim_end_matches('.').parse().ok()
    }

    /// Host and port, without what may be secret in a path.
    #[must_use]
    pub fn place(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{host}:{}", self.port)
    }
}

/// Whether a system's resolver takes the host for an address of IPv4 though it is not written as one: `2130706433`, `0x7f.1`,
/// `0177.0.0.1`, `127.1`. After the rule of the URL standard: the last part is a number.
fn is_disguised(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    let last = host.rsplit('.').next().unwrap_or_default();
    let hex = last.strip_prefix("0x").or_else(|| last.strip_prefix("0X"));
    let is_number = !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit())
        || hex.is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    is_number && host.parse::<Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_plainly_where_it_goes() {
        for right in ["http://example.com", "https://example.com:8443/a?b=c", "http://127.0.0.1/", "http://[::1]:80/x"]
        {
            assert!(Target::parse(right).is_ok(), "{right}");
        }
        let wrong = [
            ("gopher://example.com", "neither"),
            ("file:///etc/passwd", ""),
            ("ftp://example.com", "neither"),
            ("example.com", "neither"),
            ("http://ada:secret@example.com", "no password"),
            ("http://example.com@127.0.0.1/", "no password"),
            ("http://2130706433/", "four decimal"),
            ("http://0x7f000001/", "four decimal"),
            ("http://0x7f.1/", "four decimal"),
            ("http://0177.0.0.1/", "four decimal"),
            ("http://127.1/", "four decimal"),
            ("http://example.com:0/", "no port 0"),
            ("http://example.com/a\r\nhost: b", "control"),
            ("http://example.com/\0", "control"),
            ("http://exa mple.com/", "control"),
            ("http:///x", "not a URL"),
            ("http://ex\u{e4}mple.com/", "not a URL"),
        ];
        for (text, words) in wrong {
            let said = Target::parse(text).unwrap_err().to_string();
            assert!(said.contains(words), "{text}: {said}");
        }
        assert!(Target::parse(&format!("http://a/{}", "x".repeat(3_000))).is_err());
    }
}
