//! What a run amounted to, in a line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::history::{Answer, Event, History, Input};

/// What a run amounted to, to be printed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The clients, without witnesses.
    pub clients: usize,
    /// Their connections.
    pub connections: u64,
    /// How often a session went on in a new connection.
    pub resumed: u64,
    /// The reliable frames that came.
    pub frames: u64,
    /// The states that came, as far as they were written down.
    pub states: u64,
    /// The inputs that were applied, and said to be.
    pub acknowledged: u64,
    /// Those of them that took a cell of a game.
    pub captures: u64,
    /// The inputs that were sent more than once.
    pub resent: u64,
    /// The resets, by reason.
    pub resets: BTreeMap<String, u64>,
    /// The sessions that were gone when their client came back.
    pub refused: u64,
}

impl Summary {
    /// Counts what the clients of a history did.
    #[must_use]
    pub fn of(history: &History) -> Self {
        let mut summary = Self {
            clients: history.clients.len(),
            ..Self::default()
        };
        for (.., reason) in history.resets() {
            *summary.resets.entry(reason.to_owned()).or_default() += 1;
        }
        for record in &history.clients {
            let (mut sent, mut applied) = (BTreeMap::new(), BTreeSet::new());
            let mut session = 0;
            for (_, event) in &record.events {
                match event {
                    Event::Connected(_) => summary.connections += 1,
                    Event::Session(_) => session += 1,
                    Event::Resumed(_) => summary.resumed += 1,
                    Event::ResumeRefused => summary.refused += 1,
                    Event::Frame(_) => summary.frames += 1,
                    Event::State(_) => summary.states += 1,
                    Event::Sent { room, id, input } => {
                        let entry = sent.entry((session, room, id)).or_insert((input, 0_u64));
                        entry.1 += 1;
                    }
                    Event::Answered {
                        room,
                        id,
                        answer: Answer::Applied { .. },
                    } => {
                        applied.insert((session, room, id));
                    }
                    _ => {}
                }
            }
            for (key, (input, times)) in sent {
                let is_applied = applied.contains(&key);
                let is_capture = matches!(input, Input::Capture(_));
                summary.resent += u64::from(times > 1);
                summary.acknowledged += u64::from(is_applied);
                summary.captures += u64::from(is_applied && is_capture);
            }
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resets: Vec<_> = self
            .resets
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        let resets = if resets.is_empty() {
            "none".to_owned()
        } else {
            resets.join(", ")
        };
        write!(
            f,
            "{} clients, {} connections, {} resumed, {} refused, {} frames and {} states checked, {} inputs acknowledged ({} captures), \
             {} sent again, resets: {resets}",
            self.clients,
            self.connections,
            self.resumed,
            self.refused,
            self.frames,
            self.states,
            self.acknowledged,
            self.captures,
            self.resent,
        )
    }
}
