//! Tests of the whole server over real sockets. The names of tests say what holds; where they prove a rule of
//! `proto/SPEC.md`, its number is in the name.

mod handshake;
