//! A client that speaks the protocol over a real WebSocket, in any of its encodings.

mod states;

use std::collections::VecDeque;

use futures_util::{SinkExt, StreamExt};
use parlor_proto::{
    ClientFrame, Payload, Position, ServerFrame, Subprotocol, ViewCopies, client, server,
};
use serde_json::Value as Json;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::{Handshake, TestServer, in_time};

/// How many of the frames that came are shown when a test fails.
const SHOWN_MAX: usize = 12;

/// A client and its session.
#[derive(Debug)]
pub struct TestClient {
    stream: WebSocketStream<TcpStream>,
    subprotocol: Subprotocol,
    /// The first `welcome`.
    pub welcome: server::Welcome,
    last_id: u64,
    came: VecDeque<String>,
    copies: ViewCopies,
    /// The last frame of a view, as it came.
    last_of_view: Option<ServerFrame>,
    /// A view that is to be found wrong: then the client asks for it again, as any client does.
    spoilt: Option<(String, String)>,
}

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With a close frame: its code and its reason.
    Closed(u16, String),
    /// Without one.
    Lost,
}

impl Ended {
    /// The code of the close frame.
    ///
    /// # Panics
    ///
    /// When there was none.
    #[must_use]
    pub fn code(&self) -> u16 {
        match self {
            Self::Closed(code, _) => *code,
            Self::Lost => panic!("the connection was lost without a close frame"),
        }
    }
}

/// The answer to an input.
pub type Answer = Result<server::Reply, server::Error>;

/// A payload, written as JSON.
///
/// # Panics
///
/// When it is not of the value model.
#[must_use]
pub fn payload(json: &Json) -> Payload {
    Payload::from_json(&json.to_string()).expect("a value of the value model")
}

/// What a payload says, as JSON.
///
/// # Panics
///
/// Never, for what is a payload is JSON.
#[must_use]
pub fn json_of(payload: &Payload) -> Json {
    serde_json::from_str(&payload.to_json()).expect("a payload is JSON")
}

/// Connecting.
impl TestClient {
    /// Connects with JSON and waits for `welcome`.
    pub async fn connect(server: &TestServer) -> Self {
        Self::speaking(server, Subprotocol::Json).await
    }

    /// Connects with a subprotocol and waits for `welcome`.
    pub async fn speaking(server: &TestServer, subprotocol: Subprotocol) -> Self {
        Self::through(Handshake::with(server), subprotocol).await
    }

    /// Connects through a prepared handshake and waits for `welcome`.
    pub async fn through(handshake: Handshake, subprotocol: Subprotocol) -> Self {
        let mut client = Self::unknown(handshake, subprotocol).await;
        client.welcome = client.expect_welcome().await;
        client
    }

    /// Connects through a prepared handshake, to a server that does not know yet who this is.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn unknown(handshake: Handshake, subprotocol: Subprotocol) -> Self {
        let opened = handshake.offer(&[subprotocol.name()]).open().await;
        let socket = opened.unwrap_or_else(|refused| panic!("the server refused: {refused:?}"));
        assert_eq!(socket.chosen.as_deref(), Some(subprotocol.name()));
        Self {
            stream: socket.stream,
            subprotocol,
            welcome: server::Welcome {
                session: String::new(),
                resume_token: String::new(),
                protocol: String::new(),
                heartbeat_ms: 0,
                limits: parlor_proto::WireLimits {
                    message_bytes_max: 0,
                    rooms_max: 0,
                    messages_per_second: 0,
                },
                server: String::new(),
            },
            last_id: 0,
            came: VecDeque::new(),
            copies: ViewCopies::default(),
            last_of_view: None,
            spoilt: None,
        }
    }
}

/// Coming back.
impl TestClient {
    /// Takes up the session of another client on this connection.
    ///
    /// # Errors
    ///
    /// The server's refusal.
    pub async fn try_resume(&mut self, resume: client::Resume) -> Result<server::Resumed, String> {
        self.send(resume).await;
        let resumed = self
            .expect("resumed or its refusal", |frame| match frame {
                ServerFrame::Resumed(resumed) => Some(Ok(resumed)),
                ServerFrame::Error(error) => Some(Err(error.code)),
                _ => None,
            })
            .await?;
        self.welcome.session.clone_from(&resumed.session);
        self.welcome.resume_token.clone_from(&resumed.resume_token);
        Ok(resumed)
    }

