//! The sockets that clients come to.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted: whoever comes when there are as many is heard of again only a second later.
/// The system has a bound of its own, by default 4,096 too (`net.core.somaxconn`).
const BACKLOG: u32 = 4_096;

/// Listens at an address, in a tokio runtime; port 0 takes any free one.
///
/// # Errors
///
/// When the address is taken, is none of this machine's, or may not be listened at.
pub fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that was restarted need not wait for the end of the connections of the one before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
