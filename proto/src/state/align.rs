//! Which items of two lists belong together: what is left of a list when some came, some went and some changed.

use std::collections::HashMap;
use std::ops::Range;

/// How many items may come and go before an alignment is given up: its cost rises with the square of that.
const EDITS_MAX: usize = 64;

/// Items of the older list in whose place are those of the newer one. All others are the same in both, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hunk {
    pub(super) old: Range<usize>,
    pub(super) new: Range<usize>,
}

/// What differs between two lists.
pub(super) fn hunks(old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    let shorter = old.len().min(new.len());
    let is_same = |(a, b): &(&&[u8], &&[u8])| a == b;
    let prefix = old.iter().zip(new).take_while(is_same).count();
    let (ends_a, ends_b) = (old.iter().rev(), new.iter().rev());
    let suffix = ends_a
        .zip(ends_b)
        .take(shorter - prefix)
        .take_while(is_same)
        .count();
    let (old_middle, new_middle) = (
        &old[prefix..old.len() - suffix],
        &new[prefix..new.len() - suffix],
    );
    let mut found = middle(old_middle, new_middle);
    for hunk in &mut found {
        hunk.old = hunk.old.start + prefix..hunk.old.end + prefix;
        hunk.new = hunk.new.start + prefix..hunk.new.end + prefix;
    }
    found
}

fn middle(old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    if old.len() != new.len() {
        let whole = Hunk {
            old: 0..old.len(),
            new: 0..new.len(),
        };
        return align(old, new).unwrap_or_else(|| vec![whole]);
    }
    let in_place = in_place(old, new);
    let changed: usize = in_place.iter().map(|it| it.old.len()).sum();
    // Where most stayed what they were, nothing moved; else everything may have moved by a little.
    if 2 * changed <= old.len() || old.len() < 2 {
        return in_place;
    }
    align(old, new).unwrap_or(in_place)
}

/// The runs of items that differ from those of the same index.
fn in_place(old: &[&[u8]], new: &[&[u8]]) -> Vec<Hunk> {
    let mut found: Vec<Hunk> = Vec::new();
    for (index, _) in old.iter().zip(new).enumerate().filter(|(_, (a, b))| a != b) {
        match found.last_mut() {
            Some(last) if last.old.end == index => {
                last.old.end += 1;
                last.new.end += 1;
            }
            _ => found.push(Hunk {
                old: index..index + 1,
                new: index..index + 1,
            }),
        }
    }
    found
}

/// The shortest way from one list to the other (Myers 1986), if it is a short one.
fn align(old: &[&[u8]], new: &[&[u8]]) -> Option<Vec<Hunk>> {
    if old.is_empty() || new.is_empty() {
        return None;
    }
    // Numbers in the place of items, so that comparing two of them costs nothing.
    let mut numbers: HashMap<&[u8], u32> = HashMap::with_capacity(old.len());
    let mut number = |item| {
        let next = u32::try_from(numbers.len()).ok()?;
        Some(*numbers.entry(item).or_insert(next))
    };
    let a = old
        .iter()
        .map(|item| number(item))
        .collect::<Option<Vec<u32>>>()?;
    let known = u32::try_from(numbers.len()).ok()?;
    let b: Vec<u32> = new
        .iter()
        .map(|item| numbers.get(item).copied().unwrap_or(known))
        .collect();
    let common = b.iter().filter(|&&it| it < known).count().min(a.len());
    if common == 0 || a.len() + b.len() - 2 * common > EDITS_MAX {
        return None;
    }
    let trace = Trace::of(&a, &b)?;
    Some(trace.hunks(a.len(), b.len()))
}

/// How far each diagonal was reached, for each number of edits.
struct Trace {
    rounds: Vec<Vec<usize>>,
}

impl Trace {
    fn of(a: &[u32], b: &[u32]) -> Option<Self> {
        let mut rounds: Vec<Vec<usize>> = Vec::new();
        for edits in 0..=EDITS_MAX {
            let mut reached = Vec::with_capacity(edits + 1);
            // Diagonal `-edits + 2 * step`, which is where `x - y` stays the same.
            for step in 0..=edits {
                let mut x = rounds.last().map_or(0, |last| start(last, step, edits));
                let mut y = x + edits - 2 * step;
                while x < a.len() && y < b.len() && a[x] == b[y] {
                    x += 1;
                    y += 1;
                }
                reached.push(x);
                if (x, y) == (a.len(), b.len()) {
                    rounds.push(reached);
                    return Some(Self { rounds });
                }
            }
            rounds.push(reached);
        }
        None
    }

    /// Goes back the way from the end, and collects what is not the same.
    fn hunks(&self, mut x: usize, mut y: usize) -> Vec<Hunk> {
        let mut found: Vec<Hunk> = Vec::new();
        for edits in (1..self.rounds.len()).rev() {
            let step = (x + edits - y) / 2;
            let last = &self.rounds[edits - 1];
            let from = start(last, step, edits);
            // Where the edit led to, and where it came from.
            let (to_x, to_y) = (from, from + edits - 2 * step);
            let is_insert = is_from_above(last, step, edits);
            let (old_x, old_y) = if is_insert {
                (to_x, to_y - 1)
            } else {
                (to_x - 1, to_y)
            };
            match found.last_mut() {
                Some(hunk) if hunk.old.start == to_x && hunk.new.start == to_y => {
                    hunk.old.start = old_x;
                    hunk.new.start = old_y;
                }
                _ => found.push(Hunk {
                    old: old_x..to_x,
                    new: old_y..to_y,
                }),
            }
            (x, y) = (old_x, old_y);
        }
        found.reverse();
        found
    }
}

/// Where a round begins on a diagonal: one item further in the newer list, or in the older one.
fn start(last: &[usize], step: usize, edits: usize) -> usize {
    if is_from_above(last, step, edits) {
        last[step]
    } else {
        last[step - 1] + 1
    }
}

fn is_from_above(last: &[usize], step: usize, edits: usize) -> bool {
    step == 0 || (step != edits && last[step - 1] < last[step])
}
