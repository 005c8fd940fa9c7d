//! Who tells the room what to show, one thing after the other.

use parlor_proto::{ClientFrame, Seat, ServerFrame, Subprotocol, Value, client};

use super::{PLUGIN, ROOM};
use crate::chaos::{Inbound, Line};
use crate::{Admin, TestClient, TestServer};

/// How many inputs may be unanswered.
const UNANSWERED_MAX: usize = 12;

/// A member whose own views are of no interest.
pub(super) struct Director {
    line: Line,
    admin: Admin,
    unanswered: usize,
    last_id: u64,
}

impl Director {
    pub(super) async fn enter(server: &TestServer) -> Self {
        let line = Line::open(server.address, Subprotocol::Binary).await;
        let mut director = Self {
            line: line.expect("the server is there"),
            admin: server.admin().clone(),
            unanswered: 0,
            last_id: 0,
        };
        let join = client::JoinRoom {
            seat: Some(Seat::Spectator),
            id: Some(1 << 40),
            ..TestClient::into_room(ROOM, PLUGIN)
        };
        director.send(join.into()).await;
        while !matches!(director.next().await, ServerFrame::RoomJoined(_)) {}
        director
    }

    async fn send(&mut self, frame: ClientFrame) {
        assert!(self.line.send(&[frame]).await, "the director is heard");
    }

    async fn next(&mut self) -> ServerFrame {
        loop {
            match crate::in_time("a word to the director", self.line.next()).await {
                Inbound::Frame(frame) => return *frame,
                Inbound::Nothing => {}
                Inbound::End(code) => panic!("the director is sent away: {code:?}"),
            }
        }
    }

    /// Has something done. It may not be done yet when this returns.
    pub(super) async fn say(&mut self, deed: Value) {
        self.last_id += 1;
        let said = client::RoomMessage {
            room: ROOM.to_owned(),
            data: map(&[("deeds", Value::List(vec![deed]))])
                .to_payload()
                .expect("only values are drawn"),
            id: Some(self.last_id),
        };
        self.send(said.into()).await;
        self.unanswered += 1;
        while self.unanswered > UNANSWERED_MAX {
            self.answered().await;
        }
    }

    /// Waits until all is done.
    pub(super) async fn settle(&mut self) {
        while self.unanswered > 0 {
            self.answered().await;
        }
    }

    /// Reads what comes, for as long as this is waited for.
    pub(super) async fn listen(&mut self) {
        loop {
            if let Inbound::End(code) = self.line.next().await {
                panic!("the director is sent away: {code:?}");
            }
        }
    }

    async fn answered(&mut self) {
        match self.next().await {
            ServerFrame::Reply(_) => self.unanswered -= 1,
            ServerFrame::Error(error) => {
                let reports = self.admin.ask("GET", "/api/v1/reports").await.body;
                panic!("the room does not do it: {error:?}; {reports}");
            }
            _ => {}
        }
    }
}

/// A text.
pub(super) fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

/// A map.
pub(super) fn map(entries: &[(&str, Value)]) -> Value {
    let entries = entries.iter();
    let entries = entries.map(|(key, value)| ((*key).to_owned(), value.clone()));
    Value::Map(entries.collect())
}
