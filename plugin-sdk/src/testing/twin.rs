//! Runs a step again on instances that were loaded, and compares.

use crate::{Payload, Plugin, bindings::parlor::room::types as wit, decode_state, guest::Instance};

/// Panics unless the batch's events, run one by one, each on an instance just loaded from what was saved before it, come
/// to the same effects and the same state.
#[track_caller]
pub(super) fn compare<R: Plugin>(
    name: &str,
    before: &[u8],
    batch: &wit::Batch,
    effects: &[wit::Effect],
    saved: &[u8],
) {
    let mut twin_saved = before.to_owned();
    let mut twin_effects = Vec::with_capacity(effects.len());
    for single in singles(batch) {
        let cause =
            u32::try_from(single.first_event - batch.first_event).expect("a place in a batch");
        let mut twin = match Instance::<R>::load(R::describe().state_schema, &twin_saved) {
            Ok(twin) => twin,
            Err(refusal) => panic!(
                "{name}: the state that was saved before cannot be loaded: {}",
                refusal.message()
            ),
        };
        twin_effects.extend(twin.step(single).into_iter().map(|effect| wit::Effect {
            cause: Some(cause),
            ..effect
        }));
        twin_saved = twin.save();
    }
    for place in 0..effects.len().max(twin_effects.len()) {
        let (lived, twin) = (effects.get(place), twin_effects.get(place));
        assert!(
            lived == twin,
            "{name}: not deterministic. Run again from the saved state, one event at a time, effect {place} differs; is part \
             of the state not saved, or real time, real chance or a HashMap used?\n  first: {}\n  again: {}",
            show(lived),
            show(twin)
        );
    }
    assert!(
        saved == twin_saved,
        "{name}: not deterministic. Run again from the saved state, one event at a time, the next state differs; is part of \
         the state not saved, or real time, real chance or a HashMap used?\n  first: {}\n  again: {}",
        show_state(saved),
        show_state(&twin_saved)
    );
}

/// The batch's events as batches of their own.
fn singles(batch: &wit::Batch) -> impl Iterator<Item = wit::Batch> {
    let mut tick = batch.tick;
    (0u64..).zip(&batch.events).map(move |(place, event)| {
        let single = wit::Batch {
            step: batch.step + place,
            first_event: batch.first_event + place,
            tick,
            events: vec![event.clone()],
            ..*batch
        };
        if let wit::Event::Tick(ticked) = event {
            tick = ticked.number;
        }
        single
    })
}

fn show(effect: Option<&wit::Effect>) -> String {
    let payload = |bytes: &[u8]| Payload::trusted(bytes.to_owned());
    match effect.map(|effect| &effect.action) {
        None => "nothing".to_owned(),
        Some(wit::ActionEffect::Send(send)) => {
            format!("send to {:?}: {:?}", send.to, payload(&send.payload))
        }
        Some(wit::ActionEffect::Reply(Ok(data))) => format!("reply: {:?}", payload(data)),
        Some(wit::ActionEffect::State(state)) => {
            format!("view {}: {:?}", state.view, payload(&state.value))
        }
        Some(wit::ActionEffect::Metadata(entries)) => format!("metadata: {:?}", payload(entries)),
        Some(other) => format!("{other:?}"),
    }
}

/// A saved state as text, as far as it is of the value model.
fn show_state(saved: &[u8]) -> String {
    #[derive(serde::Deserialize)]
    struct Saved {
        #[serde(with = "serde_bytes")]
        room: Vec<u8>,
    }
    match decode_state::<Saved>(saved) {
        Ok(saved) => Payload::from_bytes(&saved.room).map_or_else(
            |_| format!("{:02x?}", saved.room),
            |room| format!("{room:?}"),
        ),
        Err(_) => format!("{saved:02x?}"),
    }
}
