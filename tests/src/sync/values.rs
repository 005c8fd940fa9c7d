//! States out of the whole value model, and what becomes of them. All of it is drawn from a seed.

use parlor_proto::{Payload, State, Value};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// How deep what is drawn nests, and how many entries a list or a map has at most.
const DEPTH_MAX: u32 = 5;
const LENGTH_MAX: usize = 9;

/// Keys that need care: those of JSON's escapes, of patches, of JavaScript's objects, and some that UTF-16 sorts
/// otherwise.
const KEYS: [&str; 18] = [
    "a",
    "b",
    "c",
    "score",
    "9",
    "10",
    "",
    "=",
    "-",
    "+",
    "$bytes",
    "$int",
    "__proto__",
    "constructor",
    "\u{e000}",
    "\u{ffee}",
    "\u{10000}",
    "🎲",
];
const TEXTS: [&str; 8] = [
    "",
    "x",
    "\u{0}\"\\\n",
    "gr\u{fc}n",
    "\u{ffff}",
    "\u{10ffff}",
    "👩\u{200d}🚀",
    "thirty-two bytes are a longer one",
];
const EDGES: [i128; 18] = [
    0,
    -1,
    31,
    32,
    127,
    128,
    -32,
    -33,
    -128,
    -129,
    65_535,
    65_536,
    1 << 32,
    9_007_199_254_740_991,
    9_007_199_254_740_992,
    -9_007_199_254_740_993,
    18_446_744_073_709_551_615,
    -9_223_372_036_854_775_808,
];
const FLOATS: [f64; 8] = [
    0.5,
    -0.0,
    1e300,
    5e-324,
    -1.5,
    0.1,
    9_007_199_254_740_994.0,
    2e19,
];

/// Draws states.
#[derive(Debug)]
pub(super) struct Values {
    rng: StdRng,
    mark: i128,
}

/// What a view shows: what was drawn, with a mark that no other has.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    form: Form,
    body: Value,
    bytes: Vec<u8>,
    mark: i128,
}

/// Where the mark is.
#[derive(Debug, Clone, Copy)]
enum Form {
    Map,
    List,
    Scalar,
}

impl Shown {
    pub(super) fn value(&self) -> Value {
        let (mark, bytes) = (Value::Int(self.mark), Value::Bytes(self.bytes.clone()));
        match self.form {
            Form::Map => Value::Map(vec![
                ("mark".to_owned(), mark),
                ("body".to_owned(), self.body.clone()),
                ("bytes".to_owned(), bytes),
            ]),
            Form::List => Value::List(vec![self.body.clone(), bytes, mark]),
            Form::Scalar => mark,
        }
    }

    /// The canonical form, which is what members are to have.
    pub(super) fn canonical(&self) -> Payload {
        let payload = self.value().to_payload().expect("only values are drawn");
        State::new(&payload).value().clone()
    }
}

impl Values {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            rng: StdRng::seed_from_u64(seed),
            mark: 0,
        }
    }

    pub(super) fn rng(&mut self) -> &mut StdRng {
        &mut self.rng
    }

    /// Something that has nothing to do with what was there.
    pub(super) fn fresh(&mut self) -> Shown {
        self.mark += 1;
        Shown {
            form: self.form(),
            body: self.value(DEPTH_MAX),
            bytes: (0..self.rng.random_range(1..20)).collect(),
            mark: self.mark,
        }
    }

    /// What becomes of something: mostly little.
    pub(super) fn next(&mut self, shown: &Shown) -> Shown {
        if self.rng.random_ratio(1, 25) {
            return self.fresh();
        }
        let mut next = shown.clone();
        self.mark += 1;
        next.mark = self.mark;
        for _ in 0..self.rng.random_range(0..4) {
            self.change(&mut next.body, DEPTH_MAX);
        }
        if self.rng.random_ratio(1, 8) {
            next.bytes = (0..self.rng.random_range(1..60)).collect();
        }
        next
    }

    /// The same with much in it, so that it takes its time.
    pub(super) fn large(&mut self, shown: &Shown, bytes: usize) -> Shown {
        let mut next = self.next(shown);
        let byte = self.rng.random();
        next.form = Form::Map;
        next.bytes = vec![byte; bytes];
        next
    }

    fn form(&mut self) -> Form {
        match self.rng.random_range(0..12) {
            0 => Form::Scalar,
            1..4 => Form::List,
            _ => Form::Map,
        }
    }

    fn value(&mut self, depth: u32) -> Value {
        match self.rng.random_range(0..if depth == 0 { 8 } else { 13 }) {
            0 => Value::Null,
            1 => Value::Bool(self.rng.random()),
            2 => Value::Int(EDGES[self.rng.random_range(0..EDGES.len())]),
            3 => Value::Int(self.rng.random_range(-70_000..70_000)),
            4 => Value::Float(FLOATS[self.rng.random_range(0..FLOATS.len())]),
            5 => Value::Float(self.rng.random_range(-1e6..1e6)),
            6 => Value::Text(TEXTS[self.rng.random_range(0..TEXTS.len())].to_owned()),
            7 => Value::Bytes((0..self.rng.random_range(0..12)).collect()),
            8 | 9 => {
                let length = self.rng.random_range(0..LENGTH_MAX);
                Value::List((0..length).map(|_| self.value(depth - 1)).collect())
            }
            _ => {
                let mut entries = Vec::new();
                for _ in 0..self.rng.random_range(0..LENGTH_MAX) {
                    let value = self.value(depth - 1);
                    self.put(&mut entries, value);
                }
                Value::Map(entries)
            }
        }
    }

    /// Puts a value under some key.
    fn put(&mut self, entries: &mut Vec<(String, Value)>, value: Value) {
        let key = match self.rng.random_range(0..3) {
            0 => self.rng.random_range(0..40).to_string(),
            _ => KEYS[self.rng.random_range(0..KEYS.len())].to_owned(),
        };
        match entries.iter_mut().find(|(other, _)| *other == key) {
            Some((_, present)) => *present = value,
            None => entries.push((key, value)),
        }
    }

    fn change(&mut self, value: &mut Value, depth: u32) {
        let inner = depth.saturating_sub(1);
        match value {
            Value::List(items) if depth > 0 && !items.is_empty() => {
                let place = self.rng.random_range(0..items.len());
                match self.rng.random_range(0..7) {
                    0 => items.insert(place, self.value(inner)),
                    1 => drop(items.remove(place)),
                    2 => items.rotate_left(1),
                    3 => drop(items.drain(place..)),
                    _ => self.change(&mut items[place], inner),
                }
            }
            Value::Map(entries) if depth > 0 && !entries.is_empty() => {
                let place = self.rng.random_range(0..entries.len());
                match self.rng.random_range(0..6) {
                    0 | 1 => {
                        let value = self.value(inner);
                        self.put(entries, value);
                    }
                    2 => drop(entries.remove(place)),
                    3 => entries.reverse(),
                    _ => self.change(&mut entries[place].1, inner),
                }
            }
            other => *other = self.value(depth),
        }
    }
}
