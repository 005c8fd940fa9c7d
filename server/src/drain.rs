//! Stopping: nothing new is taken, clients are told to come back, and the server waits for them to be gone.

use std::sync::Arc;
use std::time::Duration;

use crate::node::{Node, Phase};
use crate::room::RoomInput;
use crate::session::SessionInput;

/// How often it is looked whether everything is gone.
const POLL: Duration = Duration::from_millis(20);
/// So many clients are sent away at a time: they come back together, to this server or to another.
const BATCH: usize = 100;

/// Lets the node come to rest, or gives up waiting after the drain timeout.
pub(crate) async fn drain(node: &Arc<Node>) {
    tracing::info!(rooms = node.rooms.count(), "draining");
    node.phase.send_replace(Phase::Draining);
    let at_rest = async {
        // Sessions leave their rooms as they end; rooms that are left are told to close. A session that was just being set
        // up is found by the next round.
        while node.sessions.count() > 0 {
            for batch in node.sessions.all().chunks(BATCH) {
                for session in batch {
                    // One with too many words waiting is told by the next round.
                    let _ = session.inputs.try_send(SessionInput::Drain);
                }
                tokio::time::sleep(POLL).await;
            }
        }
        for room in node.rooms.all() {
            // One that closed meanwhile is what is wanted.
            let _ = room.post_surely(RoomInput::Shutdown).await;
        }
        while node.rooms.count() > 0 {
            tokio::time::sleep(POLL).await;
        }
    };
    if tokio::time::timeout(node.limits.drain_timeout, at_rest)
        .await
        .is_err()
    {
        tracing::warn!(
            rooms = node.rooms.count(),
            "stopping before everything came to rest"
        );
    }
}
