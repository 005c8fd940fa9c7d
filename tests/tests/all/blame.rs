//! A batch of many inputs, one of which is poison.

use parlor_tests::{TestClient, TestServer};
use serde_json::{Value as Json, json};

const MEMBERS: usize = 12;
const INPUTS: usize = 64;
/// The 37th input.
const POISON: usize = 36;

/// Twelve members of a room that takes messages with its ticks.
async fn members(server: &TestServer, room: &str) -> Vec<TestClient> {
    let mut members = Vec::new();
    for _ in 0..MEMBERS {
        let mut member = TestClient::connect(server).await;
        member.join(room, "on-tick").await;
        members.push(member);
    }
    members
}

/// Sends the inputs in this order between two ticks, the members taking turns; the sender and the id of each.
async fn send_between_ticks(
    members: &mut [TestClient],
    room: &str,
    inputs: impl Iterator<Item = (usize, Json)>,
) -> Vec<(usize, u64)> {
    // This is taken with a tick, so that the next one is half a second away.
    members[0].applied(room, &json!({ "do": "notes" })).await;
    let mut sent = Vec::new();
    for (n, input) in inputs {
        let sender = n % MEMBERS;
        let id = members[sender].next_id();
        members[sender].say_with(room, &input, Some(id)).await;
        // It is in the room's mailbox before the next one is sent.
        members[sender].round_trip().await;
        sent.push((sender, id));
    }
    sent
}

fn note(n: usize) -> Json {
    json!({ "do": "note", "n": n })
}

#[tokio::test]
async fn of_a_batch_of_64_inputs_the_one_that_traps_is_set_aside_and_63_are_applied() {
    let server = TestServer::start().await;
    let mut poisoned = members(&server, "poisoned").await;
    let inputs = (0..INPUTS).map(|n| match n {
        POISON => (n, json!({ "do": "poison", "n": n })),
        _ => (n, note(n)),
    });
    let sent = send_between_ticks(&mut poisoned, "poisoned", inputs).await;
    let mut applied = 0;
    for (n, (sender, id)) in sent.iter().enumerate() {
        match poisoned[*sender].answer(*id).await {
            Ok(_) => {
                assert_ne!(n, POISON);
                applied += 1;
            }
            Err(error) => {
                assert_eq!((n, error.code.as_str()), (POISON, "PLUGIN_FAILED"));
                assert_eq!(error.id, Some(*id));
            }
        }
    }
    assert_eq!(applied, 63);

    let reports = server.reports_of("poisoned").await;
    let [batch, alone] = reports.as_slice() else {
        panic!("one report for the batch and one for the input: {reports:?}");
    };
    assert_eq!((batch.events, batch.input.as_deref()), (64, None));
    assert_eq!(alone.events, 1);
    assert_eq!(
        alone.step,
        batch.step + 36,
        "36 were applied before it, one a step"
    );
    assert_eq!(alone.plugin, "on-tick@0.0.0");
    let sender = POISON % MEMBERS + 1;
    let input = alone.input.as_deref().expect("the input to blame");
    assert_eq!(
        input,
        format!(r#"message from member {sender}: {{"do":"poison","n":36}}"#)
    );
    assert!(alone.message.contains("poison 36"), "{}", alone.message);
    assert!(
        alone.message.contains("on-tick/src/lib.rs:"),
        "{}",
        alone.message
    );

    // The state is that of a room that never saw the poison.
    let mut clean = members(&server, "clean").await;
    let inputs = (0..INPUTS).filter(|n| *n != POISON).map(|n| (n, note(n)));
    for (sender, id) in send_between_ticks(&mut clean, "clean", inputs).await {
        clean[sender].answer(id).await.expect("it is applied");
    }
    let notes = json!({ "do": "notes" });
    let after_blame = poisoned[0].applied("poisoned", &notes).await;
    assert_eq!(after_blame.as_array().map(Vec::len), Some(63));
    assert_eq!(after_blame, clean[0].applied("clean", &notes).await);
}
