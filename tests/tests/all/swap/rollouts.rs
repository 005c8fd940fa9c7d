//! A version on its way to many rooms.

use std::time::Duration;

use parlor_tests::{TestClient, TestServer, changeling, in_time};
use serde_json::{Value as Json, json};

use super::{LONG, SHORT, body, inspect, options, post, second, server, upload};

pub(super) const ROLLOUT: &str = "/api/v1/plugins/changeling/rollout";

/// Rooms with somebody in each, who said something.
async fn rooms(server: &TestServer, count: usize) -> Vec<TestClient> {
    let mut clients = Vec::new();
    for room in 0..count {
        let mut client = TestClient::connect(server).await;
        let room = format!("room-{room}");
        client.join(&room, "changeling").await;
        client.applied(&room, &json!({ "do": "add", "n": 7 })).await;
        clients.push(client);
    }
    clients
}

/// Brings a version along as `parlor plugin push` does, and gives its digest: new rooms are made of it.
async fn pushed(server: &TestServer, component: &[u8]) -> String {
    let path = "/api/v1/plugins";
    let (answer, _) = server.admin_send("POST", path, &[], component).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let digest = &body(&answer)["digest"];
    digest.as_str().expect("a digest").to_owned()
}

pub(super) async fn begin(server: &TestServer, json: Json) -> Json {
    let answer = post(server, ROLLOUT, &json).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    body(&answer)
}

pub(super) async fn status(server: &TestServer) -> Json {
    body(&server.admin_request("GET", ROLLOUT).await)
}

/// Looks at the roll-out until it is as wanted.
pub(super) async fn until(server: &TestServer, phase: &str) -> Json {
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    let looking = async {
        loop {
            pace.tick().await;
            let status = status(server).await;
            if status["phase"] == phase {
                return status;
            }
        }
    };
    in_time(phase, looking).await
}

async fn versions(server: &TestServer, count: usize) -> Vec<String> {
    let mut versions = Vec::new();
    for room in 0..count {
        let seen = inspect(server, &format!("room-{room}")).await;
        versions.push(seen["version"].as_str().expect("a version").to_owned());
    }
    versions
}

#[tokio::test]
async fn all_rooms_change_and_new_ones_are_made_of_it() {
    let server = server(SHORT).await;
    let mut clients = rooms(&server, 5).await;
    let digest = upload(&server, &second()).await;
    begin(&server, json!({ "version": digest, "scope": "all" })).await;
    let done = until(&server, "done").await;
    assert_eq!((&done["rooms"], &done["switched"]), (&json!(5), &json!(5)));
    assert_eq!(versions(&server, 5).await, ["2.0.0"; 5]);
    for (room, client) in clients.iter_mut().enumerate() {
        let (room, input) = (format!("room-{room}"), json!({ "do": "add", "n": 1 }));
        assert_eq!(client.applied(&room, &input).await, 8);
    }
    assert_eq!(clients[0].join("new", "changeling").await.version, "2.0.0");
}

#[tokio::test]
async fn only_new_rooms_are_made_of_it_if_that_is_wanted() {
    let server = server(SHORT).await;
    let mut clients = rooms(&server, 2).await;
    let digest = upload(&server, &second()).await;
    begin(&server, json!({ "version": digest, "scope": "new" })).await;
    until(&server, "done").await;
    assert_eq!(versions(&server, 2).await, ["1.0.0"; 2]);
    assert_eq!(clients[0].join("new", "changeling").await.version, "2.0.0");
}

#[tokio::test]
async fn a_canary_is_some_rooms_until_it_is_promoted() {
    let server = server(SHORT).await;
    let _clients = rooms(&server, 20).await;
    let digest = upload(&server, &second()).await;
    let canary = json!({ "version": digest, "scope": "canary", "percent": 40 });
    begin(&server, canary.clone()).await;
    let status = until(&server, "canary").await;
    let changed = versions(&server, 20).await;
    let changed = changed.iter().filter(|it| *it == "2.0.0").count();
    assert!((1..20).contains(&changed), "{changed}");
    assert_eq!(status["switched"], changed);
    assert_eq!(post(&server, ROLLOUT, &canary).await.status, 409);
    let promote = post(&server, &format!("{ROLLOUT}/promote"), &json!({})).await;
    assert_eq!(promote.status, 200, "{promote:?}");
    until(&server, "done").await;
    assert_eq!(
        versions(&server, 20).await,
        ["2.0.0"; 20].map(str::to_owned)
    );
}