    /// What this client knows of its session.
    #[must_use]
    pub fn memory(&self) -> Lost {
        Lost {
            welcome: self.welcome.clone(),
            last_id: self.last_id,
        }
    }

    /// Loses the connection without a word.
    #[must_use]
    pub fn cut(self) -> Lost {
        self.memory()
    }
}

/// A client that lost its connection, with what it still knows.
#[derive(Debug, Clone)]
pub struct Lost {
    /// Its session and token.
    pub welcome: server::Welcome,
    last_id: u64,
}

impl Lost {
    /// Comes back on a new connection.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub async fn back(
        &self,
        server: &TestServer,
        subprotocol: Subprotocol,
        rooms: Vec<Position>,
    ) -> (TestClient, server::Resumed) {
        let mut back = TestClient::speaking(server, subprotocol).await;
        let resume = self.resume_frame(rooms);
        let resumed = back.try_resume(resume).await;
        back.last_id = self.last_id;
        (back, resumed.expect("the session can be resumed"))
    }

    /// What it sends to come back.
    #[must_use]
    pub fn resume_frame(&self, rooms: Vec<Position>) -> client::Resume {
        client::Resume {
            session: self.welcome.session.clone(),
            resume_token: self.welcome.resume_token.clone(),
            rooms,
        }
    }
}

/// Sending.
impl TestClient {
    /// Sends a frame.
    pub async fn send(&mut self, frame: impl Into<ClientFrame>) {
        let message = self.message_of(&frame.into());
        self.send_message(message).await;
    }

    /// Sends a frame to a server that may be gone. Whether it could be sent.
    pub async fn try_send(&mut self, frame: impl Into<ClientFrame>) -> bool {
        let message = self.message_of(&frame.into());
        let sending = in_time("room to send", self.stream.send(message)).await;
        sending.is_ok()
    }

    fn message_of(&self, frame: &ClientFrame) -> Message {
        let bytes = self.subprotocol.encode_client(frame);
        if self.subprotocol.is_text() {
            let text = String::from_utf8(bytes.to_vec()).expect("JSON is text");
            Message::text(text)
        } else {
            Message::Binary(bytes)
        }
    }

    /// Sends any WebSocket message.
    ///
    /// # Panics
    ///
    /// When the connection is gone.
    pub async fn send_message(&mut self, message: Message) {
        let sending = in_time("room to send", self.stream.send(message)).await;
        if let Err(error) = sending {
            panic!("failed to send: {error}; {}", self.history());
        }
    }

    /// Sends a WebSocket message that the server may not want to read to its end.
    pub async fn send_unwelcome(&mut self, message: Message) {
        // Whether the server reads it is what the caller finds out.
        let _ = in_time("room to send", self.stream.send(message)).await;
    }

    /// Says something in a room, and waits for no answer.
    pub async fn say(&mut self, room: &str, data: &Json) {
        self.say_with(room, data, None).await;
    }

    /// Says something in a room with this id, and waits for no answer.
    pub async fn say_with(&mut self, room: &str, data: &Json, id: Option<u64>) {
        self.send(client::RoomMessage {
            room: room.to_owned(),
            data: payload(data),
            id,
        })
        .await;
    }

    /// The next id for an input or a request.
    pub fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// Asking, and waiting for the answer.
impl TestClient {
    /// Joins a room by name, making it of `plugin` if need be.
    pub async fn join(&mut self, room: &str, plugin: &str) -> server::RoomJoined {
        let joined = self.try_join(Self::into_room(room, plugin)).await;
        joined.unwrap_or_else(|error| panic!("not let into {room}: {error:?}"))
    }

    /// What `join` asks for.
    #[must_use]
    pub fn into_room(room: &str, plugin: &str) -> client::JoinRoom {
        client::JoinRoom {
            room: Some(room.to_owned()),
            plugin: Some(plugin.to_owned()),
            ..client::JoinRoom::default()
        }
    }

    /// Asks to be let into a room.
    ///
    /// # Errors
    ///
    /// The server's refusal.
    pub async fn try_join(
        &mut self,
        join: client::JoinRoom,
    ) -> Result<server::RoomJoined, server::Error> {
        let id = self.next_id();
        self.send(client::JoinRoom {
            id: Some(id),
            ..join
        })
        .await;
        self.expect("room_joined or its refusal", |frame| match frame {
            ServerFrame::RoomJoined(joined) if joined.id == Some(id) => Some(Ok(joined)),
            ServerFrame::Error(error) if error.id == Some(id) => Some(Err(error)),
            _ => None,
        })
        .await
    }

