//! What all members of a room were sent: each message once, in one order for all.

use std::collections::HashMap;

use super::{Fault, Faults};

/// The numbers of the messages that one member got, as they came. Messages are numbered through the room from 0 on, in the order in
/// which they were to be said, by members in turn.
pub(crate) type History = Vec<u32>;

/// Compares what members got with what was said: so many messages, in turn by so many senders.
pub(crate) fn audit(said: u32, senders: u32, histories: &[History]) -> Faults {
    let mut faults = Faults::default();
    // What is complete is an order for others to be compared with; where nothing is, there is worse to tell.
    let mut order: Option<(usize, &History)> = None;
    for (member, history) in histories.iter().enumerate() {
        if !is_each_once(said, member, history, &mut faults) {
            continue;
        }
        check_senders(senders, member, history, &mut faults);
        match order {
            None => order = Some((member, history)),
            Some((other, order)) => {
                let differs = history
                    .iter()
                    .zip(order)
                    .position(|(ours, theirs)| ours != theirs);
                if let Some(place) = differs {
                    faults.add(Fault::OutOfOrder, || {
                        format!(
                            "at place {place} member {member} got message {}, and member {other} message {}",
                            history[place], order[place]
                        )
                    });
                }
            }
        }
    }
    faults
}

/// Whether a member got each message once.
fn is_each_once(said: u32, member: usize, history: &History, faults: &mut Faults) -> bool {
    let mut times = vec![0_u32; said as usize];
    let mut is_each = true;
    for number in history {
        let Some(times) = times.get_mut(*number as usize) else {
            faults.add(Fault::Unasked, || {
                format!("message {number} to member {member}, of {said}")
            });
            is_each = false;
            continue;
        };
        *times += 1;
        if *times > 1 {
            faults.add(Fault::Doubled, || {
                format!("message {number} to member {member}")
            });
            is_each = false;
        }
    }
    let missing = times.iter().filter(|times| **times == 0).count() as u64;
    faults.add_many(Fault::Lost, missing, || {
        let first = times.iter().position(|times| *times == 0);
        format!(
            "message {} to member {member}, who got {} of {said}",
            first.unwrap_or_default(),
            history.len()
        )
    });
    is_each && missing == 0
}

/// What one sender said must come in the order in which it was said.
fn check_senders(senders: u32, member: usize, history: &History, faults: &mut Faults) {
    let mut last: HashMap<u32, u32> = HashMap::new();
    for number in history {
        let sender = number % senders.max(1);
        if let Some(before) = last.insert(sender, *number)
            && before > *number
        {
            faults.add(Fault::OutOfOrder, || {
                format!(
                    "message {number} to member {member}, behind message {before} of the same sender"
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six messages by three senders, as three members got them.
    fn check(histories: [&[u32]; 3]) -> Faults {
        audit(6, 3, &histories.map(<[u32]>::to_vec))
    }

    fn only(fault: Fault, count: u64, faults: &Faults) {
        assert_eq!(faults.count(fault), count, "{faults}");
        assert_eq!(faults.to_string().lines().count(), 1, "{faults}");
    }

    #[test]
    fn any_order_is_good_that_is_everybodys_and_keeps_each_senders() {
        let straight = [0, 1, 2, 3, 4, 5];
        assert!(check([&straight; 3]).is_empty());
        let mixed = [2, 0, 1, 5, 4, 3];
        assert!(check([&mixed; 3]).is_empty());
        assert!(audit(0, 3, &[Vec::new(), Vec::new()]).is_empty());
    }

    #[test]
    fn a_message_that_is_lost_is_found() {
        let all = [0, 1, 2, 3, 4, 5];
        let faults = check([&all, &[0, 1, 2, 4, 5], &all]);
        only(Fault::Lost, 1, &faults);
        assert!(faults.to_string().contains("message 3 to member 1"));
        only(Fault::Lost, 18, &check([&[]; 3]));
    }

    #[test]
    fn a_message_that_is_doubled_is_found() {
        let all = [0, 1, 2, 3, 4, 5];
        only(
            Fault::Doubled,
            1,
            &check([&all, &all, &[0, 1, 2, 3, 3, 4, 5]]),
        );
    }

    #[test]
    fn one_for_another_is_both() {
        let all = [0, 1, 2, 3, 4, 5];
        let faults = check([&all, &all, &[0, 1, 2, 3, 3, 5]]);
        assert_eq!(faults.count(Fault::Lost), 1);
        assert_eq!(faults.count(Fault::Doubled), 1);
    }

    #[test]
    fn another_order_than_others_have_is_found() {
        let all = [0, 1, 2, 3, 4, 5];
        let faults = check([&all, &[0, 2, 1, 3, 4, 5], &all]);
        only(Fault::OutOfOrder, 1, &faults);
        assert!(faults.to_string().contains("at place 1 member 1"));
    }

    #[test]
    fn an_order_of_everybodys_that_is_not_the_senders_is_found() {
        only(Fault::OutOfOrder, 3, &check([&[3, 0, 1, 2, 4, 5]; 3]));
    }

    #[test]
    fn what_nobody_said_is_found() {
        let all = [0, 1, 2, 3, 4, 5];
        only(
            Fault::Unasked,
            1,
            &check([&all, &all, &[0, 1, 2, 3, 4, 5, 6]]),
        );
    }
}
