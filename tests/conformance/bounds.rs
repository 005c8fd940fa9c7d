//! What Autobahn does not test: masks and lengths that RFC 6455 forbids, and the bounds of a message.

use std::time::Duration;

use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn ws1_a_frame_without_a_mask_closes_with_1002() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        let dialect = Dialect(subprotocol);
        let message = dialect.saying("Hello, world!");
        let length = u8::try_from(message.len()).expect("it is short");
        let without = [&[FIN | dialect.opcode(), length], &message[..]].concat();
        let ping = vec![FIN | PING, 0];
        let cases = [
            case("message", [Step::Send(without), close(1002)]),
            case("ping", [Step::Send(ping), close(1002)]),
        ];
        run(subprotocol, &cases).await;
    }
}

#[tokio::test]
async fn ws1_a_length_in_more_bytes_than_it_needs_closes_with_1002() {
    let of = |short: u8, length: &[u8]| {
        let head = [FIN | TEXT, 0x80 | short];
        Step::Send([&head, length, &[1, 2, 3, 4]].concat())
    };
    let cases = [
        case("125 in two", [of(126, &125_u16.to_be_bytes()), close(1002)]),
        case(
            "65535 in eight",
            [of(127, &65_535_u64.to_be_bytes()), close(1002)],
        ),
        case("64 bits", [of(127, &[0xFF; 8]), close(1002)]),
    ];
    run(Subprotocol::Json, &cases).await;
}

#[tokio::test]
async fn lm1_a_length_above_the_limit_closes_with_1009_before_the_payload_comes() {
    let head = |length: u64| {
        let head = [FIN | TEXT, 0x80 | 127];
        Step::Send([&head, &length.to_be_bytes()[..], &[1, 2, 3, 4]].concat())
    };
    let million = 1 << 20;
    let fragments = [
        send(TEXT, vec![b' '; million - 1]),
        send(FIN | CONTINUATION, "  "),
        close(1009),
    ];
    let cases = [
        case("one byte more", [head(million as u64 + 1), close(1009)]),
        case("as much as can be", [head(u64::MAX >> 1), close(1009)]),
        case("in fragments", fragments),
    ];
    run(Subprotocol::Json, &cases).await;
}

#[tokio::test]
async fn ws3_obeyed_a_message_may_come_in_64_fragments() {
    let message = Dialect(Subprotocol::Json).saying("Hello, world!");
    let (head, tail) = message.split_at(63);
    let parts = head.chunks(1).chain([tail]);
    let mut steps = fragments(TEXT, parts);
    assert_eq!(steps.len(), 64);
    steps.push(echo("Hello, world!"));
    run(Subprotocol::Json, &[case("64", steps)]).await;
}

#[tokio::test]
async fn ws3_violated_a_message_in_65_fragments_closes_with_1008() {
    // Empty ones count, and the end need not come.
    let mut steps = vec![send(TEXT, "")];
    steps.extend((1..65).map(|_| send(CONTINUATION, "")));
    steps.push(close(1008));
    run(Subprotocol::Json, &[case("65", steps)]).await;
}

#[tokio::test]
async fn ws4_violated_a_message_that_takes_too_long_closes_with_4408() {
    let patience = Duration::from_millis(300);
    let server = TestServer::with_limits(|limits| limits.message_timeout = patience).await;
    let message = masked_frame(
        FIN | TEXT,
        &Dialect(Subprotocol::Json).saying("Hello, world!"),
    );
    let half_a_message = fragments(TEXT, [&b"{"[..], b"}"]).swap_remove(0);
    let Step::Send(half_a_message) = half_a_message else {
        unreachable!("fragments are sent");
    };
    for begun in [&message[..1], &message[..20], &half_a_message] {
        let mut client = RawClient::join(&server, Subprotocol::Json, ROOM, "echo").await;
        let since = Instant::now();
        client.send(begun, usize::MAX).await;
        assert_eq!(closed(client, Some(4408)).await, Ok(()));
        assert!(since.elapsed() >= patience);
    }
}

#[tokio::test]
async fn ws4_obeyed_silence_between_messages_is_not_held_against_a_client() {
    let patience = Duration::from_millis(100);
    let server = TestServer::with_limits(|limits| {
        limits.message_timeout = patience;
        limits.heartbeat = 3 * patience;
    })
    .await;
    let mut client = RawClient::join(&server, Subprotocol::Json, ROOM, "echo").await;
    let dialect = Dialect(Subprotocol::Json);
    for text in ["one", "two"] {
        let message = masked_frame(FIN | TEXT, &dialect.saying(text));
        client.send(&message, 7).await;
        assert_eq!(
            expect(&mut client, &Came::Echo(text.to_owned())).await,
            Ok(())
        );
        // The server's ping comes only after three times the patience it has with messages.
        let ping = client.frame().await.expect("the connection goes on");
        assert_eq!(ping.opcode, PING);
        client
            .send(&masked_frame(FIN | PONG, &ping.payload), usize::MAX)
            .await;
    }
}