    /// Leaves a room.
    pub async fn leave(&mut self, room: &str) {
        let id = self.next_id();
        self.send(client::LeaveRoom {
            room: room.to_owned(),
            id: Some(id),
        })
        .await;
        self.expect("room_left", |frame| match frame {
            ServerFrame::RoomLeft(left) => (left.id == Some(id)).then_some(()),
            _ => None,
        })
        .await;
    }

    /// Says something in a room and waits until it was applied or refused.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub async fn ask(&mut self, room: &str, data: &Json) -> Answer {
        let id = self.next_id();
        self.say_with(room, data, Some(id)).await;
        self.answer(id).await
    }

    /// Says something in a room that must be applied, and returns the data of the reply.
    pub async fn applied(&mut self, room: &str, data: &Json) -> Json {
        match self.ask(room, data).await {
            Ok(reply) => reply.data.as_ref().map_or(Json::Null, json_of),
            Err(error) => panic!("{data} was refused: {error:?}; {}", self.history()),
        }
    }

    /// Says something in a room that must be refused, and returns the refusal.
    pub async fn refused(&mut self, room: &str, data: &Json) -> server::Error {
        match self.ask(room, data).await {
            Ok(reply) => panic!("{data} was applied: {reply:?}"),
            Err(error) => error,
        }
    }

    /// Waits for the answer to the input of this id.
    ///
    /// # Errors
    ///
    /// The refusal.
    pub async fn answer(&mut self, id: u64) -> Answer {
        self.expect(&format!("the answer to {id}"), |frame| match frame {
            ServerFrame::Reply(reply) if reply.id == id => Some(Ok(reply)),
            ServerFrame::Error(error) if error.id == Some(id) => Some(Err(error)),
            _ => None,
        })
        .await
    }

    /// Lists rooms; each entry as JSON.
    pub async fn list_rooms(&mut self, plugin: Option<&str>, filter: Option<&Json>) -> Vec<Json> {
        let id = self.next_id();
        self.send(client::ListRooms {
            plugin: plugin.map(str::to_owned),
            filter: filter.map(payload),
            id,
        })
        .await;
        let reply = self.answer(id).await.expect("a list is not refused");
        let data = json_of(&reply.data.expect("a list has data"));
        data["rooms"].as_array().expect("a list of rooms").clone()
    }

    /// A round trip to the session. It handles frames in order, so that whatever was sent before is with its room now.
    pub async fn round_trip(&mut self) {
        let timestamp = self.next_id();
        self.send(client::Ping { timestamp }).await;
        self.expect("pong", |frame| match frame {
            ServerFrame::Pong(pong) => (pong.timestamp == timestamp).then_some(()),
            _ => None,
        })
        .await;
    }
}

/// Waiting.
impl TestClient {
    /// The next frame, whichever it is.
    ///
    /// # Panics
    ///
    /// When the connection ends, or nothing comes.
    pub async fn next(&mut self) -> ServerFrame {
        match self.next_or_end().await {
            Ok(frame) => frame,
            Err(ended) => panic!("the connection ended: {ended:?}; {}", self.history()),
        }
    }

    /// Waits for a `goaway`.
    pub async fn expect_goaway(&mut self) -> server::Goaway {
        self.expect("goaway", |frame| match frame {
            ServerFrame::Goaway(goaway) => Some(goaway),
            _ => None,
        })
        .await
    }

    /// Waits for a `notice`.
    pub async fn expect_notice(&mut self) -> server::Notice {
        self.expect("notice", |frame| match frame {
            ServerFrame::Notice(notice) => Some(notice),
            _ => None,
        })
        .await
    }

    /// Waits for a frame that `wanted` takes, and lets others pass.
    ///
    /// # Panics
    ///
    /// When it does not come.
    pub async fn expect<T>(
        &mut self,
        what: &str,
        mut wanted: impl FnMut(ServerFrame) -> Option<T>,
    ) -> T {
        let waiting = async {
            loop {
                match self.next_or_end().await {
                    Ok(frame) => {
                        if let Some(found) = wanted(frame) {
                            return Ok(found);
                        }
                    }
                    Err(ended) => return Err(ended),
                }
            }
        };
        match tokio::time::timeout(crate::DEADLINE, waiting).await {
            Ok(Ok(found)) => found,
            Ok(Err(ended)) => panic!("instead of {what} came {ended:?}; {}", self.history()),
            Err(_) => panic!("{what} did not come; {}", self.history()),
        }
    }

