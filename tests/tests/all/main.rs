//! Tests of the whole server over real sockets. The names of tests say what holds; where they prove a rule of
//! `proto/SPEC.md`, its number is in the name.

mod arena;
mod auth;
mod bans;
mod blame;
mod catalog;
mod chaos;
#[path = "../../conformance/mod.rs"]
mod conformance;
mod crash;
mod data_dir;
mod dev;
mod doors;
mod drain;
mod durable;
mod encodings;
mod handshake;
mod hostile;
mod inputs;
mod joining;
mod limits;
mod limits_rates;
mod limits_rooms;
mod many_rooms;
mod opening;
mod presence;
mod proxies;
mod resume;
mod rooms;
mod seats;
mod slow_clients;
mod states;
mod storage;
mod swap;
mod sync;
mod ticks;
mod tls;
mod typescript;
mod uploads;
