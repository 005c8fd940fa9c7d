use proptest::prelude::*;

use super::*;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn rates() -> SessionRates {
    SessionRates::new(Some(&RateSettings::default()))
}

fn refused(rate: Rate, is_first: bool) -> Verdict {
    Verdict::Refuse { rate, is_first }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// How often in a row the verdict is the same, and what it is then.
fn run(mut ask: impl FnMut() -> Verdict) -> Vec<(u32, Verdict)> {
    let mut runs: Vec<(u32, Verdict)> = Vec::new();
    loop {
        let verdict = ask();
        match runs.last_mut() {
            Some((count, last)) if *last == verdict => *count += 1,
            _ => runs.push((1, verdict)),
        }
        if matches!(verdict, Verdict::Close { .. }) {
            return runs;
        }
    }
}

/// What a client sees that never stops: how many pass, one with a warning, how many more are refused, the close.
fn passed_then_refused(rate: Rate, passed: u32, refused_in_all: u32) -> Vec<(u32, Verdict)> {
    vec![
        (passed, Verdict::Pass),
        (1, refused(rate, true)),
        (refused_in_all - 1, refused(rate, false)),
        (1, Verdict::Close { rate }),
    ]
}

/// LM4
#[test]
fn at_once_pass_a_burst_and_then_a_second_s_worth_is_refused_before_the_close() {
    let mut rates = rates();
    let seen = run(|| rates.message(1, Duration::ZERO));
    assert_eq!(seen, passed_then_refused(Rate::Messages, 200, 100));
}

/// LM4
#[test]
fn messages_at_their_rate_pass_for_ever() {
    let mut rates = rates();
    for n in 0..10_000 {
        assert_eq!(rates.message(100, ms(10 * n)), Verdict::Pass, "{n}");
    }
}

/// LM4
#[test]
fn a_little_above_the_rate_for_long_is_closed_too() {
    let mut rates = rates();
    let mut now = Duration::ZERO;
    let seen = run(|| {
        now += Duration::from_micros(9_500);
        rates.message(1, now)
    });
    assert!(matches!(
        seen.last(),
        Some((
            1,
            Verdict::Close {
                rate: Rate::Messages
            }
        ))
    ));
    let warnings = seen
        .iter()
        .filter(|(_, verdict)| *verdict == refused(Rate::Messages, true));
    assert_eq!(warnings.count(), 1, "{seen:?}");
}

/// LM4
#[test]
fn a_second_below_the_rate_forgives() {
    let mut rates = rates();
    for second in 0..50 {
        // Full again, and more than is allowed by almost all that is put up with.
        let now = Duration::from_secs(3 * second);
        let verdicts: Vec<Verdict> = (0..299).map(|_| rates.message(1, now)).collect();
        assert_eq!(verdicts[200], refused(Rate::Messages, true));
        assert!(!verdicts.contains(&Verdict::Close {
            rate: Rate::Messages
        }));
        let _ = rates.message(1, now + SECOND - ms(1));
    }
}

#[test]
fn bytes_are_counted_by_themselves() {
    let mut rates = rates();
    let seen = run(|| rates.message(64 << 10, Duration::ZERO));
    assert_eq!(seen, passed_then_refused(Rate::Bytes, 16, 16));
}

#[test]
fn what_is_refused_is_not_charged() {
    let mut rates = rates();
    assert_eq!(rates.message(1 << 20, Duration::ZERO), Verdict::Pass);
    let too_much = rates.message(1 << 20, Duration::ZERO);
    assert_eq!(too_much, refused(Rate::Bytes, true));
    // Had either been charged for it, one of these would be refused.
    for _ in 0..99 {
        assert_eq!(rates.message(2_000, SECOND), Verdict::Pass);
    }
}

#[test]
fn one_large_message_is_warned_of_and_not_closed() {
    let mut rates = rates();
    assert_eq!(rates.message(1 << 20, Duration::ZERO), Verdict::Pass);
    assert_eq!(
        rates.message(8 << 20, Duration::ZERO),
        refused(Rate::Bytes, true)
    );
    assert_eq!(
        rates.message(1_000_000, Duration::ZERO),
        refused(Rate::Bytes, false)
    );
    assert_eq!(
        rates.message(1_000_000, Duration::ZERO),
        Verdict::Close { rate: Rate::Bytes }
    );
}

#[test]
fn a_message_above_the_burst_passes_after_a_pause_and_is_paid_off() {
    let mut rates = rates();
    assert_eq!(rates.message(4 << 20, Duration::ZERO), Verdict::Pass);
    // 4 MiB are spent where 1 MiB may be: 12 s until the first byte passes again.
    assert_eq!(rates.message(1, ms(11_999)), refused(Rate::Bytes, true));
    assert_eq!(rates.message(1, ms(12_001)), Verdict::Pass);
}

#[test]
fn thirty_joins_a_minute_pass_and_ninety_close() {
    let mut rates = rates();
    let seen = run(|| rates.join(Duration::ZERO));
    assert_eq!(seen, passed_then_refused(Rate::Joins, 30, 60));
}

#[test]
fn joins_pass_again_a_minute_later_and_are_warned_of_anew() {
    let mut rates = rates();
    for minute in 0..5 {
        let now = MINUTE * minute;
        for _ in 0..30 {
            assert_eq!(rates.join(now), Verdict::Pass);
        }
        assert_eq!(rates.join(now), refused(Rate::Joins, true));
        let later = now + MINUTE - ms(1);
        for _ in 0..59 {
            assert_eq!(rates.join(later), refused(Rate::Joins, false));
        }
    }
}

#[test]
fn ten_rooms_a_minute_are_made_and_only_made_ones_count() {
    let mut rates = rates();
    for _ in 0..10 {
        // Finding a room asks too, and makes none.
        assert!(rates.may_create(Duration::ZERO) && rates.may_create(Duration::ZERO));
        rates.created(Duration::ZERO);
    }
    assert!(!rates.may_create(MINUTE - ms(1)));
    let seen = run(|| rates.refuse_create(Duration::ZERO));
    assert_eq!(seen, passed_then_refused(Rate::Creates, 0, 20)[1..]);
    assert!(rates.may_create(MINUTE));
}

/// JN6
#[test]
fn after_ten_wrong_codes_in_a_minute_no_code_is_looked_at() {
    let mut rates = rates();
    for _ in 0..10 {
        // A right one in between costs nothing.
        assert_eq!(rates.code(Duration::ZERO), Verdict::Pass);
        assert_eq!(rates.code(Duration::ZERO), Verdict::Pass);
        rates.wrong_code(Duration::ZERO);
    }
    let seen = run(|| rates.code(MINUTE - ms(1)));
    assert_eq!(seen, passed_then_refused(Rate::WrongCodes, 0, 20)[1..]);
    assert_eq!(rates.code(MINUTE), Verdict::Pass);
}

#[test]
fn more_than_ten_pings_in_ten_seconds_are_warned_of_and_more_than_twenty_close() {
    let mut rates = rates();
    let seen = run(|| rates.ping(Duration::ZERO));
    assert_eq!(seen, passed_then_refused(Rate::Pings, 10, 10));
}

#[test]
fn a_ping_a_second_passes_for_ever() {
    let mut rates = rates();
    for second in 0..1_000 {
        assert_eq!(rates.ping(Duration::from_secs(second)), Verdict::Pass);
    }
}

#[test]
fn without_settings_everything_passes() {
    let mut rates = SessionRates::new(None);
    for _ in 0..1_000 {
        let all = [
            rates.message(1 << 30, Duration::ZERO),
            rates.join(Duration::ZERO),
            rates.code(Duration::ZERO),
            rates.ping(Duration::ZERO),
        ];
        assert_eq!(all, [Verdict::Pass; 4]);
        rates.wrong_code(Duration::ZERO);
        rates.created(Duration::ZERO);
        assert!(rates.may_create(Duration::ZERO));
    }
}

#[test]
fn the_rarest_settings_still_warn_before_they_close() {
    let ones = RateSettings {
        messages_per_second: 1,
        messages_burst: 1,
        bytes_per_second: 1,
        bytes_burst: 1,
        joins_per_minute: 1,
        creates_per_minute: 1,
        wrong_codes_per_minute: 1,
        pings_per_10_seconds: 1,
    };
    let mut rates = SessionRates::new(Some(&ones));
    let seen = run(|| rates.message(0, Duration::ZERO));
    assert_eq!(seen[1], (1, refused(Rate::Messages, true)));
    let seen = run(|| rates.ping(Duration::ZERO));
    assert_eq!(seen[1], (1, refused(Rate::Pings, true)));
}

#[test]
fn what_clients_are_told_fits_a_close_frame_and_names_the_figures() {
    let settings = RateSettings::default();
    for (rate, figure) in [
        (Rate::Messages, "100"),
        (Rate::Bytes, "262144"),
        (Rate::Joins, "30"),
        (Rate::Creates, "10"),
        (Rate::WrongCodes, "10"),
        (Rate::Pings, "10"),
    ] {
        assert!(rate.close_reason().len() <= 123);
        assert!(rate.warning(&settings).contains(figure), "{rate:?}");
        assert!(!rate.refusal().is_empty());
    }
}

/// Pauses between messages, and their sizes.
fn traffic() -> impl Strategy<Value = Vec<(u64, usize)>> {
    prop::collection::vec((0..50_000_000_u64, 0..40_000_usize), 1..600)
}

proptest! {
    /// LM4: what passes in any stretch of time is at most a burst and what the rate gives in it.
    #[test]
    fn no_stretch_of_time_has_more_than_the_burst_and_the_rate(traffic in traffic()) {
        let mut rates = rates();
        let mut now = Duration::ZERO;
        let mut passed = Vec::new();
        for (pause_ns, bytes) in traffic {
            now += Duration::from_nanos(pause_ns);
            if rates.message(bytes, now) == Verdict::Pass {
                passed.push((now, bytes));
            }
        }
        for (index, (begin, _)) in passed.iter().enumerate() {
            let mut total = 0;
            for (count, (end, bytes)) in passed[index..].iter().enumerate() {
                total += bytes;
                let seconds = (*end - *begin).as_secs_f64();
                prop_assert!(count as f64 <= 200.0 + 100.0 * seconds);
                prop_assert!(total as f64 <= f64::from(1 << 20) + f64::from(256 << 10) * seconds + 1.0);
            }
        }
    }

    /// Nobody is closed who was not warned, and a warning is never nearer to the one before than a second.
    #[test]
    fn a_warning_always_comes_before_the_close(traffic in traffic()) {
        let mut rates = rates();
        let mut now = Duration::ZERO;
        let mut warned: Vec<(Rate, Duration)> = Vec::new();
        for (pause_ns, bytes) in traffic {
            now += Duration::from_nanos(pause_ns);
            match rates.message(bytes, now) {
                Verdict::Close { rate } => prop_assert!(warned.iter().any(|it| it.0 == rate)),
                Verdict::Refuse { rate, is_first: true } => {
                    let before = warned.iter().rfind(|it| it.0 == rate);
                    prop_assert!(before.is_none_or(|before| now - before.1 >= SECOND));
                    warned.push((rate, now));
                }
                Verdict::Pass | Verdict::Refuse { .. } => {}
            }
        }
    }

    /// A quota is exact: no minute has more, wherever it begins.
    #[test]
    fn no_minute_has_more_than_thirty_joins(pauses in prop::collection::vec(0..5_000_u64, 1..300)) {
        let mut rates = rates();
        let mut now = DAY;
        let mut passed = Vec::new();
        for pause in pauses {
            now += ms(pause);
            if rates.join(now) == Verdict::Pass {
                passed.push(now);
            }
        }
        for stretch in passed.windows(31) {
            prop_assert!(stretch[30] - stretch[0] >= MINUTE);
        }
    }
}
