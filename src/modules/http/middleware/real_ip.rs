//! The address of the client, where trusted proxies are in between.

use std::net::IpAddr;

use hyper::header::HeaderMap;

use super::Options;

/// Options of `real_ip`.
pub struct RealIp {
    trusted: Vec<(IpAddr, u32)>,
    trust_all: bool,
}

impl RealIp {
    pub(super) fn new(options: &Options<'_>) -> Result<RealIp, String> {
        let subnets = options.list("trusted.subnets", "");
        let parse = |text: &String| subnet(text).ok_or_else(|| format!("real_ip.trusted.subnets: {text:?} is none"));
        Ok(RealIp {
            trusted: subnets.iter().map(parse).collect::<Result<_, _>>()?,
            trust_all: options.parsed("trust_all", false, |text| text.parse().ok())?,
        })
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trust_all || self.trusted.iter().any(|(network, bits)| is_in(address, *network, *bits))
    }

    /// Who has sent a request that came from `peer`: the last address in the list of the proxies that is not trusted.
    pub(super) fn client(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let mut client = peer;
        let lists = headers.get_all("x-forwarded-for").iter().filter_map(|list| list.to_str().ok());
        let named: Vec<&str> = lists.flat_map(|list| list.split(',')).map(str::trim).collect();
        if named.is_empty() {
            let named = headers.get("x-real-ip").and_then(|named| named.to_str().ok()?.trim().parse::<IpAddr>().ok());
            return named.filter(|_| self.trusts(peer)).map_or(peer, |named| named.to_canonical());
        }
        for named in named.iter().rev() {
            let Ok(named) = named.parse::<IpAddr>() else { break };
            if !self.trusts(client) {
                break;
            }
            client = named.to_canonical();
        }
        client
    }
}

/// An address with the number of bits that count, all if it says nothing.
fn subnet(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = if text.contains('/') { bits.parse().ok().filter(|bits| *bits <= width)? } else { width };
    Some((address, bits))
}

fn is_in(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let common = match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => return false,
    };
    common >= bits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trusted_proxies_are_believed() {
        let options = [("real_ip.trusted.subnets".to_owned(), "10.0.0.0/8, fd00::1".to_owned())].into();
        let real_ip = RealIp::new(&Options { name: "real_ip", all: &options }).expect("good options");
        let client = |peer: &str, forwarded: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", forwarded.parse().expect("a header"));
            real_ip.client(&headers, peer.parse().expect("an address")).to_string()
        };
        assert_eq!(client("10.1.1.1", "6.6.6.6, 5.5.5.5, 10.2.2.2"), "5.5.5.5");
        assert_eq!(client("5.5.5.5", "6.6.6.6"), "5.5.5.5");
        assert_eq!(client("10.1.1.1", "10.3.3.3"), "10.3.3.3");
        assert_eq!(client("10.1.1.1", "6.6.6.6, nonsense"), "10.1.1.1");
        assert_eq!(client("fd00::1", "::ffff:7.7.7.7"), "7.7.7.7");
        assert_eq!(client("fd00::2", "7.7.7.7"), "fd00::2");
        for wrong in ["10.0.0.0/33", "ten", "10.0.0.0/x", "1.2.3.4/"] {
            assert_eq!(subnet(wrong), None, "{wrong}");
        }
    }
}
