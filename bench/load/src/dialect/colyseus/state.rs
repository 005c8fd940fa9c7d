//! The state of a match, as much of Colyseus' schema as that has: structure 0 with the tick and the board, and structure 1, which
//! is the board.

use crate::account::{CELLS, Cells};

/// What follows is on another structure.
const SWITCH: u8 = 0xFF;
const ROOT: u32 = 0;
const BOARD: u32 = 1;
/// An operation says which field it is on, and in its highest bit whether that is new.
const FIELD: u8 = 0x7F;
const TICK_FIELD: u8 = 0;
const BOARD_FIELD: u8 = 1;
/// Replaces an item, or adds it.
const ITEM: u8 = 0;

#[derive(Debug)]
pub(super) struct State {
    pub(super) tick: u32,
    pub(super) cells: Cells,
}

impl Default for State {
    fn default() -> Self {
        Self {
            tick: 0,
            cells: [0; CELLS],
        }
    }
}

impl State {
    /// Follows a whole state or a patch.
    pub(super) fn apply(&mut self, mut bytes: &[u8]) -> Result<(), &'static str> {
        const CUT: &str = "a state ends too early";
        let mut structure = ROOT;
        while let Some(operation) = take_byte(&mut bytes) {
            if operation == SWITCH {
                structure = take_number(&mut bytes).ok_or(CUT)?;
                continue;
            }
            match (structure, operation & FIELD) {
                (ROOT, TICK_FIELD) => {
                    self.tick = take(&mut bytes).map(u32::from_le_bytes).ok_or(CUT)?;
                }
                (ROOT, BOARD_FIELD) => {
                    if take_number(&mut bytes).ok_or(CUT)? != BOARD {
                        return Err("the board is another structure than it was");
                    }
                }
                (BOARD, ITEM) => {
                    let cell = take_number(&mut bytes).ok_or(CUT)?;
                    let owner = take_byte(&mut bytes).ok_or(CUT)?;
                    let place = self.cells.get_mut(cell as usize);
                    *place.ok_or("no board has such a cell")? = owner.into();
                }
                _ => return Err("a state has what no state of a match has"),
            }
        }
        Ok(())
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    take(bytes).map(|[byte]| byte)
}

/// A number as the schema writes it: the lowest byte first.
fn take_number(bytes: &mut &[u8]) -> Option<u32> {
    match take_byte(bytes)? {
        small @ 0..=0x7F => Some(small.into()),
        0xCC => take_byte(bytes).map(u32::from),
        0xCD => Some(u16::from_le_bytes(take(bytes)?).into()),
        0xCE => Some(u32::from_le_bytes(take(bytes)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_state_and_a_patch_are_followed() {
        let mut state = State::default();
        let mut whole = vec![0x80, 2, 1, 0, 0, 0x81, 1, 0xFF, 1];
        for cell in 0..81 {
            whole.extend([0x80, cell, u8::from(cell == 80)]);
        }
        state.apply(&whole).unwrap();
        assert_eq!((state.tick, state.cells[80], state.cells[79]), (258, 1, 0));
        let patch = [0xFF, 1, 0, 3, 7, 0, 80, 0, 0xFF, 0, 0x80, 3, 1, 0, 0];
        state.apply(&patch).unwrap();
        assert_eq!((state.tick, state.cells[80], state.cells[3]), (259, 0, 7));
    }

    #[test]
    fn what_no_match_has_is_refused() {
        for wrong in [
            &[0x80, 1, 2, 3][..],
            &[0x82, 1],
            &[0x81, 2],
            &[0xFF],
            &[0xFF, 1, 0, 81, 1],
            &[0xFF, 1, 0, 1],
            &[0xFF, 1, 0xC0, 1],
            &[0xFF, 2, 0, 1, 1],
        ] {
            assert!(State::default().apply(wrong).is_err(), "{wrong:?}");
        }
    }
}
