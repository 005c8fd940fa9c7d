use super::*;

const LIMITS: BanLimits = BanLimits {
    offences_max: 5,
    window: Duration::from_secs(600),
    duration: Duration::from_secs(600),
    entries_max: 100,
};
const MINUTE: Duration = Duration::from_secs(60);

/// A moment that other moments can be counted from.
#[expect(
    clippy::disallowed_methods,
    reason = "only differences to it are looked at"
)]
fn start() -> Instant {
    Instant::now()
}

fn key(text: &str) -> BanKey {
    text.parse().unwrap()
}

/// Notes offences at these minutes; whether the last one brought a ban.
fn offend(bans: &mut Bans, who: &BanKey, start: Instant, minutes: &[u32]) -> bool {
    let mut is_banned = false;
    for &minute in minutes {
        let now = start + MINUTE * minute;
        let ban = bans.note_offence(who.clone(), CloseCode::PolicyViolation, now);
        is_banned = ban.is_some();
    }
    is_banned
}

#[test]
fn the_fifth_offence_within_ten_minutes_bans_for_ten() {
    let (mut bans, start) = (Bans::new(LIMITS), start());
    let ann = key("203.0.113.7");
    assert!(!offend(&mut bans, &ann, start, &[0, 2, 4, 6]));
    assert_eq!(bans.ban(&ann, start + MINUTE * 6), None);
    assert!(offend(&mut bans, &ann, start, &[8]));
    let ban = bans.ban(&ann, start + MINUTE * 8).unwrap();
    assert_eq!(ban.code, CloseCode::PolicyViolation);
    assert_eq!(ban.until, start + MINUTE * 18);
    assert_eq!(bans.ban(&key("203.0.113.8"), start + MINUTE * 8), None);
}

#[test]
fn a_ban_ends_by_itself() {
    let (mut bans, start) = (Bans::new(LIMITS), start());
    let ann = key("user:ann");
    assert!(offend(&mut bans, &ann, start, &[0, 0, 0, 0, 0]));
    let end = start + MINUTE * 10;
    assert!(bans.ban(&ann, end - Duration::from_millis(1)).is_some());
    assert_eq!(bans.ban(&ann, end), None);
    assert_eq!(bans.list(end), []);
    assert!(!bans.lift(&ann, end), "nothing is left to lift");
    // What led to the ban is not counted again.
    assert!(!offend(&mut bans, &ann, start, &[10, 10, 10, 10]));
}

#[test]
fn a_ban_does_not_grow_while_it_lasts() {
    let (mut bans, start) = (Bans::new(LIMITS), start());
    let ann = key("user:ann");
    assert!(offend(&mut bans, &ann, start, &[0, 0, 0, 0, 0]));
    assert!(!offend(&mut bans, &ann, start, &[5, 6, 7, 8, 9]));
    assert_eq!(bans.ban(&ann, start + MINUTE * 10), None);
    assert!(!offend(&mut bans, &ann, start, &[10, 10, 10, 10]));
}

#[test]
fn offences_that_are_ten_minutes_old_do_not_count() {
    let (mut bans, start) = (Bans::new(LIMITS), start());
    let ann = key("203.0.113.7");
    assert!(!offend(&mut bans, &ann, start, &[0, 1, 2, 3, 10]));
    assert!(offend(&mut bans, &ann, start, &[10]));
}

#[test]
fn only_what_a_client_is_to_blame_for_counts() {
    let offences: Vec<u16> = CloseCode::ALL
        .iter()
        .filter(|&&code| is_offence(code))
        .map(|code| code.code())
        .collect();
    assert_eq!(offences, [1002, 1003, 1007, 1008, 1009, 4403, 4429]);
    let (mut bans, now) = (Bans::new(LIMITS), start());
    for _ in 0..20 {
        assert_eq!(
            bans.note_offence(key("user:ann"), CloseCode::SlowConsumer, now),
            None
        );
    }
}

#[test]
fn a_user_is_banned_and_not_the_address() {
    let place = "203.0.113.7".parse().ok();
    let subject = |user: Option<&str>, place| Subject {
        user: user.map(str::to_owned),
        place,
    };
    assert_eq!(subject(Some("ann"), place).key(), Some(key("user:ann")));
    assert_eq!(subject(None, place).key(), Some(key("address:203.0.113.7")));
    assert_eq!(subject(Some("ann"), None).key(), Some(key("user:ann")));
    assert_eq!(subject(None, None).key(), None);
}

#[test]
fn bans_are_listed_and_lifted() {
    let (mut bans, start) = (Bans::new(LIMITS), start());
    let (ann, net) = (key("user:ann"), key("2001:db8::5"));
    assert!(offend(&mut bans, &ann, start, &[0, 0, 0, 0, 0]));
    assert!(offend(&mut bans, &net, start, &[1, 1, 1, 1, 1]));
    let now = start + MINUTE;
    let keys = |bans: &Bans| -> Vec<String> {
        let list = bans.list(now);
        list.iter().map(|(key, _)| key.to_string()).collect()
    };
    assert_eq!(keys(&bans), ["user:ann", "address:2001:db8::/64"]);
    assert!(bans.lift(&ann, now));
    assert_eq!(bans.ban(&ann, now), None);
    assert_eq!(keys(&bans), ["address:2001:db8::/64"]);
    assert!(
        !offend(&mut bans, &ann, start, &[1, 1, 1, 1]),
        "a lifted ban is a fresh start"
    );
    assert!(!bans.lift(&ann, now), "there was no ban");
    assert!(
        !offend(&mut bans, &ann, start, &[1]),
        "what led up to one is forgotten as well"
    );
}

#[test]
fn keys_are_read_as_they_are_written() {
    for text in [
        "user:ann",
        "user:a/b: c",
        "address:203.0.113.7",
        "address:2001:db8::/64",
    ] {
        assert_eq!(key(text).to_string(), text);
    }
    assert_eq!(key("2001:db8::77"), key("address:2001:db8::/64"));
    for bad in ["", "ann", "address:ann", "address:"] {
        assert!(bad.parse::<BanKey>().is_err(), "{bad}");
    }
}

#[test]
fn the_tables_are_bounded_and_strangers_push_out_no_ban() {
    let (mut bans, start) = (Bans::new(LIMITS), start());
    let ann = key("user:ann");
    assert!(offend(&mut bans, &ann, start, &[0, 0, 0, 0, 0]));
    for n in 0..10_000 {
        offend(
            &mut bans,
            &BanKey::User(format!("stranger {n}")),
            start,
            &[1],
        );
    }
    assert!(bans.ban(&ann, start + MINUTE).is_some());
    for n in 0..150 {
        let stranger = BanKey::User(format!("stranger {n}"));
        assert!(offend(&mut bans, &stranger, start, &[1, 1, 1, 1, 1]));
    }
    assert_eq!(bans.list(start + MINUTE).len(), 100);
    assert_eq!(
        bans.ban(&ann, start + MINUTE),
        None,
        "the oldest ban gave way"
    );
}
