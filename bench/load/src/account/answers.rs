//! What one client asked for and has no answer to yet.

use std::collections::VecDeque;

use super::Fault;

/// An input on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Asked {
    number: u32,
    at_us: u64,
}

/// The inputs of one client: their numbers rise, and each must be answered once.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    pending: VecDeque<Asked>,
    last: u32,
}

/// An input that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Answered {
    /// When it was said.
    pub(crate) at_us: u64,
    /// Whether there is none before it that still waits.
    pub(crate) is_in_order: bool,
}

impl Answers {
    /// The number of the next input, from 1 on.
    pub(crate) fn next(&self) -> u32 {
        self.last + 1
    }

    /// The next input is said.
    pub(crate) fn on_asked(&mut self, at_us: u64) {
        self.last += 1;
        let number = self.last;
        self.pending.push_back(Asked { number, at_us });
    }

    /// The input of this number was answered.
    pub(crate) fn on_answer(&mut self, number: u64) -> Result<Answered, Fault> {
        let found = |asked: &Asked| u64::from(asked.number) == number;
        // Nearly always the first.
        let Some(place) = self.pending.iter().position(found) else {
            let was_asked = (1..=u64::from(self.last)).contains(&number);
            return Err(if was_asked {
                Fault::Doubled
            } else {
                Fault::Unasked
            });
        };
        let asked = self.pending.remove(place).ok_or(Fault::Unasked)?;
        Ok(Answered {
            at_us: asked.at_us,
            is_in_order: place == 0,
        })
    }

    /// How many have no answer yet.
    pub(crate) fn pending(&self) -> usize {
        self.pending.len()
    }

    /// The first without an answer.
    pub(crate) fn first_pending(&self) -> Option<u32> {
        self.pending.front().map(|asked| asked.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks for four things, hears these answers, and says what came of each.
    fn check(answers: &[u64]) -> (Vec<Result<Answered, Fault>>, usize) {
        let mut account = Answers::default();
        for number in 1..=4 {
            assert_eq!(account.next(), number);
            account.on_asked(100 * u64::from(number));
        }
        let heard = answers.iter().map(|number| account.on_answer(*number));
        (heard.collect(), account.pending())
    }

    fn answered(at_us: u64, is_in_order: bool) -> Result<Answered, Fault> {
        Ok(Answered { at_us, is_in_order })
    }

    #[test]
    fn all_in_order() {
        let expected = [1, 2, 3, 4].map(|number| answered(100 * number, true));
        assert_eq!(check(&[1, 2, 3, 4]), (expected.to_vec(), 0));
    }

    #[test]
    fn one_is_lost() {
        let expected = vec![
            answered(100, true),
            answered(300, false),
            answered(400, false),
        ];
        assert_eq!(check(&[1, 3, 4]), (expected, 1));
    }

    #[test]
    fn one_is_doubled() {
        let (heard, pending) = check(&[1, 2, 2, 3, 4, 1]);
        assert_eq!(heard[2], Err(Fault::Doubled));
        assert_eq!(heard[5], Err(Fault::Doubled));
        assert_eq!((heard[4], pending), (answered(400, true), 0));
    }

    #[test]
    fn two_are_swapped() {
        let (heard, pending) = check(&[2, 1, 3, 4]);
        assert_eq!(heard[0], answered(200, false));
        assert_eq!(heard[1], answered(100, true));
        assert_eq!(pending, 0);
    }

    #[test]
    fn what_was_never_asked_is_told_apart() {
        let (heard, pending) = check(&[0, 5, u64::MAX]);
        assert_eq!(heard, vec![Err(Fault::Unasked); 3]);
        assert_eq!(pending, 4);
    }
}
