//! Components that are taken: which rooms are made of them, and which are not.

use parlor_tests::craft::{tiny, with_section};
use parlor_tests::{TestClient, guest};

use super::{default_of, listing, server, upload, versions_of};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_rooms_are_made_of_what_was_uploaded_and_old_ones_stay_as_they_are() {
    let server = server().await;
    let mut client = TestClient::connect(&server).await;
    let old = client.join("old", "tiny").await;
    assert_eq!(old.version, "0.0.0");

    let component = tiny("0.0.1");
    let answer = upload(&server, "", &component).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(answer.body["name"], "tiny");
    assert_eq!(answer.body["version"], "0.0.1");
    assert_eq!(answer.body["is_new"], true);
    let digest = answer.digest();

    let new = client.join("new", "tiny").await;
    assert_eq!((&*new.version, &new.digest), ("0.0.1", &digest));
    let versions = versions_of(&server, "tiny").await;
    assert_eq!(default_of(&versions), digest);
    let rooms = |of: &str| {
        versions
            .iter()
            .find(|it| it["digest"] == of)
            .map(|it| it["rooms"].clone())
    };
    assert_eq!(rooms(&digest), Some(1.into()));
    assert_eq!(rooms(&old.digest), Some(1.into()));
    let source = |of: &str| {
        versions
            .iter()
            .find(|it| it["digest"] == of)
            .map(|it| it["source"].clone())
    };
    assert_eq!(source(&digest), Some("upload".into()));
    assert_eq!(source(&old.digest), Some("bundle".into()));

    let metrics = server.metrics().await;
    let text = format!("rooms_by_version{{plugin=\"tiny\",version=\"0.0.1\",digest=\"{digest}\"}}");
    assert_eq!(metrics.get(&text), 1.0, "{text}");
    assert_eq!(metrics.get("plugin_uploads_total{outcome=\"new\"}"), 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_component_again_is_known_and_comes_back_as_it_was() {
    let server = server().await;
    let component = tiny("0.0.2");
    let first = upload(&server, "", &component).await;
    let again = upload(&server, "", &component).await;
    assert_eq!((first.status, again.status), (201, 200), "{again:?}");
    assert_eq!(again.body["is_new"], false);
    assert_eq!(first.digest(), again.digest());
    for name in [&first.digest()[..64], &first.digest()[..6], "tiny@0.0.2"] {
        let path = format!("/api/v1/plugins/{name}/component");
        let (response, bytes) = server.admin_send("GET", &path, &[], &[]).await;
        assert_eq!(response.status, 200, "{name}");
        assert_eq!(response.header("content-type"), Some("application/wasm"));
        assert!(bytes == component, "{name}");
    }
    let path = format!("/api/v1/plugins/{}/component", "tiny@9.9.9");
    let (response, _) = server.admin_send("GET", &path, &[], &[]).await;
    super::Answer::of(&response).refuses(404, "VERSION_NOT_FOUND", &["tiny@9.9.9", "digest"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_may_come_in_without_new_rooms_being_made_of_it() {
    let server = server().await;
    let before = default_of(&versions_of(&server, "tiny").await);
    let answer = upload(&server, "?default=false", &tiny("0.0.3")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    assert_eq!(default_of(&versions_of(&server, "tiny").await), before);
    // Brought again without that wish, new rooms are made of it.
    let again = upload(&server, "", &tiny("0.0.3")).await;
    assert_eq!(again.status, 200, "{again:?}");
    assert_eq!(
        default_of(&versions_of(&server, "tiny").await),
        again.digest()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_bytes_of_the_same_version_come_in_only_where_that_is_meant() {
    let server = server().await;
    let other = with_section(guest("tiny"), b"other");
    let refused = upload(&server, "", &other).await;
    refused.refuses(
        409,
        "VERSION_EXISTS",
        &["tiny@0.0.0", "raise the version", "replace=true"],
    );
    let answer = upload(&server, "?replace=true", &other).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    let versions = versions_of(&server, "tiny").await;
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!(default_of(&versions), answer.digest());
    let unknown = upload(&server, "?replaec=true", &other).await;
    unknown.refuses(400, "INVALID_PARAMETER", &["replaec", "`replace`"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_uploaded_to_one_server_is_not_in_another() {
    let server = server().await;
    upload(&server, "", &tiny("0.0.4")).await;
    let other = super::server().await;
    assert_eq!(versions_of(&other, "tiny").await.len(), 1);
    assert_eq!(listing(&other).await["refused"], serde_json::json!([]));
}
