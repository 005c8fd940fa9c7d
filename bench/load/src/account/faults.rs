//! What must not happen, and how often it did.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

/// Something that must not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// An input was never answered, or a message did not reach a member.
    Lost,
    /// The same came more than once.
    Doubled,
    /// Something came that nobody said.
    Unasked,
    /// What came is not what was said.
    Altered,
    /// What came, came before something that was said before it, or not in the order in which others got it.
    OutOfOrder,
    /// What came is said to be from somebody else.
    AnotherSender,
    /// An input was refused that had to be accepted.
    Refused,
    /// Members were shown different boards for the same tick.
    Diverged,
    /// A tick came behind a later one.
    TickBack,
}

impl Fault {
    /// What happened, in words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Lost => "never came",
            Self::Doubled => "came more than once",
            Self::Unasked => "came that nobody had said",
            Self::Altered => "came other than they were said",
            Self::OutOfOrder => "came out of order",
            Self::AnotherSender => "came with another sender's name",
            Self::Refused => "were refused",
            Self::Diverged => "boards were not what others had for the same tick",
            Self::TickBack => "ticks came behind later ones",
        }
    }
}

/// How often something happened, and what the first time was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Found {
    count: u64,
    first: String,
}

/// How often each fault happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Faults(BTreeMap<Fault, Found>);

impl Faults {
    /// How often this one did.
    #[must_use]
    pub fn count(&self, fault: Fault) -> u64 {
        self.0.get(&fault).map_or(0, |found| found.count)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Something happened once more. What exactly is told of the first time only.
    pub(crate) fn add(&mut self, fault: Fault, what: impl FnOnce() -> String) {
        self.add_many(fault, 1, what);
    }

    pub(crate) fn add_many(&mut self, fault: Fault, count: u64, what: impl FnOnce() -> String) {
        if count == 0 {
            return;
        }
        let found = self.0.entry(fault).or_insert_with(|| Found {
            count: 0,
            first: what(),
        });
        found.count += count;
    }

    /// Takes in what others found.
    pub(crate) fn extend(&mut self, others: Self) {
        for (fault, found) in others.0 {
            self.add_many(fault, found.count, || found.first);
        }
    }
}

/// One line for each fault.
impl fmt::Display for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (fault, found)) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            let (count, first) = (found.count, &found.first);
            write!(formatter, "{separator}{count} {}: {first}", fault.text())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_counted_and_the_first_is_told() {
        let mut faults = Faults::default();
        assert!(faults.is_empty());
        faults.add(Fault::Doubled, || "number 3".to_owned());
        faults.add(Fault::Doubled, || "number 4".to_owned());
        faults.add_many(Fault::Lost, 0, || "nothing".to_owned());
        let mut others = Faults::default();
        others.add(Fault::Doubled, || "number 5".to_owned());
        others.add(Fault::Lost, || "number 9".to_owned());
        faults.extend(others);
        assert_eq!(faults.count(Fault::Doubled), 3);
        assert_eq!(
            faults.to_string(),
            "1 never came: number 9\n3 came more than once: number 3"
        );
    }
}
