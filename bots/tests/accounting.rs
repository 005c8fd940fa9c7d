//! Whole runs against a small echo server that keeps the protocol, or breaks it in one way.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use parlor_bots::{Encoding, Error, Fault, Options, Plugin, Summary, run};
use parlor_proto::{
    ClientFrame, Durability, Member, Payload, Seat, ServerFrame, Subprotocol, client, server,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::accept_hdr_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};

const PROTOCOL: &str = "Sec-WebSocket-Protocol";

/// What is wrong with the server.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Flaw {
    None,
    RepliesTwice,
    EchoesTwice,
    EchoesAnotherId,
    RepeatsSeq,
    AnswersUnasked,
    HangsUp,
    IsFull,
}

/// The acks that a server got, of all its connections.
type Acks = Arc<Mutex<Vec<client::Ack>>>;

/// Runs 2 rooms of 3 bots against a server with this flaw.
async fn play(flaw: Flaw) -> Result<Summary, Error> {
    play_at(Some(50.0), None, flaw, Acks::default()).await
}

/// The same, with so many inputs a second and bot, or so many on their way.
async fn play_at(
    rate: Option<f64>,
    in_flight: Option<usize>,
    flaw: Flaw,
    acks: Acks,
) -> Result<Summary, Error> {
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let server = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, flaw, Arc::clone(&acks)));
        }
    });
    let summary = run(Options {
        url: format!("ws://{address}/ws"),
        rooms: 2,
        players: 3,
        plugin: Plugin::Echo,
        subprotocol: Encoding::Mixed,
        warm_up: Duration::ZERO,
        duration: Duration::from_millis(200),
        rate,
        in_flight,
        admin_url: None,
        admin_token: None,
        data_dir: None,
        json: false,
        forwarded_for: None,
        server_pid: None,
        hostile: None,
        lasting: None,
        history: 0,
    })
    .await;
    server.abort();
    summary
}

async fn serve(stream: TcpStream, flaw: Flaw, acks: Acks) {
    let mut offer = String::new();
    #[expect(clippy::result_large_err, reason = "the library's own type")]
    let accept = |request: &Request, mut response: Response| -> Result<Response, ErrorResponse> {
        let header = &request.headers()[PROTOCOL];
        offer = header.to_str().expect("names are ASCII").to_owned();
        response.headers_mut().insert(PROTOCOL, header.clone());
        Ok(response)
    };
    let mut socket = accept_hdr_async(stream, accept)
        .await
        .expect("bots open well");
    let subprotocol = Subprotocol::from_name(&offer).expect("bots offer what we speak");
    let mut seq = 0;
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            return;
        }
        let frame = subprotocol
            .decode_client(&message.into_data())
            .expect("bots write well");
        if flaw == Flaw::HangsUp
            && matches!(&frame, ClientFrame::RoomMessage(it) if it.id == Some(3))
        {
            return;
        }
        if let ClientFrame::Ack(ack) = frame {
            assert_eq!(
                (ack.epoch, ack.seq),
                (1, ack.count),
                "each message rises by one"
            );
            assert!(ack.seq <= seq, "nothing is acknowledged before it was sent");
            acks.lock().expect("no test panics here").push(ack);
            continue;
        }
        for frame in answers(frame, flaw, &mut seq) {
            let bytes = subprotocol.encode_server(&frame);
            let message = if subprotocol.is_text() {
                Message::text(String::from_utf8(bytes.into()).expect("JSON is text"))
            } else {
                Message::binary(bytes)
            };
            // The bot may have left already.
            if socket.send(message).await.is_err() {
                return;
            }
        }
    }
}

fn answers(frame: ClientFrame, flaw: Flaw, seq: &mut u64) -> Vec<ServerFrame> {
    match frame {
        ClientFrame::JoinRoom(join) if flaw == Flaw::IsFull => {
            vec![ServerFrame::Error(server::Error {
                code: "ROOM_FULL".to_owned(),
                message: "no seat is free".to_owned(),
                id: join.id,
                room: join.room,
            })]
        }
        ClientFrame::JoinRoom(join) => vec![joined(join)],
        ClientFrame::RoomMessage(input) => {
            let id = input.id.unwrap_or_default();
            let echoed_id = if flaw == Flaw::EchoesAnotherId {
                id + 1_000
            } else {
                id
            };
            let mut frames = Vec::new();
            for _ in 0..if flaw == Flaw::EchoesTwice { 2 } else { 1 } {
                *seq += u64::from(flaw != Flaw::RepeatsSeq || *seq == 0);
                frames.push(echo(&input, echoed_id, *seq));
            }
            for _ in 0..if flaw == Flaw::RepliesTwice { 2 } else { 1 } {
                frames.push(reply(&input, id));
            }
            if flaw == Flaw::AnswersUnasked {
                frames.push(reply(&input, id + 1_000_000));
            }
            frames
        }
        _ => Vec::new(),
    }
}

fn joined(join: client::JoinRoom) -> ServerFrame {
    ServerFrame::RoomJoined(server::RoomJoined {
        room: join.room.unwrap_or_default(),
        code: None,
        plugin: "echo".to_owned(),
        version: "1.0.0".to_owned(),
        digest: String::new(),
        durability: Durability::None,
        you: Member {
            id: 1,
            name: "bot".to_owned(),
            seat: Seat::Player,
            away: false,
            user: None,
        },
        members: Vec::new(),
        member_count: 1,
        epoch: 1,
        seq: 0,
        last_id: 0,
        id: join.id,
    })
}