#[tokio::test]
async fn a_canary_that_stays_clean_is_promoted_by_time() {
    let server = server(SHORT).await;
    let _clients = rooms(&server, 5).await;
    let digest = upload(&server, &second()).await;
    let canary = json!({ "version": digest, "scope": "canary", "percent": 50, "promote_after_minutes": 0.005 });
    begin(&server, canary).await;
    until(&server, "done").await;
    assert_eq!(versions(&server, 5).await, ["2.0.0"; 5]);
}

#[tokio::test]
async fn a_version_that_fails_in_one_room_leaves_all_of_them() {
    let server = server(LONG).await;
    let mut clients = rooms(&server, 6).await;
    let digest = upload(&server, &changeling("2.0.0", "traps-tenth")).await;
    begin(&server, json!({ "version": digest, "scope": "all" })).await;
    super::until(&server, "room-0", "the version", |it| {
        it["version"] == "2.0.0"
    })
    .await;
    // Not all of the rooms need come to it.
    for n in 1..=12 {
        let input = json!({ "do": "add", "n": 1 });
        assert_eq!(clients[0].applied("room-0", &input).await, 7 + n);
    }
    let status = until(&server, "aborted").await;
    assert!(
        status["reason"]
            .as_str()
            .is_some_and(|it| it.contains("tenth step")),
        "{status}"
    );
    for room in 0..6 {
        let room = format!("room-{room}");
        super::until(&server, &room, "the version before", |it| {
            it["version"] == "1.0.0"
        })
        .await;
    }
    let mut newcomer = TestClient::connect(&server).await;
    assert_eq!(newcomer.join("new", "changeling").await.version, "1.0.0");
    let again = post(
        &server,
        ROLLOUT,
        &json!({ "version": digest, "scope": "all" }),
    )
    .await;
    assert_eq!(again.status, 409, "{again:?}");
    assert_eq!(body(&again)["code"], "SUSPECT");
}

#[tokio::test]
async fn a_canary_that_is_aborted_leaves_its_rooms_as_they_were() {
    let server = server(SHORT).await;
    let _clients = rooms(&server, 10).await;
    let digest = upload(&server, &second()).await;
    begin(
        &server,
        json!({ "version": digest, "scope": "canary", "percent": 60 }),
    )
    .await;
    until(&server, "canary").await;
    let aborted = post(&server, &format!("{ROLLOUT}/abort"), &json!({})).await;
    assert_eq!(aborted.status, 200, "{aborted:?}");
    for room in 0..10 {
        let room = format!("room-{room}");
        super::until(&server, &room, "the version before", |it| {
            it["version"] == "1.0.0"
        })
        .await;
    }
}

#[tokio::test]
async fn a_version_that_new_rooms_are_made_of_is_taken_back_all_the_same() {
    let server = server(SHORT).await;
    let _clients = rooms(&server, 3).await;
    let digest = pushed(&server, &second()).await;
    // It came in as the default: who comes before it is rolled out has it.
    let mut early = TestClient::connect(&server).await;
    assert_eq!(early.join("early", "changeling").await.version, "2.0.0");
    let canary = json!({ "version": digest, "scope": "canary", "percent": 99 });
    begin(&server, canary).await;
    until(&server, "canary").await;
    let aborted = post(&server, &format!("{ROLLOUT}/abort"), &json!({})).await;
    assert_eq!(aborted.status, 200, "{aborted:?}");
    for room in ["room-0", "room-1", "room-2", "early"] {
        super::until(&server, room, "the version before", |it| {
            it["version"] == "1.0.0"
        })
        .await;
    }
    let mut newcomer = TestClient::connect(&server).await;
    assert_eq!(newcomer.join("new", "changeling").await.version, "1.0.0");
}

#[tokio::test]
async fn a_canary_is_some_of_the_new_rooms_also_if_it_came_in_for_all() {
    let server = server(SHORT).await;
    let digest = pushed(&server, &second()).await;
    let canary = json!({ "version": digest, "scope": "canary", "percent": 50 });
    begin(&server, canary).await;
    until(&server, "canary").await;
    let _clients = rooms(&server, 20).await;
    let changed = versions(&server, 20).await;
    let changed = changed.iter().filter(|it| *it == "2.0.0").count();
    assert!((1..20).contains(&changed), "{changed}");
    let promote = post(&server, &format!("{ROLLOUT}/promote"), &json!({})).await;
    assert_eq!(promote.status, 200, "{promote:?}");
    until(&server, "done").await;
    let mut newcomer = TestClient::connect(&server).await;
    assert_eq!(newcomer.join("new", "changeling").await.version, "2.0.0");
}

