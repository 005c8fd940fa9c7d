//! A server for the work that is told on plain WebSockets, by a WebSocket library that is not ours. It does right, or wrong in one
//! way: with every seventh message to a client.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::interval;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

/// What is wrong with the server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Flaw {
    None,
    Loses,
    Doubles,
    Alters,
    /// Only with the first member of a room, so that others have another order.
    Swaps,
    HangsUp,
}

const EVERY: usize = 7;
const CELLS: usize = 81;
const TICK: Duration = Duration::from_millis(50);
const QUEUE_MAX: usize = 10_000;

/// What is on its way to a client.
type Outbox = mpsc::Sender<Value>;

#[derive(Debug, Default)]
struct Room {
    members: Vec<Outbox>,
    board: Vec<Option<usize>>,
    tick: u64,
    /// The place of a member, and what it asks for.
    inputs: Vec<(usize, Value)>,
}

type Rooms = Arc<Mutex<HashMap<String, Room>>>;

pub(crate) async fn serve(listener: TcpListener, flaw: Flaw) {
    let rooms = Rooms::default();
    tokio::spawn(tick(Arc::clone(&rooms)));
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(attend(stream, flaw, Arc::clone(&rooms)));
    }
}

async fn tick(rooms: Rooms) {
    let mut beat = interval(TICK);
    loop {
        beat.tick().await;
        for room in rooms.lock().expect("no task panics").values_mut() {
            room.step();
        }
    }
}

impl Room {
    fn tell(&self, place: usize, message: Value) {
        // Who is gone is told nothing.
        let _ = self.members[place].try_send(message);
    }

    fn tell_all(&self, message: &Value) {
        for place in 0..self.members.len() {
            self.tell(place, message.clone());
        }
    }

    fn step(&mut self) {
        self.tick += 1;
        let tick = self.tick;
        let inputs = std::mem::take(&mut self.inputs);
        let Some((_, first)) = inputs.first() else {
            return;
        };
        let room = &first["room"];
        if self.board.iter().all(Option::is_some) {
            self.board = vec![None; CELLS];
            self.tell_all(&json!({"room": room, "tick": tick, "board": self.board}));
        }
        let mut cells = Vec::new();
        for (place, input) in &inputs {
            let cell = input["cell"].as_u64().expect("a cell");
            self.tell(
                *place,
                json!({"room": room, "id": input["id"], "tick": tick}),
            );
            self.board[usize::try_from(cell).expect("a cell")] = Some(place + 1);
            cells.push(json!([cell, place + 1]));
        }
        self.tell_all(&json!({"room": room, "tick": tick, "cells": cells}));
    }
}

/// One connection.
async fn attend(stream: TcpStream, flaw: Flaw, rooms: Rooms) {
    let (mut out, mut messages) = accept_async(stream)
        .await
        .expect("clients open well")
        .split();
    let (outbox, mut outbound) = mpsc::channel(QUEUE_MAX);
    let mut place = None;
    let mut spoiler = Spoiler::new(flaw);
    loop {
        tokio::select! {
            message = messages.next() => {
                let Some(Ok(Message::Text(text))) = message else {
                    return;
                };
                let message: Value = serde_json::from_str(&text).expect("it is JSON");
                let mut rooms = rooms.lock().expect("no task panics");
                match place {
                    None => place = Some(join(&mut rooms, &message, &outbox)),
                    Some(place) => take(&mut rooms, place, message),
                }
            }
            Some(message) = outbound.recv() => {
                let Some(messages) = spoiler.spoil(message, place) else {
                    return;
                };
                for message in messages {
                    let message = Message::text(message.to_string());
                    if out.send(message).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}

fn join(rooms: &mut HashMap<String, Room>, message: &Value, outbox: &Outbox) -> usize {
    let name = message["join"].as_str().expect("a join");
    let room = rooms.entry(name.to_owned()).or_default();
    let place = room.members.len();
    room.members.push(outbox.clone());
    room.tell(place, json!({"joined": name, "member": place + 1}));
    if message["kind"] == "match" {
        room.board.resize(CELLS, None);
        let board = json!({"room": name, "tick": room.tick, "board": room.board});
        room.tell(place, board);
    }
    place
}

fn take(rooms: &mut HashMap<String, Room>, place: usize, message: Value) {
    let name = message["room"].as_str().expect("a room");
    let room = rooms.get_mut(name).expect("the room is there");
    if message["cell"].is_number() {
        room.inputs.push((place, message));
    } else if name.starts_with("echo") {
        room.tell(place, message);
    } else {
        let data = &message["data"];
        room.tell_all(&json!({"room": name, "from": place + 1, "data": data}));
    }
}

/// Makes what is wrong of what is right.
#[derive(Debug)]
struct Spoiler {
    flaw: Flaw,
    count: usize,
    held: Option<Value>,
}

impl Spoiler {
    fn new(flaw: Flaw) -> Self {
        Self {
            flaw,
            count: 0,
            held: None,
        }
    }

    /// What is sent in place of a message; nothing where the connection is to end.
    fn spoil(&mut self, mut message: Value, place: Option<usize>) -> Option<Vec<Value>> {
        // What comes with the join is left alone.
        if !message["joined"].is_null() || !message["board"].is_null() {
            return Some(vec![message]);
        }
        self.count += 1;
        if let Some(held) = self.held.take() {
            return Some(vec![message, held]);
        }
        if !self.count.is_multiple_of(EVERY) {
            return Some(vec![message]);
        }
        Some(match self.flaw {
            Flaw::None => vec![message],
            Flaw::Loses => vec![],
            Flaw::Doubles => vec![message.clone(), message],
            Flaw::Alters => {
                if let Some(text) = message["data"].as_str() {
                    message["data"] = format!("{}!", &text[..text.len() - 1]).into();
                }
                vec![message]
            }
            Flaw::Swaps if place == Some(0) => {
                self.held = Some(message);
                vec![]
            }
            Flaw::Swaps => vec![message],
            Flaw::HangsUp => return None,
        })
    }
}
