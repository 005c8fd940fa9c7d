//! The folder of plugins, while the server runs.

use std::path::Path;
use std::time::Duration;

use parlor_server::FileConfig;
use parlor_tests::craft::{tiny, with_section};
use parlor_tests::{TestServer, guest, in_time};
use serde_json::Value;
use tempfile::TempDir;

use super::signed::Signer;
use super::{default_of, listing, options, upload, versions_in, versions_of};

fn settings(folder: &Path) -> FileConfig {
    FileConfig {
        plugins: Some(folder.to_owned()),
        ..FileConfig::default()
    }
}

async fn server() -> (TempDir, TestServer) {
    let folder = tempfile::tempdir().expect("there is room");
    let server = TestServer::with(options(settings(folder.path()))).await;
    (folder, server)
}

fn put(folder: &TempDir, name: &str, bytes: &[u8]) {
    std::fs::write(folder.path().join(name), bytes).expect("it can be written");
}

/// Looks at what the server says of its plugins until it is as wanted.
async fn until(server: &TestServer, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
    // Paces the looking, not the test.
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let looking = async {
        loop {
            pace.tick().await;
            let listing = listing(server).await;
            if is_so(&listing) {
                return listing;
            }
        }
    };
    in_time(what, looking).await
}

fn has(listing: &Value, version: &str) -> bool {
    let versions = versions_in(listing, "tiny");
    versions
        .iter()
        .any(|it| it["version"] == version && it["is_default"] == true)
}

fn refused(listing: &Value) -> Vec<(String, String)> {
    let refused = listing["refused"].as_array().expect("a list");
    let text = |it: &Value, field: &str| it[field].as_str().expect("a text").to_owned();
    let pair = |it| (text(it, "path"), text(it, "reason"));
    refused.iter().map(pair).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_comes_or_changes_is_what_new_rooms_are_made_of() {
    let (folder, server) = server().await;
    put(&folder, "tiny.wasm", &tiny("0.5.1"));
    let listing = until(&server, "a new file", |it| has(it, "0.5.1")).await;
    let versions = versions_in(&listing, "tiny");
    assert_eq!(versions.last().expect("it is there")["source"], "folder");
    put(&folder, "tiny.wasm", &tiny("0.5.2"));
    until(&server, "a changed file", |it| has(it, "0.5.2")).await;
    // Other bytes of the same version are meant: it is the operator's own folder.
    put(&folder, "tiny.wasm", &with_section(tiny("0.5.2"), b"other"));
    until(&server, "other bytes", |it| {
        versions_in(it, "tiny").len() == 4
    })
    .await;
    // And back again.
    put(&folder, "tiny.wasm", &tiny("0.5.1"));
    until(&server, "the first file again", |it| has(it, "0.5.1")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_is_refused_is_named_with_the_reason_until_it_is_better() {
    let (folder, server) = server().await;
    let whole = tiny("0.5.3");
    put(&folder, "tiny.wasm", &whole[..whole.len() / 2]);
    let listing = until(&server, "a refusal", |it| !refused(it).is_empty()).await;
    let [(path, reason)] = &refused(&listing)[..] else {
        panic!("one refusal: {listing}");
    };
    assert!(path.ends_with("/tiny.wasm"), "{path}");
    assert!(reason.contains("read it as a component"), "{reason}");
    put(&folder, "tiny.wasm", &whole);
    let listing = until(&server, "the whole file", |it| has(it, "0.5.3")).await;
    until(&server, "no refusal", |it| refused(it).is_empty()).await;
    put(&folder, "sockets.wasm", &guest("imports-sockets"));
    let after = until(&server, "a refusal", |it| !refused(it).is_empty()).await;
    assert!(refused(&after)[0].1.contains("wasi:sockets/"), "{after}");
    assert_eq!(after["plugins"], listing["plugins"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_grows_is_not_taken_before_it_is_whole() {
    let (folder, server) = server().await;
    let whole = tiny("0.5.4");
    for part in 1..20 {
        put(&folder, "tiny.wasm", &whole[..whole.len() * part / 20]);
        tokio::task::yield_now().await;
    }
    put(&folder, "tiny.wasm", &whole);
    let listing = until(&server, "the whole file", |it| has(it, "0.5.4")).await;
    assert_eq!(versions_in(&listing, "tiny").len(), 2, "{listing}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_while_no_server_ran_counts_and_what_did_not_leaves_the_default_alone() {
    let (folder, server) = server().await;
    put(&folder, "tiny.wasm", &tiny("0.5.5"));
    until(&server, "a new file", |it| has(it, "0.5.5")).await;
    let uploaded = upload(&server, "", &tiny("0.5.6")).await.digest();
    let server = server.restarted(options(settings(folder.path()))).await;
    let versions = versions_of(&server, "tiny").await;
    assert_eq!(default_of(&versions), uploaded);
    assert_eq!(versions.len(), 3, "{versions:?}");

    let second = tempfile::tempdir().expect("there is room");
    put(&second, "tiny.wasm", &tiny("0.5.7"));
    let server = server.restarted(options(settings(second.path()))).await;
    assert!(has(&listing(&server).await, "0.5.7"));
    let server = server.restarted(options(settings(second.path()))).await;
    assert!(has(&listing(&server).await, "0.5.7"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_signatures_are_required_a_file_needs_one_beside_it() {
    let signer = Signer::new(7);
    let folder = tempfile::tempdir().expect("there is room");
    let server = TestServer::with(options(FileConfig {
        trusted_key: vec![signer.public()],
        require_signatures: Some(true),
        ..settings(folder.path())
    }))
    .await;
    let component = tiny("0.5.8");
    put(&folder, "tiny.wasm", &component);
    let listing = until(&server, "a refusal", |it| !refused(it).is_empty()).await;
    assert!(
        refused(&listing)[0].1.contains("find a signature"),
        "{listing}"
    );
    put(
        &folder,
        "tiny.wasm.minisig",
        signer.sign(&component).as_bytes(),
    );
    until(&server, "the signed file", |it| has(it, "0.5.8")).await;
}
