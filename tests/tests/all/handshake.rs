//! From the TCP connection to an agreed subprotocol.

use parlor_proto::Subprotocol;
use parlor_tests::{Ended, Handshake, Options, TestClient, TestServer};

#[tokio::test]
async fn hs2_the_first_offer_that_the_server_knows_is_taken_in_the_clients_order() {
    let server = TestServer::start().await;
    for (offer, chosen) in [
        (&["v1.json, v1.binary, v2.proto"][..], "v1.json"),
        (&["v2.proto, v1.json"], "v2.proto"),
        (&["v1.binary", "v1.json"], "v1.binary"),
        (&["v9.magic,soap, v1.binary"], "v1.binary"),
    ] {
        let socket = Handshake::with(&server).offer(offer).open().await;
        assert_eq!(socket.expect("it is let in").chosen.as_deref(), Some(chosen), "{offer:?}");
    }
}
