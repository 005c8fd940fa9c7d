//! Section 6: text is UTF-8, and fails with the first byte that cannot be.

use super::*;

/// A greek word, as in Autobahn.
const WORD: &str = "\u{3BA}\u{1F79}\u{3C3}\u{3BC}\u{3B5}";
/// And a line of Latin letters.
const LINE: &str = "Hello-µ@ßöäüàá-UTF-8!!";

fn cases() -> Vec<Case> {
    let mut cases = fragmented();
    cases.extend(fail_fast());
    cases.extend(sequences());
    cases
}

/// Whole text comes back; what is no text closes with 1007.
fn judged(number: impl Into<String>, bytes: &[u8]) -> Case {
    let message = send(FIN | TEXT, saying_bytes(bytes));
    let outcome = match std::str::from_utf8(bytes) {
        Ok("\0") => error("INVALID_MESSAGE_FORMAT"),
        Ok(text) => echo(text),
        Err(_) => close(1007),
    };
    case(number, [message, outcome])
}

/// 6.1 to 6.3: in fragments, empty ones and ones that end within a character.
fn fragmented() -> Vec<Case> {
    let message = saying_bytes(WORD.as_bytes());
    let bad = b"\xCE\xBA\xE1\xBD\xB9\xCF\x83\xCE\xBC\xCE\xB5\xED\xA0\x80edited";
    let with = |mut steps: Vec<Step>, outcome: Step| {
        steps.push(outcome);
        steps
    };
    let in_parts = |parts: &[&[u8]]| fragments(TEXT, parts.iter().copied());
    // Each byte of the word is a fragment: a frame of the protocol in single bytes would be more than a message may have.
    let by_bytes = |bytes: &[u8]| {
        let message = saying_bytes(bytes);
        let at = message
            .windows(bytes.len())
            .position(|it| it == bytes)
            .expect("it is there");
        let (head, tail) = (&message[..at], &message[at + bytes.len()..]);
        let mut parts = vec![head];
        parts.extend(bytes.chunks(1));
        parts.push(tail);
        fragments(TEXT, parts)
    };
    let line = saying_bytes(LINE.as_bytes());
    let (head, tail) = line.split_at(line.len() - r#"-8!!"}}"#.len());
    let empty = error("INVALID_MESSAGE_FORMAT");
    vec![
        case("6.1.1", [send(FIN | TEXT, ""), empty]),
        case(
            "6.1.2",
            with(in_parts(&[b"", b"", b""]), error("INVALID_MESSAGE_FORMAT")),
        ),
        case("6.1.3", with(in_parts(&[b"", &message, b""]), echo(WORD))),
        judged("6.2.1", LINE.as_bytes()),
        case("6.2.2", with(in_parts(&[head, tail]), echo(LINE))),
        case("6.2.3", with(by_bytes(LINE.as_bytes()), echo(LINE))),
        case("6.2.4", with(by_bytes(WORD.as_bytes()), echo(WORD))),
        judged("6.3.1", bad),
        case("6.3.2", with(by_bytes(bad), close(1007))),
    ]
}

/// 6.4: the end comes with the first impossible byte, while the message is still to go on. What follows is never sent, so
/// that a server that waits for it would not pass.
fn fail_fast() -> Vec<Case> {
    let message = saying_bytes(WORD.as_bytes());
    let valid = &message[..message.len() - 3];
    // One frame that declares more than comes.
    let part_of_a_frame = |bad: &[u8]| {
        let payload = [valid, bad, b"edited"].concat();
        let mut frame = masked_frame(FIN | TEXT, &payload);
        frame.truncate(frame.len() - b"edited".len());
        Step::Send(frame)
    };
    let in_fragments = |parts: &[&[u8]]| {
        let mut steps = vec![send(TEXT, valid)];
        steps.extend(parts.iter().map(|part| send(CONTINUATION, part)));
        steps.push(close(1007));
        steps
    };
    vec![
        case("6.4.1", in_fragments(&[b"\xF4\x90\x80\x80"])),
        case("6.4.2", in_fragments(&[b"\xF4", b"\x90"])),
        case("6.4.3", [part_of_a_frame(b"\xF4\x90\x80\x80"), close(1007)]),
        case("6.4.4", [part_of_a_frame(b"\xF4\x90"), close(1007)]),
    ]
}

/// 6.5 to 6.23, after Markus Kuhn's stress test for UTF-8 decoders.
fn sequences() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |section: u8, sequences: Vec<Vec<u8>>| {
        for (index, bytes) in sequences.iter().enumerate() {
            cases.push(judged(format!("6.{section}.{}", index + 1), bytes));
        }
    };
    let words = [
        "hello$world",
        "hello¢world",
        "hello€world",
        "hello𤭢world",
        WORD,
    ];
    add(5, words.map(|it| it.as_bytes().to_vec()).to_vec());
    let prefixes = 1..=WORD.len();
    add(
        6,
        prefixes
            .map(|end| WORD.as_bytes()[..end].to_vec())
            .collect(),
    );
    // The first and the last possible sequence of each length, and their neighbours.
    add(7, hex("00, c280, e0a080, f0908080"));
    add(8, hex("f888808080, fc8480808080"));
    add(9, hex("7f, dfbf, efbfbf, f48fbfbf"));
    add(10, hex("f7bfbfbf, fbbfbfbfbf, fdbfbfbfbfbf"));
    add(11, hex("ed9fbf, ee8080, efbfbd, f48fbfbf, f4908080"));
    // Continuation bytes without a start, and starts without a continuation.
    let mut lonely = hex("80, bf, 80bf, 80bf80, 80bf80bf, 80bf80bf80, 80bf80bf80bf");
    lonely.push((0x80..=0xBF).collect());
    add(12, lonely);
    let starts = [
        0xC0..=0xDF,
        0xE0..=0xEF,
        0xF0..=0xF7,
        0xF8..=0xFB,
        0xFC..=0xFD,
    ];
    add(
        13,
        starts
            .map(|it| it.flat_map(|start| [start, b' ']).collect())
            .to_vec(),
    );
    let cut = hex("c0, e080, f08080, f8808080, fc80808080, df, efbf, f7bfbf, fbbfbfbf, fdbfbfbfbf");
    add(14, cut.clone());
    add(15, vec![cut.concat()]);
    add(16, hex("fe, ff, fefeffff"));
    // Characters in more bytes than they need.
    add(17, hex("c0af, e080af, f08080af, f8808080af, fc80808080af"));
    add(18, hex("c1bf, e09fbf, f08fbfbf, f887bfbfbf, fc83bfbfbfbf"));
    add(19, hex("c080, e08080, f0808080, f880808080, fc8080808080"));
    // Surrogates, alone and in pairs.
    add(
        20,
        hex("eda080, edadbf, edae80, edafbf, edb080, edbe80, edbfbf"),
    );
    let pairs = "eda080edb080, eda080edbfbf, edadbfedb080, edadbfedbfbf, \
                 edae80edb080, edae80edbfbf, edafbfedb080, edafbfedbfbf";
    add(21, hex(pairs));
    // Noncharacters and specials are characters as far as UTF-8 goes.
    let noncharacters =
        (0..=16_u32).flat_map(|plane| [(plane << 16) + 0xFFFE, (plane << 16) + 0xFFFF]);
    add(22, noncharacters.map(utf8).collect());
    add(23, (0xFFF9..=0xFFFF).map(utf8).collect());
    cases
}

fn utf8(scalar: u32) -> Vec<u8> {
    let character = char::from_u32(scalar).expect("no surrogate");
    character.to_string().into_bytes()
}

/// Reads sequences of bytes.
fn hex(sequences: &str) -> Vec<Vec<u8>> {
    let digits = |sequence: &str| {
        let pairs = sequence.as_bytes().chunks(2);
        pairs
            .map(|pair| std::str::from_utf8(pair).expect("it is ASCII"))
            .map(|pair| u8::from_str_radix(pair, 16).expect("two digits"))
            .collect()
    };
    sequences.split(',').map(|it| digits(it.trim())).collect()
}

#[tokio::test]
async fn ws2_autobahn_6_text_is_utf8_and_fails_with_its_first_impossible_byte() {
    let cases = cases();
    assert_complete(&cases, 145);
    run(Subprotocol::Json, &cases).await;
}
