//! Who is where, and what they are still to be sent.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use tokio::sync::Notify;

/// So many messages may wait for a member.
const WAITING_MAX: usize = 16_384;

/// All rooms, by their names. A room is there while somebody is in it.
#[derive(Debug, Default)]
pub(crate) struct Rooms(RefCell<HashMap<String, Rc<Room>>>);

#[derive(Debug, Default)]
struct Room {
    last_number: Cell<u32>,
    members: RefCell<Vec<Rc<Outbox>>>,
}

/// What waits for one member.
#[derive(Debug)]
struct Outbox {
    number: u32,
    waiting: RefCell<Vec<Bytes>>,
    is_full: Cell<bool>,
    filled: Notify,
}

/// A member, in its room until dropped.
#[derive(Debug)]
pub(crate) struct Member {
    rooms: Rc<Rooms>,
    name: String,
    room: Rc<Room>,
    outbox: Rc<Outbox>,
}

impl Rooms {
    pub(crate) fn join(self: &Rc<Self>, name: &str) -> Member {
        let mut rooms = self.0.borrow_mut();
        let room = Rc::clone(rooms.entry(name.to_owned()).or_default());
        room.last_number.set(room.last_number.get() + 1);
        let outbox = Rc::new(Outbox {
            number: room.last_number.get(),
            waiting: RefCell::default(),
            is_full: Cell::new(false),
            filled: Notify::new(),
        });
        room.members.borrow_mut().push(Rc::clone(&outbox));
        Member {
            rooms: Rc::clone(self),
            name: name.to_owned(),
            room,
            outbox,
        }
    }
}

impl Member {
    /// Counts up in the room, from 1.
    pub(crate) fn number(&self) -> u32 {
        self.outbox.number
    }

    /// Sends a message to all members, this one too.
    pub(crate) fn tell_all(&self, message: &Bytes) {
        for outbox in self.room.members.borrow().iter() {
            let mut waiting = outbox.waiting.borrow_mut();
            if waiting.len() == WAITING_MAX {
                outbox.is_full.set(true);
            } else {
                waiting.push(message.clone());
            }
            if waiting.len() == 1 {
                outbox.filled.notify_one();
            }
        }
    }

    /// Waits for something to send.
    pub(crate) async fn told(&self) {
        self.outbox.filled.notified().await;
    }

    /// Takes all that waits. Whether nothing had to be left out before.
    pub(crate) fn take(&self, ready: &mut Vec<Bytes>) -> bool {
        ready.append(&mut self.outbox.waiting.borrow_mut());
        !self.outbox.is_full.get()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut members = self.room.members.borrow_mut();
        members.retain(|outbox| !Rc::ptr_eq(outbox, &self.outbox));
        if members.is_empty() {
            self.rooms.0.borrow_mut().remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(member: &Member) -> Vec<Bytes> {
        let mut ready = Vec::new();
        assert!(member.take(&mut ready));
        ready
    }

    #[test]
    fn all_members_of_the_room_are_told_and_nobody_else() {
        let rooms = Rc::new(Rooms::default());
        let [ann, bob, cid] = ["a", "a", "b"].map(|name| rooms.join(name));
        assert_eq!([ann.number(), bob.number(), cid.number()], [1, 2, 1]);
        ann.tell_all(&"1".into());
        bob.tell_all(&"2".into());
        assert_eq!(taken(&ann), ["1", "2"]);
        assert_eq!(taken(&bob), ["1", "2"]);
        assert!(taken(&cid).is_empty());
    }

    #[test]
    fn an_empty_room_is_gone() {
        let rooms = Rc::new(Rooms::default());
        let (ann, bob) = (rooms.join("a"), rooms.join("a"));
        drop(ann);
        assert_eq!(rooms.join("a").number(), 3);
        drop(bob);
        assert!(rooms.0.borrow().is_empty());
        assert_eq!(rooms.join("a").number(), 1);
    }

    #[test]
    fn a_member_that_takes_nothing_is_told_apart() {
        let rooms = Rc::new(Rooms::default());
        let member = rooms.join("a");
        for _ in 0..WAITING_MAX {
            member.tell_all(&"x".into());
        }
        let mut ready = Vec::new();
        assert!(member.take(&mut ready), "as many as may wait");
        for _ in 0..=WAITING_MAX {
            member.tell_all(&"x".into());
        }
        assert!(!member.take(&mut ready));
    }
}
