//! Section 5: messages in fragments, and control frames between them.

use super::*;

const TEXT_SAID: &str = "fragment1fragment2fragment3fragment4fragment5";

fn cases(dialect: Dialect) -> Vec<Case> {
    let mut cases = control_frames();
    cases.extend(in_two(dialect));
    cases.extend(of_no_message(dialect));
    cases.extend(in_five(dialect));
    cases
}

/// 5.1 and 5.2: control frames may not be in fragments.
fn control_frames() -> Vec<Case> {
    let in_fragments = |number: &str, opcode| {
        let steps = [
            send(opcode, "fragment1"),
            send(FIN | CONTINUATION, "fragment2"),
            close(1002),
        ];
        case(number, steps)
    };
    vec![in_fragments("5.1", PING), in_fragments("5.2", PONG)]
}

/// 5.3 to 5.8: a message in two, and a ping between them. All of them are run whole and in single bytes.
fn in_two(dialect: Dialect) -> Vec<Case> {
    let message = dialect.saying(TEXT_SAID);
    let (first, second) = message.split_at(message.len() / 2);
    let opcode = dialect.opcode();
    let plain = |number: &str| {
        let mut steps = fragments(opcode, [first, second]);
        steps.push(echo(TEXT_SAID));
        case(number, steps)
    };
    let with_ping = |number: &str| {
        let steps = [
            send(opcode, first),
            send(FIN | PING, "ping payload"),
            pong("ping payload"),
            send(FIN | CONTINUATION, second),
            echo(TEXT_SAID),
        ];
        case(number, steps)
    };
    let plain = ["5.3", "5.4", "5.5"].map(plain);
    let with_ping = ["5.6", "5.7", "5.8"].map(with_ping);
    plain.into_iter().chain(with_ping).collect()
}

/// 5.9 to 5.18: continuations of nothing, and messages within messages.
fn of_no_message(dialect: Dialect) -> Vec<Case> {
    let opcode = dialect.opcode();
    let message = dialect.saying(TEXT_SAID);
    let (first, second) = message.split_at(message.len() / 2);
    let mut cases = Vec::new();
    for (numbers, fin) in [
        (["5.9", "5.10", "5.11"], FIN),
        (["5.12", "5.13", "5.14"], 0),
    ] {
        for number in numbers {
            let steps = [
                send(fin | CONTINUATION, "non-continuation payload"),
                dialect.say(TEXT_SAID),
                close(1002),
            ];
            cases.push(case(number, steps));
        }
    }
    let mut steps = fragments(opcode, [first, second]);
    steps.extend([
        echo(TEXT_SAID),
        send(CONTINUATION, "fragment3"),
        dialect.say(TEXT_SAID),
        close(1002),
    ]);
    cases.push(case("5.15", steps));
    for (number, fin) in [("5.16", 0), ("5.17", FIN)] {
        let mut steps = vec![send(fin | CONTINUATION, "fragment1")];
        steps.extend(fragments(opcode, [first, second]));
        steps.push(close(1002));
        cases.push(case(number, steps));
    }
    let within = [send(opcode, first), send(FIN | opcode, second), close(1002)];
    cases.push(case("5.18", within));
    cases
}

/// 5.19 and 5.20: a message in five, with pings between them.
fn in_five(dialect: Dialect) -> Vec<Case> {
    let message = dialect.saying(TEXT_SAID);
    let of_five = |number: &str| {
        let parts = message.chunks(message.len().div_ceil(5));
        let mut steps = Vec::new();
        for (index, fragment) in fragments(dialect.opcode(), parts).into_iter().enumerate() {
            steps.push(fragment);
            if index == 1 || index == 3 {
                let payload = format!("pongme {index}!");
                steps.push(send(FIN | PING, &payload));
                steps.push(pong(payload));
            }
        }
        steps.push(echo(TEXT_SAID));
        case(number, steps)
    };
    vec![of_five("5.19"), of_five("5.20")]
}

#[tokio::test]
async fn ws1_autobahn_5_fragments_make_one_message_and_control_frames_may_stand_between_them() {
    for subprotocol in [Subprotocol::Json, Subprotocol::Binary] {
        let cases = cases(Dialect(subprotocol));
        assert_complete(&cases, 20);
        run(subprotocol, &cases).await;
    }
}
