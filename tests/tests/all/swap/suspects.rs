//! A version to which rooms are lost again and again: no new room is made of it, and the server says so.

use parlor_tests::{Log, Options, TestClient, TestServer, changeling};
use serde_json::json;

use super::{LONG, body, options, second, versions_of};

/// Why there is something against the version of this digest.
async fn suspicion(server: &TestServer, digest: &str) -> Option<String> {
    let versions = versions_of(server, "changeling").await;
    let version = versions.iter().find(|it| it["digest"] == digest);
    let suspect = &version.expect("it is there")["suspect"];
    suspect.as_str().map(str::to_owned)
}

/// Makes a room, which runs this version, and talks until the room is closed for what the version does.
async fn lose(server: &TestServer, room: &str, digest: &str) {
    let mut client = TestClient::connect(server).await;
    assert_eq!(client.join(room, "changeling").await.digest, digest);
    for _ in 0..INPUTS_MAX {
        let answer = client.ask(room, &json!({ "do": "version" })).await;
        match answer.map_err(|refusal| refusal.code) {
            Err(code) if code == "NOT_IN_ROOM" => return,
            Err(code) => assert_eq!(code, "PLUGIN_FAILED"),
            Ok(_) => {}
        }
    }
    panic!("{room} lives on");
}

/// Those that are fine, and more of the others than a room outlives.
const INPUTS_MAX: usize = 50;

#[tokio::test]
async fn a_version_to_which_three_rooms_were_lost_is_made_no_rooms_of_and_it_is_said() {
    let log = Log::default();
    let server = TestServer::with(Options {
        log: Some(log.clone()),
        ..options(LONG)
    })
    .await;
    let good = server.admin().upload("", &second()).await;
    assert_eq!(good.status, 201, "{good:?}");
    let answer = server
        .admin()
        .upload("", &changeling("3.0.0", "traps-tenth"))
        .await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let bad = body(&answer)["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    for room in ["one", "two"] {
        lose(&server, room, &bad).await;
        assert_eq!(suspicion(&server, &bad).await, None, "{room}");
    }
    lose(&server, "three", &bad).await;
    let why = suspicion(&server, &bad).await.expect("a suspicion");
    assert_eq!(
        why,
        "3 rooms were lost to it within 10 minutes: one, two, three"
    );
    let said = log.text();
    assert!(
        said.contains("no new room is made of this version any more: 3 rooms were lost to it"),
        "{said}"
    );
    // New rooms are made of the newest one that nothing is known against.
    let mut client = TestClient::connect(&server).await;
    assert_eq!(client.join("four", "changeling").await.version, "2.0.0");
    let refused = super::swap(&server, "four", &bad).await;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.body.contains("failed before"), "{refused:?}");
    // It stays so when the server is another one.
    let server = server.restarted(options(LONG)).await;
    assert_eq!(suspicion(&server, &bad).await, Some(why));
    let mut client = TestClient::connect(&server).await;
    assert_eq!(client.join("five", "changeling").await.version, "2.0.0");
}
