//! The server dies at every step of a change: the next one has the room with one version and all of its state, or, where rooms do
//! not outlive the server, has no such room.

use parlor_proto::{Position, Subprotocol};
use parlor_tests::{Admin, Handshake, ParlorProcess, Serve, TestClient, changeling, in_time};
use serde_json::{Value as Json, json};

use super::body;

/// Where it dies, and which version the room may run then.
const POINTS: &[(&str, &[&str])] = &[
    ("swap-shadowed", &["1.0.0"]),
    ("swap-begun", &["1.0.0"]),
    ("swap-loaded", &["1.0.0"]),
    // What was written may have come to the disk, or not.
    ("swap-recorded", &["1.0.0", "2.0.0"]),
    ("swap-settled", &["2.0.0"]),
    ("rollback-begun", &["2.0.0"]),
    ("rollback-recorded", &["1.0.0", "2.0.0"]),
];

const SWAP: &str = "/api/v1/rooms/hall/swap";
const ROLL_BACK: &str = "/api/v1/rooms/hall/rollback";

/// A server that is ready, and the operator's way to it.
async fn start(serve: &Serve) -> (ParlorProcess, Admin) {
    let mut process = serve.spawn();
    process.is_ready().await;
    let operator = process.operator();
    (process, operator)
}

/// Sends what the server does not live to answer, and waits for its end.
async fn send_last(mut process: ParlorProcess, operator: Admin, path: &'static str, json: Json) {
    let sending = tokio::spawn(async move { operator.post(path, &json).await });
    in_time("its end", process.end()).await;
    // Whether it was answered before that hangs on the point.
    drop(sending.await);
}

/// What the server says to that.
async fn told(operator: &Admin, path: &str) -> Json {
    body(&operator.ask("GET", path).await)
}

async fn connect(serve: &Serve) -> TestClient {
    TestClient::through(Handshake::to(serve.address()), Subprotocol::Json).await
}

/// Kills a server at a point. What the client knows of the room then.
async fn died_at(point: &str, serve: &Serve) -> (parlor_tests::Lost, Position) {
    let dying = serve.clone().with("PARLOR_TEST_CRASH_AT", point);
    let (process, operator) = start(&dying).await;
    let first = operator.upload("", &changeling("1.0.0", "good")).await;
    let second = changeling("2.0.0", "good");
    let second = operator.upload("?default=false", &second).await;
    assert_eq!((first.status, second.status), (201, 201), "{second:?}");
    let mut ann = connect(serve).await;
    let joined = ann.join("hall", "changeling").await;
    for _ in 0..9 {
        ann.applied("hall", &json!({ "do": "add", "n": 1 })).await;
    }
    let id = ann.next_id();
    ann.say_with("hall", &json!({ "do": "add", "n": 1 }), Some(id))
        .await;
    let last = ann.answer(id).await.expect("it is applied");
    let swap = json!({ "version": "changeling@2.0.0" });
    if point.starts_with("rollback") {
        let answer = operator.post(SWAP, &swap).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        send_last(process, operator, ROLL_BACK, json!({})).await;
    } else {
        send_last(process, operator, SWAP, swap).await;
    }
    let position = Position {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq: last.seq.expect("where the room was"),
    };
    (ann.cut(), position)
}

fn serve(data_dir: &std::path::Path, point: &str) -> Serve {
    let config = data_dir.join("parlor.toml");
    // A version that stays is not rolled back any more, however slow the machine is.
    let seconds = if point.starts_with("rollback") { 60 } else { 1 };
    let limits = format!("[limits]\ntrial_seconds = {seconds}\n");
    std::fs::write(&config, limits).expect("there is room for a file");
    Serve::on(data_dir)
        .lasting()
        .with("PARLOR_CONFIG", config.display().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du3_a_journaled_room_has_one_version_and_all_of_its_state_whenever_the_server_dies() {
    for (point, versions) in POINTS {
        let data_dir = tempfile::tempdir().expect("there is room");
        let serve = serve(data_dir.path(), point).with("PARLOR_DURABILITY", "changeling=journal");
        let (lost, position) = died_at(point, &serve).await;
        let (_process, operator) = start(&serve).await;
        let mut ann = connect(&serve).await;
        let resumed = ann
            .try_resume(lost.resume_frame(vec![position.clone()]))
            .await;
        let resumed = resumed.unwrap_or_else(|code| panic!("{point}: {code}"));
        assert_eq!(resumed.rooms[0].epoch, position.epoch, "{point}");
        let id = resumed.rooms[0].last_id + 1;
        let ask = json!({ "do": "version" });
        ann.say_with("hall", &ask, Some(id)).await;
        let answer = ann.answer(id).await.expect("it is applied").data;
        let version = parlor_tests::json_of(&answer.expect("the version"));
        let version = version.as_str().expect("a text");
        assert!(versions.contains(&version), "{point}: {version}");
        ann.say_with("hall", &json!({ "do": "add", "n": 0 }), Some(id + 1))
            .await;
        let sum = ann.answer(id + 1).await.expect("it is applied").data;
        assert_eq!(parlor_tests::json_of(&sum.expect("the sum")), 10, "{point}");
        let seen = told(&operator, "/api/v1/rooms/hall").await;
        assert_eq!(seen["version"], version, "{point}");
        let plugins = told(&operator, "/api/v1/plugins").await;
        let known = plugins.to_string();
        assert!(known.contains("2.0.0"), "{point}: {known}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_does_not_outlive_the_server_is_gone_whenever_it_dies() {
    for (point, _) in POINTS {
        let data_dir = tempfile::tempdir().expect("there is room");
        let serve = serve(data_dir.path(), point);
        let _ = died_at(point, &serve).await;
        let (_process, operator) = start(&serve).await;
        let rooms = told(&operator, "/api/v1/rooms").await;
        assert_eq!(rooms["rooms"], json!([]), "{point}");
        let mut ann = connect(&serve).await;
        assert_eq!(
            ann.join("hall", "changeling").await.version,
            "1.0.0",
            "{point}"
        );
        let sum = ann.applied("hall", &json!({ "do": "add", "n": 3 })).await;
        assert_eq!(sum, 3, "{point}");
    }
}
