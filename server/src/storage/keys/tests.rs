use proptest::prelude::*;

use super::super::record::{decode, encode};
use super::*;

const LIMITS: StorageLimits = StorageLimits {
    key_bytes_max: 8,
    value_bytes_max: 16,
    bytes_max: 64,
    keys_max: 6,
};

fn get(key: &str) -> wit::KvRequest {
    wit::KvRequest::Get(key.to_owned())
}

fn put(key: &str, value: &str) -> wit::KvRequest {
    wit::KvRequest::Put((key.to_owned(), Some(value.into())))
}

fn delete(key: &str) -> wit::KvRequest {
    wit::KvRequest::Put((key.to_owned(), None))
}

fn swap(key: &str, expected: Option<&str>, value: &str) -> wit::KvRequest {
    wit::KvRequest::CompareAndPut((key.to_owned(), expected.map(Into::into), Some(value.into())))
}

fn list(prefix: &str, after: &str, count: u32) -> wit::KvRequest {
    wit::KvRequest::List((prefix.to_owned(), after.to_owned(), count))
}

fn value(text: &str) -> Value {
    Value(Bytes::copy_from_slice(text.as_bytes()))
}

fn run(keys: &mut Keys, request: wit::KvRequest) -> Outcome {
    keys.execute(None, request, &LIMITS).0
}

fn named(step: u64) -> OperationId {
    OperationId {
        epoch: step / 10,
        step,
        index: 0,
    }
}

#[test]
fn a_key_has_the_value_that_was_put_last_until_it_is_deleted() {
    let mut keys = Keys::default();
    assert_eq!(run(&mut keys, get("a")), Outcome::Value(None));
    assert_eq!(run(&mut keys, put("a", "1")), Outcome::Stored);
    assert_eq!(run(&mut keys, put("a", "two")), Outcome::Stored);
    assert_eq!(run(&mut keys, get("a")), Outcome::Value(Some(value("two"))));
    assert_eq!((keys.count(), keys.bytes()), (1, 4));
    assert_eq!(run(&mut keys, delete("a")), Outcome::Stored);
    assert_eq!(run(&mut keys, get("a")), Outcome::Value(None));
    assert_eq!((keys.count(), keys.bytes()), (0, 0));
}

#[test]
fn compare_and_put_writes_only_over_what_it_expects() {
    let mut keys = Keys::default();
    let conflict = |present: Option<&str>| Outcome::Conflict(present.map(value));
    assert_eq!(run(&mut keys, swap("a", Some("x"), "1")), conflict(None));
    assert_eq!(run(&mut keys, swap("a", None, "1")), Outcome::Stored);
    assert_eq!(run(&mut keys, swap("a", None, "2")), conflict(Some("1")));
    assert_eq!(run(&mut keys, swap("a", Some("1"), "2")), Outcome::Stored);
    let gone = wit::KvRequest::CompareAndPut(("a".to_owned(), Some("2".into()), None));
    assert_eq!(run(&mut keys, gone), Outcome::Stored);
    assert_eq!(keys.count(), 0);
}

