//! Whole runs: against the floor, and against a server that does wrong.

mod flawed;

use std::net::SocketAddr;
use std::thread;

use clap::Parser as _;
use parlor_bench::{Alone, Error, Fault, Options, Report, alone, run};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use self::flawed::Flaw;

fn runtime() -> Runtime {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime can be made")
}

/// Serves on a thread of its own, which ends when what comes back is dropped.
fn serve<F: Future<Output = ()>>(
    serving: impl FnOnce(TcpListener) -> F + Send + 'static,
) -> (SocketAddr, oneshot::Sender<()>) {
    let runtime = runtime();
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0"));
    let listener = listener.expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    let (end, ended) = oneshot::channel();
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = serving(listener) => {}
                _ = ended => {}
            }
        });
    });
    (address, end)
}

/// Puts a load on a server: the words of a command line without the server's address.
fn load(address: SocketAddr, line: &str) -> Result<Report, Error> {
    let line = format!("parlor-bench {line} --url http://{address} --warm-up 0.1 --seconds 0.3");
    run(&Options::parse_from(line.split(' ')))
}

fn load_floor(line: &str) -> Report {
    let (address, _end) = serve(|listener| async {
        let Err(error) = parlor_floor::serve(listener).await;
        panic!("the floor ended: {error}");
    });
    load(address, line).expect("the run is made")
}

#[test]
fn an_echo_of_the_floor_is_complete() {
    for window in [1, 16] {
        let report = load_floor(&format!(
            "echo --target floor --connections 7 --rooms 3 --window {window} --server-pid {}",
            std::process::id()
        ));
        assert_eq!(report.problem(), None);
        assert!(report.messages > 0 && report.messages <= report.messages_in_all);
        assert_eq!(report.messages_in_all, report.said_in_all);
        let latency = report.latency_us.expect("it is measured");
        assert!(latency.count > 0 && latency.p50 <= latency.max);
        // What is said in one direction comes back in the other, without the mask.
        let difference = report.bytes_sent_per_message - report.bytes_received_per_message;
        assert!((difference - 4.0).abs() < 1.0, "{difference}");
        assert!(report.server.is_some() && report.send_lag_us.is_none());
    }
}

#[test]
fn a_fan_out_of_the_floor_reaches_everybody() {
    let report = load_floor("fanout --target floor --members 20 --rate 200");
    assert_eq!(report.problem(), None);
    assert_eq!(report.said_in_all, 80, "in 0.4 s");
    assert_eq!(report.messages_in_all, 80 * 20);
    assert_eq!(
        report.latency_us.expect("it is measured").count,
        60 * 20,
        "in 0.3 s of them"
    );
    assert_eq!(report.send_lag_us.unwrap().count, 60);
}

#[test]
fn silent_connections_of_the_floor_are_weighed() {
    let report = load_floor(&format!(
        "idle --target floor --connections 30 --server-pid {}",
        std::process::id()
    ));
    assert_eq!(report.problem(), None);
    assert_eq!((report.messages, report.rooms), (30, 4));
    let [before, after] = report.memory.expect("it is measured");
    assert!(before.server_resident > Some(0) && after.server_resident > Some(0));
}

#[test]
fn all_come_into_their_rooms() {
    let report = load_floor("join --target floor --connections 50 --under-way 7");
    assert_eq!(report.problem(), None);
    assert_eq!((report.messages, report.scenario), (50, "join"));
    assert_eq!(report.latency_us.expect("it is measured").count, 50);
}

#[test]
fn players_come_and_go() {
    let (address, _end) = serve(|listener| flawed::serve(listener, Flaw::None));
    // One after the other, within the 0.4 s of the run.
    let line = "match --target ws --rooms 200 --players 3 --rate 30 --churn 600";
    let report = load(address, line).unwrap();
    assert_eq!(report.problem(), None);
}

#[test]
fn one_client_alone_finds_a_server_and_makes_rooms() {
    let (address, _end) = serve(|listener| async {
        let Err(error) = parlor_floor::serve(listener).await;
        panic!("the floor ended: {error}");
    });
    let alone = |line: &str| {
        let line = format!("parlor-bench {line} --target floor --url http://{address}");
        alone(&Options::parse_from(line.split(' ')))
    };
    let first = alone("first").expect("it is there");
    assert!(
        matches!(first, Alone::First { attempts: 1, .. }),
        "{first:?}"
    );
    let Alone::Rooms { join_us } = alone("rooms --count 5").expect("they are made") else {
        panic!("rooms are made");
    };
    assert_eq!(join_us.expect("it is measured").count, 5);
}

const ECHO: &str = "echo --target ws --connections 3 --rooms 1 --window 4";
const FANOUT: &str = "fanout --target ws --members 3 --rate 200";
const MATCH: &str = "match --target ws --rooms 2 --players 3 --rate 100";

/// What is found in runs against a server with a flaw. All at once, for each waits for what is lost.
fn check(flaw: Flaw, fault: Fault, lines: &[&str]) {
    let check = |line| {
        let (address, _end) = serve(move |listener| flawed::serve(listener, flaw));
        let report = load(address, line).expect("the run is made");
        let problem = report.problem().unwrap_or_default();
        let count = report.faults.count(fault);
        assert!(count > 0, "{flaw:?}, {line}: {problem}");
    };
    thread::scope(|scope| {
        for line in lines {
            scope.spawn(|| check(line));
        }
    });
}

#[test]
fn a_server_without_a_flaw_passes() {
    for line in [ECHO, FANOUT, MATCH] {
        let (address, _end) = serve(|listener| flawed::serve(listener, Flaw::None));
        let report = load(address, line).unwrap();
        assert_eq!(report.problem(), None, "{line}");
    }
}

#[test]
fn what_is_lost_is_found() {
    check(Flaw::Loses, Fault::Lost, &[ECHO, FANOUT, MATCH]);
}

#[test]
fn what_is_doubled_is_found() {
    check(Flaw::Doubles, Fault::Doubled, &[ECHO, FANOUT, MATCH]);
}

#[test]
fn what_is_altered_is_found() {
    check(Flaw::Alters, Fault::Altered, &[ECHO, FANOUT]);
}

#[test]
fn what_is_out_of_order_is_found() {
    check(Flaw::Swaps, Fault::OutOfOrder, &[ECHO, FANOUT]);
}

#[test]
fn a_server_that_hangs_up_is_named() {
    let (address, _end) = serve(|listener| flawed::serve(listener, Flaw::HangsUp));
    let line = "echo --target ws --connections 1 --rooms 1";
    let error = load(address, line).unwrap_err().to_string();
    assert!(error.starts_with("client 0 of echo-"), "{error}");
}

#[test]
fn a_server_that_is_not_there_is_named() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = load(address, "echo --target ws --connections 1 --rooms 1").unwrap_err();
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert_eq!(error.exit_code(), 1);
}
