//! The server dies while a component comes in: the next one has all of it, or nothing.

use parlor_tests::{Serve, in_time, send};

use super::{Answer, tiny, versions_in};

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
        let token = std::fs::read_to_string(data_dir.path().join("admin-token"));
        let bearer = format!("Bearer {}", token.expect("there is a token").trim());
        let headers = [("Authorization", &*bearer)];
        let component = tiny("0.4.0");
        let admin = dying.admin;
        let (bearer_of_task, sent) = (bearer.clone(), component.clone());
        // It gets no answer.
        let uploading = tokio::spawn(async move {
            let headers = [("Authorization", &*bearer_of_task)];
            send(admin, "POST", "/api/v1/plugins", &headers, &sent).await
        });
        in_time(point, dying.end()).await;
        assert!(uploading.await.is_err(), "{point}");

        let mut process = serve.spawn();
        process.is_ready().await;
        let (listing, _) = send(process.admin, "GET", "/api/v1/plugins", &headers, &[]).await;
        let versions = versions_in(&Answer::of(&listing).body, "tiny");
        assert_eq!(
            versions.len(),
            usize::from(is_kept),
            "{point}: {versions:?}"
        );
        let left = std::fs::read_dir(data_dir.path().join("components")).expect("it is there");
        let mut left = left.map(|it| it.expect("it can be read").file_name());
        assert!(
            left.all(|name| name.to_string_lossy().ends_with(".wasm")),
            "{point}"
        );
        // It can be brought again, and is there to stay.
        let (answer, _) = send(
            process.admin,
            "POST",
            "/api/v1/plugins",
            &headers,
            &component,
        )
        .await;
        assert_eq!(
            answer.status,
            if is_kept { 200 } else { 201 },
            "{point}: {answer:?}"
        );
        let digest = Answer::of(&answer).digest();
        drop(process);
        let mut process = serve.spawn();
        process.is_ready().await;
        let (listing, _) = send(process.admin, "GET", "/api/v1/plugins", &headers, &[]).await;
        let versions = versions_in(&Answer::of(&listing).body, "tiny");
        assert_eq!(versions[0]["digest"], *digest, "{point}");
    }
}
