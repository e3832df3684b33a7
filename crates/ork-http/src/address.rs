//! Which addresses belong to everybody, and which to a network of somebody's own.
//!
//! After the registries of special addresses of IANA (RFC 6890 and its followers).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that no name of somebody else's has any business in.
const V4: &[(Ipv4Addr, u8, &str)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8, "means this machine"),
    (Ipv4Addr::new(10, 0, 0, 0), 8, "is private"),
    (Ipv4Addr::new(100, 64, 0, 0), 10, "is shared by customers of a provider"),
    (Ipv4Addr::new(127, 0, 0, 0), 8, "is this machine"),
    (Ipv4Addr::new(168, 63, 129, 16), 32, "tells about the machine (metadata)"),
    (Ipv4Addr::new(169, 254, 0, 0), 16, "is link-local, as metadata services are"),
    (Ipv4Addr::new(172, 16, 0, 0), 12, "is private"),
    (Ipv4Addr::new(192, 0, 0, 0), 24, "is reserved for protocols"),
    (Ipv4Addr::new(192, 0, 2, 0), 24, "is for documentation"),
    (Ipv4Addr::new(192, 88, 99, 0), 24, "is of a relay of IPv6"),
    (Ipv4Addr::new(192, 168, 0, 0), 16, "is private"),
    (Ipv4Addr::new(198, 18, 0, 0), 15, "is for measurements"),
    (Ipv4Addr::new(198, 51, 100, 0), 24, "is for documentation"),
    (Ipv4Addr::new(203, 0, 113, 0), 24, "is for documentation"),
    (Ipv4Addr::new(224, 0, 0, 0), 4, "is multicast"),
    (Ipv4Addr::new(240, 0, 0, 0), 4, "is reserved"),
];

/// Networks of IPv6, the narrow ones first; what is in none of them and not in `2000::/3` belongs to nobody.
const V6: &[(Ipv6Addr, u8, &str)] = &[
    (Ipv6Addr::UNSPECIFIED, 128, "means this machine"),
    (Ipv6Addr::LOCALHOST, 128, "is this machine"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96, "holds an address of IPv4"),
    (Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 0), 96, "holds an address of IPv4"),
    (Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), 96, "holds an address of IPv4"),
    (Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0), 48, "holds an address of IPv4"),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16, "holds an address of IPv4"),
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23, "is reserved for protocols"),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32, "is for documentation"),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20, "is for documentation"),
    (Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7, "is private"),
    (Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10, "is link-local, as metadata services are"),
    (Ipv6Addr::new(0xfec0, 0, 0, 0, 0, 0, 0, 0), 10, "is private"),
    (Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8, "is multicast"),
];
const GLOBAL: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Why this address is not one that everybody reaches; `None` when it is.
#[must_use]
pub fn danger(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => V4.iter().find(|(net, bits, _)| is_within(v4.into(), (*net).into(), *bits)).map(|net| net.2),
        IpAddr::V6(v6) => {
            let is_in = |net: Ipv6Addr, bits| is_within(v6.into(), net.into(), bits);
            let known = V6.iter().find(|(net, bits, _)| is_in(*net, *bits)).map(|net| net.2);
            known.or_else(|| (!is_in(GLOBAL.0, GLOBAL.1)).then_some("belongs to nobody"))
        }
    }
}

/// Whether an address lies in a network. One of IPv4 never lies in one of IPv6, however it is written.
pub fn is_within(address: IpAddr, net: IpAddr, bits: u8) -> bool {
    match (address, net) {
        (IpAddr::V4(address), IpAddr::V4(net)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            address.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(net)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            address.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_everybody_reaches_is_harmless() {
        let dangerous = [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "127.255.255.255",
            "168.63.129.16",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.192",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2001:0:1::",
            "2001:db8::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "100::1",
            "4000::1",
        ];
        for text in dangerous {
            assert!(danger(text.parse().unwrap()).is_some(), "{text}");
        }
        let harmless = [
            "1.1.1.1",
            "8.8.8.8",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.167.255.255",
            "192.169.0.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "2001:4860:4860::8888",
        ];
        for text in harmless {
            assert_eq!(danger(text.parse().unwrap()), None, "{text}");
        }
    }
}
