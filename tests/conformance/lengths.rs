//! Sections 1 and 10: messages of all lengths, whole and in fragments.

use super::*;

/// 1.1 in `v1.json`, 1.2 in `v1.binary`.
fn lengths(dialect: Dialect) -> Vec<Case> {
    let section = if dialect.0.is_text() { "1.1" } else { "1.2" };
    let of = |index: usize, bytes: usize| {
        let text = dialect.text_of(bytes);
        let number = format!("{section}.{index}");
        case(number, [dialect.say(&text), echo(text)])
    };
    let empty = [
        send(FIN | dialect.opcode(), ""),
        error("INVALID_MESSAGE_FORMAT"),
    ];
    vec![
        case(format!("{section}.1"), empty),
        of(2, 125),
        of(3, 126),
        of(4, 127),
        of(5, 128),
        of(6, 65_535),
        of(7, 65_536),
        // As before, in slices of 997, as every long message is in its turn.
        of(8, 65_536),
    ]
}

/// 10.1.1: as an endpoint sends it that fragments by itself.
fn fragmented(dialect: Dialect) -> Vec<Case> {
    let text = dialect.text_of(65_536);
    let message = dialect.saying(&text);
    let mut steps = fragments(dialect.opcode(), message.chunks(1_300));
    steps.push(echo(text));
    vec![case("10.1.1", steps)]
}

#[tokio::test]
async fn hs5_autobahn_1_messages_of_all_lengths_come_back() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        let cases = lengths(Dialect(subprotocol));
        assert_complete(&cases, 8);
        run(subprotocol, &cases).await;
    }
}

#[tokio::test]
async fn hs5_autobahn_10_a_long_message_in_fragments_comes_back() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        run(subprotocol, &fragmented(Dialect(subprotocol))).await;
    }
}
