//! Addresses that are kept while nobody listens there.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use rand::Rng;

/// Below those that the system gives to outgoing connections. One of these could get the port of a server that is down,
/// even be connected to itself, and keep the server from coming back.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// More than are ever taken at a time.
const TRIES_MAX: usize = 1_000;

/// A free address to come back to.
///
/// # Panics
///
/// When all are taken.
pub(crate) fn lasting_address() -> SocketAddr {
    let mut rng = rand::rng();
    let tried = (0..TRIES_MAX).map(|_| {
        let port = rng.random_range(PORTS);
        SocketAddr::from((Ipv4Addr::LOCALHOST, port))
    });
    let mut free = tried.filter(|address| TcpListener::bind(address).is_ok());
    free.next().expect("a port is free")
}
