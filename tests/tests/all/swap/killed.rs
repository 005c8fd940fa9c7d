//! The server dies at every step of a change: the next one has the room with one version and all of its state, or, where rooms do
//! not outlive the server, has no such room.

use parlor_proto::{Position, Subprotocol};
use parlor_tests::{Handshake, ParlorProcess, Serve, TestClient, changeling, in_time, send};
use serde_json::{Value as Json, json};

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

/// A server as a process, and the operator's way to it.
struct Operated {
    process: ParlorProcess,
    bearer: String,
}

impl Operated {
    async fn start(serve: &Serve, data_dir: &std::path::Path) -> Self {
        let mut process = serve.spawn();
        process.is_ready().await;
        let token = std::fs::read_to_string(data_dir.join("admin-token"));
        let bearer = format!("Bearer {}", token.expect("there is a token").trim());
        Self { process, bearer }
    }

    async fn send(&self, method: &str, path: &str, body: &[u8]) -> Json {
        let headers = [
            ("Authorization", &*self.bearer),
            ("Content-Type", "application/json"),
        ];
        let path = format!("/api/v1{path}");
        let (answer, _) = send(self.process.admin, method, &path, &headers, body).await;
        assert!(answer.status < 300, "{path}: {answer:?}");
        serde_json::from_str(&answer.body).unwrap_or(Json::Null)
    }

    /// Sends what the server does not live to answer, and waits for its end.
    async fn send_last(mut self, path: &'static str, body: Json) {
        let (admin, bearer) = (self.process.admin, self.bearer.clone());
        let sending = tokio::spawn(async move {
            let headers = [
                ("Authorization", &*bearer),
                ("Content-Type", "application/json"),
            ];
            let body = body.to_string().into_bytes();
            send(admin, "POST", &format!("/api/v1{path}"), &headers, &body).await
        });
        in_time("its end", self.process.end()).await;
        // Whether it was answered before that hangs on the point.
        drop(sending.await);
    }
}

async fn connect(serve: &Serve) -> TestClient {
    TestClient::through(Handshake::to(serve.address()), Subprotocol::Json).await
}

/// Kills a server at a point. What the client knows of the room then.
async fn died_at(
    point: &str,
    serve: &Serve,
    data_dir: &std::path::Path,
) -> (parlor_tests::Lost, Position) {
    let dying = serve.clone().with("PARLOR_TEST_CRASH_AT", point);
    let server = Operated::start(&dying, data_dir).await;
    let first = changeling("1.0.0", "good");
    server.send("POST", "/plugins", &first).await;
    let second = changeling("2.0.0", "good");
    server.send("POST", "/plugins?default=false", &second).await;
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
        server
            .send("POST", "/rooms/hall/swap", swap.to_string().as_bytes())
            .await;
        server.send_last("/rooms/hall/rollback", json!({})).await;
    } else {
        server.send_last("/rooms/hall/swap", swap).await;
    }
    let position = Position {
        room: "hall".to_owned(),
        epoch: joined.epoch,
        seq: last.seq.expect("where the room was"),
    };
    (ann.cut(), position)
}

fn serve(data_dir: &std::path::Path) -> Serve {
    let config = data_dir.join("parlor.toml");
    std::fs::write(&config, "[limits]\ntrial_seconds = 1\n").expect("there is room for a file");
    Serve::on(data_dir)
        .lasting()
        .with("PARLOR_CONFIG", config.display().to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn du3_a_journaled_room_has_one_version_and_all_of_its_state_whenever_the_server_dies() {
    for (point, versions) in POINTS {
        let data_dir = tempfile::tempdir().expect("there is room");
        let serve = serve(data_dir.path()).with("PARLOR_DURABILITY", "changeling=journal");
        let (lost, position) = died_at(point, &serve, data_dir.path()).await;
        let server = Operated::start(&serve, data_dir.path()).await;
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
        let seen = server.send("GET", "/rooms/hall", &[]).await;
        assert_eq!(seen["version"], version, "{point}");
        let plugins = server.send("GET", "/plugins", &[]).await;
        let known = plugins.to_string();
        assert!(known.contains("2.0.0"), "{point}: {known}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_room_that_does_not_outlive_the_server_is_gone_whenever_it_dies() {
    for (point, _) in POINTS {
        let data_dir = tempfile::tempdir().expect("there is room");
        let serve = serve(data_dir.path());
        let _ = died_at(point, &serve, data_dir.path()).await;
        let server = Operated::start(&serve, data_dir.path()).await;
        let rooms = server.send("GET", "/rooms", &[]).await;
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
