//! Patches a second time, over trees and straight from the specification: what the fast way is compared with.

use parlor_proto::Value;

/// The state that a patch makes of another; `None` where it must be refused.
pub(crate) fn patched(state: &Value, patch: &Value) -> Option<Value> {
    let Value::List(pairs) = patch else {
        return None;
    };
    if pairs.len() % 2 == 1 {
        return None;
    }
    let pairs = pairs.chunks_exact(2).map(|pair| (&pair[0], &pair[1]));
    match state {
        Value::Map(entries) => in_map(entries, pairs),
        Value::List(items) => in_list(items, pairs),
        _ => None,
    }
}

fn in_map<'p>(
    entries: &[(String, Value)],
    pairs: impl Iterator<Item = (&'p Value, &'p Value)>,
) -> Option<Value> {
    let mut before = entries.to_vec();
    before.sort_by(|(a, _), (b, _)| a.as_bytes().cmp(b.as_bytes()));
    let mut after = before.clone();
    let mut last: Option<String> = None;
    for (place, change) in pairs {
        let key = match place {
            Value::Text(key) => key.clone(),
            Value::Int(place) => before.get(usize::try_from(*place).ok()?)?.0.clone(),
            _ => return None,
        };
        if last.is_some_and(|last| last >= key) {
            return None;
        }
        let place = after.iter().position(|(other, _)| *other == key);
        match (change, place) {
            (Value::Map(parts), Some(place)) if parts.is_empty() => drop(after.remove(place)),
            (change, None) => after.push((key.clone(), whole(change)?)),
            (change, Some(place)) => after[place].1 = value(&after[place].1, change)?,
        }
        last = Some(key);
    }
    Some(Value::Map(after))
}

fn in_list<'p>(
    items: &[Value],
    pairs: impl Iterator<Item = (&'p Value, &'p Value)>,
) -> Option<Value> {
    let mut after = Vec::new();
    let mut done = 0;
    for (place, change) in pairs {
        let Value::Int(place) = place else {
            return None;
        };
        let place = usize::try_from(*place).ok()?;
        after.extend_from_slice(items.get(done..place)?);
        let (removed, inserted) = match splice(change)? {
            Some(splice) => splice,
            None => (1, vec![value(items.get(place)?, change)?]),
        };
        done = place.checked_add(removed)?;
        items.get(place..done)?;
        after.extend(inserted);
    }
    after.extend_from_slice(items.get(done..)?);
    Some(Value::List(after))
}

/// How many items go and which come; `Some(None)` where the change is of another kind.
#[expect(
    clippy::option_option,
    reason = "a change may be refused, or be no splice"
)]
fn splice(change: &Value) -> Option<Option<(usize, Vec<Value>)>> {
    let Value::Map(parts) = change else {
        return Some(None);
    };
    if let [(key, _)] = &parts[..]
        && key == "="
    {
        return Some(None);
    }
    let mut splice = (usize::from(parts.is_empty()), Vec::new());
    for part in parts {
        match part {
            (key, Value::Int(count)) if key == "-" => splice.0 = usize::try_from(*count).ok()?,
            (key, Value::List(items)) if key == "+" => splice.1.clone_from(items),
            _ => return None,
        }
    }
    Some(Some(splice))
}

fn value(old: &Value, change: &Value) -> Option<Value> {
    match change {
        Value::List(_) => patched(old, change),
        _ => whole(change),
    }
}

fn whole(change: &Value) -> Option<Value> {
    match change {
        Value::List(_) => None,
        Value::Map(parts) => match &parts[..] {
            [(key, value)] if key == "=" => Some(value.clone()),
            _ => None,
        },
        scalar => Some(scalar.clone()),
    }
}
