//! The arena over real sockets: what moves, and in which tick.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parlor_proto::{ServerFrame, Subprotocol, server};
use parlor_server::{Durable, FileConfig};
use parlor_tests::{Options, TestClient, TestServer, in_time, json_of};
use serde_json::{Value as Json, json};

const ROOM: &str = "world";

/// What a member sees at a tick.
struct Near {
    tick: u64,
    view: Json,
}

impl Near {
    async fn next(client: &mut TestClient) -> Self {
        Self::of(&client.expect_state(ROOM, "near").await)
    }

    fn of(state: &server::RoomState) -> Self {
        Self {
            tick: state.tick,
            view: json_of(&state.state),
        }
    }

    /// Where somebody is, in units.
    fn place(&self, id: u32) -> (i64, i64) {
        let list = |name: &str| self.view[name].as_array().expect("a list");
        let index = list("ids").iter().position(|it| *it == json!(id));
        let index = index.expect("in sight");
        let number = |name: &str, index: usize| list(name)[index].as_i64().expect("a number");
        let cell = number("cells", index);
        let at = self.view["at"]["$bytes"].as_str().expect("bytes");
        let at = STANDARD.decode(at).expect("base64");
        let [x, y] = [2 * index, 2 * index + 1].map(|index| i64::from(at[index]));
        (cell % 13 * 128 + x, cell / 13 * 128 + y)
    }

    fn is_steered(&self) -> bool {
        self.view["me"][0] != 0
    }
}

#[tokio::test]
async fn a_direction_holds_from_the_tick_that_the_reply_names_in_every_encoding() {
    let server = TestServer::start().await;
    for subprotocol in Subprotocol::ALL {
        let mut ann = TestClient::speaking(&server, subprotocol).await;
        let me = ann.join(ROOM, "arena").await.you.id;
        let mut views = vec![Near::next(&mut ann).await];
        // Away from the nearer wall.
        let x: i64 = if views[0].place(me).0 < 800 {
            127
        } else {
            -127
        };
        let id = ann.next_id();
        let steer = json!({ "type": "steer", "x": x, "y": 0 });
        ann.say_with(ROOM, &steer, Some(id)).await;
        let mut applied = None;
        while applied.is_none() || views.iter().filter(|it| it.is_steered()).count() < 6 {
            match ann.next().await {
                ServerFrame::Reply(reply) if reply.id == id => applied = reply.tick,
                ServerFrame::RoomState(state) if state.view == "near" => {
                    views.push(Near::of(&state))
                }
                _ => {}
            }
        }
        let first = views.iter().find(|it| it.is_steered());
        assert_eq!(first.map(|it| it.tick), applied, "MS3");
        for pair in views.windows(2).filter(|pair| pair[1].is_steered()) {
            let (from, to) = (pair[0].place(me), pair[1].place(me));
            let ticks = if pair[0].is_steered() {
                i64::try_from(pair[1].tick - pair[0].tick).expect("a few")
            } else {
                1
            };
            assert_eq!(to, (from.0 + x.signum() * 12 * ticks.min(4), from.1));
        }
        ann.leave(ROOM).await;
    }
}

#[tokio::test]
async fn a_world_that_moves_is_the_same_when_it_is_run_again() {
    let mut options = Options {
        settings: FileConfig {
            durability: [("arena".to_owned(), Durable::Journal)].into(),
            ..FileConfig::default()
        },
        ..Options::default()
    };
    options.limits.audit_every = Duration::from_millis(50);
    let server = TestServer::with(options).await;
    let mut members = Vec::new();
    for _ in 0..6 {
        let mut member = TestClient::connect(&server).await;
        member.join(ROOM, "arena").await;
        members.push(member);
    }
    let passed = async {
        let mut turn = 0;
        while server.metrics().await.get("audits_total{outcome=\"same\"}") < 2.0 {
            for member in &mut members {
                turn += 37;
                let steer = json!({ "type": "steer", "x": turn % 255 - 127, "y": turn % 131 - 65 });
                member.applied(ROOM, &steer).await;
            }
        }
    };
    in_time("two audits", passed).await;
    let metrics = server.metrics().await;
    assert_eq!(metrics.get("audits_total{outcome=\"differs\"}"), 0.0);
}
