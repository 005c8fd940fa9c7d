//! Who won most, over all rooms: one value in the plugin's storage, which anybody may read.

use parlor_plugin::{Ctx, KvError, KvOutcome, Payload, TimerId};
use serde::{Deserialize, Serialize};

use crate::game::{Game, Player};

/// Where it is stored. Pages read it at `/storage/grid/public/leaderboard`.
const KEY: &str = "public/leaderboard";
/// How many are kept. Beyond them the last one makes room for whoever just played.
const ROWS_MAX: usize = 100;
/// How many matches wait for the storage; beyond them no more are taken note of.
const PENDING_MAX: usize = 32;
/// The longest wait: for a storage that does not answer, or for others to be done with the leaderboard.
const WAIT_MS_MAX: u64 = 5_000;
/// A result waits for up to this; after each conflict, for up to twice as long.
const SPREAD_MS: u64 = 2_000;
/// The timer of both.
pub(crate) const WAIT: TimerId = 1;
/// The operation that is under way; there is only ever one.
const OPERATION: u64 = 1;

/// What is stored.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Leaderboard {
    /// The best first.
    rows: Vec<Row>,
}

/// Somebody who played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Row {
    name: String,
    /// Stands for the account, which is nobody's business; guests have none, and are told apart by their names.
    account: Option<String>,
    wins: u32,
    /// The most cells of one match.
    best: u32,
    games: u32,
}

/// What one player made of one match.
#[derive(Debug, Serialize, Deserialize)]
struct Outcome {
    name: String,
    account: Option<String>,
    score: u32,
    has_won: bool,
}

/// Brings a room's results onto the leaderboard.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Reporter {
    /// Matches that are not on it yet, the oldest first.
    pending: Vec<Vec<Outcome>>,
    /// How many of them are in what is being written.
    written: usize,
    /// Whether the storage is being asked, or to be asked again.
    is_busy: bool,
    /// How often in a row another room was faster.
    #[serde(default)]
    conflicts: u32,
}

impl Reporter {
    /// Takes note of a match that is over.
    pub(crate) fn report(&mut self, room: &mut Ctx, game: &Game) {
        let people = game.players.iter().filter(|player| !player.is_bot());
        let outcomes = people.map(|player| Outcome {
            name: player.name.clone(),
            account: account(player),
            score: player.score,
            has_won: game.winner == Some(player.id),
        });
        if self.pending.len() < PENDING_MAX {
            self.pending.push(outcomes.collect());
        }
        if !self.is_busy {
            self.is_busy = true;
            self.wait(room);
        }
    }

    /// Goes on with what the storage says. Other rooms write too: whoever was late tries again on what is there then.
    pub(crate) fn answered(&mut self, room: &mut Ctx, answer: Result<KvOutcome, KvError>) {
        match answer {
            Ok(KvOutcome::Value(present)) => self.write(room, present),
            Ok(KvOutcome::Conflict(_)) => {
                self.conflicts += 1;
                self.wait(room);
            }
            Ok(KvOutcome::Stored) => {
                self.pending.drain(..self.written);
                self.conflicts = 0;
                self.is_busy = !self.pending.is_empty();
                if self.is_busy {
                    self.wait(room);
                }
            }
            Err(KvError::Unavailable) => room.set_timer(WAIT, WAIT_MS_MAX),
            Ok(KvOutcome::Entries(_)) => self.give_up(room, "it answered something else"),
            Err(error) => self.give_up(room, format_args!("{error:?}")),
        }
    }

    /// Asks after a random time. Matches tend to end together: if all rooms asked at once, all but one would be too late
    /// to write, and if those tried again at once, each would do it as often as there are others.
    fn wait(&self, room: &mut Ctx) {
        let wait_max = (SPREAD_MS << self.conflicts.min(2)).min(WAIT_MS_MAX);
        let wait = room.random().range(1..wait_max);
        room.set_timer(WAIT, wait);
    }

    /// Asks for what is there.
    pub(crate) fn ask(&self, room: &mut Ctx) {
        room.kv_get(OPERATION, KEY);
    }

    fn write(&mut self, room: &mut Ctx, present: Option<Vec<u8>>) {
        let board = present
            .as_ref()
            .map_or(Ok(Leaderboard::default()), |bytes| {
                Payload::from_bytes(bytes).and_then(|payload| payload.read())
            });
        let written = board.and_then(|mut board: Leaderboard| {
            for outcomes in &self.pending {
                board.add(outcomes);
            }
            Payload::of(&board)
        });
        match written {
            Ok(payload) => {
                self.written = self.pending.len();
                room.kv_compare_and_put(OPERATION, KEY, present, Some(payload.into_bytes()));
            }
            // Whatever is there, it is not ours to overwrite.
            Err(error) => self.give_up(room, error),
        }
    }

