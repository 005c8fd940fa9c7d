//! What the pairs of runs come to.

use serde_json::Value as Json;

use crate::load::median;

/// The noise is borne if a p99 is no more than so many times that of the quiet run, or below so many milliseconds.
const RATIO_MAX: f64 = 2.0;
const P99_MS_MAX: f64 = 5.0;
/// Memory is flat if the server holds no more than so many times as much after the last run as after the first pair.
const GROWTH_MAX: f64 = 1.1;

/// What the server measured in one run, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Measured {
    tick_p99: f64,
    input_p99: f64,
    /// How many inputs the bots sent: as many in both kinds of run, or they cannot be compared.
    sent: u64,
}

/// A quiet run and a noisy one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pair {
    pub(super) quiet: Measured,
    pub(super) noisy: Measured,
    /// What the server holds after both.
    pub(super) kilobytes: u64,
}

/// Reads the summaries of the bots that play, and of those that chat.
pub(super) fn measured(games: &str, chats: &str) -> Option<Measured> {
    let read = |summary| serde_json::from_str::<Json>(summary).ok();
    let (games, chats) = (read(games)?, read(chats)?);
    let sent = |summary: &Json| summary["inputs"]["sent"].as_u64();
    Some(Measured {
        tick_p99: games["server"]["ticks"]["p99_ms"].as_f64()?,
        input_p99: chats["server"]["inputs"]["p99_ms"].as_f64()?,
        sent: sent(&games)? + sent(&chats)?,
    })
}

/// What all pairs come to: medians over the pairs.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict {
    tick: Cost,
    input: Cost,
    growth: f64,
}

/// What the noise costs one p99.
#[derive(Debug, PartialEq)]
struct Cost {
    quiet_ms: f64,
    noisy_ms: f64,
    ratio: f64,
}

impl Cost {
    fn of(pairs: &[Pair], p99: impl Fn(&Measured) -> f64) -> Self {
        Self {
            quiet_ms: median(pairs.iter().map(|pair| p99(&pair.quiet))),
            noisy_ms: median(pairs.iter().map(|pair| p99(&pair.noisy))),
            ratio: median(pairs.iter().map(|pair| p99(&pair.noisy) / p99(&pair.quiet))),
        }
    }

    fn is_borne(&self) -> bool {
        self.ratio <= RATIO_MAX || self.noisy_ms < P99_MS_MAX
    }
}

impl Verdict {
    pub(super) fn of(pairs: &[Pair]) -> Self {
        let kilobytes = |pair: Option<&Pair>| pair.map_or(f64::NAN, |pair| pair.kilobytes as f64);
        Self {
            tick: Cost::of(pairs, |measured| measured.tick_p99),
            input: Cost::of(pairs, |measured| measured.input_p99),
            growth: kilobytes(pairs.last()) / kilobytes(pairs.first()),
        }
    }

    pub(super) fn is_borne(&self) -> bool {
        self.tick.is_borne() && self.input.is_borne() && self.growth <= GROWTH_MAX
    }
}

const HEAD: &str = "pair   tick p99 ms: quiet    noisy  ratio   input p99 ms: quiet    noisy  ratio   inputs: quiet    noisy   server kB";

pub(super) fn row(number: usize, pair: &Pair) -> String {
    let Pair { quiet, noisy, .. } = pair;
    format!(
        "{:>4} {:>19.3} {:>8.3} {:>6.2} {:>21.3} {:>8.3} {:>6.2} {:>15} {:>8} {:>11}",
        number + 1,
        quiet.tick_p99,
        noisy.tick_p99,
        noisy.tick_p99 / quiet.tick_p99,
        quiet.input_p99,
        noisy.input_p99,
        noisy.input_p99 / quiet.input_p99,
        quiet.sent,
        noisy.sent,
        pair.kilobytes
    )
}

pub(super) fn report(before: u64, pairs: &[Pair], verdict: &Verdict, harm: &str) -> String {
    let mut text = format!("{HEAD}\n");
    for (number, pair) in pairs.iter().enumerate() {
        text.push_str(&row(number, pair));
        text.push('\n');
    }
    let borne = |is_borne| if is_borne { "borne" } else { "NOT borne" };
    for (what, cost) in [
        ("ticks late by", &verdict.tick),
        ("inputs take", &verdict.input),
    ] {
        text.push_str(&format!(
            "\nmedian p99, {what}: {:.3} ms quiet, {:.3} ms noisy, ratio {:.2}: {}",
            cost.quiet_ms,
            cost.noisy_ms,
            cost.ratio,
            borne(cost.is_borne())
        ));
    }
    text.push_str(&format!(
        "\nserver resident memory: {before} kB before the first pair, x {:.2} from the first pair to the last: {}\n",
        verdict.growth,
        borne(verdict.growth <= GROWTH_MAX)
    ));
    text.push_str(&format!("\nthe last noise, in JSON:\n{harm}"));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(p99s: [(f64, f64); 5], kilobytes: [u64; 5]) -> Vec<Pair> {
        let measured = |p99| Measured {
            tick_p99: p99,
            input_p99: p99,
            sent: 1,
        };
        let pair = |((quiet, noisy), kilobytes)| Pair {
            quiet: measured(quiet),
            noisy: measured(noisy),
            kilobytes,
        };
        p99s.into_iter().zip(kilobytes).map(pair).collect()
    }

    const FLAT: [u64; 5] = [100; 5];

    #[test]
    fn the_median_pair_decides_and_not_the_worst() {
        let verdict = Verdict::of(&pairs(
            [
                (10.0, 15.0),
                (10.0, 90.0),
                (10.0, 18.0),
                (10.0, 12.0),
                (10.0, 70.0),
            ],
            FLAT,
        ));
        assert_eq!((verdict.tick.ratio, verdict.tick.noisy_ms), (1.8, 18.0));
        assert!(verdict.is_borne());
    }

    #[test]
    fn a_multiple_of_very_little_is_borne() {
        assert!(Verdict::of(&pairs([(0.1, 4.9); 5], FLAT)).is_borne());
        assert!(!Verdict::of(&pairs([(0.1, 5.1); 5], FLAT)).is_borne());
        assert!(Verdict::of(&pairs([(10.0, 20.0); 5], FLAT)).is_borne());
        assert!(!Verdict::of(&pairs([(10.0, 20.1); 5], FLAT)).is_borne());
    }

    #[test]
    fn memory_that_grows_from_pair_to_pair_is_not_borne() {
        let growing = Verdict::of(&pairs([(1.0, 1.0); 5], [100, 105, 110, 115, 120]));
        assert!(!growing.is_borne(), "{growing:?}");
        assert!(Verdict::of(&pairs([(1.0, 1.0); 5], [100, 140, 90, 150, 105])).is_borne());
    }

    #[test]
    fn a_summary_is_read_and_one_without_times_is_not() {
        let games =
            r#"{"inputs":{"sent":7},"server":{"ticks":{"p99_ms":1.5},"inputs":{"p99_ms":50.0}}}"#;
        let chats = r#"{"inputs":{"sent":5},"server":{"ticks":null,"inputs":{"p99_ms":0.2}}}"#;
        let expected = Measured {
            tick_p99: 1.5,
            input_p99: 0.2,
            sent: 12,
        };
        assert_eq!(measured(games, chats), Some(expected));
        assert_eq!(measured(games, &chats.replace("0.2", "null")), None);
        assert_eq!(measured(&games.replace("1.5", "null"), chats), None);
        assert_eq!(measured(games, "no JSON"), None);
    }
}
