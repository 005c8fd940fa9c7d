use tokio::io::{AsyncReadExt, DuplexStream, duplex};

use super::*;

const BOUNDS: Bounds = Bounds {
    message_bytes_max: 1 << 20,
    fragments_max: 64,
};
const TIMEOUTS: Timeouts = Timeouts {
    message: Duration::from_secs(10),
    write: Duration::from_secs(10),
    close: Duration::from_secs(2),
};
const SECOND: Duration = Duration::from_secs(1);

/// A WebSocket of text, and the client's end of its stream, where so many bytes have room on the way.
fn pair(room: usize) -> (WebSocket<DuplexStream>, DuplexStream) {
    let (ours, theirs) = duplex(room);
    (WebSocket::new(ours, Kind::Text, BOUNDS, TIMEOUTS), theirs)
}

/// A client's short frame, with a mask that changes nothing.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).expect("it is short");
    assert!(length <= 125);
    [&[first, 0x80 | length, 0, 0, 0, 0], payload].concat()
}

/// All that the server sends until its end.
async fn rest(client: &mut DuplexStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    client
        .read_to_end(&mut bytes)
        .await
        .expect("it is readable");
    bytes
}

async fn exactly<const N: usize>(client: &mut DuplexStream) -> [u8; N] {
    let mut bytes = [0; N];
    client.read_exact(&mut bytes).await.expect("it comes");
    bytes
}

