//! Writes patches: two states are walked side by side, and only where their bytes differ.

use std::cmp::Ordering;

use super::align::{self, Hunk};
use super::nodes::{Children, Kind, kind, text_of};
use super::{INSERTED, REMOVED, WHOLE};
use crate::builder::{write_list_header, write_map_header, write_text, write_uint};

/// The patch from one value to another. `None` where they are not two lists or two maps.
pub(super) fn patch(old: &[u8], new: &[u8]) -> Option<Vec<u8>> {
    let mut writer = Writer::default();
    writer.nested(old, new).then_some(writer.out)
}

#[derive(Debug, Default)]
struct Writer {
    out: Vec<u8>,
}

impl Writer {
    /// Writes a patch for what is in two lists or two maps; nothing for other values.
    fn nested(&mut self, old: &[u8], new: &[u8]) -> bool {
        let start = self.out.len();
        self.out.push(0x90);
        let pairs = match (kind(old), kind(new)) {
            (Kind::Map, Kind::Map) => self.map(Children::of(old), Children::of(new)),
            (Kind::List, Kind::List) => self.list(old, new),
            _ => {
                self.out.truncate(start);
                return false;
            }
        };
        let mut header = Vec::with_capacity(5);
        write_list_header(&mut header, 2 * pairs);
        self.out.splice(start..=start, header);
        true
    }

    /// Both have their keys in order.
    fn map(&mut self, mut olds: Children<'_>, mut news: Children<'_>) -> usize {
        let mut pairs = 0;
        let mut place = 0_u64;
        let (mut old, mut new) = (olds.entry(), news.entry());
        loop {
            let order = match (old, new) {
                (None, None) => return pairs,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some((a, _)), Some((b, _))) => text_of(a).cmp(text_of(b)),
            };
            if let Some((key, value)) = old.filter(|_| order.is_le()) {
                let newer = new.filter(|_| order.is_eq());
                if newer.is_none_or(|(_, newer)| newer != value) {
                    pairs += 1;
                    self.place(place, key);
                    match newer {
                        Some((_, newer)) => self.change(value, newer),
                        None => write_map_header(&mut self.out, 0),
                    }
                }
            } else if let Some((key, value)) = new {
                pairs += 1;
                self.out.extend_from_slice(key);
                self.whole(value);
            }
            if order.is_le() {
                old = olds.entry();
                place += 1;
            }
            if order.is_ge() {
                new = news.entry();
            }
        }
    }

    fn list(&mut self, old: &[u8], new: &[u8]) -> usize {
        let (olds, news) = (items(old), items(new));
        let mut pairs = 0;
        for hunk in align::hunks(&olds, &news) {
            let (old, new) = (&olds[hunk.old.clone()], &news[hunk.new.clone()]);
            let start = self.out.len();
            let one_by_one = self.one_by_one(&hunk, old, new);
            let spliced: usize = SPLICE_BYTES + new.iter().map(|it| it.len()).sum::<usize>();
            if one_by_one > 1 && self.out.len() - start > spliced {
                self.out.truncate(start);
                self.splice(hunk.old.start, old.len(), new);
                pairs += 1;
            } else {
                pairs += one_by_one;
            }
        }
        pairs
    }

    /// Changes items where they are, as many as there are in both; others come or go behind them.
    fn one_by_one(&mut self, hunk: &Hunk, old: &[&[u8]], new: &[&[u8]]) -> usize {
        let both = old.len().min(new.len());
        for (index, (old, new)) in (hunk.old.start..).zip(old.iter().zip(new)) {
            write_uint(&mut self.out, index as u64);
            self.change(old, new);
        }
        if old.len() == new.len() {
            return both;
        }
        self.splice(hunk.old.start + both, old.len() - both, &new[both..]);
        both + 1
    }

    fn splice(&mut self, at: usize, removed: usize, inserted: &[&[u8]]) {
        write_uint(&mut self.out, at as u64);
        if inserted.is_empty() && removed == 1 {
            return write_map_header(&mut self.out, 0);
        }
        let parts = usize::from(removed > 0) + usize::from(!inserted.is_empty());
        write_map_header(&mut self.out, parts);
        if removed > 0 {
            write_text(&mut self.out, REMOVED);
            write_uint(&mut self.out, removed as u64);
        }
        if !inserted.is_empty() {
            write_text(&mut self.out, INSERTED);
            write_list_header(&mut self.out, inserted.len());
            for item in inserted {
                self.out.extend_from_slice(item);
            }
        }
    }

    /// The shorter way to name an entry that is there.
    fn place(&mut self, place: u64, key: &[u8]) {
        let start = self.out.len();
        write_uint(&mut self.out, place);
        if self.out.len() - start > key.len() {
            self.out.truncate(start);
            self.out.extend_from_slice(key);
        }
    }

    fn change(&mut self, old: &[u8], new: &[u8]) {
        let start = self.out.len();
        if self.nested(old, new) && self.out.len() - start <= new.len() + WHOLE_BYTES {
            return;
        }
        self.out.truncate(start);
        self.whole(new);
    }

    fn whole(&mut self, value: &[u8]) {
        if kind(value) != Kind::Scalar {
            write_map_header(&mut self.out, 1);
            write_text(&mut self.out, WHOLE);
        }
        self.out.extend_from_slice(value);
    }
}

/// What a list or a map costs that takes the place of another value: a map's head, and a key.
const WHOLE_BYTES: usize = 3;
/// About what a splice costs beside the items that come: its place, a map's head, two keys, a number, a list's head.
const SPLICE_BYTES: usize = 12;

fn items(list: &[u8]) -> Vec<&[u8]> {
    let mut children = Children::of(list);
    let mut items = Vec::with_capacity(children.left());
    while let Some(item) = children.item() {
        items.push(item);
    }
    items
}
