//! How much excess is put up with: the first of a series brings a warning, too much of it ends the session.

use std::time::Duration;

/// When a series of excess is over, and what comes next is a first one again.
#[derive(Debug, Clone, Copy)]
pub(super) enum Forgiveness {
    /// So long after the last excess: who goes on a little above a rate is never forgiven.
    AfterQuiet(Duration),
    /// So long after the first one: what counts is how much there was in that time.
    AfterStart(Duration),
}

/// What an excess brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strain {
    /// The first of a series.
    First,
    /// One more.
    More,
    /// More than is put up with.
    TooMuch,
}

#[derive(Debug, Clone)]
pub(super) struct Patience {
    excess_max: u64,
    forgiveness: Forgiveness,
    series: Option<Series>,
}

#[derive(Debug, Clone)]
struct Series {
    first: Duration,
    last: Duration,
    excess: u64,
}

impl Patience {
    /// Puts up with so much excess.
    pub(super) fn new(excess_max: u64, forgiveness: Forgiveness) -> Self {
        Self {
            excess_max,
            forgiveness,
            series: None,
        }
    }

    /// Notes an excess. The first of a series is a warning however large it is: nobody is sent away unwarned.
    pub(super) fn strain(&mut self, amount: u64, now: Duration) -> Strain {
        let forgiveness = self.forgiveness;
        let going_on = self.series.as_mut().filter(|series| match forgiveness {
            Forgiveness::AfterQuiet(quiet) => now.saturating_sub(series.last) < quiet,
            Forgiveness::AfterStart(period) => now.saturating_sub(series.first) < period,
        });
        let Some(series) = going_on else {
            self.series = Some(Series {
                first: now,
                last: now,
                // A large one must not use up the patience before its sender can have read the warning.
                excess: amount.min(1),
            });
            return Strain::First;
        };
        series.last = series.last.max(now);
        series.excess = series.excess.saturating_add(amount);
        if series.excess > self.excess_max {
            Strain::TooMuch
        } else {
            Strain::More
        }
    }
}
