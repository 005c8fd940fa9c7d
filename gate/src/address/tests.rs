use super::*;

const LIMITS: AddressLimits = AddressLimits {
    connections_max: 100,
    new_per_second: 20,
    refusals_per_second: 5,
};
const SECOND: Duration = Duration::from_secs(1);

fn place(text: &str) -> Place {
    text.parse().unwrap()
}

/// A moment that other moments can be counted from.
#[expect(
    clippy::disallowed_methods,
    reason = "only differences to it are looked at"
)]
fn start() -> Instant {
    Instant::now()
}

/// What comes of so many arrivals at one moment: admitted, refused, dropped.
fn arrive(
    addresses: &Addresses,
    from: Place,
    count: usize,
    now: Instant,
) -> (Vec<Guard>, usize, usize) {
    let (mut guards, mut refused, mut dropped) = (Vec::new(), 0, 0);
    for _ in 0..count {
        match addresses.admit(from, now) {
            Verdict::Admitted(guard) => guards.push(guard),
            Verdict::Refused(_) => refused += 1,
            Verdict::Dropped(_) => dropped += 1,
        }
    }
    (guards, refused, dropped)
}

#[test]
fn addresses_of_one_client_are_one_place() {
    for (one, other) in [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::9"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2::/64", "2001:db8:1:2:ffff::"),
    ] {
        assert_eq!(place(one), place(other));
    }
    for (one, other) in [
        ("2001:db8:1:2::1", "2001:db8:1:3::1"),
        ("203.0.113.7", "203.0.113.8"),
        ("::ffff:203.0.113.7", "::ffff:203.0.113.8"),
    ] {
        assert_ne!(place(one), place(other));
    }
}

#[test]
fn a_place_is_read_as_it_is_written() {
    for text in ["203.0.113.7", "2001:db8:1:2::/64"] {
        assert_eq!(place(text).to_string(), text);
    }
    for bad in [
        "",
        "203.0.113.7/64",
        "2001:db8::/48",
        "2001:db8::/",
        "ann",
        "/64",
    ] {
        assert!(bad.parse::<Place>().is_err(), "{bad}");
    }
}

#[test]
fn a_burst_beyond_the_rate_is_told_a_few_times_and_then_dropped() {
    let (addresses, now) = (Addresses::new(LIMITS), start());
    let (guards, refused, dropped) = arrive(&addresses, place("203.0.113.7"), 1_000, now);
    assert_eq!((guards.len(), refused, dropped), (20, 5, 975));
    let (others, ..) = arrive(&addresses, place("203.0.113.8"), 20, now);
    assert_eq!(others.len(), 20, "another address is not held back");
}

#[test]
fn an_address_that_keeps_to_the_rate_is_never_refused() {
    let (addresses, start) = (Addresses::new(LIMITS), start());
    for n in 0..200 {
        let now = start + SECOND / 20 * n;
        let (guards, ..) = arrive(&addresses, place("203.0.113.7"), 1, now);
        assert_eq!(guards.len(), 1, "arrival {n}");
    }
}

#[test]
fn the_rate_comes_back_with_time_and_not_by_leaving() {
    let (addresses, start) = (Addresses::new(LIMITS), start());
    let from = place("2001:db8::1");
    drop(arrive(&addresses, from, 20, start));
    assert!(arrive(&addresses, from, 1, start).0.is_empty());
    let later = start + SECOND / 2;
    assert_eq!(arrive(&addresses, from, 20, later).0.len(), 10);
}

#[test]
fn an_address_has_so_many_connections_and_no_more_until_one_ends() {
    let (addresses, start) = (Addresses::new(LIMITS), start());
    let from = place("203.0.113.7");
    let mut guards = Vec::new();
    for n in 0..5 {
        guards.extend(arrive(&addresses, from, 20, start + SECOND * n).0);
    }
    let later = start + SECOND * 10;
    assert_eq!(guards.len(), 100);
    assert!(matches!(
        addresses.admit(from, later),
        Verdict::Refused(Excess::Connections)
    ));
    guards.pop();
    let (again, ..) = arrive(&addresses, from, 2, later);
    assert_eq!(again.len(), 1, "one had ended");
}

/// The `n`-th of many addresses.
fn stranger(n: u32) -> Place {
    Place::of(IpAddr::V4((0x0a00_0000 + n).into()))
}

#[test]
fn the_table_forgets_addresses_that_are_gone() {
    let (addresses, start) = (Addresses::new(LIMITS), start());
    let stays = addresses.admit(stranger(0), start);
    for n in 1..200_000 {
        let now = start + Duration::from_millis(n.into());
        drop(addresses.admit(stranger(n), now));
    }
    let size = addresses.0.table().entries.len();
    assert!(size <= 2 * SWEEP_AT_MIN, "{size} addresses are kept");
    assert!(matches!(stays, Verdict::Admitted(_)));
    assert!(addresses.0.table().entries.contains_key(&stranger(0)));
}

#[test]
fn the_table_is_bounded_however_fast_new_addresses_come() {
    let (addresses, now) = (Addresses::new(LIMITS), start());
    for n in 0..500_000 {
        drop(addresses.admit(stranger(n), now));
    }
    let size = addresses.0.table().entries.len();
    assert!(size <= 2 * ENTRIES_MAX, "{size} addresses are kept");
}
