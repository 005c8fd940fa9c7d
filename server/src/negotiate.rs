//! Which subprotocol a connection speaks: the first of the client's offer, in the client's order, that we know.

use axum::http::HeaderMap;
use axum::http::header::SEC_WEBSOCKET_PROTOCOL;
use parlor_proto::Subprotocol;

/// What came of the offer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Negotiated {
    /// This is spoken.
    Speak(Subprotocol),
    /// Nothing in the offer is known. Its first entry is echoed, since a browser delivers a close frame, and the reason
    /// in it, only on a connection it takes for open.
    Unknown {
        /// The first entry.
        first: String,
    },
    /// There was no offer.
    NoOffer,
}

/// Reads the offer from the request's headers, where it may be spread over several.
pub(crate) fn negotiate(headers: &HeaderMap) -> Negotiated {
    let offer: Vec<&str> = headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .collect();
    match (
        offer.iter().find_map(|it| Subprotocol::from_name(it)),
        offer.first(),
    ) {
        (Some(subprotocol), _) => Negotiated::Speak(subprotocol),
        (None, Some(first)) => Negotiated::Unknown {
            first: (*first).to_owned(),
        },
        (None, None) => Negotiated::NoOffer,
    }
}

/// The reason in the close frame where nothing is in common.
pub(crate) fn refusal_reason() -> String {
    let names = Subprotocol::ALL.map(Subprotocol::name).join(", ");
    format!("no common subprotocol; this server speaks {names}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(headers: &[&str]) -> Negotiated {
        let mut map = HeaderMap::new();
        for header in headers {
            map.append(SEC_WEBSOCKET_PROTOCOL, header.parse().unwrap());
        }
        negotiate(&map)
    }

    #[test]
    fn the_clients_order_decides() {
        assert_eq!(
            offer(&["v2.proto, v1.json"]),
            Negotiated::Speak(Subprotocol::Proto)
        );
        assert_eq!(
            offer(&["v9.magic", "v1.binary,v1.json"]),
            Negotiated::Speak(Subprotocol::Binary)
        );
    }

    #[test]
    fn an_unknown_offer_is_echoed_by_its_first_entry() {
        assert_eq!(
            offer(&[" v9.magic ,soap"]),
            Negotiated::Unknown {
                first: "v9.magic".to_owned()
            }
        );
        assert_eq!(offer(&[]), Negotiated::NoOffer);
        assert_eq!(offer(&[" , "]), Negotiated::NoOffer);
    }

    #[test]
    fn the_refusal_fits_a_close_frame() {
        assert!(refusal_reason().len() <= 123);
    }
}
