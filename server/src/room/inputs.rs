//! Which of a member's inputs were applied. Ids rise; an id that was seen is answered again and not applied again.

use std::collections::VecDeque;

use parlor_proto::ServerFrame;
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;

use super::durable::{BadNote, frame_bytes, frame_from};

/// How many answers are kept for a client that asks again.
const ANSWERS_KEPT: usize = 64;

/// The watermark of one session in one room.
#[derive(Debug, Default)]
pub(crate) struct Inputs {
    last_id: u64,
    /// The highest id that was answered.
    answered_id: u64,
    /// The newest answers; `None` while an input waits for its step.
    answers: VecDeque<(u64, Option<ServerFrame>)>,
}

/// The watermark as it is written down. What waits for its step is no part of it.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct InputsNote {
    last_id: u64,
    answered_id: u64,
    answers: Vec<(u64, ByteBuf)>,
}

/// What an id means.
#[derive(Debug, PartialEq)]
pub(crate) enum Admission {
    /// A new input.
    New,
    /// An input that was answered like this.
    Answered(Box<ServerFrame>),
    /// An input that waits for its step; its answer will come.
    Waiting,
    /// An input that was seen, and whose answer is no longer kept.
    Forgotten,
    /// An id that never was used, below one that was: it can be used no more.
    OutOfOrder,
}

impl Inputs {
    /// The highest id that was applied or refused.
    pub(crate) fn answered_id(&self) -> u64 {
        self.answered_id
    }

    /// Whether an id was not seen before.
    pub(crate) fn is_new(&self, id: u64) -> bool {
        id > self.last_id
    }

    /// Takes note of an id.
    pub(crate) fn admit(&mut self, id: u64) -> Admission {
        if id > self.last_id {
            self.last_id = id;
            // Never one that waits: whoever asks for it again would be told that it was applied. The mailbox bounds those.
            while self.answers.len() >= ANSWERS_KEPT
                && self.answers.front().is_some_and(|(_, it)| it.is_some())
            {
                self.answers.pop_front();
            }
            self.answers.push_back((id, None));
            return Admission::New;
        }
        let oldest_kept = self.answers.front().map_or(u64::MAX, |(kept, _)| *kept);
        match self.answers.iter().find(|(kept, _)| *kept == id) {
            None if id == 0 || id > oldest_kept => Admission::OutOfOrder,
            Some((_, Some(answer))) => Admission::Answered(Box::new(answer.clone())),
            Some((_, None)) => Admission::Waiting,
            None => Admission::Forgotten,
        }
    }

    pub(crate) fn note(&self) -> InputsNote {
        let waiting = self.answers.iter().find(|(_, answer)| answer.is_none());
        // From the first one that waits on, all are new to whoever takes this up.
        let end = waiting.map_or(u64::MAX, |(id, _)| *id);
        let answered = self.answers.iter().take_while(|(id, _)| *id < end);
        let answers = answered.filter_map(|(id, it)| Some((*id, frame_bytes(it.as_ref()?))));
        let answers: Vec<_> = answers.collect();
        let last_id = match waiting {
            None => self.last_id,
            Some(_) => answers.last().map_or(0, |(id, _)| *id).max(end - 1),
        };
        InputsNote {
            last_id,
            answered_id: self.answered_id.min(last_id),
            answers,
        }
    }

    pub(crate) fn take_up(&mut self, note: &InputsNote) -> Result<(), BadNote> {
        self.last_id = note.last_id;
        self.answered_id = note.answered_id;
        for (id, answer) in &note.answers {
            self.answers.push_back((*id, Some(frame_from(answer)?)));
        }
        Ok(())
    }

    /// Keeps the answer to an input.
    pub(crate) fn answer(&mut self, id: u64, answer: ServerFrame) {
        self.answered_id = self.answered_id.max(id);
        if let Some(kept) = self.answers.iter_mut().find(|(kept, _)| *kept == id) {
            kept.1 = Some(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use parlor_proto::server;

    use super::*;

    fn pong(timestamp: u64) -> ServerFrame {
        ServerFrame::Pong(server::Pong {
            timestamp,
            server_time_ms: 0,
        })
    }

    #[test]
    fn an_id_is_applied_once_and_answered_as_often_as_asked() {
        let mut inputs = Inputs::default();
        assert_eq!(inputs.admit(5), Admission::New);
        assert_eq!(inputs.admit(5), Admission::Waiting);
        inputs.answer(5, pong(5));
        assert_eq!(inputs.admit(5), Admission::Answered(Box::new(pong(5))));
        assert_eq!(inputs.answered_id(), 5);
    }

    #[test]
    fn an_input_that_waits_is_never_taken_for_one_that_was_applied() {
        let mut inputs = Inputs::default();
        for id in 1..=200 {
            assert_eq!(inputs.admit(id), Admission::New);
        }
        assert_eq!(inputs.admit(1), Admission::Waiting);
        for id in 1..=200 {
            inputs.answer(id, pong(id));
        }
        assert_eq!(inputs.admit(201), Admission::New);
        assert_eq!(inputs.admit(1), Admission::Forgotten);
        assert_eq!(inputs.answers.len(), ANSWERS_KEPT);
    }

    #[test]
    fn an_id_that_does_not_rise_is_never_taken_for_one_that_was_applied() {
        let mut inputs = Inputs::default();
        assert_eq!(inputs.admit(0), Admission::OutOfOrder);
        assert_eq!(inputs.admit(3), Admission::New);
        assert_eq!(inputs.admit(5), Admission::New);
        assert_eq!(inputs.admit(4), Admission::OutOfOrder);
        assert_eq!(inputs.admit(0), Admission::OutOfOrder);
    }

    #[test]
    fn what_is_written_down_ends_before_what_waits() {
        let mut inputs = Inputs::default();
        for id in [1, 2, 4, 6] {
            inputs.admit(id);
        }
        for id in [1, 2, 6] {
            inputs.answer(id, pong(id));
        }
        let mut later = Inputs::default();
        later.take_up(&inputs.note()).unwrap();
        assert_eq!(later.admit(2), Admission::Answered(Box::new(pong(2))));
        assert_eq!((later.answered_id(), later.last_id), (3, 3));
        assert_eq!(later.admit(4), Admission::New);
        assert_eq!(later.admit(6), Admission::New);

        inputs.answer(4, pong(4));
        let mut later = Inputs::default();
        later.take_up(&inputs.note()).unwrap();
        assert_eq!(later.admit(6), Admission::Answered(Box::new(pong(6))));
    }

    #[test]
    fn only_the_newest_answers_are_kept() {
        let mut inputs = Inputs::default();
        for id in 1..=65 {
            assert_eq!(inputs.admit(id), Admission::New);
            inputs.answer(id, pong(id));
        }
        assert_eq!(inputs.admit(1), Admission::Forgotten);
        assert_eq!(inputs.admit(2), Admission::Answered(Box::new(pong(2))));
    }
}
