//! What holds of rooms in Rust that change their version holds of rooms in TypeScript.

use super::Made::OfTypeScript;
use super::{rooms, trials};

/// The one of all tricks that the guest in TypeScript knows.
const TRICK: &str = "traps-tenth";
const SAYS: &str = "its tenth step";

#[tokio::test]
async fn vs1_a_room_goes_on_with_another_version_as_if_nothing_had_been() {
    rooms::goes_on_with_another_version(OfTypeScript).await;
}

#[tokio::test]
async fn timers_and_answers_of_the_storage_go_over() {
    rooms::timers_and_answers_go_over(OfTypeScript).await;
}

#[tokio::test]
async fn the_operator_goes_back_to_the_version_before_while_it_is_parked() {
    rooms::goes_back_by_order(OfTypeScript).await;
}

#[tokio::test]
async fn a_version_whose_state_has_another_shape_goes_on_where_the_one_before_was() {
    rooms::takes_up_another_shape(OfTypeScript).await;
}

#[tokio::test]
async fn what_cannot_take_the_room_over_is_refused_before_it_does() {
    rooms::is_refused(OfTypeScript, TRICK, SAYS).await;
}

#[tokio::test]
async fn vs2_vs3_a_version_that_fails_on_trial_goes_and_members_see_the_room_as_it_is() {
    trials::fails_on_trial(OfTypeScript, TRICK, "trap", SAYS).await;
}
