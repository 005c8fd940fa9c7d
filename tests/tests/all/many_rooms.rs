//! Very many rooms at once, on whatever the kernel allows by default.

use std::io::Write as _;

use parlor_tests::{TestClient, TestServer};
use serde_json::json;

/// The most rooms a session may be in.
const ROOMS_PER_CLIENT: usize = 32;
/// The messages said in each room.
const MESSAGES: u64 = 3;

#[tokio::test]
async fn very_many_rooms_are_open_at_once_and_all_of_them_answer() {
    let room_count = if std::env::var_os("PARLOR_FULL").is_some() {
        5_000
    } else {
        300
    };
    let server = TestServer::start().await;
    // What the first room brings with it, once and for all, is not what a room costs.
    TestClient::connect(&server)
        .await
        .join("warm-up", "tiny")
        .await;
    let before = resident_bytes();
    let mut clients = Vec::new();
    let rooms: Vec<String> = (0..room_count).map(|room| format!("room-{room}")).collect();
    for rooms in rooms.chunks(ROOMS_PER_CLIENT) {
        let mut client = TestClient::connect(&server).await;
        for room in rooms {
            client.join(room, "tiny").await;
            for count in 1..=MESSAGES {
                assert_eq!(client.applied(room, &json!("step")).await, json!(count));
            }
        }
        clients.push((client, rooms));
    }
    let after = resident_bytes();
    assert!(server.metrics().await.get("rooms") >= f64::from(room_count));
    for (client, rooms) in &mut clients {
        for room in *rooms {
            assert_eq!(
                client.applied(room, &json!("step")).await,
                json!(MESSAGES + 1)
            );
        }
    }
    let per_room_kib = (after.saturating_sub(before) / rooms.len() as u64) >> 10;
    // Not by `println!`, which a test that passes keeps to itself.
    let line = format!("{room_count} rooms open: {per_room_kib} KiB resident memory per room\n");
    std::io::stderr()
        .write_all(line.as_bytes())
        .expect("stderr is there");
}

/// The resident memory of this process, which is that of the server and of its clients.
fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages = statm
        .split(' ')
        .nth(1)
        .and_then(|pages| pages.parse::<u64>().ok());
    pages.expect("the second number") * 4096
}
