use std::io::{ErrorKind, Read};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::plan::{Act, End, Lane};
use super::*;
use crate::in_time;

/// A proxy with this plan for all its connections, one connection through it, and the server's end of it.
async fn connected(plan: Plan) -> (FaultProxy, TcpStream, TcpStream) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let target = listener.local_addr().unwrap();
    let proxy = FaultProxy::planned(target, None, move |_| plan.clone()).await;
    let client = TcpStream::connect(proxy.address).await.unwrap();
    let (server, _) = in_time("the connection", listener.accept()).await.unwrap();
    (proxy, client, server)
}

fn lane(at: u64, act: Act) -> Lane {
    let mut lane = Lane::default();
    lane.add(at, act);
    lane
}

fn down(at: u64, act: Act) -> Plan {
    Plan {
        up: Lane::default(),
        down: lane(at, act),
    }
}

/// Everything up to the end, and how that was.
async fn read_all(stream: &mut TcpStream) -> (Vec<u8>, io::Result<()>) {
    let mut bytes = Vec::new();
    let end = in_time("the end", stream.read_to_end(&mut bytes)).await;
    (bytes, end.map(|_| ()))
}

#[tokio::test]
async fn without_faults_bytes_pass_as_they_are_and_one_way_may_end_before_the_other() {
    let (proxy, mut client, mut server) = connected(Plan::default()).await;
    client.write_all(b"question").await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(read_all(&mut server).await.0, b"question");
    server.write_all(b"answer").await.unwrap();
    drop(server);
    let (answer, end) = read_all(&mut client).await;
    assert_eq!(answer, b"answer");
    end.unwrap();
    assert_eq!(proxy.tally().connections, 1);
    assert!(proxy.tally().faults.iter().all(|(_, count)| *count == 0));
}

#[tokio::test]
async fn a_cut_ends_both_sides_after_exactly_so_many_bytes() {
    let (proxy, mut client, mut server) = connected(down(5, Act::End(End::Cut))).await;
    server.write_all(b"0123456789").await.unwrap();
    let (bytes, end) = read_all(&mut client).await;
    assert_eq!(bytes, b"01234");
    end.unwrap();
    assert!(read_all(&mut server).await.0.is_empty());
    assert_eq!(proxy.tally().of(Fault::Cut), 1);
}

#[tokio::test]
async fn a_reset_is_seen_as_one_by_both_sides() {
    let (proxy, mut client, mut server) = connected(down(0, Act::End(End::Reset))).await;
    server.write_all(b"0").await.unwrap();
    for stream in [&mut client, &mut server] {
        let (_, end) = read_all(stream).await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(proxy.tally().of(Fault::Reset), 1);
}

#[tokio::test]
async fn a_half_open_connection_stays_with_the_server_until_the_storm_is_over() {
    let (proxy, mut client, mut server) = connected(down(0, Act::End(End::HalfOpen))).await;
    server.write_all(b"anybody?").await.unwrap();
    assert!(read_all(&mut client).await.0.is_empty());
    // The client saw its end before this, so that the server would have seen one by now, were there one. The kernel is
    // asked itself: what the runtime knows of a socket may be older.
    let mut plain = server.into_std().unwrap();
    let heard = plain.read(&mut [0]);
    assert_eq!(heard.unwrap_err().kind(), ErrorKind::WouldBlock);
    let mut server = TcpStream::from_std(plain).unwrap();
    proxy.calm();
    let _ = read_all(&mut server).await;
    assert_eq!(proxy.tally().of(Fault::HalfOpen), 1);
}

#[tokio::test]
async fn slices_lose_nothing() {
    let (proxy, mut client, mut server) = connected(down(3, Act::Slice(40))).await;
    let sent: Vec<u8> = (0..100).collect();
    server.write_all(&sent).await.unwrap();
    drop(server);
    assert_eq!(read_all(&mut client).await.0, sent);
    assert_eq!(proxy.tally().of(Fault::Slices), 1);
}

#[tokio::test]
async fn a_stall_ends_when_the_faults_do() {
    let plan = down(2, Act::Stall(Duration::from_secs(3_600)));
    let (proxy, mut client, mut server) = connected(plan).await;
    server.write_all(b"0123").await.unwrap();
    let mut before = [0; 2];
    in_time("the first bytes", client.read_exact(&mut before))
        .await
        .unwrap();
    proxy.calm();
    drop(server);
    assert_eq!(read_all(&mut client).await.0, b"23");
    assert_eq!(proxy.tally().of(Fault::Stall), 1);
}

#[tokio::test]
async fn all_that_is_open_can_be_cut_at_once() {
    let (proxy, mut client, mut server) = connected(Plan::default()).await;
    // A byte through the proxy says that both ways are being served.
    client.write_all(b"!").await.unwrap();
    assert_eq!(in_time("a byte", server.read_u8()).await.unwrap(), b'!');
    proxy.cut_all();
    read_all(&mut client).await.1.unwrap();
    read_all(&mut server).await.1.unwrap();
    assert_eq!(proxy.tally().of(Fault::Cut), 1);
}
