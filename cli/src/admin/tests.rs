use std::path::Path;

use bytes::Bytes;
use serde_json::{Value, json};

use super::fake::FakeAdmin;
use super::{Admin, AdminArgs, AdminError, segment};

#[tokio::test]
async fn a_question_carries_the_token_and_its_body() {
    let fake = FakeAdmin::start(&[(202, ""), (201, r#"{"digest":"ab"}"#)]).await;
    let admin = fake.admin();
    let body = json!({ "is_locked": true });
    let answer = admin.post("/rooms/a/lock", &body).await.unwrap();
    assert_eq!(answer, Value::Null);
    let component = Bytes::from_static(b"\0asm");
    let answer = admin
        .upload("/plugins?replace=true", component, Some("c2ln"))
        .await
        .unwrap();
    assert_eq!(answer["digest"], "ab");
    let asked = fake.asked();
    assert_eq!(asked[0].what, "POST /api/v1/rooms/a/lock");
    assert_eq!(asked[0].body, body.to_string().as_bytes());
    let has = |header: &str| asked[1].headers.iter().any(|it| it == header);
    assert_eq!(asked[1].what, "POST /api/v1/plugins?replace=true");
    assert!(has("authorization: Bearer secret") && has("parlor-signature: c2ln"));
    assert!(has("content-type: application/wasm"));
    assert_eq!(asked[1].body, b"\0asm");
}

#[tokio::test]
async fn a_refusal_says_why() {
    let coded = r#"{"code":"VERSION_EXISTS","message":"raise the version"}"#;
    let fake = FakeAdmin::start(&[(409, coded), (404, ""), (500, "it broke\n"), (401, "?")]).await;
    let admin = fake.admin();
    let mut told = Vec::new();
    for _ in 0..4 {
        told.push(admin.get("/plugins").await.unwrap_err());
    }
    assert!(told[0].is("VERSION_EXISTS") && told[0].is_nothing());
    let texts: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(texts[0], "raise the version (VERSION_EXISTS)");
    assert_eq!(texts[1], "the server answered 404 Not Found (404)");
    assert_eq!(texts[2], "it broke (500)");
    assert!(texts[3].contains("--token"), "{}", texts[3]);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_from_one_that_refuses() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = Admin::new(&url, "x")
        .unwrap()
        .get("/rooms")
        .await
        .unwrap_err();
    assert!(error.is_absent(), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let of_dir = AdminArgs::default().or_of(dir.path());
    let error = of_dir.find().unwrap_err();
    assert!(error.is_absent() && error.to_string().contains("parlor serve"));
    let named = AdminArgs {
        admin: Some(url),
        ..of_dir
    };
    let error = named.find().unwrap_err();
    assert!(matches!(error, AdminError::NoToken { .. }), "{error}");
}

#[test]
fn a_data_directory_that_was_named_is_the_one_that_is_meant() {
    let here = AdminArgs::default();
    assert_eq!(here.data_dir(), Path::new("./.parlor"));
    let named = here.or_of(Path::new("/a"));
    assert_eq!(named.or_of(Path::new("/b")).data_dir(), Path::new("/a"));
}

#[test]
fn addresses_that_are_none_are_refused() {
    for url in [
        "http://127.0.0.1:8081",
        "http://[::1]:8081/",
        "localhost:8081",
    ] {
        Admin::new(url, "x").unwrap();
    }
    for url in ["", "http://", "ftp://x", "http://x/api/v1", "a b"] {
        let error = Admin::new(url, "x").unwrap_err();
        assert!(matches!(error, AdminError::Address(_)), "{url}: {error}");
    }
    let error = Admin::new("https://127.0.0.1:8081", "x").unwrap_err();
    assert!(error.to_string().contains("ssh -L"), "{error}");
    assert!(matches!(
        Admin::new("http://x", "a\nb"),
        Err(AdminError::Token)
    ));
}

#[test]
fn names_are_escaped_in_paths() {
    assert_eq!(segment("a-b_c.d:1"), "a-b_c.d:1");
    assert_eq!(segment("a/../b?c d"), "a%2F..%2Fb%3Fc%20d");
}
