//! What is read of a connection before anybody knows who it is from: the PROXY header, and the headers of the handshake
//! that say where it comes from and who is asking.
//!
//! The input is what a connection begins with: a PROXY v2 header, if there is one, and lines of `Name: value`. A few
//! names are for the fuzzer alone, which cannot guess a signature: `Claims` and `Header` become a token that is signed
//! as they ask, and `Keys` is read as a key set.

mod origin;
mod peer;
mod token;

use parlor_gate::offer::{self, Negotiated, Offer};
use parlor_gate::token::Token;
use parlor_proto::Subprotocol;

/// Reads the bytes as the beginning of a connection.
pub fn handshake(input: &[u8]) {
    let (from, head) = peer::proxy_header(input);
    let Ok(head) = std::str::from_utf8(head) else {
        return;
    };
    let lines: Vec<(&str, &str)> = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
        .collect();
    let all = |wanted: &str| -> Vec<&str> {
        let found = lines
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(wanted));
        found.map(|(_, value)| *value).collect()
    };
    let first = |wanted: &str| all(wanted).first().copied();

    peer::forwarded_for(from, &all("X-Forwarded-For"));
    origin::check(first("Origin"), first("Host"));
    let offer = offer(&all("Sec-WebSocket-Protocol"));
    let authorization = first("Authorization").and_then(Token::from_authorization);
    for presented in authorization.iter().chain(&offer.token) {
        assert_eq!(format!("{presented:?}"), "Token(redacted)");
        token::presented(presented.as_str());
    }
    if let Some(claims) = first("Claims") {
        token::signed(first("Header"), claims);
    }
    if let Some(keys) = first("Keys") {
        token::keys(keys.as_bytes());
    }
}

/// The first known name of the offer is spoken, and a token is never said back.
fn offer(headers: &[&str]) -> Offer {
    let offer = offer::read(headers.iter().copied());
    assert_eq!(
        offer::read([headers.join(",").as_str()]),
        offer,
        "several headers are one list"
    );
    let entries = headers.iter().flat_map(|header| header.split(','));
    let mut names = entries.map(str::trim);
    match &offer.negotiated {
        Negotiated::Speak(subprotocol) => {
            let known = names.find_map(Subprotocol::from_name);
            assert_eq!(known, Some(*subprotocol), "the client's order decides");
        }
        Negotiated::Unknown { first } => {
            let is_token = first.to_ascii_lowercase().starts_with("auth.");
            assert!(!is_token, "a token is echoed: {first}");
            assert!(
                names.any(|name| name == first),
                "what was not offered is echoed"
            );
        }
        Negotiated::NoOffer => assert_eq!(names.find_map(Subprotocol::from_name), None),
    }
    offer
}
