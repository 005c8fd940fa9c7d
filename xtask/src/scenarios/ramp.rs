//! More and more matches, until a server is late.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Output;

use anyhow::{Context, Result, bail};
use serde_json::{Value as Json, json};

use super::table::Column;
use super::{Kept, Scenario};
use crate::compare::subject::{
    BINARY, LOAD, Subject, UNSYNCED, UNSYNCED_BINARY, is_server_wrong, said, words,
};
use crate::load::{CLIENT_CORE, SERVER_CORE, number};
use crate::peers::{BUN, COLYSEUS, SOCKETIO, WS};
use crate::trial;

const SUBJECTS: &[Subject] = &[
    UNSYNCED,
    UNSYNCED_BINARY,
    BINARY,
    Subject::Peer(&BUN),
    Subject::Peer(&WS),
    Subject::Peer(&SOCKETIO),
    Subject::Peer(&COLYSEUS),
];
const ROUNDS: usize = 5;
const PLAYERS: usize = 8;
const ROOMS_FIRST: usize = 20;
/// The load has connections for no more.
const ROOMS_MAX: usize = 2_400;
const GROWTH: f64 = 1.5;
/// How far apart what is right and what is late may be in the end, of the former.
const BRACKET: f64 = 0.1;
const WARM_UP_SECONDS: f64 = 3.0;
const MEASURED_SECONDS: f64 = 4.0;
/// One tick for which any input may have to wait, however little a server has to do, and one more, in microseconds. The first
/// alone would tell servers apart by the half millisecond that it leaves them.
const LATE_US: f64 = 100_000.0;

/// What came of one number of rooms.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Step {
    is_in_time: bool,
    is_load_the_limit: bool,
    p99_us: f64,
}

/// Looks for the most rooms that are in time.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Search {
    first: usize,
    /// By what it grows until it is late, and shrinks until it is not.
    strides: [f64; 2],
    in_time: Option<usize>,
    late: Option<usize>,
}

impl Search {
    /// From few rooms on, in long strides.
    const ANEW: Self = Self {
        first: ROOMS_FIRST,
        strides: [GROWTH, 0.5],
        in_time: None,
        late: None,
    };

    /// In short strides from what was in time in the round before. What was late by chance then does not count for ever.
    fn around(rooms: usize) -> Self {
        Self {
            first: rooms,
            strides: [1.0 + BRACKET, 1.0 / (1.0 + BRACKET)],
            ..Self::ANEW
        }
    }

    /// What to try next; nothing where it is known well enough.
    fn next(&self) -> Option<usize> {
        let [more, less] = self.strides;
        let next = match (self.in_time, self.late) {
            (None, None) => self.first,
            // Always another number, where a stride is less than a room.
            (None, Some(late)) => times(late, less).min(late - 1),
            (Some(in_time), None) => times(in_time, more).max(in_time + 1).min(ROOMS_MAX),
            (Some(in_time), Some(late)) => {
                let is_narrow = (late - in_time) as f64 <= BRACKET * in_time as f64;
                if is_narrow {
                    return None;
                }
                usize::midpoint(in_time, late)
            }
        };
        (next > 0 && Some(next) != self.in_time && Some(next) != self.late).then_some(next)
    }

