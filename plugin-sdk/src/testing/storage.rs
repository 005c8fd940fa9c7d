//! A test room's storage: in memory, with the host's limits.

use super::TestRoom;
use crate::{
    KvEntry, KvError, KvOutcome, KvRequest, Map, Plugin, Result,
    bindings::parlor::room::types as wit,
};

/// The host's defaults.
const KEY_BYTES_MAX: usize = 256;
const VALUE_BYTES_MAX: usize = 64 << 10;
const STORED_BYTES_MAX: usize = 16 << 20;
const KEYS_MAX: usize = 100_000;
const LISTED_MAX: u32 = 256;
const LISTED_BYTES_MAX: usize = 256 << 10;
/// A room that asks again this often, whatever it is answered, never ends.
const ROUNDS_MAX: usize = 1000;

/// Storage.
impl<R: Plugin> TestRoom<R> {
    /// Does what the room asked of the storage and was not answered yet, in the order in which it asked, and what it asks
    /// for because of that, until nothing is left. Each answer is a step of its own.
    ///
    /// Until then nothing happens, so that a test can do between asking and answering what others might do:
    /// [`storage_mut`](Self::storage_mut) is another room that writes, and [`kv_answer`](Self::kv_answer) any answer, an
    /// error for instance.
    ///
    /// # Panics
    /// When the room asks again and again.
    #[track_caller]
    pub fn run_storage(&mut self) {
        for _ in 0..ROUNDS_MAX {
            let Some(wit::Kv { operation, request }) = self.kv_waiting.pop_front() else {
                return;
            };
            let outcome = execute(&mut self.storage, request);
            self.run(vec![answer(operation, outcome)]);
        }
        panic!(
            "the room asked the storage {ROUNDS_MAX} times; does it ask again whatever it is answered?"
        );
    }

    /// Answers an operation by hand, whatever the storage holds: the first of that number that waits, if one does.
    #[track_caller]
    pub fn kv_answer(&mut self, operation: u64, outcome: Result<KvOutcome, KvError>) {
        let mut waiting = self.kv_waiting.iter();
        if let Some(place) = waiting.position(|kv| kv.operation == operation) {
            self.kv_waiting.remove(place);
        }
        self.run(vec![answer(operation, outcome)]);
    }
}

/// Storage.
impl<R> TestRoom<R> {
    /// What is stored.
    pub fn storage(&self) -> &Map<String, Vec<u8>> {
        &self.storage
    }

    /// What is stored, to be changed as other rooms of the plugin might; or to be moved to another test room.
    pub fn storage_mut(&mut self) -> &mut Map<String, Vec<u8>> {
        &mut self.storage
    }

    /// All storage operations that were asked for so far, with their numbers, answered or not.
    pub fn kv_requests(&self) -> &[(u64, KvRequest)] {
        &self.kv_requests
    }

    pub(super) fn ask_storage(&mut self, kv: wit::Kv) {
        self.kv_requests.push((kv.operation, kv.request.clone()));
        self.kv_waiting.push_back(kv);
    }
}

fn answer(operation: u64, outcome: Result<KvOutcome, KvError>) -> wit::Event {
    wit::Event::KvAnswer(wit::KvAnswer { operation, outcome })
}

fn execute(stored: &mut Map<String, Vec<u8>>, request: KvRequest) -> Result<KvOutcome, KvError> {
    match request {
        KvRequest::Get(key) => {
            check_key(&key)?;
            Ok(KvOutcome::Value(stored.get(&key).cloned()))
        }
        KvRequest::Put((key, value)) => put(stored, key, value),
        KvRequest::CompareAndPut((key, expected, value)) => {
            check_key(&key)?;
            let present = stored.get(&key);
            if present != expected.as_ref() {
                return Ok(KvOutcome::Conflict(present.cloned()));
            }
            put(stored, key, value)
        }
        KvRequest::List((prefix, after, count)) => {
            check_key(&prefix)?;
            check_key(&after)?;
            Ok(KvOutcome::Entries(list(stored, &prefix, &after, count)))
        }
    }
}

fn check_key(key: &str) -> Result<(), KvError> {
    if key.len() > KEY_BYTES_MAX {
        return Err(KvError::TooLarge);
    }
    Ok(())
}

fn put(
    stored: &mut Map<String, Vec<u8>>,
    key: String,
    value: Option<Vec<u8>>,
) -> Result<KvOutcome, KvError> {
    check_key(&key)?;
    let Some(value) = value else {
        stored.remove(&key);
        return Ok(KvOutcome::Stored);
    };
    if value.len() > VALUE_BYTES_MAX {
        return Err(KvError::TooLarge);
    }
    let others = stored.iter().filter(|(other, _)| **other != key);
    let (count, bytes) = others.fold((0, 0), |(count, bytes), (key, value)| {
        (count + 1, bytes + key.len() + value.len())
    });
    if count >= KEYS_MAX || bytes + key.len() + value.len() > STORED_BYTES_MAX {
        return Err(KvError::Quota);
    }
    stored.insert(key, value);
    Ok(KvOutcome::Stored)
}