#[tokio::test]
async fn a_newer_roll_out_takes_the_place_of_one_that_is_under_way_if_that_is_wanted() {
    let server = server(LONG).await;
    let _clients = rooms(&server, 3).await;
    let digest = upload(&server, &second()).await;
    begin(&server, json!({ "version": digest, "scope": "all" })).await;
    for room in 0..3 {
        let room = format!("room-{room}");
        super::until(&server, &room, "the version", |it| it["version"] == "2.0.0").await;
    }
    let newer = upload(&server, &changeling("3.0.0", "good")).await;
    let wanted = json!({ "version": newer, "scope": "all" });
    assert_eq!(post(&server, ROLLOUT, &wanted).await.status, 409);
    let wanted = json!({ "version": newer, "scope": "all", "supersede": true });
    begin(&server, wanted).await;
    for room in 0..3 {
        let room = format!("room-{room}");
        super::until(&server, &room, "the newer one", |it| {
            it["version"] == "3.0.0"
        })
        .await;
    }
}

/// How many rooms run the second version.
async fn changed(server: &TestServer, count: usize) -> usize {
    let versions = versions(server, count).await;
    versions.iter().filter(|it| *it == "2.0.0").count()
}

/// Talks in a room that runs the second version for longer than its trial takes.
async fn prove(client: &mut TestClient, room: &str) {
    for _ in 0..TRIAL_STEPS + 2 {
        let input = json!({ "do": "add", "n": 1 });
        client.applied(room, &input).await;
    }
}

const TRIAL_STEPS: u64 = 4;

#[tokio::test]
async fn no_more_than_64_rooms_are_on_trial_at_a_time() {
    const ROOMS: usize = 67;
    let mut options = options(LONG);
    options.limits.trial_steps = TRIAL_STEPS;
    let server = TestServer::with(options).await;
    let mut clients = rooms(&server, ROOMS).await;
    let digest = upload(&server, &second()).await;
    begin(&server, json!({ "version": digest, "scope": "all" })).await;
    let switched = async |count: usize| {
        let mut pace = tokio::time::interval(Duration::from_millis(10));
        let looking = async {
            while status(&server).await["switched"] != count {
                pace.tick().await;
            }
        };
        in_time("rooms that changed", looking).await;
        // To look at all of them takes longer than it would take the others to change.
        assert_eq!(changed(&server, ROOMS).await, count);
        assert_eq!(status(&server).await["switched"], count);
    };
    switched(64).await;
    // As many as prove themselves make way for others.
    let mut proved = 0;
    for (room, client) in clients.iter_mut().enumerate() {
        let room = format!("room-{room}");
        if proved < 2 && inspect(&server, &room).await["version"] == "2.0.0" {
            prove(client, &room).await;
            proved += 1;
            switched(64 + proved).await;
        }
    }
    for (room, client) in clients.iter_mut().enumerate() {
        prove(client, &format!("room-{room}")).await;
    }
    for (room, client) in clients.iter_mut().enumerate() {
        let room = format!("room-{room}");
        super::until(&server, &room, "the version", |it| it["version"] == "2.0.0").await;
        prove(client, &room).await;
    }
    until(&server, "done").await;
}

#[tokio::test]
async fn what_is_no_roll_out_is_refused() {
    let server = server(SHORT).await;
    let digest = upload(&server, &second()).await;
    assert_eq!(server.admin_request("GET", ROLLOUT).await.status, 404);
    for bad in [
        json!({ "version": digest, "scope": "canary" }),
        json!({ "version": digest, "scope": "canary", "percent": 100 }),
        json!({ "version": digest, "scope": "all", "percent": 10 }),
        json!({ "version": digest, "scope": "all", "promote_after_minutes": 1 }),
        json!({ "version": "echo@0.0.0", "scope": "all" }),
    ] {
        let answer = post(&server, ROLLOUT, &bad).await;
        assert_eq!(answer.status, 422, "{bad}: {answer:?}");
    }
}
