//! Every acknowledged input applied exactly once, a refused one never, any other at most once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::history::{Answer, Event, Input, Place, Record};
use super::witnessed::Witnessed;
use super::{Findings, Kind};

/// How many answers a room keeps for each member.
const ANSWERS_KEPT: u64 = 64;

/// Refusals that leave an input's id as it was.
const USES_UP_NOTHING: &[&str] = &["ROOM_BUSY", "STORAGE_UNAVAILABLE"];

/// An input as the record has it.
#[derive(Debug)]
struct Story<'a> {
    input: &'a Input,
    sends: usize,
    answers: Vec<&'a Answer>,
}

/// Which input: ids begin anew with each session.
type Key<'a> = (usize, &'a Arc<str>, u64);

pub(super) fn check(record: &Record, witnessed: &Witnessed, findings: &mut Findings) {
    let stories = stories(record, witnessed, findings);
    // The place of the last applied input of each session and room.
    let mut last: BTreeMap<(usize, &Arc<str>), Place> = BTreeMap::new();
    for ((session, room, id), story) in &stories {
        let mut add = |kind| findings.add(Some(room), kind);
        if story.answers.len() > story.sends {
            add(Kind::AnsweredTwice(*id));
        }
        let known: Vec<_> = known(&story.answers);
        if known.windows(2).any(|pair| pair[0] != pair[1]) {
            add(Kind::AnswersDiffer(*id));
        }
        let Input::Say(text) = story.input else {
            continue;
        };
        let history = witnessed.rooms.get(*room);
        let said = history.and_then(|history| history.said.get(text));
        let said = said.map_or(&[][..], Vec::as_slice);
        match (known.first(), said) {
            (_, [_, _, ..]) => add(Kind::AppliedTwice(*id)),
            (Some(Answer::Applied { .. }), []) => add(Kind::NotApplied(*id)),
            (Some(Answer::Refused(_)), [_]) => add(Kind::RefusedYetApplied(*id)),
            // The room was busy, and the input never sent again.
            (None, [_]) if story.sends == 1 && is_refused(&story.answers) => {
                add(Kind::RefusedYetApplied(*id));
            }
            _ => {}
        }
        if let Some(place) = said.first() {
            let before = last.insert((*session, room), *place);
            if before.is_some_and(|before| before > *place) {
                add(Kind::AppliedOutOfOrder(*id));
            }
        }
    }
}

/// No line was said that nobody sent.
pub(super) fn check_unsent(records: &[Record], witnessed: &Witnessed, findings: &mut Findings) {
    let mut sent = BTreeSet::new();
    for (_, event) in records.iter().flat_map(|record| &record.events) {
        if let Event::Sent {
            room,
            input: Input::Say(text),
            ..
        } = event
        {
            sent.insert((room, text));
        }
    }
    for (room, history) in &witnessed.rooms {
        for text in history
            .said
            .keys()
            .filter(|text| !sent.contains(&(room, *text)))
        {
            findings.add(Some(room), Kind::AppliedUnsent(Arc::clone(text)));
        }
    }
}

/// Gathers what became of each input, and looks at what only the order of events shows.
fn stories<'a>(
    record: &'a Record,
    witnessed: &Witnessed,
    findings: &mut Findings,
) -> BTreeMap<Key<'a>, Story<'a>> {
    let mut stories: BTreeMap<Key<'a>, Story<'a>> = BTreeMap::new();
    let mut session = 0;
    let mut newest: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
    let mut place: BTreeMap<&Arc<str>, Place> = BTreeMap::new();
    for (_, event) in &record.events {
        match event {
            Event::Session(_) => {
                session += 1;
                newest.clear();
            }
            Event::Frame(frame) => {
                let at = place.entry(&frame.room).or_insert(frame.place);
                *at = frame.place.max(*at);
            }
            Event::Joined { room, start, .. } | Event::Reset { room, start, .. } => {
                place.insert(room, *start);
            }
            Event::Sent { room, id, input } => {
                let newest = newest.entry(room).or_insert(*id);
                *newest = id.max(newest).to_owned();
                let story = stories.entry((session, room, *id)).or_insert(Story {
                    input,
                    sends: 0,
                    answers: Vec::new(),
                });
                story.sends += 1;
            }
            Event::Answered { room, id, answer } => {
                let Some(story) = stories.get_mut(&(session, room, *id)) else {
                    findings.add(Some(room), Kind::AnsweredUnasked(*id));
                    continue;
                };
                story.answers.push(answer);
                let newest = newest.get(room).copied().unwrap_or(0);
                if *answer == Answer::Repeat && newest < id + ANSWERS_KEPT {
                    findings.add(Some(room), Kind::AnswerForgotten(*id));
                }
                if let (Answer::Applied { .. }, Input::Say(text)) = (answer, story.input)
                    && let Some(history) = witnessed.rooms.get(room)
                    && let Some(said) = history.said.get(text).and_then(|said| said.first())
                    && place.get(room).is_none_or(|place| place < said)
                {
                    findings.add(Some(room), Kind::ReplyBeforeFrame(*id));
                }
            }
            _ => {}
        }
    }
    stories
}

fn is_refused(answers: &[&Answer]) -> bool {
    answers
        .iter()
        .any(|answer| matches!(answer, Answer::Refused(_)))
}

/// The answers that say something; an error that says only that the room is busy, or cannot write, uses up nothing, and may
/// be followed by another answer.
fn known<'a>(answers: &[&'a Answer]) -> Vec<&'a Answer> {
    let says_something = |answer: &&Answer| match answer {
        Answer::Applied { .. } => true,
        Answer::Repeat => false,
        Answer::Refused(code) => !USES_UP_NOTHING.contains(&&**code),
    };
    answers.iter().copied().filter(says_something).collect()
}