fn list(stored: &Map<String, Vec<u8>>, prefix: &str, after: &str, count: u32) -> Vec<KvEntry> {
    let mut bytes = 0;
    stored
        .iter()
        .filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after)
        .take(count.min(LISTED_MAX) as usize)
        .take_while(|(key, value)| {
            bytes += key.len() + value.len();
            bytes <= LISTED_BYTES_MAX
        })
        .map(|(key, value)| KvEntry {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};

    use crate::{
        Config, Ctx, KvError, KvOutcome, KvRequest, Member, Result, Room, export, json,
        testing::TestRoom,
    };

    /// Counts across rooms, and lists what there is.
    #[derive(Debug, Default, Serialize, Deserialize)]
    struct Tally {
        added: u8,
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "do", rename_all = "snake_case")]
    enum Input {
        Add,
        Put { key: String, bytes: usize },
        List { after: String },
        Forever,
    }

    const FOREVER: u64 = 9;

    impl Room for Tally {
        type Input = Input;

        fn open(_room: &mut Ctx, _config: &Config) -> Result<Self> {
            Ok(Self::default())
        }

        fn message(&mut self, room: &mut Ctx, _from: &Member, input: Input) -> Result<()> {
            match input {
                Input::Add => room.kv_get(1, "count"),
                Input::Put { key, bytes } => room.kv_put(2, key, vec![0; bytes]),
                Input::List { after } => room.kv_list(3, "k/", after, 2),
                Input::Forever => room.kv_delete(FOREVER, "x"),
            }
            Ok(())
        }

        fn kv_answer(
            &mut self,
            room: &mut Ctx,
            operation: u64,
            outcome: Result<KvOutcome, KvError>,
        ) {
            match outcome {
                _ if operation == FOREVER => room.kv_delete(FOREVER, "x"),
                Ok(KvOutcome::Value(present) | KvOutcome::Conflict(present)) => {
                    let more = present.as_ref().map_or(1, |value| value[0] + 1);
                    room.kv_compare_and_put(1, "count", present, Some(vec![more]));
                }
                Ok(KvOutcome::Entries(entries)) => {
                    let keys: Vec<_> = entries.iter().map(|entry| &entry.key).collect();
                    room.broadcast(&keys);
                }
                Ok(KvOutcome::Stored) => self.added += 1,
                Err(error) => room.broadcast(&format!("{error:?}")),
            }
        }
    }

    export!(Tally { name: "tally" });

    #[test]
    fn what_is_asked_is_done_when_the_test_says_so() {
        let mut room = TestRoom::<Tally>::open();
        let ann = room.join("ann");
        room.push(ann, &json!({ "do": "add" }));
        assert!(room.storage().is_empty());
        room.run_storage();
        assert_eq!(room.storage()["count"], [1]);
        assert!(matches!(
            room.kv_requests(),
            [(1, KvRequest::Get(_)), (1, KvRequest::CompareAndPut(_))]
        ));
    }

    #[test]
    fn another_room_may_write_in_between() {
        let mut room = TestRoom::<Tally>::open();
        let ann = room.join("ann");
        room.push(ann, &json!({ "do": "add" }));
        room.kv_answer(1, Ok(KvOutcome::Value(None)));
        room.storage_mut().insert("count".to_owned(), vec![41]);
        room.run_storage();
        assert_eq!(room.storage()["count"], [42]);
        assert_eq!(room.kv_requests().len(), 3, "read, conflict, stored");
    }

    #[test]
    fn the_limits_are_the_hosts() {
        let mut room = TestRoom::<Tally>::open();
        let ann = room.join("ann");
        let mut put = |key: &str, bytes: usize| {
            room.push(ann, &json!({ "do": "put", "key": key, "bytes": bytes }));
            room.run_storage();
            room.take_sent(ann)
        };
        assert_eq!(put("k/1", 64 << 10), Vec::<crate::Value>::new());
        assert_eq!(put("k/2", (64 << 10) + 1), [json!("KvError::TooLarge")]);
        assert_eq!(put(&"k".repeat(257), 1), [json!("KvError::TooLarge")]);
        for n in 0..254 {
            put(&format!("full/{n}"), 64 << 10);
        }
        assert_eq!(put("one more", 64 << 10), [json!("KvError::Quota")]);
    }

    #[test]
    fn a_list_goes_on_after_a_key() {
        let mut room = TestRoom::<Tally>::open();
        let ann = room.join("ann");
        for key in ["k/1", "k/2", "k/3", "l"] {
            room.storage_mut().insert(key.to_owned(), Vec::new());
        }
        for (after, keys) in [("", json!(["k/1", "k/2"])), ("k/2", json!(["k/3"]))] {
            room.push(ann, &json!({ "do": "list", "after": after }));
            room.run_storage();
            assert_eq!(room.take_sent(ann), [keys]);
        }
    }

    #[test]
    fn a_room_that_asks_for_ever_is_stopped() {
        let asked = std::panic::catch_unwind(|| {
            let mut room = TestRoom::<Tally>::open();
            let ann = room.join("ann");
            room.push(ann, &json!({ "do": "forever" }));
            room.run_storage();
        });
        let panic = *asked.unwrap_err().downcast::<String>().unwrap();
        assert!(panic.contains("1000 times"), "{panic}");
    }
}
