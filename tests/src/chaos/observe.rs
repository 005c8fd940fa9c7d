//! A look at rooms by somebody who was never there: what they say of themselves.

use std::net::SocketAddr;
use std::sync::Arc;

use parlor_proto::{Seat, ServerFrame, Subprotocol, client};
use serde_json::{Value as Json, json};

use super::client::{Game, RoomPlan};
use super::history::{Board, Observed};
use crate::{Handshake, TestClient, json_of};

/// How many rooms one client looks at.
const ROOMS_EACH: usize = 8;

/// Looks at all these rooms.
pub(super) async fn observe(rooms: &[RoomPlan], address: SocketAddr) -> Vec<Observed> {
    let mut all = Vec::new();
    for rooms in rooms.chunks(ROOMS_EACH) {
        let mut observer = TestClient::through(Handshake::to(address), Subprotocol::Json).await;
        for plan in rooms {
            let is_chat = plan.plugin == "chat";
            let join = client::JoinRoom {
                seat: Some(Seat::Spectator),
                ..TestClient::into_room(&plan.name, plan.plugin)
            };
            let joined = observer.try_join(join).await;
            joined.unwrap_or_else(|error| panic!("not let into {}: {error:?}", plan.name));
            let (lines, board) = if is_chat {
                (lines(&mut observer, &plan.name).await, None)
            } else {
                (Vec::new(), Some(board(&mut observer, &plan.name).await))
            };
            all.push(Observed {
                room: Arc::clone(&plan.name),
                lines,
                board,
            });
        }
    }
    all
}

/// Goes back page by page, from the lines that a newcomer gets.
async fn lines(observer: &mut TestClient, room: &str) -> Vec<(u64, Arc<str>)> {
    let mut lines = Vec::new();
    loop {
        let page = page(observer, room).await;
        let older = page["lines"].as_array().into_iter().flatten();
        let mut older: Vec<_> = older.filter_map(line).collect();
        let before = older.first().map(|(number, _)| *number);
        older.append(&mut lines);
        lines = older;
        match before {
            Some(before) if page["more"] == true => {
                let older = json!({ "type": "history", "before": before });
                observer.say(room, &older).await;
            }
            _ => return lines,
        }
    }
}

async fn page(observer: &mut TestClient, room: &str) -> Json {
    let what = format!("lines of {room}");
    observer
        .expect(&what, |frame| match frame {
            ServerFrame::RoomMessage(message) if message.room == room => {
                let data = json_of(&message.data);
                (data["type"] == "history").then_some(data)
            }
            _ => None,
        })
        .await
}

fn line(json: &Json) -> Option<(u64, Arc<str>)> {
    Some((json["n"].as_u64()?, json["text"].as_str()?.into()))
}

async fn board(observer: &mut TestClient, room: &Arc<str>) -> Board {
    let what = format!("the board of {room}");
    observer
        .expect(&what, |frame| match frame {
            ServerFrame::RoomState(state) if *state.room == **room => {
                Some(Game::read(&state)?.board(room, &state))
            }
            _ => None,
        })
        .await
}
