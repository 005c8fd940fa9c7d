//! Plugins that do harm. Each ends only its own room, or costs only its one input, while a room beside it keeps time.

mod budgets;
mod rooms;
mod steps;

use parlor_proto::{client, server};
use parlor_tests::{Options, Report, TestClient, TestServer, json_of, payload};
use serde_json::{Value as Json, json};

/// A server with a 5 Hz room on it, and a member in a hostile room.
pub(crate) struct Scene {
    clock: Clock,
    /// `name@version` of the hostile plugin.
    label: String,
    pub(crate) member: TestClient,
    // Dropped last: a server waits for its clients.
    pub(crate) server: TestServer,
}

impl Scene {
    /// Opens the hostile room, and changes its state a little.
    async fn begin() -> Self {
        Self::of("hostile", Options::default()).await
    }

    /// Opens the hostile room of this plugin, and changes its state a little.
    pub(crate) async fn of(plugin: &str, options: Options) -> Self {
        let server = TestServer::with(options).await;
        let clock = Clock::begin(&server).await;
        let mut member = TestClient::connect(&server).await;
        member.join("hostile", plugin).await;
        let sum = member
            .applied("hostile", &json!({ "do": "add", "n": 7 }))
            .await;
        assert_eq!(sum, json!(7));
        Self {
            clock,
            label: format!("{plugin}@0.0.0"),
            member,
            server,
        }
    }

    /// Asserts that this costs only the input itself, and returns the report that blames it.
    pub(crate) async fn costs_only_its_input(&mut self, harm: &Json) -> Report {
        let mut bystander = TestClient::connect(&self.server).await;
        let (plugin, _) = self.label.split_once('@').expect("it has a version");
        bystander.join("hostile", plugin).await;
        let error = self.member.refused("hostile", harm).await;
        assert_eq!(error.code, "PLUGIN_FAILED", "{harm}: {}", error.message);
        assert_eq!(error.room.as_deref(), Some("hostile"));
        // The room lives, with everybody in it and its state intact.
        for member in [&mut self.member, &mut bystander] {
            let sum = member
                .applied("hostile", &json!({ "do": "add", "n": 0 }))
                .await;
            assert_eq!(sum, json!(7), "{harm}");
        }
        bystander.leave("hostile").await;
        let reports = self.server.reports_of("hostile").await;
        let mut newest_first = reports.iter().rev();
        let report = newest_first
            .find(|report| report.input.is_some())
            .unwrap_or_else(|| panic!("no report of {harm}: {reports:?}"));
        assert_eq!(report.plugin, self.label);
        assert_eq!(report.digest.len(), 64);
        assert!(report.step > 0);
        let input = report.input.as_deref().unwrap_or_default();
        assert_eq!(
            input,
            format!("message from member 1: {}", payload(harm).to_json())
        );
        report.clone()
    }

    /// Asserts that this is allowed.
    pub(crate) async fn is_allowed(&mut self, harmless: &Json) {
        let answer = self.member.applied("hostile", harmless).await;
        assert_eq!(answer, json!({ "survived": true }), "{harmless}");
        assert!(self.server.reports().await.is_empty());
    }

    /// Asserts that the room beside the hostile one kept time.
    pub(crate) async fn end(self) {
        self.clock.end().await;
    }
}

/// A 5 Hz room that says the number of each of its ticks.
struct Clock {
    client: TestClient,
    first: u64,
}

impl Clock {
    async fn begin(server: &TestServer) -> Self {
        let mut client = TestClient::connect(server).await;
        client.join("clock", "ticker").await;
        let first = tick(&client.expect_message("clock").await);
        Self { client, first }
    }

    /// Asserts that it heard every tick up to now, and two more.
    async fn end(mut self) {
        // The reply comes behind all ticks up to its own.
        let id = self.client.next_id();
        self.client.say_with("clock", &json!(null), Some(id)).await;
        let mut expected = self.first + 1;
        let mut wanted = None;
        while wanted.is_none_or(|wanted| expected <= wanted) {
            match self.client.next().await {
                parlor_proto::ServerFrame::RoomMessage(message) => {
                    assert_eq!(tick(&message), expected, "the room beside it was held up");
                    expected += 1;
                }
                parlor_proto::ServerFrame::Reply(reply) => wanted = reply.tick.map(|tick| tick + 2),
                other => panic!("unexpected: {other:?}"),
            }
        }
    }
}

fn tick(message: &server::RoomMessage) -> u64 {
    json_of(&message.data)["tick"]
        .as_u64()
        .expect("a tick has a number")
}

/// A hostile room with these options.
fn made_with(options: &Json) -> client::JoinRoom {
    client::JoinRoom {
        options: Some(payload(options)),
        ..TestClient::into_room("hostile", "hostile")
    }
}