#[test]
fn a_list_goes_on_after_the_last_key_of_the_one_before() {
    let mut keys = Keys::default();
    for key in ["b", "p/1", "p/2", "p/3", "p", "q"] {
        run(&mut keys, put(key, "v"));
    }
    let mut listed = |prefix, after, count| match run(&mut keys, list(prefix, after, count)) {
        Outcome::Entries(entries) => entries.into_iter().map(|it| it.0).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    assert_eq!(listed("p", "", 9), ["p", "p/1", "p/2", "p/3"]);
    assert_eq!(listed("p/", "", 2), ["p/1", "p/2"]);
    assert_eq!(listed("p/", "p/2", 2), ["p/3"]);
    assert!(listed("p/", "p/3", 2).is_empty());
    assert!(listed("p/", "q", 2).is_empty());
    assert!(listed("p/", "", 0).is_empty());
    assert_eq!(listed("", "", 9).len(), 6);
}

#[test]
fn a_list_is_bounded_in_entries_and_in_bytes_and_never_stuck() {
    let wide = StorageLimits::default();
    let mut keys = Keys::default();
    for n in 0..LISTED_MAX + 1 {
        keys.execute(None, put(&format!("few/{n:03}"), "v"), &wide);
    }
    let much = "v".repeat(wide.value_bytes_max);
    for n in 0..5 {
        keys.execute(None, put(&format!("much/{n}"), &much), &wide);
    }
    let mut count = |prefix, after| match keys.execute(None, list(prefix, after, u32::MAX), &wide) {
        (Outcome::Entries(entries), None) => entries.len(),
        other => panic!("{other:?}"),
    };
    assert_eq!(count("few/", ""), LISTED_MAX);
    // Four values are as much as fits, and their keys are over it.
    assert_eq!(count("much/", ""), 3);
    let larger = StorageLimits {
        value_bytes_max: LISTED_BYTES_MAX + 1,
        ..wide
    };
    let huge = "v".repeat(larger.value_bytes_max);
    keys.execute(None, put("huge", &huge), &larger);
    let (outcome, _) = keys.execute(None, list("huge", "", 9), &larger);
    assert!(matches!(outcome, Outcome::Entries(entries) if entries.len() == 1));
}

#[test]
fn what_is_too_long_is_refused_and_what_is_as_long_as_allowed_is_taken() {
    let mut keys = Keys::default();
    assert_eq!(
        run(&mut keys, put("12345678", &"v".repeat(16))),
        Outcome::Stored
    );
    for request in [
        put("123456789", "v"),
        put("k", &"v".repeat(17)),
        swap("k", None, &"v".repeat(17)),
        swap("123456789", Some("x"), "v"),
        get("123456789"),
        delete("123456789"),
        list("123456789", "", 1),
        list("", "123456789", 1),
    ] {
        assert_eq!(
            run(&mut keys, request.clone()),
            Outcome::TooLarge,
            "{request:?}"
        );
    }
    assert_eq!(keys.count(), 1);
}

#[test]
fn quotas_end_growth_and_nothing_else() {
    let mut keys = Keys::default();
    for n in 0..3 {
        assert_eq!(
            run(&mut keys, put(&format!("{n}"), &"v".repeat(16))),
            Outcome::Stored
        );
    }
    // 51 of 64 bytes are used.
    assert_eq!(run(&mut keys, put("3", &"v".repeat(13))), Outcome::Quota);
    assert_eq!(run(&mut keys, put("3", &"v".repeat(12))), Outcome::Stored);
    assert_eq!(run(&mut keys, put("3", &"v".repeat(13))), Outcome::Quota);
    assert_eq!(run(&mut keys, put("3", &"w".repeat(12))), Outcome::Stored);
    let lowered = StorageLimits {
        bytes_max: 10,
        ..LIMITS
    };
    let (outcome, _) = keys.execute(None, put("3", "less"), &lowered);
    assert_eq!(outcome, Outcome::Stored);
    for n in 1..4 {
        run(&mut keys, delete(&format!("{n}")));
    }
    for n in 1..6 {
        assert_eq!(run(&mut keys, put(&format!("{n}"), "")), Outcome::Stored);
    }
    assert_eq!(
        run(&mut keys, put("6", "")),
        Outcome::Quota,
        "six keys are all"
    );
    assert_eq!(run(&mut keys, put("5", "5")), Outcome::Stored);
}

#[test]
fn what_is_kept_is_told_again_whatever_happened_since() {
    let mut keys = Keys::default();
    let (first, record) = keys.execute(Some(named(1)), get("a"), &LIMITS);
    assert_eq!((&first, record.is_some()), (&Outcome::Value(None), true));
    run(&mut keys, put("a", "1"));
    assert_eq!(
        keys.execute(Some(named(1)), get("a"), &LIMITS),
        (first, None)
    );
    keys.forget(named(1));
    let (anew, record) = keys.execute(Some(named(2)), get("a"), &LIMITS);
    assert_eq!(anew, Outcome::Value(Some(value("1"))));
    assert_eq!(record.unwrap().forgotten, [named(1)], "written along");
}

#[test]
fn results_of_rooms_that_ended_are_let_go() {
    let mut keys = Keys::default();
    for step in [1, 11, 12] {
        keys.execute(Some(named(step)), get("a"), &LIMITS);
    }
    keys.forget_ended(|epoch| epoch == 0);
    let kept = keys.snapshot().results;
    assert_eq!(kept.into_keys().collect::<Vec<_>>(), [named(1)]);
}

#[test]
fn what_would_be_kept_is_not_run_while_too_much_is_kept() {
    let wide = StorageLimits::default();
    let mut keys = Keys::default();
    let much = "v".repeat(wide.value_bytes_max);
    for n in 0..4 {
        keys.execute(None, put(&format!("{n}"), &much), &wide);
    }
    let mut step = 0;
    let refused = loop {
        step += 1;
        let (outcome, record) = keys.execute(Some(named(step)), list("", "", 9), &wide);
        if outcome == Outcome::Unavailable {
            break record;
        }
    };
    assert_eq!(refused, None, "nothing of it is written down");
    let kept = keys.results.len() * 3 * wide.value_bytes_max;
    assert!(
        (RESULT_BYTES_MAX..RESULT_BYTES_MAX + LISTED_BYTES_MAX).contains(&kept),
        "{kept}"
    );
    assert!(matches!(
        keys.execute(None, get("0"), &wide).0,
        Outcome::Value(Some(_))
    ));
    keys.forget(named(1));
    assert!(matches!(
        keys.execute(Some(named(step)), get("0"), &wide).0,
        Outcome::Value(Some(_))
    ));
}

/// Something that happens to a plugin's storage.
#[derive(Debug, Clone)]
enum Stimulus {
    Run(Option<OperationId>, wit::KvRequest),
    Forget(OperationId),
    Snapshot,
}

fn requests() -> impl Strategy<Value = wit::KvRequest> {
    let key = || "[ab]{1,2}|p/[0-9]|123456789";
    let bytes = || proptest::option::of("[xyz]{0,18}");
    prop_oneof![
        key().prop_map(wit::KvRequest::Get),
        (key(), bytes()).prop_map(|(key, value)| wit::KvRequest::Put((key, value.map(Into::into)))),
        (key(), bytes(), bytes()).prop_map(|(key, expected, value)| {
            wit::KvRequest::CompareAndPut((key, expected.map(Into::into), value.map(Into::into)))
        }),
        ("p?/?", "", 0..4_u32).prop_map(wit::KvRequest::List),
    ]
}

fn stimuli() -> impl Strategy<Value = Vec<Stimulus>> {
    let id = || (0..40_u64).prop_map(named);
    let stimulus = prop_oneof![
        6 => (proptest::option::of(id()), requests())
            .prop_map(|(id, request)| Stimulus::Run(id, request)),
        2 => id().prop_map(Stimulus::Forget),
        1 => Just(Stimulus::Snapshot),
    ];
    proptest::collection::vec(stimulus, 0..60)
}

proptest! {
    #[test]
    fn recovery_equals_what_was_lived(stimuli in stimuli()) {
        let mut lived = Keys::default();
        let mut snapshot = encode(&Snapshot::default());
        let mut records = Vec::new();
        for stimulus in stimuli {
            match stimulus {
                Stimulus::Run(id, request) => {
                    let (_, record) = lived.execute(id, request, &LIMITS);
                    records.extend(record.map(|it| encode(&it)));
                }
                Stimulus::Forget(id) => lived.forget(id),
                Stimulus::Snapshot => {
                    snapshot = encode(&lived.snapshot());
                    records.clear();
                }
            }
        }
        let mut recovered = Keys::of(decode(&snapshot).unwrap());
        for record in &records {
            recovered.apply(&decode(record).unwrap());
        }
        prop_assert_eq!(&recovered.entries, &lived.entries);
        prop_assert_eq!(recovered.bytes, lived.bytes);
        prop_assert_eq!(lived.bytes, lived.entries.iter().map(|(key, it)| weight(key, it)).sum::<usize>());
        prop_assert!(lived.bytes <= LIMITS.bytes_max && lived.count() <= LIMITS.keys_max);
        // What was forgotten and not written yet may come back, and nothing else.
        for id in &lived.forgotten {
            recovered.results.remove(id);
        }
        prop_assert_eq!(&recovered.results, &lived.results);
        let weights = lived.results.values().map(result_weight);
        prop_assert_eq!(lived.result_bytes, weights.sum::<usize>());
    }

    #[test]
    fn asking_twice_by_one_name_changes_nothing(before in stimuli(), request in requests(), between in stimuli(), other in requests()) {
        let mut keys = Keys::default();
        let id = OperationId { epoch: 99, step: 1, index: 0 };
        let live = |keys: &mut Keys, stimuli: Vec<Stimulus>| {
            for stimulus in stimuli {
                match stimulus {
                    Stimulus::Run(id, request) => drop(keys.execute(id, request, &LIMITS)),
                    Stimulus::Forget(id) => keys.forget(id),
                    Stimulus::Snapshot => drop(keys.snapshot()),
                }
            }
        };
        live(&mut keys, before);
        let (first, record) = keys.execute(Some(id), request, &LIMITS);
        prop_assert!(record.is_some());
        live(&mut keys, between);
        let entries = keys.entries.clone();
        // Even if it were another request by mistake: the name counts.
        prop_assert_eq!(keys.execute(Some(id), other, &LIMITS), (first, None));
        prop_assert_eq!(&keys.entries, &entries);
    }
}
