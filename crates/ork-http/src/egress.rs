//! Which addresses calls may reach that others choose.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::address::{danger, is_within};

/// Entries of a list.
const ENTRIES_MAX: usize = 1_000;

/// Ports that no web server has, though the one behind it may be talked into something by what looks like a request: those
/// that browsers refuse (Fetch, "bad port"), and those of databases.
const PORTS: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
    111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
    540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3306, 3659, 4045, 4190, 5060,
    5061, 5432, 6000, 6379, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080, 11211, 27017,
];

/// What may be reached although it is not public: the setting `egress.allow`. By default nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Egress {
    allowed: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    place: Place,
    /// Only this one.
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// Whatever addresses it has.
    Name(String),
    Net(IpAddr, u8),
}

/// An entry that names nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no entry of `egress.allow`: it takes host names, `host:port`, addresses, and networks such as `10.0.0.0/8`"
)]
pub struct EgressError(String);

impl FromStr for Egress {
    type Err = EgressError;

    /// Reads entries between commas or blanks.
    fn from_str(text: &str) -> Result<Self, EgressError> {
        let words = text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|word| !word.is_empty());
        let allowed =
            words.map(|word| entry(word).ok_or_else(|| EgressError(word.to_owned()))).collect::<Result<Vec<_>, _>>()?;
        if allowed.len() > ENTRIES_MAX {
            return Err(EgressError(format!("{} entries", allowed.len())));
        }
        Ok(Self { allowed })
    }
}

fn entry(word: &str) -> Option<Entry> {
    if let Some((net, bits)) = word.split_once('/') {
        let net: IpAddr = net.parse().ok()?;
        let bits = bits.parse().ok().filter(|bits| *bits <= if net.is_ipv4() { 32 } else { 128 })?;
        return Some(Entry { place: Place::Net(net, bits), port: None });
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        return Some(Entry { place: whole(address), port: None });
    }
    if let Ok(socket) = word.parse::<std::net::SocketAddr>() {
        return Some(Entry { place: whole(socket.ip()), port: Some(socket.port()) });
    }
    let (host, port) = match word.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (word, None),
    };
    let is_name = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    (!plain(host).is_empty() && is_name(host)).then(|| Entry { place: Place::Name(plain(host)), port })
}

fn whole(address: IpAddr) -> Place {
    Place::Net(address, if address.is_ipv4() { 32 } else { 128 })
}

/// A name as it is compared: `Localhost.` is `localhost`.
pub fn plain(host: &str) -> String {
    host.trim_end_matches('.').to_ascii_lowercase()
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Net(net, bits) => write!(f, "{net}/{bits}"),
        }
    }
}

impl Egress {
    /// Why this host must not be called on this port; nothing is asked of a name server.
    pub(crate) fn refuses_port(&self, host: &str, port: u16) -> Option<String> {
        let host = plain(host);
        let is_meant = |entry: &&Entry| match &entry.place {
            Place::Name(name) => *name == host,
            Place::Net(net, bits) => host.parse::<IpAddr>().is_ok_and(|address| is_within(address, *net, *bits)),
        };
        let named = || self.allowed.iter().filter(is_meant).any(|entry| entry.port == Some(port));
        (PORTS.contains(&port) && !named()).then(|| format!("no web server has port {port}"))
    }

    /// Why an address that a host has must not be connected to.
    pub(crate) fn refuses(&self, host: &str, port: u16, address: IpAddr) -> Option<String> {
        let why = danger(address)?;
        let host = plain(host);
        let is_allowed = self.allowed.iter().any(|entry| {
            let is_meant = match &entry.place {
                Place::Name(name) => *name == host,
                Place::Net(net, bits) => is_within(address, *net, *bits),
            };
            is_meant && entry.port.is_none_or(|only| only == port)
        });
        (!is_allowed).then(|| format!("its address {address} {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allow: &str, host: &str, port: u16, address: &str, is_allowed: bool) {
        let egress: Egress = allow.parse().unwrap();
        let refused = egress.refuses(host, port, address.parse().unwrap());
        assert_eq!(refused.is_none(), is_allowed, "{allow}: {host}:{port} at {address}: {refused:?}");
    }

    #[test]
    fn what_is_named_is_allowed_and_nothing_else() {
        check("", "example.com", 443, "1.1.1.1", true);
        check("", "example.com", 443, "10.0.0.1", false);
        check("10.0.0.0/8", "example.com", 443, "10.1.2.3", true);
        check("10.0.0.0/8", "example.com", 443, "192.168.0.1", false);
        check("10.0.0.0/8", "example.com", 443, "::ffff:10.0.0.1", false);
        check("127.0.0.1", "localhost", 80, "127.0.0.1", true);
        check("127.0.0.1", "localhost", 80, "::1", false);
        check("127.0.0.1:8080", "localhost", 80, "127.0.0.1", false);
        check("[::1]:8080", "localhost", 8080, "::1", true);
        check("hooks.corp, Localhost.", "LOCALHOST", 80, "127.0.0.1", true);
        check("hooks.corp:8080", "hooks.corp.", 8080, "10.0.0.1", true);
        check("hooks.corp:8080", "hooks.corp", 80, "10.0.0.1", false);
        check("hooks.corp", "evil.hooks.corp", 80, "10.0.0.1", false);
        check("0.0.0.0/0", "a", 80, "127.0.0.1", true);
    }

    #[test]
    fn ports_of_other_protocols_are_refused() {
        let none = Egress::default();
        for port in [22, 25, 6379, 5432] {
            assert!(none.refuses_port("example.com", port).is_some(), "{port}");
        }
        for port in [80, 443, 8080, 6750, 50_000] {
            assert_eq!(none.refuses_port("example.com", port), None);
        }
        let named: Egress = "a:25 127.0.0.1:6379".parse().unwrap();
        assert_eq!((named.refuses_port("a", 25), named.refuses_port("127.0.0.1", 6379)), (None, None));
        assert!(named.refuses_port("a", 22).is_some() && named.refuses_port("b", 25).is_some());
    }

    #[test]
    fn what_names_nothing_is_no_entry() {
        for wrong in ["10.0.0.0/33", "a/8", "http://a", "a:b", "a:99999", ":80", "*", "ä", "."] {
            assert!(wrong.parse::<Egress>().is_err(), "{wrong}");
        }
    }
}
