//! Applies patches that somebody sent, in one pass: what stays is copied as it is.

use std::cmp::Ordering;

use super::nodes::{Children, Kind, kind, text_of};
use super::{INSERTED, REMOVED, WHOLE};
use crate::builder::{write_list_header, write_map_header, write_text};
use crate::msgpack::{Reader, Token};
use crate::payload::write_sorted;

/// Why a patch was not applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault}, at byte {at} of the patch")]
pub struct PatchError {
    /// What is wrong.
    pub fault: PatchFault,
    /// Where, in the patch's MessagePack.
    pub at: usize,
}

impl PatchError {
    /// The code by which clients tell of it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.fault {
            PatchFault::NotAPatch | PatchFault::NotAPlace | PatchFault::NotAChange => {
                "INVALID_PATCH"
            }
            PatchFault::NotRising
            | PatchFault::NoSuchPlace
            | PatchFault::TooFew
            | PatchFault::NothingInside => "PATCH_MISMATCH",
        }
    }
}

/// What is wrong with a patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatchFault {
    /// Not a list of pairs.
    #[error("a patch is a list of places and changes in pairs")]
    NotAPatch,
    /// Neither a number nor, in a map, a key.
    #[error("a place is a number or, in a map, a key")]
    NotAPlace,
    /// A map that is none of the changes there are.
    #[error("there is no such change here")]
    NotAChange,
    /// A place before the end of what the one before it was about.
    #[error("places must rise")]
    NotRising,
    /// A place beyond the end, or a key that is not there.
    #[error("the state has no such place")]
    NoSuchPlace,
    /// More items are to go than there are.
    #[error("the list has fewer items than are to go")]
    TooFew,
    /// A patch for what is neither a list nor a map.
    #[error("what is here has nothing inside")]
    NothingInside,
}

impl PatchFault {
    fn at(self, at: usize) -> PatchError {
        PatchError { fault: self, at }
    }
}

/// A state's bytes with a patch applied.
pub(super) fn apply(state: &[u8], patch: &[u8]) -> Result<Vec<u8>, PatchError> {
    let mut applier = Applier {
        patch,
        reader: Reader::new(patch),
        out: Vec::with_capacity(state.len() + patch.len()),
    };
    applier.nested(state)?;
    Ok(applier.out)
}

struct Applier<'p> {
    patch: &'p [u8],
    reader: Reader<'p>,
    out: Vec<u8>,
}

/// What is to become of a place.
enum Change<'p> {
    /// This is there from now on, in order already if it is a scalar.
    Whole(&'p [u8]),
    /// What is inside changes; the patch for it is read next.
    Inside,
    /// In a map the entry goes; in a list so many items go, and those of this list come.
    Splice {
        removed: usize,
        inserted: Option<&'p [u8]>,
    },
}

impl<'p> Applier<'p> {
    /// Applies the next value of the patch to what is in `old`.
    fn nested(&mut self, old: &[u8]) -> Result<(), PatchError> {
        let at = self.reader.position();
        let pairs = match self.token() {
            Token::List(count) if count % 2 == 0 => count / 2,
            _ => return Err(PatchFault::NotAPatch.at(at)),
        };
        let start = self.out.len();
        let write_header: fn(&mut Vec<u8>, usize) = match kind(old) {
            Kind::Map => write_map_header,
            Kind::List => write_list_header,
            Kind::Scalar => return Err(PatchFault::NothingInside.at(at)),
        };
        let children = Children::of(old);
        let before = children.left();
        write_header(&mut self.out, before);
        let content = self.out.len();
        let after = match kind(old) {
            Kind::Map => self.map(old, children, pairs)?,
            _ => self.list(old, children, pairs)?,
        };
        if before != after {
            let mut header = Vec::with_capacity(5);
            write_header(&mut header, after);
            self.out.splice(start..content, header);
        }
        Ok(())
    }

    /// Gives the number of entries that there are then.
    fn map(
        &mut self,
        old: &[u8],
        entries: Children<'_>,
        pairs: usize,
    ) -> Result<usize, PatchError> {
        let mut count = entries.left();
        let mut walk = Walk::new(old, entries);
        for _ in 0..pairs {
            let at = self.reader.position();
            let place = self.token();
            let found = match place {
                Token::Text(key) => walk.go_to_key(key.as_bytes()),
                Token::Int(place) => walk.go_to_place(place).map(Some),
                _ => Err(PatchFault::NotAPlace),
            };
            let found = found.map_err(|fault| fault.at(at))?;
            self.out.extend_from_slice(walk.passed());
            match (self.change(Kind::Map)?, found, place) {
                (Change::Whole(value), Some((key, _)), _) => {
                    self.out.extend_from_slice(key);
                    self.write(value);
                }
                (Change::Whole(value), None, Token::Text(key)) => {
                    count += 1;
                    write_text(&mut self.out, key);
                    self.write(value);
                }
                (Change::Inside, Some((key, value)), _) => {
                    self.out.extend_from_slice(key);
                    self.nested(value)?;
                }
                (Change::Splice { .. }, Some(_), _) => count -= 1,
                (_, None, _) => return Err(PatchFault::NoSuchPlace.at(at)),
            }
        }
        self.out.extend_from_slice(walk.rest());
        Ok(count)
    }

