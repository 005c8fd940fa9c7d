//! What of it outlives the server, and what is not believed when it comes back.

use std::path::{Path, PathBuf};

use parlor_server::FileConfig;
use parlor_tests::craft::tiny;
use parlor_tests::{TestClient, TestServer};
use serde_json::{Value, json};

use super::{default_of, options, server, upload, versions_of};

async fn restarted(server: TestServer) -> TestServer {
    server.restarted(options(FileConfig::default())).await
}

/// The files of a folder in the data directory that have this in their names.
fn files(server: &TestServer, folder: &str, part: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(server.data_dir().join(folder)).expect("it is there");
    let paths = entries.map(|entry| entry.expect("it can be read").path());
    paths
        .filter(|path| path.display().to_string().contains(part))
        .collect()
}

fn change_a_byte(path: &Path) {
    let mut bytes = std::fs::read(path).expect("it can be read");
    let at = bytes.len() / 2;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("it can be written");
}

/// Has the list say that there is something against a version, as a server writes it down.
fn suspect(server: &TestServer, digest: &str, why: &str) {
    let path = server.data_dir().join("catalog.json");
    let text = std::fs::read(&path).expect("there is a list");
    let mut state: Value = serde_json::from_slice(&text).expect("it is JSON");
    state["suspects"][digest] = json!(why);
    std::fs::write(&path, state.to_string()).expect("it can be written");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_and_defaults_outlive_the_server() {
    let first = server().await;
    let one = upload(&first, "", &tiny("0.3.1")).await.digest();
    let two = upload(&first, "?default=false", &tiny("0.3.2"))
        .await
        .digest();
    let before = versions_of(&first, "tiny").await;
    assert_eq!(default_of(&before), one);

    let second = restarted(first).await;
    let after = versions_of(&second, "tiny").await;
    assert_eq!(after, before);
    let digests: Vec<_> = after
        .iter()
        .filter_map(|it| it["digest"].as_str())
        .collect();
    assert_eq!(digests[1..], [&*one, &*two]);
    let mut client = TestClient::connect(&second).await;
    assert_eq!(client.join("room", "tiny").await.digest, one);
    // Their code was there already.
    let metrics = second.metrics().await;
    assert_eq!(
        metrics.get("plugin_cache_reads_total{outcome=\"hit\"}"),
        2.0
    );
    assert_eq!(metrics.get("plugin_compile_seconds_count"), 0.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspect_stays_one_and_new_rooms_are_made_of_the_version_before_it() {
    let first = server().await;
    let good = upload(&first, "", &tiny("0.3.3")).await.digest();
    let bad = upload(&first, "", &tiny("0.3.4")).await.digest();
    suspect(&first, &bad, "it traps");

    let second = restarted(first).await;
    let versions = versions_of(&second, "tiny").await;
    assert_eq!(default_of(&versions), good);
    let shown = versions.iter().find(|it| it["digest"] == *bad);
    assert_eq!(shown.expect("it is there")["suspect"], "it traps");
    let mut client = TestClient::connect(&second).await;
    assert_eq!(client.join("room", "tiny").await.digest, good);
    // To bring it again does not clear it.
    let again = upload(&second, "", &tiny("0.3.4")).await;
    assert_eq!(
        (again.status, &again.body["suspect"]),
        (200, &json!("it traps"))
    );
    assert_eq!(default_of(&versions_of(&second, "tiny").await), good);
    // What comes after it may be better.
    let better = upload(&second, "", &tiny("0.3.5")).await.digest();
    assert_eq!(default_of(&versions_of(&second, "tiny").await), better);
    let third = restarted(second).await;
    assert_eq!(default_of(&versions_of(&third, "tiny").await), better);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_64_versions_of_a_plugin_are_kept_but_for_those_that_are_needed() {
    let first = server().await;
    let bundled = default_of(&versions_of(&first, "tiny").await);
    let mut client = TestClient::connect(&first).await;
    let mut digests = Vec::new();
    for number in 0..66 {
        let version = format!("1.{}.{}", number / 10, number % 10);
        digests.push(upload(&first, "", &tiny(&version)).await.digest());
        if number == 1 {
            assert_eq!(client.join("room", "tiny").await.digest, digests[1]);
        }
    }
    let kept = versions_of(&first, "tiny").await;
    let known: Vec<_> = kept.iter().filter_map(|it| it["digest"].as_str()).collect();
    // One came with the server, a room runs another. Of the rest the earliest went.
    let mut expected: Vec<_> = digests.iter().map(String::as_str).collect();
    expected.retain(|it| ![&*digests[0], &*digests[2], &*digests[3]].contains(it));
    expected.insert(0, &bundled);
    assert_eq!(known, expected);
    assert_eq!(known.len(), 64);
    for gone in [0, 2, 3] {
        assert!(files(&first, "components", &digests[gone]).is_empty());
    }
    assert_eq!(files(&first, "components", &digests[1]).len(), 1);
    assert_eq!(client.applied("room", &json!(null)).await, 1);
    let second = restarted(first).await;
    let mut kept = kept.clone();
    // Its room did not outlive the server.
    kept[1]["rooms"] = 0.into();
    assert_eq!(versions_of(&second, "tiny").await, kept);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_code_in_the_cache_is_not_run_but_made_anew() {
    let first = server().await;
    let digest = upload(&first, "", &tiny("0.3.6")).await.digest();
    let cached = files(&first, "cache", &digest);
    assert_eq!(cached.len(), 1, "{cached:?}");
    change_a_byte(&cached[0]);

    let second = restarted(first).await;
    assert_eq!(default_of(&versions_of(&second, "tiny").await), digest);
    let metrics = second.metrics().await;
    assert_eq!(
        metrics.get("plugin_cache_reads_total{outcome=\"refused\"}"),
        1.0
    );
    assert_eq!(metrics.get("plugin_compile_seconds_count"), 1.0);

    let third = restarted(second).await;
    let metrics = third.metrics().await;
    assert_eq!(
        metrics.get("plugin_cache_reads_total{outcome=\"hit\"}"),
        1.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_component_is_not_run_until_it_is_uploaded_again() {
    let first = server().await;
    let bundled = default_of(&versions_of(&first, "tiny").await);
    let digest = upload(&first, "", &tiny("0.3.7")).await.digest();
    change_a_byte(&files(&first, "components", &digest)[0]);

    let second = restarted(first).await;
    assert_eq!(default_of(&versions_of(&second, "tiny").await), bundled);
    let again = upload(&second, "", &tiny("0.3.7")).await;
    assert_eq!(again.status, 201, "{again:?}");
    let third = restarted(second).await;
    assert_eq!(default_of(&versions_of(&third, "tiny").await), digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_was_half_written_is_removed_at_the_start() {
    let first = server().await;
    let draft = first.data_dir().join("components/0123.wasm.new");
    std::fs::write(&draft, "half").expect("it can be written");
    let second = restarted(first).await;
    assert!(!draft.exists() && second.data_dir().join("components").is_dir());
}
