//! Which machines may say on whose behalf they connect.
//!
//! A proxy hides its clients' addresses, and `X-Forwarded-For` brings them back. Anybody can send that header, so it
//! counts only when the connection itself comes from a proxy that the operator named, and only as far to the left as
//! such proxies wrote it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use crate::address::Place;

/// The proxies that the operator trusts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    trusted: Vec<IpNet>,
}

/// A text that names no network to trust.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not in CIDR notation.
    #[error("trust {0:?}: write an address or a network, like 10.0.0.5 or 10.0.0.0/8")]
    Unreadable(String),
    /// All addresses there are.
    #[error(
        "trust {0:?}: this is everybody, and everybody could claim any address; name the network of your proxies"
    )]
    Everybody(String),
}

impl Proxies {
    /// Reads networks in CIDR notation, or single addresses.
    ///
    /// # Errors
    ///
    /// The first text that is none.
    pub fn parse<S: AsRef<str>>(networks: &[S]) -> Result<Self, NetworkError> {
        let networks = networks.iter().map(|text| parse_network(text.as_ref()));
        Ok(Self {
            trusted: networks.collect::<Result<_, _>>()?,
        })
    }

    /// Whether there are any.
    #[must_use]
    pub fn is_any(&self) -> bool {
        !self.trusted.is_empty()
    }

    /// Whether this address is one of them.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.trusted
            .iter()
            .any(|network| network.contains(&address))
    }

    /// The place that limits and bans count for this address. Where no proxy is trusted, this machine itself has none:
    /// whoever is on it is the operator, or comes through a proxy that was not named, and then all are one address.
    #[must_use]
    pub fn place(&self, address: IpAddr) -> Option<Place> {
        let is_counted = self.is_any() || !address.to_canonical().is_loopback();
        is_counted.then(|| Place::of(address))
    }

    /// The client behind a connection from `peer` that carried these `X-Forwarded-For` headers, in their order.
    ///
    /// Read from the right, where the nearest proxy wrote: the first address that is not a trusted proxy is the client.
    /// What cannot be read ends the search, and whoever vouched for it is taken for the client.
    pub fn client<'a>(
        &self,
        peer: IpAddr,
        forwarded_for: impl DoubleEndedIterator<Item = &'a str>,
    ) -> IpAddr {
        let mut client = peer.to_canonical();
        let entries = forwarded_for.rev().flat_map(|header| header.rsplit(','));
        for entry in entries {
            if !self.trusts(client) {
                break;
            }
            match parse_entry(entry.trim()) {
                Some(address) => client = address.to_canonical(),
                None => break,
            }
        }
        client
    }
}

fn parse_network(text: &str) -> Result<IpNet, NetworkError> {
    let network = text.parse().or_else(|_| {
        text.parse()
            .map(|address: IpAddr| address.to_canonical().into())
    });
    match network {
        Ok(network) if IpNet::prefix_len(&network) == 0 => {
            Err(NetworkError::Everybody(text.to_owned()))
        }
        Ok(network) => Ok(network),
        Err(_) => Err(NetworkError::Unreadable(text.to_owned())),
    }
}

/// An address, as proxies write it: some add a port, and then an IPv6 address stands in brackets.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let bare = || entry.parse().ok();
    let with_port = || entry.parse().ok().map(|it: SocketAddr| it.ip());
    let in_brackets = || entry.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    bare().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies::parse(networks).unwrap()
    }

    #[track_caller]
    fn check(peer: &str, forwarded_for: &[&str], client: &str) {
        let proxies = proxies(&["10.0.0.0/8", "2001:db8:ffff::/48"]);
        let found = proxies.client(ip(peer), forwarded_for.iter().copied());
        assert_eq!(found, ip(client), "{peer} {forwarded_for:?}");
    }

    #[test]
    fn what_a_stranger_claims_does_not_count() {
        check("203.0.113.7", &["198.51.100.1"], "203.0.113.7");
        check("203.0.113.7", &["198.51.100.1, 10.0.0.1"], "203.0.113.7");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        check("10.0.0.1", &["203.0.113.7"], "203.0.113.7");
        check("10.0.0.1", &["198.51.100.66, 203.0.113.7"], "203.0.113.7");
        check(
            "10.0.0.1",
            &["198.51.100.66,203.0.113.7 ,10.0.0.2"],
            "203.0.113.7",
        );
        check(
            "10.0.0.1",
            &["198.51.100.66", "203.0.113.7", "10.0.0.2"],
            "203.0.113.7",
        );
        check("2001:db8:ffff::1", &["2001:db8:1::5"], "2001:db8:1::5");
    }

    #[test]
    fn ports_brackets_and_mapped_addresses_are_read() {
        check("10.0.0.1", &["203.0.113.7:4711"], "203.0.113.7");
        check("10.0.0.1", &["[2001:db8:1::5]:4711"], "2001:db8:1::5");
        check("10.0.0.1", &["[2001:db8:1::5]"], "2001:db8:1::5");
        check("::ffff:10.0.0.1", &["::ffff:203.0.113.7"], "203.0.113.7");
    }

    #[test]
    fn what_cannot_be_read_is_charged_to_whoever_passed_it_on() {
        check("10.0.0.1", &["unknown"], "10.0.0.1");
        check("10.0.0.1", &["203.0.113.7, unknown, 10.0.0.2"], "10.0.0.2");
        check("10.0.0.1", &[""], "10.0.0.1");
        check("10.0.0.1", &[], "10.0.0.1");
        check("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3");
    }

    #[test]
    fn networks_and_single_addresses_can_be_trusted() {
        let some = proxies(&["10.0.0.5", "fd00::/8"]);
        assert!(some.trusts(ip("10.0.0.5")) && some.trusts(ip("::ffff:10.0.0.5")));
        assert!(some.trusts(ip("fd12::1")));
        assert!(!some.trusts(ip("10.0.0.6")));
        for bad in ["", "10.0.0.0/33", "proxy.example", "10.0.0.0/8,10.1.0.0/16"] {
            assert!(
                matches!(Proxies::parse(&[bad]), Err(NetworkError::Unreadable(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn not_everybody_can_be_trusted() {
        for bad in ["0.0.0.0/0", "::/0"] {
            assert!(
                matches!(Proxies::parse(&[bad]), Err(NetworkError::Everybody(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn this_machine_counts_only_behind_a_trusted_proxy() {
        let (none, some) = (proxies(&[]), proxies(&["10.0.0.0/8"]));
        for loopback in ["127.0.0.1", "::1", "::ffff:127.0.0.9"] {
            assert_eq!(none.place(ip(loopback)), None);
            assert_eq!(some.place(ip(loopback)), Some(Place::of(ip(loopback))));
        }
        assert!(none.place(ip("203.0.113.7")).is_some());
    }
}