    /// Waits for `welcome`.
    pub async fn expect_welcome(&mut self) -> server::Welcome {
        self.expect("welcome", |frame| match frame {
            ServerFrame::Welcome(welcome) => Some(welcome),
            _ => None,
        })
        .await
    }

    /// Waits for any `error`.
    pub async fn expect_error(&mut self) -> server::Error {
        self.expect("error", |frame| match frame {
            ServerFrame::Error(error) => Some(error),
            _ => None,
        })
        .await
    }

    /// Waits for the next message of a room.
    pub async fn expect_message(&mut self, room: &str) -> server::RoomMessage {
        self.expect("room_message", |frame| match frame {
            ServerFrame::RoomMessage(message) if message.room == room => Some(message),
            _ => None,
        })
        .await
    }

    /// Waits for the next message of a room, and returns what it says.
    pub async fn expect_data(&mut self, room: &str) -> Json {
        json_of(&self.expect_message(room).await.data)
    }

    /// Waits for the end of a room.
    pub async fn expect_room_closed(&mut self, room: &str) -> server::RoomClosed {
        self.expect("room_closed", |frame| match frame {
            ServerFrame::RoomClosed(closed) if closed.room == room => Some(closed),
            _ => None,
        })
        .await
    }

    /// Waits for the end of the connection, and lets frames pass.
    pub async fn expect_end(&mut self) -> Ended {
        let waiting = async {
            loop {
                if let Err(ended) = self.next_or_end().await {
                    return ended;
                }
            }
        };
        match tokio::time::timeout(crate::DEADLINE, waiting).await {
            Ok(ended) => ended,
            Err(_) => panic!("the connection did not end; {}", self.history()),
        }
    }

    /// Waits for a WebSocket ping or pong.
    ///
    /// # Panics
    ///
    /// When the connection ends instead.
    pub async fn expect_message_of(&mut self, what: &str, wanted: impl Fn(&Message) -> bool) {
        loop {
            match in_time(what, self.stream.next()).await {
                Some(Ok(message)) if wanted(&message) => return,
                Some(Ok(message)) => self.note(format!("{message:?}")),
                other => panic!("instead of {what} came {other:?}; {}", self.history()),
            }
        }
    }

    /// The next frame, or the end of the connection.
    ///
    /// # Errors
    ///
    /// The end.
    pub async fn next_or_end(&mut self) -> Result<ServerFrame, Ended> {
        loop {
            let message = match in_time("a frame", self.stream.next()).await {
                None | Some(Err(_)) => return Err(Ended::Lost),
                Some(Ok(message)) => message,
            };
            let bytes = match &message {
                Message::Text(text) if self.subprotocol.is_text() => text.as_bytes(),
                Message::Binary(bytes) if !self.subprotocol.is_text() => bytes,
                Message::Close(Some(frame)) => {
                    let ended = Ended::Closed(frame.code.into(), frame.reason.to_string());
                    // Answers the close frame, which the server waits for; whether it still does is its business.
                    let _ = self.stream.flush().await;
                    return Err(ended);
                }
                Message::Ping(_) | Message::Pong(_) => continue,
                other => panic!("{} has no such message: {other:?}", self.subprotocol.name()),
            };
            let frame = self.subprotocol.decode_server(bytes);
            let frame = frame.unwrap_or_else(|error| panic!("the server sent no frame: {error}"));
            self.note(format!("{frame:?}"));
            if let Some(frame) = self.take_state(frame).await {
                return Ok(frame);
            }
        }
    }

    fn note(&mut self, mut shown: String) {
        if let Some((end, _)) = shown.char_indices().nth(400) {
            shown.truncate(end);
        }
        if self.came.len() == SHOWN_MAX {
            self.came.pop_front();
        }
        self.came.push_back(shown);
    }

    fn history(&self) -> String {
        let frames: Vec<_> = self.came.iter().map(|it| format!("\n  {it}")).collect();
        format!("what came last:{}", frames.concat())
    }
}
