//! The bundled game goes over to a version whose state has another shape, in the middle of a match.

use parlor_tests::{TestClient, TestServer, guest};
use serde_json::{Value as Json, json};

use super::{LONG, SHORT, inspect, post, server, shown, swap, swapped, until, upload};

/// The owners of all cells that are taken, once they are so many.
async fn cells(client: &mut TestClient, count: usize) -> Vec<(usize, u64)> {
    let owners = |board: &Json| -> Vec<(usize, u64)> {
        let cells = board["cells"].as_array().expect("a list").iter();
        let owners = cells
            .enumerate()
            .filter_map(|(n, it)| Some((n, it.as_u64()?)));
        owners.collect()
    };
    let board = shown(client, "hall", "board", |board| {
        owners(board).len() == count
    })
    .await;
    owners(&board)
}

async fn capture(client: &mut TestClient, cells: std::ops::Range<usize>) {
    for cell in cells {
        let capture = json!({ "type": "capture", "cell": cell });
        client.applied("hall", &capture).await;
    }
}

/// A match in which either player has three cells.
async fn begun(server: &TestServer) -> (TestClient, TestClient) {
    let mut ann = TestClient::connect(server).await;
    ann.join("hall", "grid").await;
    let mut bob = TestClient::connect(server).await;
    bob.join("hall", "grid").await;
    ann.applied("hall", &json!({ "type": "start" })).await;
    capture(&mut ann, 0..3).await;
    capture(&mut bob, 3..6).await;
    (ann, bob)
}

#[tokio::test]
async fn vs1_a_match_goes_on_with_a_state_of_another_shape_and_comes_to_its_end() {
    let server = server(SHORT).await;
    let next = upload(&server, &guest("grid-next")).await;
    let (mut ann, mut bob) = begun(&server).await;
    let before = cells(&mut ann, 6).await;
    let epoch = inspect(&server, "hall").await["epoch"].clone();
    let clock = |board: &Json| board["time_remaining_ms"].as_u64().expect("a time");
    let left = clock(&shown(&mut ann, "hall", "board", |_| true).await);
    let answer = swapped(&server, "hall", &next).await;
    assert_eq!(answer["to"]["version"], "0.1.0");
    assert_eq!(answer["shadow"]["verdict"], "same", "{answer}");
    assert_eq!(cells(&mut bob, 6).await, before);
    capture(&mut bob, 6..10).await;
    // The field that came has what the state before it says: the six cells are counted with the four.
    shown(&mut ann, "hall", "captures", |it| *it == json!(10)).await;
    let board = shown(&mut ann, "hall", "board", |it| clock(it) < left).await;
    assert!(clock(&board) > 0, "the clock goes on where it was: {board}");
    let seen = until(&server, "hall", "the end of the trial", |it| {
        it["swap"].is_null()
    })
    .await;
    assert_eq!(
        (&seen["epoch"], &seen["version"]),
        (&epoch, &json!("0.1.0"))
    );
    capture(&mut ann, 10..81).await;
    let end = shown(&mut bob, "hall", "board", |it| it["status"] == "completed").await;
    let scores: Vec<_> = end["players"].as_array().expect("a list").iter().collect();
    let scores: Vec<_> = scores.iter().map(|it| it["score"].as_u64()).collect();
    assert_eq!(scores, [Some(74), Some(7)]);
    assert_eq!(end["winner"], end["players"][0]["id"]);
    assert!(server.reports().await.is_empty());
}

#[tokio::test]
async fn a_match_goes_back_to_the_shape_before_with_what_was_played_meanwhile() {
    let server = server(LONG).await;
    let next = upload(&server, &guest("grid-next")).await;
    let (mut ann, _bob) = begun(&server).await;
    swapped(&server, "hall", &next).await;
    capture(&mut ann, 6..9).await;
    let back = post(&server, "/api/v1/rooms/hall/rollback", &json!({})).await;
    assert_eq!(back.status, 200, "{back:?}");
    assert_eq!(inspect(&server, "hall").await["version"], "0.0.0");
    capture(&mut ann, 9..10).await;
    let taken = cells(&mut ann, 10).await;
    assert_eq!(
        taken.iter().map(|it| it.0).collect::<Vec<_>>(),
        (0..10).collect::<Vec<_>>()
    );
    assert!(server.reports().await.is_empty());
}

#[tokio::test]
async fn a_shape_that_a_version_cannot_read_is_refused_and_the_match_goes_on() {
    let server = server(SHORT).await;
    let next = upload(&server, &guest("grid-next")).await;
    let (mut ann, _bob) = begun(&server).await;
    swapped(&server, "hall", &next).await;
    until(&server, "hall", "the end of the trial", |it| {
        it["swap"].is_null()
    })
    .await;
    // The first version knows nothing of the second one's shape.
    let refused = swap(&server, "hall", "grid@0.0.0").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("state schema 2"), "{refused:?}");
    capture(&mut ann, 6..7).await;
    assert_eq!(cells(&mut ann, 7).await.len(), 7);
    assert_eq!(inspect(&server, "hall").await["version"], "0.1.0");
}