#[tokio::test(start_paused = true)]
async fn receive_may_be_cancelled_at_any_byte() {
    let (mut server, mut client) = pair(1000);
    for byte in [frame(0x01, b"a"), frame(0x80, b"b")].concat() {
        assert!(timeout(SECOND / 10, server.receive()).await.is_err());
        client.write_all(&[byte]).await.unwrap();
    }
    assert_eq!(server.receive().await, Inbound::Message("ab".into()));
    assert_eq!(server.receive_ready(), None);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_takes_longer_than_10_s_is_a_violation_however_busy_it_is() {
    let (mut server, mut client) = pair(1000);
    let begun = Instant::now();
    let trickle = async {
        client.write_all(&frame(0x01, b"a")).await.unwrap();
        loop {
            tokio::time::sleep(SECOND).await;
            client.write_all(&frame(0x00, b"a")).await.unwrap();
            client.write_all(&frame(0x89, b"")).await.unwrap();
        }
    };
    let receiving = async {
        let mut pings = 0;
        loop {
            match server.receive().await {
                Inbound::Ping => pings += 1,
                other => return (other, pings),
            }
        }
    };
    let (inbound, pings) = tokio::select! {
        received = receiving => received,
        () = trickle => unreachable!("it never ends"),
    };
    assert_eq!(inbound, Inbound::Violation(Violation::TooSlow));
    assert_eq!(begun.elapsed(), TIMEOUTS.message);
    assert!((9..=10).contains(&pings), "{pings}");
    assert_eq!(server.receive().await, Inbound::Gone);
}

#[tokio::test(start_paused = true)]
async fn messages_in_time_may_follow_each_other_for_ever() {
    let (mut server, mut client) = pair(1000);
    for _ in 0..10 {
        // Each ends with the beginning of the next.
        client.write_all(&frame(0x01, b"a")).await.unwrap();
        assert!(timeout(9 * SECOND, server.receive()).await.is_err());
        client.write_all(&frame(0x80, b"b")).await.unwrap();
        client.write_all(&frame(0x89, b"")[..3]).await.unwrap();
        assert_eq!(server.receive().await, Inbound::Message("ab".into()));
        assert!(timeout(9 * SECOND, server.receive()).await.is_err());
        client.write_all(&frame(0x89, b"")[3..]).await.unwrap();
        assert_eq!(server.receive().await, Inbound::Ping);
    }
    // Silence is no message.
    assert!(timeout(1000 * SECOND, server.receive()).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_write_that_makes_no_progress_for_10_s_is_stalled() {
    let (mut server, _client) = pair(100);
    let begun = Instant::now();
    let mut messages = vec![Bytes::from(vec![b'a'; 1000])];
    let sent = server.send_all(&mut messages).await;
    assert_eq!(sent, Err(WriteError::Stalled));
    assert_eq!(begun.elapsed(), TIMEOUTS.write);
}

#[tokio::test(start_paused = true)]
async fn a_stalled_write_gets_no_more_time_by_being_called_off_and_taken_up_again() {
    let (mut server, _client) = pair(100);
    let begun = Instant::now();
    let mut messages = vec![Bytes::from(vec![b'a'; 1000])];
    let mut calls = 0;
    loop {
        calls += 1;
        match timeout(SECOND, server.send_all(&mut messages)).await {
            Ok(sent) => break assert_eq!(sent, Err(WriteError::Stalled)),
            Err(_) => messages.push("more".into()),
        }
    }
    assert_eq!((calls, begun.elapsed()), (10, TIMEOUTS.write));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_everything() {
    let (mut server, mut client) = pair(100);
    let text = Bytes::from(vec![b'a'; 100_000]);
    let mut messages = vec![Bytes::from("one"), text.clone(), Bytes::from("three")];
    let begun = Instant::now();
    let reading = async {
        let mut all = Vec::new();
        let total = 5 + 10 + text.len() + 7;
        while all.len() < total {
            tokio::time::sleep(9 * SECOND).await;
            let mut some = [0; 1000];
            let count = client.read(&mut some).await.unwrap();
            all.extend_from_slice(&some[..count]);
        }
        all
    };
    let (sent, all) = tokio::join!(server.send_all(&mut messages), reading);
    assert_eq!(sent, Ok(()));
    let head = 100_000_u64.to_be_bytes();
    let expected = [b"\x81\x03one\x81\x7F", &head[..], &text, b"\x81\x05three"].concat();
    assert!(all == expected, "what came is not what was sent");
    assert!(begun.elapsed() > 900 * TIMEOUTS.write);
}

#[tokio::test(start_paused = true)]
async fn send_all_may_be_cancelled_and_nothing_is_lost_or_doubled() {
    let (mut server, mut client) = pair(10);
    let mut messages = vec![Bytes::from("a".repeat(20)), Bytes::from("b")];
    assert!(
        timeout(SECOND, server.send_all(&mut messages))
            .await
            .is_err()
    );
    assert!(messages.is_empty());
    messages.push("c".into());
    let (sent, came) = tokio::join!(server.send_all(&mut messages), exactly::<28>(&mut client));
    assert_eq!(sent, Ok(()));
    let expected = [b"\x81\x14", &[b'a'; 20][..], b"\x81\x01b\x81\x01c"].concat();
    assert_eq!(came.as_slice(), expected);
}

#[tokio::test(start_paused = true)]
async fn time_in_which_the_client_is_written_to_is_not_held_against_its_message() {
    let (mut server, mut client) = pair(100);
    client.write_all(&frame(0x01, b"a")).await.unwrap();
    assert!(timeout(SECOND, server.receive()).await.is_err());
    let mut messages = vec![Bytes::from(vec![b'a'; 1000])];
    let reading = async {
        for _ in 0..10 {
            tokio::time::sleep(5 * SECOND).await;
            let mut some = [0; 100];
            client.read_exact(&mut some).await.unwrap();
        }
    };
    let (sent, ()) = tokio::join!(server.send_all(&mut messages), reading);
    assert_eq!(sent, Ok(()));
    assert!(timeout(8 * SECOND, server.receive()).await.is_err());
    client.write_all(&frame(0x80, b"b")).await.unwrap();
    assert_eq!(server.receive().await, Inbound::Message("ab".into()));
}

#[tokio::test]
async fn every_ping_is_answered_while_the_client_reads() {
    let (mut server, mut client) = pair(1 << 20);
    let pings: Vec<u8> = (0..1000_u32)
        .flat_map(|n| frame(0x89, &n.to_be_bytes()))
        .collect();
    client.write_all(&pings).await.unwrap();
    for _ in 0..1000 {
        assert_eq!(server.receive().await, Inbound::Ping);
    }
    assert_eq!(server.receive_ready(), None);
    drop(server);
    let pongs: Vec<u8> = (0..1000_u32)
        .flat_map(|n| [&[0x8A, 4], &n.to_be_bytes()[..]].concat())
        .collect();
    assert_eq!(rest(&mut client).await, pongs);
}

#[tokio::test]
async fn a_client_that_pings_and_does_not_read_is_heard_all_the_same() {
    let (mut server, mut client) = pair(100);
    for _ in 0..10_000 {
        client.write_all(&frame(0x89, &[7; 90])).await.unwrap();
        assert_eq!(server.receive().await, Inbound::Ping);
    }
    client.write_all(&frame(0x8A, b"alive")).await.unwrap();
    assert_eq!(server.receive().await, Inbound::Pong("alive".into()));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_the_clients_close_frame_and_lets_messages_pass() {
    let (mut server, mut client) = pair(1000);
    let begun = Instant::now();
    server.ping("?".into()).await.unwrap();
    client.write_all(&frame(0x81, b"on its way")).await.unwrap();
    client.write_all(&frame(0x89, b"")).await.unwrap();
    client.write_all(&frame(0x88, b"\x03\xE9")).await.unwrap();
    let client = tokio::spawn(async move { rest(&mut client).await });
    server.close(1001, "bye").await;
    assert_eq!(client.await.unwrap(), b"\x89\x01?\x88\x05\x03\xE9bye");
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_no_longer_than_2_s() {
    let (server, _client) = pair(1000);
    let begun = Instant::now();
    server.close(1001, "bye").await;
    assert_eq!(begun.elapsed(), TIMEOUTS.close);
    // Nor does it for a client that does not read.
    let (mut server, _client) = pair(10);
    let mut messages = vec![Bytes::from("a".repeat(20))];
    assert!(server.send_all(&mut messages).await.is_err());
    let begun = Instant::now();
    server.close(4440, "").await;
    assert_eq!(begun.elapsed(), TIMEOUTS.close);
}

#[tokio::test(start_paused = true)]
async fn the_frame_that_is_being_written_is_finished_before_the_close_frame() {
    let (mut server, mut client) = pair(10);
    let large = vec![b'a'; 20 << 10];
    let mut messages = vec![Bytes::from(large.clone()), Bytes::from("never")];
    assert!(server.send_all(&mut messages).await.is_err());
    let client = tokio::spawn(async move { rest(&mut client).await });
    server.close(4440, "slow").await;
    let expected = [b"\x81\x7E\x50\x00", &large[..], b"\x88\x06\x11\x58slow"].concat();
    assert!(client.await.unwrap() == expected);
}

#[tokio::test(start_paused = true)]
async fn a_clients_close_frame_is_answered_with_its_code_and_ends_both_ways() {
    let (mut server, mut client) = pair(1000);
    client
        .write_all(&frame(0x88, b"\x0F\xA0bye"))
        .await
        .unwrap();
    client.write_all(&frame(0x89, b"ignored")).await.unwrap();
    assert_eq!(server.receive().await, Inbound::Closed(Some(4000)));
    assert_eq!(server.receive().await, Inbound::Gone);
    assert_eq!(exactly(&mut client).await, *b"\x88\x02\x0F\xA0");
    let sent = server.send_all(&mut vec![Bytes::from("late")]).await;
    assert_eq!(sent, Err(WriteError::Gone));
    let client = tokio::spawn(async move { rest(&mut client).await });
    server.close(1001, "of no account").await;
    assert_eq!(client.await.unwrap(), b"");
}

#[tokio::test(start_paused = true)]
async fn what_a_client_sends_behind_a_violation_is_read_up_to_a_bound() {
    let (mut server, mut client) = pair(1 << 20);
    client.write_all(b"\xFF").await.unwrap();
    let violation = Violation::Protocol("a reserved bit is set");
    assert_eq!(server.receive().await, Inbound::Violation(violation));
    let (mut reader, mut writer) = tokio::io::split(client);
    let flood = tokio::spawn(async move {
        let mut sent = 0;
        while writer.write_all(&[0; 1 << 16]).await.is_ok() {
            sent += 1 << 16;
        }
        sent
    });
    let reading = tokio::spawn(async move {
        let mut bytes = Vec::new();
        let _ = reader.read_to_end(&mut bytes).await;
        bytes
    });
    server.close(1002, "").await;
    let sent: usize = flood.await.unwrap();
    assert!((DRAIN_BYTES_MAX..DRAIN_BYTES_MAX + (2 << 20)).contains(&sent));
    assert_eq!(reading.await.unwrap(), b"\x88\x02\x03\xEA");
}

#[tokio::test]
async fn a_lost_connection_is_no_close() {
    let (mut server, client) = pair(1000);
    drop(client);
    assert_eq!(server.receive().await, Inbound::Gone);
    let sent = server.send_all(&mut vec![Bytes::from("late")]).await;
    assert_eq!(sent, Err(WriteError::Gone));
    server.close(1001, "to nobody").await;
}

#[tokio::test]
async fn a_large_message_is_read_in_any_pieces() {
    let text = "ä€𝄞".repeat(50_000);
    let mask = [9, 8, 7, 6];
    let part = |first: u8, payload: &[u8]| {
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(a, b)| a ^ b);
        let mut bytes = vec![first, 0xFF];
        bytes.extend((payload.len() as u64).to_be_bytes());
        bytes.extend(mask);
        bytes.extend(masked);
        bytes
    };
    // Two fragments, cut within a character, and one more message behind them.
    let (first, second) = text.as_bytes().split_at(100_001);
    let stream = [part(0x01, first), part(0x80, second), frame(0x81, b"next")].concat();
    for room in [1 << 10, 100_000, 1 << 20] {
        let (mut server, mut client) = pair(room);
        let stream = stream.clone();
        let writing = tokio::spawn(async move {
            client.write_all(&stream).await.unwrap();
            client
        });
        assert!(server.receive().await == Inbound::Message(text.clone().into()));
        assert_eq!(server.receive().await, Inbound::Message("next".into()));
        assert_eq!(server.receive_ready(), None);
        drop(writing.await.unwrap());
    }
}
