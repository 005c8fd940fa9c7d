//! What a client offers in `Sec-WebSocket-Protocol`: subprotocols, of which the first in the client's order that we know
//! is spoken, and perhaps a token, since a browser can send no header of its own with a WebSocket.

use parlor_proto::Subprotocol;

use crate::token::Token;

/// An entry with this in front, in any case, carries a token and is no subprotocol.
const TOKEN_PREFIX: &str = "auth.";

/// A client's offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What is to be spoken.
    pub negotiated: Negotiated,
    /// The token of the first `auth.` entry.
    pub token: Option<Token>,
}

/// What came of the offered subprotocols.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Negotiated {
    /// This is spoken.
    Speak(Subprotocol),
    /// Nothing in the offer is known. Its first entry is echoed, since a browser delivers a close frame, and the reason
    /// in it, only on a connection it takes for open. An entry with a token is never echoed.
    Unknown {
        /// The first entry.
        first: String,
    },
    /// There was no offer.
    NoOffer,
}

/// Reads the offer from the values of all its headers, in their order.
pub fn read<'a>(headers: impl IntoIterator<Item = &'a str>) -> Offer {
    let (tokens, names): (Vec<&str>, Vec<&str>) = headers
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .partition(|entry| token_in(entry).is_some());
    let known = names.iter().find_map(|it| Subprotocol::from_name(it));
    let negotiated = match (known, names.first()) {
        (Some(subprotocol), _) => Negotiated::Speak(subprotocol),
        (None, Some(first)) => Negotiated::Unknown {
            first: (*first).to_owned(),
        },
        (None, None) => Negotiated::NoOffer,
    };
    let token = tokens.first().and_then(|entry| token_in(entry));
    Offer {
        negotiated,
        token: token.map(Token::new),
    }
}

fn token_in(entry: &str) -> Option<&str> {
    let (prefix, token) = entry.split_at_checked(TOKEN_PREFIX.len())?;
    prefix.eq_ignore_ascii_case(TOKEN_PREFIX).then_some(token)
}

/// The reason in the close frame where nothing is in common.
#[must_use]
pub fn refusal_reason() -> String {
    let names = Subprotocol::ALL.map(Subprotocol::name).join(", ");
    format!("no common subprotocol; this server speaks {names}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn negotiated(headers: &[&str]) -> Negotiated {
        read(headers.iter().copied()).negotiated
    }

    fn unknown(first: &str) -> Negotiated {
        Negotiated::Unknown {
            first: first.to_owned(),
        }
    }

    #[test]
    fn hs2_the_clients_order_decides() {
        assert_eq!(
            negotiated(&["v2.proto, v1.json"]),
            Negotiated::Speak(Subprotocol::Proto)
        );
        assert_eq!(
            negotiated(&["v9.magic", "v1.binary,v1.json"]),
            Negotiated::Speak(Subprotocol::Binary)
        );
    }

    #[test]
    fn hs3_an_unknown_offer_is_echoed_by_its_first_entry() {
        assert_eq!(negotiated(&[" v9.magic ,soap"]), unknown("v9.magic"));
        assert_eq!(negotiated(&[]), Negotiated::NoOffer);
        assert_eq!(negotiated(&[" , "]), Negotiated::NoOffer);
    }

    #[test]
    fn the_token_is_taken_out_wherever_it_is() {
        for headers in [
            &["auth.a.b.c, v1.json"][..],
            &["v1.json,auth.a.b.c"],
            &["v1.json", "auth.a.b.c, auth.other"],
            &["AUTH.a.b.c", "soap, v1.json"],
        ] {
            let offer = read(headers.iter().copied());
            assert_eq!(offer.negotiated, Negotiated::Speak(Subprotocol::Json));
            assert_eq!(offer.token, Some(Token::new("a.b.c")), "{headers:?}");
        }
    }

    #[test]
    fn hs8_the_token_is_never_echoed() {
        assert_eq!(negotiated(&["auth.a.b.c, soap"]), unknown("soap"));
        assert_eq!(negotiated(&["Auth.a.b.c"]), Negotiated::NoOffer);
        let shown = format!("{:?}", read(["auth.a.b.c, soap"]));
        assert!(!shown.contains("a.b.c"), "{shown}");
    }

    #[test]
    fn what_only_looks_like_a_token_is_a_name() {
        for name in ["auth", "authx", "äuth.x", "auth,"] {
            assert_eq!(read([name]).token, None, "{name}");
        }
    }

    #[test]
    fn the_refusal_fits_a_close_frame() {
        assert!(refusal_reason().len() <= 123);
    }
}
