//! Each client keeps so many messages on their way, and says the next when one is back.

use super::{Count, Event, Input, Latencies, Members, Scene, Times, excerpt};
use crate::account::{Answers, Fault, Faults};
use crate::dialect::Heard;
use crate::samples::Samples;
use crate::text::{Texts, Words};

#[derive(Debug)]
pub(crate) struct EchoScene {
    window: usize,
    texts: Texts,
    members: Members,
    clients: Vec<Client>,
    times: Times,
    count: Count,
    /// How many are on their way, of all clients, and with the replies that are asked for.
    pending: usize,
    asks_replies: bool,
    latency: Samples,
    faults: Faults,
}

#[derive(Debug, Default)]
struct Client {
    echoes: Answers,
    /// What says that an input was applied, where that is said for itself.
    replies: Answers,
}

impl EchoScene {
    pub(crate) fn new(
        clients: usize,
        window: usize,
        text_bytes: usize,
        asks_replies: bool,
    ) -> Self {
        Self {
            window,
            texts: Texts::new(text_bytes),
            members: Members::new(clients),
            clients: (0..clients).map(|_| Client::default()).collect(),
            times: Times::default(),
            count: Count::default(),
            pending: 0,
            asks_replies,
            latency: Samples::new(),
            faults: Faults::default(),
        }
    }

    /// The next message of a client, for as long as there are any.
    fn next(&mut self, client: usize, at_us: u64) -> Option<Input> {
        if at_us >= self.times.end_us {
            return None;
        }
        let Client { echoes, replies } = &mut self.clients[client];
        let number = echoes.next();
        echoes.on_asked(at_us);
        self.pending += 1;
        if self.asks_replies {
            replies.on_asked(at_us);
            self.pending += 1;
        }
        self.count.said += 1;
        let sender = u32::try_from(client).unwrap_or(u32::MAX);
        Some(Input::Say(Words { sender, number }))
    }

    fn on_said(
        &mut self,
        client: usize,
        id: Option<u64>,
        text: &[u8],
        at_us: u64,
    ) -> Option<Input> {
        let words = self.texts.read(text);
        let Some(words) = words.filter(|it| id.is_none_or(|id| id == u64::from(it.number))) else {
            let what = || format!("client {client} got {:?} with the id {id:?}", excerpt(text));
            self.faults.add(Fault::Altered, what);
            return None;
        };
        let Words { sender, number } = words;
        if sender as usize != client {
            let what = || format!("client {client} got message {number} of client {sender}");
            self.faults.add(Fault::AnotherSender, what);
            return None;
        }
        let answered = match self.clients[client].echoes.on_answer(number.into()) {
            Ok(answered) => answered,
            Err(fault) => {
                let what = || format!("message {number} to client {client}");
                self.faults.add(fault, what);
                return None;
            }
        };
        if !answered.is_in_order {
            let what =
                || format!("message {number} to client {client}, with one before it missing");
            self.faults.add(Fault::OutOfOrder, what);
        }
        self.pending -= 1;
        self.count.messages += 1;
        if self.times.is_measured(answered.at_us) {
            self.latency.record(at_us.saturating_sub(answered.at_us));
        }
        self.next(client, at_us)
    }

    fn on_answered(&mut self, client: usize, id: u64, is_accepted: bool) {
        let answered = self.clients[client].replies.on_answer(id);
        let fault = match answered {
            Ok(_) if is_accepted => None,
            Ok(_) => Some(Fault::Refused),
            Err(fault) => Some(fault),
        };
        if answered.is_ok() {
            self.pending -= 1;
        }
        if let Some(fault) = fault {
            let what = || format!("the answer to input {id} of client {client}");
            self.faults.add(fault, what);
        }
    }
}

impl Scene for EchoScene {
    fn on_event(&mut self, event: Event<'_>) -> Option<Input> {
        let Event { client, at_us, .. } = event;
        match event.heard {
            Heard::Joined { member } => {
                self.members.on_joined(client, member);
            }
            Heard::Said { id, text, .. } => return self.on_said(client, id, text, at_us),
            Heard::Answered { id, is_accepted } => self.on_answered(client, id, is_accepted),
            Heard::Board { .. } | Heard::Tick { .. } => {}
        }
        None
    }

    fn ready(&self) -> usize {
        self.members.joined()
    }

    fn start(&mut self, times: Times) {
        self.times = times;
    }

    fn opening(&mut self, client: usize, at_us: u64) -> Option<Input> {
        let has_place = self.clients[client].echoes.pending() < self.window;
        if has_place {
            self.next(client, at_us)
        } else {
            None
        }
    }

    fn count(&self) -> Count {
        self.count
    }

    fn is_settled(&self) -> bool {
        self.pending == 0
    }

    fn audit(&self) -> Faults {
        let mut faults = self.faults.clone();
        for (number, client) in self.clients.iter().enumerate() {
            for (answers, name) in [
                (&client.echoes, "message"),
                (&client.replies, "the answer to input"),
            ] {
                let lost = answers.pending() as u64;
                faults.add_many(Fault::Lost, lost, || {
                    let first = answers.first_pending().unwrap_or_default();
                    format!("{name} {first} of client {number}")
                });
            }
        }
        faults
    }