fn echo(input: &client::RoomMessage, id: u64, seq: u64) -> ServerFrame {
    let number = |key: &str| {
        let data = input.data.get("data").and_then(|data| data.get(key));
        data.expect("bots stamp what they say").to_json()
    };
    let (sender, at_us) = (number("sender"), number("at_us"));
    let json = format!(
        r#"{{"type":"echo_reply","data":{{"sender":{sender},"id":{id},"at_us":{at_us}}}}}"#
    );
    ServerFrame::RoomMessage(server::RoomMessage {
        room: input.room.clone(),
        data: Payload::from_json(&json).expect("that is JSON"),
        from: None,
        epoch: 1,
        seq,
    })
}

fn reply(input: &client::RoomMessage, id: u64) -> ServerFrame {
    ServerFrame::Reply(server::Reply {
        room: Some(input.room.clone()),
        id,
        data: None,
        epoch: Some(1),
        seq: None,
        tick: None,
        repeat: None,
    })
}

#[tokio::test]
async fn a_server_that_keeps_the_protocol_is_accounted_for() {
    let summary = play(Flaw::None).await.unwrap();
    assert!(summary.is_accounted_for(), "{summary}");
    assert_eq!(summary.exit_code(), 0);
    // On a machine that is busy with other things, the last ones may come too late to be sent.
    let sent = summary.inputs.sent;
    assert_eq!(sent + summary.inputs.unsent, 6 * 10);
    assert!(sent > 0);
    assert_eq!(summary.inputs.replied, sent);
    assert_eq!(
        (summary.deliveries.expected, summary.deliveries.arrived),
        (sent, sent)
    );
    assert_eq!(summary.latencies.reply.unwrap().count, sent);
    assert!(
        summary.to_string().ends_with("all accounted for"),
        "{summary}"
    );
}

#[tokio::test]
async fn bots_without_a_schedule_send_when_they_are_answered() {
    let summary = play_at(None, Some(4), Flaw::None, Acks::default());
    let summary = summary.await.expect("the server plays along");
    assert!(summary.is_accounted_for(), "{summary}");
    let bots = summary.rooms * summary.players;
    let (sent, answered) = (summary.inputs.sent, summary.inputs.answered_per_second);
    assert!(
        sent > bots as u64 * 4,
        "no more than was on the way at once: {summary}"
    );
    assert!(answered * summary.seconds <= sent as f64 + 0.5, "{summary}");
}

/// Checks that a flaw shows as this fault.
async fn check(flaw: Flaw, fault: Fault) {
    let summary = play(flaw).await.expect("the bots get in");
    assert!(summary.faults.count(fault) > 0, "{flaw:?}: {summary}");
    assert_eq!(summary.exit_code(), 1);
    assert!(
        summary.to_string().contains("NOT all accounted for"),
        "{summary}"
    );
}

#[tokio::test]
async fn a_server_that_replies_twice_is_found_out() {
    check(Flaw::RepliesTwice, Fault::AnsweredAgain).await;
}

#[tokio::test]
async fn a_server_that_delivers_twice_is_found_out() {
    check(Flaw::EchoesTwice, Fault::Surplus).await;
}

#[tokio::test]
async fn a_server_that_delivers_something_else_is_found_out() {
    check(Flaw::EchoesAnotherId, Fault::Mixed).await;
}

#[tokio::test]
async fn a_server_that_repeats_a_sequence_number_is_found_out() {
    check(Flaw::RepeatsSeq, Fault::SeqBack).await;
}

#[tokio::test]
async fn a_server_that_answers_what_nobody_asked_is_found_out() {
    check(Flaw::AnswersUnasked, Fault::AnsweredUnasked).await;
}

#[tokio::test]
async fn an_input_that_the_connection_took_along_is_lost() {
    let summary = play(Flaw::HangsUp).await.unwrap();
    // One for each bot, and what it sent before it knew.
    assert!(summary.inputs.lost >= 6, "{summary}");
    assert_eq!(
        summary.inputs.sent,
        summary.inputs.replied + summary.inputs.lost
    );
    assert_eq!(summary.disconnects.values().sum::<u64>(), 6);
    assert_eq!(summary.exit_code(), 1);
}

#[tokio::test]
async fn a_bot_that_is_not_let_in_ends_the_run_with_the_reason() {
    let error = play(Flaw::IsFull).await.unwrap_err();
    assert!(
        error.to_string().contains("ROOM_FULL: no seat is free"),
        "{error}"
    );
    assert_eq!(error.exit_code(), 1);
}

#[tokio::test]
async fn sq4_what_arrived_is_acknowledged() {
    let acks = Acks::default();
    let summary = play_at(Some(1_000.0), None, Flaw::None, Arc::clone(&acks)).await;
    let arrived = summary.expect("the bots get in").deliveries.arrived;
    let acks = acks.lock().expect("no test panics here");
    // Six bots, each of which says it every 64 frames, or, should this machine be busy, after a second.
    let expected = usize::try_from(arrived / 64).expect("it is small");
    assert!(
        acks.len() + 6 >= expected && acks.len() <= expected + 6,
        "{} acks for {arrived} messages",
        acks.len()
    );
}
