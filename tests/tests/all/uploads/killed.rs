//! The server dies while a component comes in: the next one has all of it, or nothing.

use parlor_tests::craft::tiny;
use parlor_tests::{ParlorProcess, Serve, in_time};
use serde_json::Value;

use super::{Answer, versions_in};

/// What a server knows of the versions of the guest.
async fn versions(process: &ParlorProcess) -> Vec<Value> {
    let listing = process.operator().ask("GET", "/api/v1/plugins").await;
    versions_in(&Answer::of(&listing).body, "tiny")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_it_keeps_a_component_has_all_of_it_or_nothing() {
    for (point, is_kept) in [
        ("upload-component-written", false),
        ("upload-renamed", false),
        ("upload-state-written", true),
    ] {
        let data_dir = tempfile::tempdir().expect("there is room");
        let serve = Serve::on(data_dir.path());
        let mut dying = serve.clone().with("PARLOR_TEST_CRASH_AT", point).spawn();
        dying.is_ready().await;
        let component = tiny("0.4.0");
        let (operator, sent) = (dying.operator(), component.clone());
        // It gets no answer.
        let uploading = tokio::spawn(async move { operator.upload("", &sent).await });
        in_time(point, dying.end()).await;
        assert!(uploading.await.is_err(), "{point}");

        let mut process = serve.spawn();
        process.is_ready().await;
        let kept = versions(&process).await;
        assert_eq!(kept.len(), usize::from(is_kept), "{point}: {kept:?}");
        let left = std::fs::read_dir(data_dir.path().join("components")).expect("it is there");
        let mut left = left.map(|it| it.expect("it can be read").file_name());
        assert!(
            left.all(|name| name.to_string_lossy().ends_with(".wasm")),
            "{point}"
        );
        // It can be brought again, and is there to stay.
        let answer = process.operator().upload("", &component).await;
        let status = if is_kept { 200 } else { 201 };
        assert_eq!(answer.status, status, "{point}: {answer:?}");
        let digest = Answer::of(&answer).digest();
        drop(process);
        let mut process = serve.spawn();
        process.is_ready().await;
        assert_eq!(versions(&process).await[0]["digest"], *digest, "{point}");
    }
}
