//! What plugins store: over rooms, over the server's end, and for whoever reads it.

use parlor_tests::{Options, TestClient, TestServer};
use serde_json::{Value as Json, json};

/// Asks the storage through a room of the guest "probe", and waits for the answer.
async fn kv(client: &mut TestClient, room: &str, request: Json) -> Json {
    let operation = client.next_id();
    let input = json!({ "do": "kv", "operation": operation, "request": request });
    client.say(room, &input).await;
    let answer = client.expect_data(room).await;
    assert_eq!(answer["operation"], operation);
    answer["outcome"].clone()
}

fn put(key: &str, value: &Json) -> Json {
    json!({ "kv": "put", "key": key, "value": value })
}

fn get(key: &str) -> Json {
    json!({ "kv": "get", "key": key })
}

fn swap(key: &str, expected: &Json, value: &Json) -> Json {
    json!({ "kv": "swap", "key": key, "expected": expected, "value": value })
}

fn list(prefix: &str, after: &str, count: u32) -> Json {
    json!({ "kv": "list", "prefix": prefix, "after": after, "count": count })
}

async fn probe(server: &TestServer, room: &str) -> TestClient {
    let mut client = TestClient::connect(server).await;
    client.join(room, "probe").await;
    client
}

#[tokio::test]
async fn rooms_of_one_plugin_share_keys_and_those_of_another_have_their_own() {
    let server = TestServer::start().await;
    let mut ann = probe(&server, "red").await;
    let mut bob = probe(&server, "blue").await;
    assert_eq!(
        kv(&mut ann, "red", get("a")).await,
        json!({ "value": null })
    );
    assert_eq!(kv(&mut ann, "red", put("a", &json!([1]))).await, "stored");
    assert_eq!(
        kv(&mut bob, "blue", get("a")).await,
        json!({ "value": [1] })
    );
    let late = swap("a", &json!(null), &json!(2));
    assert_eq!(kv(&mut bob, "blue", late).await, json!({ "conflict": [1] }));
    let in_time = swap("a", &json!([1]), &json!(2));
    assert_eq!(kv(&mut bob, "blue", in_time).await, "stored");
    kv(&mut ann, "red", put("b", &json!(3))).await;
    let keys = kv(&mut ann, "red", list("", "a", 9)).await;
    assert_eq!(keys, json!({ "keys": ["b"] }));
    kv(&mut ann, "red", put("public/x", &json!(1))).await;
    let own = server.get("/storage/probe/public/x", &[]).await;
    let other = server.get("/storage/grid/public/x", &[]).await;
    assert_eq!((own.status, other.status), (200, 204));
}

#[tokio::test]
async fn what_was_answered_outlives_the_room_and_the_server() {
    let server = TestServer::start().await;
    let mut ann = probe(&server, "red").await;
    let blob = json!({ "name": "Ann", "cells": [1, 2, 3] });
    assert_eq!(kv(&mut ann, "red", put("a", &blob)).await, "stored");
    assert_eq!(kv(&mut ann, "red", put("public/b", &blob)).await, "stored");
    assert_eq!(kv(&mut ann, "red", put("gone", &json!(1))).await, "stored");
    assert_eq!(
        kv(&mut ann, "red", put("gone", &json!(null))).await,
        "stored"
    );
    drop(ann);
    let server = server.restarted(Options::default()).await;
    let mut bob = probe(&server, "another").await;
    let found = kv(&mut bob, "another", get("a")).await;
    assert_eq!(found, json!({ "value": blob }));
    let keys = kv(&mut bob, "another", list("", "", 9)).await;
    assert_eq!(keys, json!({ "keys": ["a", "public/b"] }));
    let page = server.get("/storage/probe/public/b", &[]).await;
    assert_eq!((page.status, page.body), (200, blob.to_string()));
    let metrics = server.metrics().await;
    assert_eq!(metrics.get("storage_damages_total"), 0.0);
}

#[tokio::test]
async fn quotas_are_answers_and_no_faults() {
    let server = TestServer::with_limits(|limits| {
        limits.storage.value_bytes_max = 1000;
        limits.storage.bytes_max = 1600;
        limits.storage.keys_max = 2;
    })
    .await;
    let mut ann = probe(&server, "red").await;
    let fill = |key: &str, bytes: usize| json!({ "kv": "fill", "key": key, "bytes": bytes });
    assert_eq!(
        kv(&mut ann, "red", fill("a", 1001)).await,
        "KvError::TooLarge"
    );
    let long = "k".repeat(257);
    assert_eq!(kv(&mut ann, "red", get(&long)).await, "KvError::TooLarge");
    assert_eq!(kv(&mut ann, "red", fill("a", 1000)).await, "stored");
    assert_eq!(kv(&mut ann, "red", fill("b", 1000)).await, "KvError::Quota");
    assert_eq!(kv(&mut ann, "red", fill("b", 10)).await, "stored");
    assert_eq!(kv(&mut ann, "red", fill("c", 10)).await, "KvError::Quota");
    assert!(server.reports().await.is_empty());
    let metrics = server.metrics().await;
    let outcome =
        |label: &str| metrics.get(&format!("storage_operations_total{{outcome=\"{label}\"}}"));
    assert_eq!(
        (outcome("too-large"), outcome("quota"), outcome("stored")),
        (2.0, 2.0, 2.0)
    );
    let keys = metrics.get("storage_keys{plugin=\"probe\"}");
    assert_eq!((keys, metrics.get("storage_waiting")), (2.0, 0.0));
}

#[tokio::test]
async fn public_keys_can_be_read_by_anybody_and_no_others() {
    let server = TestServer::start().await;
    let mut ann = probe(&server, "red").await;
    let table = json!({ "rows": [{ "name": "Änn", "wins": 1 }] });
    kv(&mut ann, "red", put("public/table", &table)).await;
    kv(&mut ann, "red", put("secret", &table)).await;
    let noise = json!({ "kv": "fill", "key": "public/noise", "bytes": 10 });
    kv(&mut ann, "red", noise).await;

    let page = server.get("/storage/probe/public/table", &[]).await;
    assert_eq!(
        (page.status, page.body.as_str()),
        (200, table.to_string().as_str())
    );
    assert_eq!(page.header("content-type"), Some("application/json"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("access-control-allow-origin"), None);
    let encoded = server.get("/storage/probe/public%2Ftable", &[]).await;
    assert_eq!(encoded.body, page.body);

    let tag = page.header("etag").expect("a tag").to_owned();
    let known = [("If-None-Match", tag.as_str())];
    let same = server.get("/storage/probe/public/table", &known).await;
    assert_eq!((same.status, same.body.as_str()), (304, ""));
    kv(&mut ann, "red", put("public/table", &json!(2))).await;
    let newer = server.get("/storage/probe/public/table", &known).await;
    assert_eq!((newer.status, newer.body.as_str()), (200, "2"));

    // Keys are no paths: nothing leads from one to another.
    for key in ["nothing", "../secret"] {
        let path = format!("/storage/probe/public/{key}");
        let nothing = server.get(&path, &[]).await;
        assert_eq!((nothing.status, nothing.body.as_str()), (204, ""));
    }
    for path in [
        "probe/secret",
        "probe/public/noise",
        "probe/public",
        "nobody/public/table",
        "probe",
    ] {
        let page = server.get(&format!("/storage/{path}"), &[]).await;
        assert_eq!(page.status, 404, "{path}");
    }
}
