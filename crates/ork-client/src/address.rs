//! Where a server is.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use hyper::Uri;

use crate::error::ClientError;

/// The URL of a server, without a path of the API: `https://ork.example.com`, `http://127.0.0.1:6750`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    text: String,
    is_encrypted: bool,
    is_here: bool,
}

impl Address {
    /// Whether what is sent there is encrypted.
    #[must_use]
    pub const fn is_encrypted(&self) -> bool {
        self.is_encrypted
    }

    /// Whether it is this machine, so that nothing leaves it.
    #[must_use]
    pub const fn is_here(&self) -> bool {
        self.is_here
    }
}

impl FromStr for Address {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        // Somebody may have put a password into it.
        let shown = || text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("…@{host}"));
        let wrong = |reason: &'static str| ClientError::Address { text: shown(), reason };
        let uri: Uri = text.parse().map_err(|_| wrong("it is not a URL"))?;
        let is_encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("it begins with neither `http://` nor `https://`")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("a URL is shown and logged, so it holds no name and no password"));
        }
        if authority.host().is_empty() {
            return Err(wrong("it names no host"));
        }
        if uri.query().is_some() || text.contains('#') {
            return Err(wrong("it has a query or a fragment"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_here =
            host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        Ok(Self { text: text.trim_end_matches('/').to_owned(), is_encrypted, is_here })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_urls_without_secrets() {
        let check = |text: &str, expected: Result<(&str, bool, bool), &str>| {
            let found = text.parse::<Address>().map(|a| (a.to_string(), a.is_encrypted(), a.is_here()));
            let found = found.map_err(|error| error.to_string());
            let expected = expected.map(|(text, encrypted, here)| (text.to_owned(), encrypted, here));
            assert_eq!(found, expected.map_err(str::to_owned), "{text}");
        };
        check("http://127.0.0.1:6750", Ok(("http://127.0.0.1:6750", false, true)));
        check("http://[::1]:6750/", Ok(("http://[::1]:6750", false, true)));
        check("http://LOCALHOST", Ok(("http://LOCALHOST", false, true)));
        check("https://ork.example.com/team/", Ok(("https://ork.example.com/team", true, false)));
        check("http://127.0.0.1.example.com", Ok(("http://127.0.0.1.example.com", false, false)));
        let schemes = "begins with neither `http://` nor `https://`";
        check("127.0.0.1:6750", Err(&format!("`127.0.0.1:6750` is not the address of a server: it {schemes}")));
        check("ftp://a", Err(&format!("`ftp://a` is not the address of a server: it {schemes}")));
        check(
            "https://ada:secret@a",
            Err("`…@a` is not the address of a server: a URL is shown and logged, so it holds no name and no password"),
        );
        check("http://a?b", Err("`http://a?b` is not the address of a server: it has a query or a fragment"));
        check("http://", Err("`http://` is not the address of a server: it is not a URL"));
        check("", Err("`` is not the address of a server: it is not a URL"));
    }
}