    /// Gives the number of items that there are then.
    fn list(
        &mut self,
        old: &[u8],
        mut items: Children<'_>,
        pairs: usize,
    ) -> Result<usize, PatchError> {
        let count = items.left();
        let mut count_after = count;
        for _ in 0..pairs {
            let at = self.reader.position();
            let Token::Int(place) = self.token() else {
                return Err(PatchFault::NotAPlace.at(at));
            };
            let place = usize::try_from(place).ok().filter(|place| *place <= count);
            let place = place.ok_or(PatchFault::NoSuchPlace.at(at))?;
            let stays = items.position();
            let passed = count - items.left();
            let ahead = place.checked_sub(passed);
            items.skip(ahead.ok_or(PatchFault::NotRising.at(at))?);
            self.out.extend_from_slice(&old[stays..items.position()]);
            match self.change(Kind::List)? {
                Change::Whole(value) => {
                    items.item().ok_or(PatchFault::NoSuchPlace.at(at))?;
                    self.write(value);
                }
                Change::Inside => {
                    let item = items.item().ok_or(PatchFault::NoSuchPlace.at(at))?;
                    self.nested(item)?;
                }
                Change::Splice { removed, inserted } => {
                    if removed > items.left() {
                        return Err(PatchFault::TooFew.at(at));
                    }
                    items.skip(removed);
                    count_after -= removed;
                    let mut inserted = inserted.map(Children::of);
                    while let Some(item) = inserted.as_mut().and_then(Children::item) {
                        count_after += 1;
                        self.write(item);
                    }
                }
            }
        }
        self.out.extend_from_slice(&old[items.position()..]);
        Ok(count_after)
    }

    /// Reads the next change; a patch for what is inside is left to be read.
    fn change(&mut self, within: Kind) -> Result<Change<'p>, PatchError> {
        let start = self.reader.position();
        let before = self.reader.clone();
        let parts = match self.token() {
            Token::List(_) => {
                self.reader = before;
                return Ok(Change::Inside);
            }
            Token::Map(parts) => parts,
            _ => return Ok(Change::Whole(self.since(start))),
        };
        let mut removed = usize::from(parts == 0);
        let mut inserted = None;
        for _ in 0..parts {
            let at = self.reader.position();
            let key = self.token();
            let (value, start) = (self.reader.clone().next(), self.reader.position());
            self.skip();
            match (key, value) {
                (Token::Text(WHOLE), _) if parts == 1 => {
                    return Ok(Change::Whole(self.since(start)));
                }
                (Token::Text(REMOVED), Ok(Token::Int(count))) if within == Kind::List => {
                    removed = usize::try_from(count).map_err(|_| PatchFault::TooFew.at(at))?;
                }
                (Token::Text(INSERTED), Ok(Token::List(_))) if within == Kind::List => {
                    inserted = Some(self.since(start));
                }
                _ => return Err(PatchFault::NotAChange.at(at)),
            }
        }
        Ok(Change::Splice { removed, inserted })
    }

    /// Copies a value from the patch, and puts it in order.
    fn write(&mut self, value: &[u8]) {
        write_sorted(value, &mut Reader::new(value), &mut self.out).expect(VALID);
    }

    fn token(&mut self) -> Token<'p> {
        self.reader.next().expect(VALID)
    }

    fn skip(&mut self) {
        self.reader.skip().expect(VALID);
    }

    fn since(&self, start: usize) -> &'p [u8] {
        &self.patch[start..self.reader.position()]
    }
}

/// A payload was checked when it came in.
const VALID: &str = "a payload is valid MessagePack";

/// An entry: its key, and its value.
type Entry<'o> = (&'o [u8], &'o [u8]);

/// A way through the entries of a map, from one place of a patch to the next.
struct Walk<'o> {
    old: &'o [u8],
    entries: Children<'o>,
    count: usize,
    /// The key of the last place.
    last: Option<Vec<u8>>,
    /// Up to where all was copied, or is gone.
    done: usize,
    /// Where the place begins that was found last.
    found: usize,
}

impl<'o> Walk<'o> {
    fn new(old: &'o [u8], entries: Children<'o>) -> Self {
        Self {
            old,
            count: entries.left(),
            last: None,
            done: entries.position(),
            found: entries.position(),
            entries,
        }
    }

    /// Goes to where this key is, or would be.
    fn go_to_key(&mut self, key: &[u8]) -> Result<Option<Entry<'o>>, PatchFault> {
        self.rise(key)?;
        loop {
            self.found = self.entries.position();
            let mut ahead = self.entries.clone();
            let entry = ahead.entry();
            match entry.map(|(other, _)| text_of(other).cmp(key)) {
                Some(Ordering::Less) => self.entries = ahead,
                Some(Ordering::Equal) => {
                    self.entries = ahead;
                    return Ok(entry);
                }
                Some(Ordering::Greater) | None => return Ok(None),
            }
        }
    }

    /// Goes to the entry of this number.
    fn go_to_place(&mut self, place: i128) -> Result<Entry<'o>, PatchFault> {
        let place = usize::try_from(place).map_err(|_| PatchFault::NoSuchPlace)?;
        if place >= self.count {
            return Err(PatchFault::NoSuchPlace);
        }
        let passed = self.count - self.entries.left();
        let ahead = place.checked_sub(passed).ok_or(PatchFault::NotRising)?;
        for _ in 0..ahead {
            self.entries.entry();
        }
        self.found = self.entries.position();
        let entry = self.entries.entry().ok_or(PatchFault::NoSuchPlace)?;
        // A key that was not there may have come before, and belong behind this one.
        self.rise(text_of(entry.0))?;
        Ok(entry)
    }

    fn rise(&mut self, key: &[u8]) -> Result<(), PatchFault> {
        if self.last.as_deref().is_some_and(|last| last >= key) {
            return Err(PatchFault::NotRising);
        }
        self.last = Some(key.to_owned());
        Ok(())
    }

    /// What lies between the place before and this one.
    fn passed(&mut self) -> &'o [u8] {
        let done = std::mem::replace(&mut self.done, self.entries.position());
        &self.old[done..self.found]
    }

    /// What lies behind the last place.
    fn rest(&self) -> &'o [u8] {
        &self.old[self.done..]
    }
}
