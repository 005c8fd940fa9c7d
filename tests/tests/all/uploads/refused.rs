//! Components that are refused: each says why, and nothing changes.

use std::time::Duration;

use parlor_server::FileConfig;
use parlor_tests::craft::{module, replaced, slow_to_compile, tiny, with_core_module};
use parlor_tests::{TestServer, binary, guest, in_time};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::{listing, options, server, upload};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_no_plugin_is_refused_and_says_why() {
    let server = server().await;
    let before = listing(&server).await;
    let whole = guest("tiny");
    let refused = async |component: &[u8], says: &[&str]| {
        let answer = upload(&server, "", component).await;
        answer.refuses(422, "INVALID_COMPONENT", says);
    };
    refused(b"#!/bin/sh", &["wasm32-wasip2"]).await;
    refused(&whole[..whole.len() / 2], &["read it as a component"]).await;
    refused(&[], &["failed to"]).await;
    refused(b"\0asm\x01\0\0\0", &["core WebAssembly module"]).await;
    refused(&guest("imports-sockets"), &["wasi:sockets/", "no network"]).await;
    let other = replaced(
        whole,
        b"parlor:room/guest@0.1.0",
        b"parlor:room/guest@0.7.0",
    );
    refused(&other, &["0.7.0", "0.1.0", "its own SDK"]).await;
    refused(&guest("describe-lies"), &["tick_hz is 500"]).await;
    refused(&guest("describe-changes"), &["two different answers"]).await;
    refused(&guest("describe-traps"), &["no name comes to mind"]).await;
    let large = module(&[vec![0; (1 << 20) + 1]]);
    let large = with_core_module(guest("tiny"), &large);
    refused(&large, &["a function of 1048577 bytes", "1048576"]).await;
    assert_eq!(listing(&server).await, before);
    let metrics = server.metrics().await;
    assert_eq!(
        metrics.get("plugin_uploads_total{outcome=\"bad-description\"}"),
        3.0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_of_fifty_megabytes_is_refused_and_its_sender_gets_to_know_it() {
    let server = server().await;
    let answer = upload(&server, "", &vec![0; 50 << 20]).await;
    answer.refuses(
        413,
        "COMPONENT_TOO_LARGE",
        &["33554432", "component_bytes_max"],
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_compiler_in_a_process_of_its_own_takes_and_refuses_the_same() {
    let server = TestServer::with(parlor_tests::Options {
        compiler: Some(binary()),
        ..options(FileConfig::default())
    })
    .await;
    let answer = upload(&server, "", &tiny("0.1.1")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
    // It looks whole from outside, and is not inside.
    let broken = with_core_module(guest("tiny"), &module(&[vec![0x0b, 0x0b]]));
    let answer = upload(&server, "", &broken).await;
    answer.refuses(422, "INVALID_COMPONENT", &["compile the component"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_made_to_keep_its_compiler_busy_is_given_up() {
    let settings = FileConfig {
        compile_seconds_max: Some(1),
        ..FileConfig::default()
    };
    let server = TestServer::with(parlor_tests::Options {
        compiler: Some(binary()),
        ..options(settings)
    })
    .await;
    let before = listing(&server).await;
    let answer = upload(&server, "", &slow_to_compile()).await;
    answer.refuses(
        422,
        "INVALID_COMPONENT",
        &["within 1 s of CPU time", "compile_seconds_max"],
    );
    assert_eq!(listing(&server).await, before);
    // And the next one has its turn.
    let answer = upload(&server, "", &tiny("0.1.2")).await;
    assert_eq!(answer.status, 201, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_too_many_come_in_at_once_one_more_is_told_to_come_back() {
    let server = server().await;
    let (admin, token) = (server.admin().address(), server.admin().token());
    let head = format!(
        "POST /api/v1/plugins HTTP/1.1\r\nHost: {admin}\r\nAuthorization: Bearer {token}\r\nContent-Length: 1000\r\n\r\n"
    );
    let mut slow = Vec::new();
    // Those that sent their beginning hold a place; which of them came in is known when one is refused.
    let busy = async {
        loop {
            let mut stream = TcpStream::connect(admin).await.expect("the server listens");
            stream.write_all(head.as_bytes()).await.expect("it reads");
            let mut answer = vec![0; 4096];
            let reading =
                tokio::time::timeout(Duration::from_millis(500), stream.read(&mut answer));
            if let Ok(read) = reading.await {
                let read = read.expect("it answers");
                return String::from_utf8_lossy(&answer[..read]).into_owned();
            }
            slow.push(stream);
            assert!(slow.len() < 20, "nobody is refused");
        }
    };
    let answer = in_time("a refusal", busy).await;
    assert!(
        answer.contains(" 503 ") && answer.contains("BUSY"),
        "{answer}"
    );
    assert!(answer.contains("try again"), "{answer}");
    drop(slow);
    // Their places are free again as soon as they are noticed to be gone.
    let free = async {
        loop {
            let answer = upload(&server, "", &tiny("0.1.3")).await;
            if answer.status == 201 {
                return;
            }
            assert_eq!(answer.status, 503, "{answer:?}");
        }
    };
    in_time("a free place", free).await;
}