    fn latencies(&self) -> Latencies {
        Latencies {
            message: self.latency.percentiles(),
            ..Latencies::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        start_us: 0,
        measured_us: 1_000,
        end_us: 10_000,
    };

    /// Two clients with two messages each on their way.
    fn started(asks_replies: bool) -> EchoScene {
        let mut scene = EchoScene::new(2, 2, 64, asks_replies);
        for client in 0..2 {
            assert_eq!(scene.ready(), client);
            let heard = Heard::Joined { member: 1 };
            scene.on_event(Event {
                client,
                heard,
                at_us: 0,
            });
        }
        scene.start(TIMES);
        for client in 0..2 {
            for number in 1..=2 {
                let sender = u32::try_from(client).unwrap();
                let expected = Input::Say(Words { sender, number });
                assert_eq!(scene.opening(client, 0), Some(expected));
            }
            assert_eq!(scene.opening(client, 0), None);
        }
        scene
    }

    /// A client hears this; what it says to that.
    fn hear(scene: &mut EchoScene, client: usize, words: Words, at_us: u64) -> Option<Input> {
        let mut text = Vec::new();
        scene.texts.write(words, &mut text);
        let heard = Heard::Said {
            id: Some(words.number.into()),
            from: None,
            text: &text,
        };
        scene.on_event(Event {
            client,
            heard,
            at_us,
        })
    }

    const fn words(sender: u32, number: u32) -> Words {
        Words { sender, number }
    }

    fn only(scene: &EchoScene, fault: Fault, count: u64) {
        let mut faults = scene.audit();
        faults.extend(Faults::default());
        assert_eq!(faults.count(fault), count, "{faults}");
    }

    #[test]
    fn what_comes_back_is_followed_by_the_next_until_the_end() {
        let mut scene = started(false);
        let next = hear(&mut scene, 0, words(0, 1), 1_500);
        assert_eq!(next, Some(Input::Say(words(0, 3))));
        assert_eq!(hear(&mut scene, 0, words(0, 2), 10_000), None);
        assert_eq!(hear(&mut scene, 0, words(0, 3), 10_100), None);
        assert!(!scene.is_settled());
        hear(&mut scene, 1, words(1, 1), 10_000);
        hear(&mut scene, 1, words(1, 2), 10_000);
        assert!(scene.is_settled() && scene.audit().is_empty());
        let count = Count {
            messages: 5,
            said: 5,
        };
        assert_eq!(scene.count(), count);
        let latency = scene.latencies().message.unwrap();
        assert_eq!(
            (latency.count, latency.max),
            (1, 8_607),
            "said within the time"
        );
    }

    #[test]
    fn what_does_not_come_back_is_lost() {
        let mut scene = started(false);
        hear(&mut scene, 0, words(0, 1), 10_000);
        assert!(!scene.is_settled());
        only(&scene, Fault::Lost, 3);
    }

    #[test]
    fn what_comes_twice_or_too_early_is_noticed() {
        let mut scene = started(false);
        hear(&mut scene, 0, words(0, 2), 10_000);
        only(&scene, Fault::OutOfOrder, 1);
        hear(&mut scene, 0, words(0, 1), 10_000);
        assert_eq!(hear(&mut scene, 0, words(0, 1), 500), None);
        only(&scene, Fault::Doubled, 1);
        hear(&mut scene, 0, words(0, 9), 500);
        only(&scene, Fault::Unasked, 1);
        hear(&mut scene, 0, words(1, 1), 500);
        only(&scene, Fault::AnotherSender, 1);
    }

    #[test]
    fn what_is_altered_is_noticed() {
        let mut scene = started(false);
        let mut text = Vec::new();
        scene.texts.write(words(0, 1), &mut text);
        let mut said = |id, text: &[u8]| {
            let heard = Heard::Said {
                id,
                from: None,
                text,
            };
            scene.on_event(Event {
                client: 0,
                heard,
                at_us: 10_000,
            });
        };
        said(Some(2), &text);
        text[63] ^= 1;
        said(Some(1), &text);
        said(None, b"");
        only(&scene, Fault::Altered, 3);
        only(&scene, Fault::Lost, 4);
    }

    #[test]
    fn replies_are_accounted_for_beside_what_is_said() {
        let mut scene = started(true);
        let mut answer = |id, is_accepted| {
            let heard = Heard::Answered { id, is_accepted };
            let next = scene.on_event(Event {
                client: 0,
                heard,
                at_us: 500,
            });
            assert_eq!(next, None);
        };
        answer(1, true);
        answer(2, false);
        answer(2, true);
        hear(&mut scene, 0, words(0, 1), 10_000);
        hear(&mut scene, 0, words(0, 2), 10_000);
        only(&scene, Fault::Refused, 1);
        only(&scene, Fault::Doubled, 1);
        only(&scene, Fault::Lost, 4);
    }
}
