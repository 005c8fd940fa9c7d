//! Sections 2, 3 and 4: pings and pongs, reserved bits, reserved opcodes.

use super::*;

fn pings() -> Vec<Case> {
    let bytes = [0x00, 0xFF, 0xFE, 0xFD, 0xFC, 0xFB, 0x00, 0xFF];
    let ten = |number| {
        let payloads = (0..10).map(|n| format!("payload-{n}"));
        let pings = payloads.clone().map(|it| send(FIN | PING, it));
        case(number, pings.chain(payloads.map(pong)))
    };
    vec![
        case("2.1", [send(FIN | PING, ""), pong("")]),
        case(
            "2.2",
            [send(FIN | PING, "Hello, world!"), pong("Hello, world!")],
        ),
        case("2.3", [send(FIN | PING, bytes), pong(bytes)]),
        case("2.4", [send(FIN | PING, [0xFE; 125]), pong([0xFE; 125])]),
        case("2.5", [send(FIN | PING, [0xFE; 126]), close(1002)]),
        // As 2.4, in single bytes, as every case is in its turn.
        case("2.6", [send(FIN | PING, [0xFE; 125]), pong([0xFE; 125])]),
        case("2.7", [send(FIN | PONG, "")]),
        case("2.8", [send(FIN | PONG, "unsolicited pong payload")]),
        case(
            "2.9",
            [
                send(FIN | PONG, "unsolicited pong payload"),
                send(FIN | PING, "ping payload"),
                pong("ping payload"),
            ],
        ),
        ten("2.10"),
        // As before, in single bytes.
        ten("2.11"),
    ]
}

/// A message that comes back, a frame that may not be, and a ping that is not answered any more.
fn after_a_message(number: &str, dialect: Dialect, bad: Step) -> Case {
    let text = "Hello, world!";
    let steps = [
        dialect.say(text),
        echo(text),
        bad,
        send(FIN | PING, ""),
        close(1002),
    ];
    case(number, steps)
}

fn reserved_bits(dialect: Dialect) -> Vec<Case> {
    let message = dialect.saying("Hello, world!");
    let with = |bits: u8, opcode: u8| send(FIN | (bits << 4) | opcode, &message);
    let opcode = dialect.opcode();
    let alone = |number: &str, bad: Step| case(number, [bad, close(1002)]);
    vec![
        alone("3.1", with(1, opcode)),
        after_a_message("3.2", dialect, with(2, opcode)),
        after_a_message("3.3", dialect, with(3, opcode)),
        after_a_message("3.4", dialect, with(4, opcode)),
        alone("3.5", with(5, opcode)),
        alone("3.6", send(FIN | (6 << 4) | PING, "Hello, world!")),
        alone("3.7", send(FIN | (7 << 4) | CLOSE, 1000_u16.to_be_bytes())),
    ]
}

fn opcodes(dialect: Dialect) -> Vec<Case> {
    let mut cases = Vec::new();
    for (section, first) in [("4.1", 3), ("4.2", 11)] {
        let number = |index: u8| format!("{section}.{index}");
        let with = |index: u8, payload: &str| send(FIN | (first + index - 1), payload);
        cases.push(case(number(1), [with(1, ""), close(1002)]));
        cases.push(case(number(2), [with(2, "reserved opcode"), close(1002)]));
        for (index, payload) in [(3, ""), (4, "reserved opcode"), (5, "reserved opcode")] {
            cases.push(after_a_message(
                &number(index),
                dialect,
                with(index, payload),
            ));
        }
    }
    cases
}

#[tokio::test]
async fn ws5_autobahn_2_pings_are_answered_and_pongs_are_not() {
    let cases = pings();
    assert_complete(&cases, 11);
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        run(subprotocol, &cases).await;
    }
}

#[tokio::test]
async fn ws1_ws7_autobahn_3_a_reserved_bit_closes_with_1002() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        let cases = reserved_bits(Dialect(subprotocol));
        assert_complete(&cases, 7);
        run(subprotocol, &cases).await;
    }
}

#[tokio::test]
async fn ws1_autobahn_4_a_reserved_opcode_closes_with_1002() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        let cases = opcodes(Dialect(subprotocol));
        assert_complete(&cases, 10);
        run(subprotocol, &cases).await;
    }
}
