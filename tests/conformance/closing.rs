//! Section 7: closing.

use super::*;

fn cases(dialect: Dialect) -> Vec<Case> {
    let mut cases = order(dialect);
    cases.extend(payloads());
    cases
}

fn bye() -> Step {
    send(FIN | CLOSE, 1000_u16.to_be_bytes())
}

/// 7.1: what is sent around a close frame. Behind it nothing is answered.
fn order(dialect: Dialect) -> Vec<Case> {
    let text = "Hello World!";
    let long = "*".repeat(256 << 10);
    let message = dialect.saying(text);
    let (first, second) = message.split_at(message.len() / 2);
    vec![
        case("7.1.1", [dialect.say(text), echo(text), bye(), close(1000)]),
        case("7.1.2", [bye(), bye(), close(1000)]),
        case("7.1.3", [bye(), send(FIN | PING, ""), close(1000)]),
        case("7.1.4", [bye(), dialect.say(text), close(1000)]),
        case(
            "7.1.5",
            [
                send(dialect.opcode(), first),
                bye(),
                send(FIN | CONTINUATION, second),
                close(1000),
            ],
        ),
        case(
            "7.1.6",
            [
                dialect.say(&long),
                error("PAYLOAD_TOO_LARGE"),
                bye(),
                send(FIN | PING, ""),
                close(1000),
            ],
        ),
    ]
}

/// 7.3 to 7.13: what a close frame carries.
fn payloads() -> Vec<Case> {
    let with = |code: u16, reason: &[u8]| send(FIN | CLOSE, [&code.to_be_bytes(), reason].concat());
    let no_code = Step::Expect(Came::Close(None));
    let mut cases = vec![
        case("7.3.1", [send(FIN | CLOSE, ""), no_code]),
        case("7.3.2", [send(FIN | CLOSE, "a"), close(1002)]),
        case("7.3.3", [bye(), close(1000)]),
        case("7.3.4", [with(1000, b"Hello World!"), close(1000)]),
        case("7.3.5", [with(1000, &[b'*'; 123]), close(1000)]),
        case("7.3.6", [with(1000, &[b'*'; 124]), close(1002)]),
        case(
            "7.5.1",
            [with(1000, b"\xCE\xBA\xED\xA0\x80edited"), close(1007)],
        ),
    ];
    let good = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
    ];
    for (index, code) in good.into_iter().enumerate() {
        cases.push(case(
            format!("7.7.{}", index + 1),
            [with(code, b""), close(code)],
        ));
    }
    let bad = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];
    for (index, code) in bad.into_iter().enumerate() {
        cases.push(case(
            format!("7.9.{}", index + 1),
            [with(code, b""), close(1002)],
        ));
    }
    // Autobahn only looks what happens here.
    for (index, code) in [5000, 65_535].into_iter().enumerate() {
        cases.push(case(
            format!("7.13.{}", index + 1),
            [with(code, b""), close(1002)],
        ));
    }
    cases
}

#[tokio::test]
async fn ws6_autobahn_7_a_close_frame_is_answered_with_its_code_and_is_the_last_of_all() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        let cases = cases(Dialect(subprotocol));
        assert_complete(&cases, 37);
        run(subprotocol, &cases).await;
    }
}
