//! Where a connection comes from, and on whose behalf.

use std::net::{IpAddr, Ipv4Addr};

use parlor_gate::address::Place;
use parlor_gate::proxy::Proxies;
use parlor_gate::proxy_header::{START_BYTES, Start};

/// The networks of trusted proxies, and the proxy that every connection comes from which says nothing else.
const TRUSTED: [&str; 2] = ["10.0.0.0/8", "fd00::/8"];
const PROXY: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
/// Somebody who would like to be taken for somebody else.
const STRANGER: &str = "198.51.100.66";

/// Takes the PROXY header off. A connection that has none, or a wrong one, is taken to come from the proxy.
pub(super) fn proxy_header(input: &[u8]) -> (IpAddr, &[u8]) {
    let Some((start, rest)) = input.split_first_chunk::<START_BYTES>() else {
        return (PROXY, input);
    };
    let Ok(start) = Start::parse(start) else {
        return (PROXY, input);
    };
    let Some((header, head)) = rest.split_at_checked(start.rest_bytes) else {
        return (PROXY, rest);
    };
    let client = start.client(header).ok().flatten();
    (client.unwrap_or(PROXY), head)
}

/// Nobody can choose by what is on the left who they are taken for.
pub(super) fn forwarded_for(peer: IpAddr, headers: &[&str]) {
    let proxies = Proxies::parse(&TRUSTED).expect("these are networks");
    let client = proxies.client(peer, headers.iter().copied());
    if !proxies.trusts(peer) {
        assert_eq!(client, peer.to_canonical(), "a stranger speaks for nobody");
    }
    if !proxies.trusts(client) {
        let mut claimed = vec![STRANGER];
        claimed.extend(headers);
        assert_eq!(proxies.client(peer, claimed.into_iter()), client);
    }
    let joined = headers.join(",");
    assert_eq!(
        proxies.client(peer, [joined.as_str()].into_iter()),
        if headers.is_empty() {
            peer.to_canonical()
        } else {
            client
        },
        "several headers are one list"
    );
    let place = Place::of(client);
    assert_eq!(
        place.to_string().parse(),
        Ok(place),
        "a place is read as it is written"
    );
}
