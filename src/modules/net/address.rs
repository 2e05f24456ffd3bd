//! Which addresses are private (`modules.md` §3.5): code that may reach the internet may not thereby reach what is
//! around the machine it runs on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::runtime::access::Access;
use crate::runtime::errors::ErrorData;

/// Asks whether an address may be dialled.
///
/// # Errors
/// `PermissionDenied`
pub fn check(access: &Access, action: &str, address: IpAddr) -> Result<(), ErrorData> {
    match unwrap(address) {
        address if is_private(address) => access.check(action, &address.to_string()),
        _ => Ok(()),
    }
}

/// The IPv4 address that an IPv6 address stands for: mapped (`::ffff:a.b.c.d`), or translated by a gateway
/// (`64:ff9b::a.b.c.d`, RFC 6052).
fn unwrap(address: IpAddr) -> IpAddr {
    let IpAddr::V6(six) = address else { return address };
    let translated = match six.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => six.to_ipv4_mapped(),
    };
    translated.map_or(address, IpAddr::V4)
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            // All of 0/8 is "this network"; systems take it for themselves.
            four.is_loopback() || four.is_private() || four.is_link_local() || four.octets()[0] == 0
        }
        IpAddr::V6(six) => {
            six.is_loopback()
                || six.is_unspecified()
                || six.is_unique_local()
                || six.is_unicast_link_local()
                || compatible(six).is_some_and(|four| is_private(IpAddr::V4(four)))
        }
    }
}

/// The address in the old form `::a.b.c.d`, which some systems still route.
fn compatible(six: Ipv6Addr) -> Option<Ipv4Addr> {
    match six.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn guarded(text: &str) -> bool {
        let access = Access::new(Arc::new(|_: &str, _: &str| false));
        check(&access, "private", text.parse().expect("an address")).is_err()
    }

    #[test]
    fn private_addresses_are_guarded() {
        for text in [
            "127.0.0.1",
            "127.255.0.3",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "0.0.0.0",
            "0.1.2.3",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "fdff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::10.0.0.1",
            "::192.168.0.1",
        ] {
            assert!(guarded(text), "{text}");
        }
        for text in [
            "1.1.1.1",
            "172.15.255.255",
            "172.32.0.1",
            "192.169.0.1",
            "11.0.0.1",
            "2606:4700::1111",
            "::ffff:8.8.8.8",
            "64:ff9b::8.8.8.8",
            "fec0::1",
        ] {
            assert!(!guarded(text), "{text}");
        }
    }

    #[test]
    fn the_guard_is_told_the_unwrapped_address() {
        let access = Access::new(Arc::new(|action: &str, address: &str| action == "a" && address == "10.1.2.3"));
        assert!(check(&access, "a", "::ffff:10.1.2.3".parse().expect("an address")).is_ok());
        assert!(check(&access, "a", "10.1.2.4".parse().expect("an address")).is_err());
    }
}
