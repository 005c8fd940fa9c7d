//! Two plugins in one native program: their exports exist on wasm only, so nothing collides.

use parlor_plugin::{Plugin, json, testing::TestRoom};
use parlor_plugin_chat::Chat;
use parlor_plugin_grid::Grid;

#[test]
fn rooms_of_two_plugins_run_side_by_side() {
    let mut chat = TestRoom::<Chat>::open();
    let mut grid = TestRoom::<Grid>::open();
    let (talker, player) = (chat.join("ann"), grid.join("ann"));
    chat.push(talker, &json!({ "type": "say", "text": "hi" }))
        .data();
    assert_eq!(
        grid.ask(player, &json!({ "type": "start" })).code(),
        Some("NOT_ENOUGH_PLAYERS")
    );
    assert_eq!(
        (
            Chat::describe().name.as_str(),
            Grid::describe().name.as_str()
        ),
        ("chat", "grid")
    );
}
