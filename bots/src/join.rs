//! How a bot gets into its room.

use std::time::Duration;

use parlor_proto::{
    ClientFrame, Create, Seat, ServerFrame, Visibility, WireLimits, client, server,
};
use tokio::time::timeout;

use crate::Error;
use crate::bot::Seed;
use crate::socket::{Socket, SocketError};

/// How long the answer to a join may take.
const JOIN_TIMEOUT: Duration = Duration::from_secs(20);
/// The id of the join request.
const JOIN_ID: u64 = 1;

/// Connects and joins.
pub(crate) async fn enter(seed: &Seed) -> Result<(Socket, server::RoomJoined), Error> {
    let failed = |problem: String| Error::Join {
        bot: seed.number,
        room: seed.room.name.clone(),
        problem,
    };
    let (socket, joined) = match timeout(JOIN_TIMEOUT, open(seed)).await {
        Ok(opened) => opened.map_err(failed)?,
        Err(_) => return Err(failed(format!("no answer within {JOIN_TIMEOUT:?}"))),
    };
    if joined.you.seat != Seat::Player {
        return Err(failed("only a spectator's seat was free".to_owned()));
    }
    Ok((socket, joined))
}

/// Connects and joins, however long that takes. What goes wrong comes back in words.
async fn open(seed: &Seed) -> Result<(Socket, server::RoomJoined), String> {
    let plan = &seed.shared.plan;
    let words = |error: SocketError| error.to_string();
    let subprotocol = plan.encoding.of_bot(seed.number);
    let mut socket = Socket::connect(
        &plan.uri,
        seed.shared.address,
        subprotocol,
        plan.from(seed.number),
    )
    .await
    .map_err(words)?;
    let name = ClientFrame::Auth(client::Auth {
        token: None,
        name: Some(format!("bot {}", seed.number)),
    });
    let join = ClientFrame::JoinRoom(client::JoinRoom {
        room: Some(seed.room.name.clone()),
        plugin: Some(plan.plugin.name().to_owned()),
        create: Some(Create::IfMissing),
        // People who look for a room to play in do not end up among bots.
        visibility: Some(Visibility::Unlisted),
        seat: Some(Seat::Player),
        id: Some(JOIN_ID),
        ..client::JoinRoom::default()
    });
    for frame in [name, join] {
        socket.send(&frame).await.map_err(words)?;
    }
    loop {
        match socket.receive().await.map_err(words)?.frame {
            Ok(ServerFrame::RoomJoined(joined)) => return Ok((socket, joined)),
            Ok(ServerFrame::Welcome(welcome)) => check_rate(plan.rate, &welcome.limits)?,
            Ok(ServerFrame::Error(error)) => {
                return Err(format!("{}: {}", error.code, error.message));
            }
            Ok(_) => {}
            Err(error) => return Err(format!("the server's frame cannot be read: {error}")),
        }
    }
}

/// How much of what a client may send bots take up with inputs; the rest is for saying what arrived.
const INPUTS_SHARE: f64 = 0.8;

/// A server that would refuse what the bots are about to send is no server to measure.
#[expect(
    clippy::cast_precision_loss,
    reason = "rates are far below what a double holds exactly"
)]
fn check_rate(rate: f64, limits: &WireLimits) -> Result<(), String> {
    let allowed = limits.messages_per_second;
    let rate_max = allowed as f64 * INPUTS_SHARE;
    if allowed == 0 || rate <= rate_max {
        return Ok(());
    }
    Err(format!(
        "the server takes {allowed} messages a second from a client; start it with --limits off, or use --rate {rate_max}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rate: f64, messages_per_second: u64) -> Result<(), String> {
        let limits = WireLimits {
            message_bytes_max: 1 << 20,
            rooms_max: 32,
            messages_per_second,
        };
        check_rate(rate, &limits)
    }

    #[test]
    fn bots_that_would_be_refused_say_how_to_start_the_server() {
        assert_eq!(check(80.0, 100), Ok(()));
        assert_eq!(check(1_000.0, 0), Ok(()));
        let refusal = check(81.0, 100).unwrap_err();
        assert!(refusal.contains("--limits off") && refusal.contains("--rate 80"));
    }
}
