//! Who may come in to a Parlor server, and how much they may ask of it.
//!
//! Everything here is a decision over values: bytes that a stranger sent, an address, the time. Sockets, clocks and
//! files are the server's. So each rule can be tested with plain values, and what parses a stranger's bytes can be
//! fuzzed without building a server around it.

pub mod address;
pub mod bans;
pub mod jwt;
pub mod offer;
pub mod origin;
pub mod proxy;
pub mod proxy_header;
pub mod rates;
pub mod resume_token;
pub mod ticket;
pub mod token;