    fn give_up(&mut self, room: &mut Ctx, error: impl std::fmt::Display) {
        room.warn(format_args!("the leaderboard lacks a result: {error}"));
        self.pending.clear();
        self.is_busy = false;
    }
}

impl Leaderboard {
    /// Adds a match.
    fn add(&mut self, outcomes: &[Outcome]) {
        for outcome in outcomes {
            let is_theirs = |row: &Row| match (&row.account, &outcome.account) {
                (None, None) => row.name == outcome.name,
                (row, theirs) => row == theirs,
            };
            let mut row = match self.rows.iter().position(is_theirs) {
                Some(place) => self.rows.remove(place),
                None => Row {
                    name: String::new(),
                    account: outcome.account.clone(),
                    wins: 0,
                    best: 0,
                    games: 0,
                },
            };
            row.name.clone_from(&outcome.name);
            row.games = row.games.saturating_add(1);
            row.wins = row.wins.saturating_add(outcome.has_won.into());
            row.best = row.best.max(outcome.score);
            // Whoever played just now stays, or nobody new would ever get in.
            self.rows.truncate(ROWS_MAX - 1);
            let place = self
                .rows
                .partition_point(|other| other.rank() <= row.rank());
            self.rows.insert(place, row);
        }
    }
}

impl Row {
    /// What comes first by this is better: wins, then the best match, then fewer games for it.
    fn rank(&self) -> impl Ord {
        use std::cmp::Reverse;
        (Reverse(self.wins), Reverse(self.best), self.games)
    }
}

/// A number that stands for an account, by FNV-1a: always the same, and not the account itself.
fn account(player: &Player) -> Option<String> {
    let user = player.key.as_deref()?.strip_prefix("user ")?;
    let hash = user.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    Some(format!("{hash:016x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &str, score: u32, has_won: bool) -> Outcome {
        Outcome {
            name: name.to_owned(),
            account: None,
            score,
            has_won,
        }
    }

    fn shown(board: &Leaderboard) -> Vec<(&str, u32, u32, u32)> {
        let rows = board.rows.iter();
        rows.map(|it| (it.name.as_str(), it.wins, it.best, it.games))
            .collect()
    }

    #[test]
    fn wins_count_first_then_the_best_match_then_fewer_games() {
        let mut board = Leaderboard::default();
        board.add(&[outcome("ann", 30, true), outcome("bob", 20, false)]);
        board.add(&[outcome("ann", 10, false), outcome("bob", 41, true)]);
        board.add(&[outcome("cid", 30, true), outcome("dan", 5, false)]);
        let expected = [
            ("bob", 1, 41, 2),
            ("cid", 1, 30, 1),
            ("ann", 1, 30, 2),
            ("dan", 0, 5, 1),
        ];
        assert_eq!(shown(&board), expected);
    }

    #[test]
    fn an_account_keeps_its_row_under_another_name_and_is_no_guest_of_that_name() {
        let mut board = Leaderboard::default();
        let signed_in = |name: &str| Outcome {
            account: Some("1".to_owned()),
            ..outcome(name, 1, true)
        };
        board.add(&[signed_in("ann"), outcome("ann", 2, false)]);
        board.add(&[signed_in("anna")]);
        assert_eq!(shown(&board), [("anna", 2, 1, 2), ("ann", 0, 2, 1)]);
    }

    #[test]
    fn it_holds_a_hundred_and_whoever_just_played() {
        let mut board = Leaderboard::default();
        for n in 0..150 {
            board.add(&[outcome(&format!("winner {n}"), 40, true)]);
        }
        board.add(&[outcome("newcomer", 1, false)]);
        assert_eq!(board.rows.len(), ROWS_MAX);
        assert_eq!(board.rows[ROWS_MAX - 1].name, "newcomer");
        let longest = "\u{1f3b2}".repeat(32);
        board.rows.iter_mut().for_each(|row| {
            row.name.clone_from(&longest);
            row.account = Some("f".repeat(16));
        });
        let bytes = Payload::of(&board).unwrap().into_bytes().len();
        assert!(bytes < 64 << 10, "{bytes} bytes fit into a value");
    }

    #[test]
    fn accounts_are_told_apart_and_not_told() {
        let player = |key: &str| Player {
            id: 1,
            name: "ann".to_owned(),
            color: crate::game::Color::Red,
            score: 0,
            key: Some(key.to_owned()),
            present: true,
        };
        assert_eq!(account(&player("name ann")), None);
        let [one, two] =
            ["user ann@example.org", "user bob@example.org"].map(|it| account(&player(it)));
        assert!(one.is_some() && one != two);
        assert!(!one.unwrap().contains("ann"));
    }
}
