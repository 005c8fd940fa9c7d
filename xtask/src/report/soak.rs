//! A soak is one long run that was looked at once a minute: its end is compared with its beginning.

use super::raw::Round;

pub(super) const NAME: &str = "soak";

/// Before that, what is needed once is still being made.
const EARLY_FROM: usize = 5;
const COMPARED: usize = 10;

/// The rounds of the beginning and of the end. What the load says of the whole is left out.
pub(super) fn ends(rounds: Vec<Round>) -> Vec<Round> {
    let mut rounds: Vec<_> = rounds
        .into_iter()
        .filter(|round| !round.is_of_the_load())
        .collect();
    if rounds.len() < EARLY_FROM + 2 * COMPARED {
        return rounds;
    }
    let mut late = rounds.split_off(rounds.len() - COMPARED);
    let mut early: Vec<_> = rounds.drain(EARLY_FROM..EARLY_FROM + COMPARED).collect();
    rename(
        &mut early,
        &format!("minutes {} to {}", EARLY_FROM + 1, EARLY_FROM + COMPARED),
    );
    rename(&mut late, &format!("the last {COMPARED} minutes"));
    early.append(&mut late);
    early
}

fn rename(rounds: &mut [Round], when: &str) {
    for round in rounds {
        round.subject = format!("{}, {when}", round.subject);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn minutes(count: u32) -> Vec<Round> {
        let round = |minute: u32| json!({ "subject": "parlor", "round": minute, "said": { "threads": minute } });
        let of_the_load = json!({ "subject": "the load", "round": 1, "said": { "scenario": "match", "clients": 1 } });
        let rounds = (1..=count).map(round).chain([of_the_load]);
        rounds
            .map(|it| serde_json::from_value(it).unwrap())
            .collect()
    }

    #[test]
    fn the_end_is_compared_with_the_beginning() {
        let rounds = ends(minutes(60));
        let names: Vec<_> = rounds
            .iter()
            .map(|it| (it.subject.as_str(), it.round))
            .collect();
        assert_eq!(names.len(), 20);
        assert_eq!(names[0], ("parlor, minutes 6 to 15", 6));
        assert_eq!(names[9], ("parlor, minutes 6 to 15", 15));
        assert_eq!(names[10], ("parlor, the last 10 minutes", 51));
        assert_eq!(names[19], ("parlor, the last 10 minutes", 60));
    }

    #[test]
    fn a_short_one_has_no_ends() {
        let rounds = ends(minutes(24));
        assert_eq!(rounds.len(), 24);
        assert!(rounds.iter().all(|it| it.subject == "parlor"));
    }
}