    fn on_step(&mut self, rooms: usize, is_in_time: bool) {
        if is_in_time {
            self.in_time = Some(rooms);
        } else {
            self.late = Some(rooms);
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand rooms at most"
)]
fn times(rooms: usize, stride: f64) -> usize {
    (rooms as f64 * stride).round() as usize
}

pub(super) fn run(scenario: &Scenario) -> Result<()> {
    let columns = [
        Column::new("players", "/players", 0),
        Column::new("p99 ms with them", "/p99_ms", 1),
        Column::new("at least", "/is_at_least", 0),
    ];
    let kept = Kept {
        unit: "players",
        command: format!(
            "taskset -c {SERVER_CORE} SERVER; taskset -c {CLIENT_CORE} {LOAD} {}; Parlor with --limits off",
            work_line("N")
        ),
        columns: &columns,
        remark: "an input waits up to 50 ms for its tick however little a server has to do; beyond 100 ms of p99 a server is a tick late. \
                 Where `at least` is 1, the load was the limit: the server could have done more",
    };
    let known = RefCell::new(BTreeMap::new());
    scenario.compare(SUBJECTS, ROUNDS, &kept, |subject| {
        let search = known.borrow().get(&subject.name()).copied();
        let (rooms, said) = measure(subject, search.map_or(Search::ANEW, Search::around))?;
        if rooms > 0 {
            known.borrow_mut().insert(subject.name(), rooms);
        }
        Ok(said)
    })
}

fn work_line(rooms: &str) -> String {
    let seconds = trial::seconds(MEASURED_SECONDS);
    format!(
        "match --players {PLAYERS} --warm-up {WARM_UP_SECONDS} --seconds {seconds} --rooms {rooms}"
    )
}

/// How many rooms were in time, and what there is to say of it.
fn measure(subject: &Subject, mut search: Search) -> Result<(usize, Json)> {
    let (mut p99_us, mut steps) = (0.0, 0);
    let (mut is_load_late, mut is_at_least) = (false, false);
    while let Some(rooms) = search.next() {
        let output = subject
            .start()?
            .try_load(&words(&work_line(&rooms.to_string())))?;
        let step = judge(&output)?;
        println!("{:<32} {rooms} rooms: {step:?}", subject.name());
        steps += 1;
        search.on_step(rooms, step.is_in_time);
        if step.is_in_time {
            p99_us = step.p99_us;
        } else {
            is_load_late = step.is_load_the_limit;
        }
        // Nobody knows whether it was the server that was late, or whether it would have been with more.
        let is_most = step.is_load_the_limit || rooms == ROOMS_MAX;
        is_at_least = is_load_late || step.is_in_time && is_most;
        if is_at_least && search.in_time.is_some() {
            break;
        }
    }
    let rooms = search.in_time.unwrap_or(0);
    let said = json!({
        "players": rooms * PLAYERS,
        "rooms": rooms,
        "p99_ms": p99_us / 1e3,
        "is_at_least": u8::from(is_at_least),
        "steps": steps,
    });
    Ok((rooms, said))
}

/// A run that is not right, or that clients could not connect to, is one that is late. One that could not be made at all is none.
fn judge(output: &Output) -> Result<Step> {
    let text = String::from_utf8_lossy(&output.stdout);
    let report: Option<Json> = serde_json::from_str(&text).ok();
    let Some(report) = report else {
        if is_server_wrong(output) {
            return Ok(Step {
                is_in_time: false,
                is_load_the_limit: false,
                p99_us: f64::INFINITY,
            });
        }
        let error = said(output).err();
        let error = error.context("the load says nothing")?;
        bail!(error);
    };
    let p99_us = number(&report, "/latency_us/p99").unwrap_or(f64::INFINITY);
    Ok(Step {
        is_in_time: output.status.success() && p99_us <= LATE_US,
        is_load_the_limit: report["is_load_the_limit"] == true,
        p99_us,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;
    use std::process::ExitStatus;

    use super::*;

    /// What is tried of a server that is in time with so many rooms.
    fn check(mut search: Search, most: usize) -> (Vec<usize>, Search) {
        let mut tried = Vec::new();
        while let Some(rooms) = search.next() {
            search.on_step(rooms, rooms <= most);
            tried.push(rooms);
        }
        (tried, search)
    }

    #[test]
    fn rooms_grow_until_it_is_late_and_are_halved_then() {
        let (tried, search) = check(Search::ANEW, 50);
        assert_eq!(tried, [20, 30, 45, 68, 56, 50, 53]);
        assert_eq!((search.in_time, search.late), (Some(50), Some(53)));
    }

    #[test]
    fn a_later_round_looks_around_what_is_known() {
        let (tried, search) = check(Search::around(100), 104);
        assert_eq!(tried, [100, 110]);
        assert_eq!((search.in_time, search.late), (Some(100), Some(110)));
        let (tried, search) = check(Search::around(100), 130);
        assert_eq!(tried, [100, 110, 121, 133]);
        assert_eq!(search.in_time, Some(121));
        let (tried, search) = check(Search::around(100), 84);
        assert_eq!(tried, [100, 91, 83]);
        assert_eq!(search.in_time, Some(83));
        assert_eq!(check(Search::around(2), 1).1.in_time, Some(1));
        assert_eq!(check(Search::around(1), 0).1.in_time, None);
    }

    #[test]
    fn a_server_that_can_do_little_or_everything_comes_to_an_end() {
        let (tried, search) = check(Search::ANEW, 3);
        assert_eq!(&tried[..4], [20, 10, 5, 3]);
        assert_eq!(search.in_time, Some(3));
        assert_eq!(check(Search::ANEW, 0).1.in_time, None);
        let (tried, search) = check(Search::ANEW, 1_000_000);
        assert_eq!(tried.last(), Some(&ROOMS_MAX));
        assert_eq!(search.in_time, Some(ROOMS_MAX));
    }

    #[test]
    fn what_is_late_wrong_or_not_connected_is_not_in_time() {
        let output = |code: i32, text: &str| Output {
            status: ExitStatus::from_raw(code << 8),
            stdout: text.as_bytes().to_vec(),
            stderr: Vec::new(),
        };
        let report = |p99: u32| {
            json!({ "latency_us": { "p99": p99 }, "is_load_the_limit": p99 > 90_000 }).to_string()
        };
        let step = |code, text: &str| judge(&output(code, text)).unwrap();
        assert!(step(0, &report(100_000)).is_in_time);
        assert!(!step(0, &report(100_001)).is_in_time);
        assert!(!step(1, &report(40_000)).is_in_time);
        assert!(step(0, &report(99_000)).is_load_the_limit);
        assert!(!step(1, "").is_in_time);
        assert!(judge(&output(64, "")).is_err());
        assert!(judge(&output(71, "")).is_err());
    }
}
