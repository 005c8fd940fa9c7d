use clap::Parser as _;

use super::*;

/// What comes of a command line.
fn check(line: &str) -> Result<Plan, String> {
    let words = ["parlor-bench"].into_iter().chain(line.split(' '));
    let options = Options::try_parse_from(words).map_err(|error| error.to_string())?;
    Plan::check(&options).map_err(|error| {
        assert_eq!(error.exit_code(), 64);
        error.to_string()
    })
}

#[test]
fn the_defaults_are_the_benches() {
    let plan = check("echo --target ws --url http://127.0.0.1:1").unwrap();
    assert_eq!((plan.clients, plan.rooms, plan.text_bytes), (200, 25, 64));
    assert_eq!(
        (plan.authority.as_str(), plan.path.as_str()),
        ("127.0.0.1:1", "/")
    );
    assert_eq!(plan.protocol, Protocol::Plain(Form::Written));
    let plan = check("fanout --target parlor --url http://127.0.0.1:1").unwrap();
    assert_eq!((plan.clients, plan.rooms), (1_000, 1));
    assert_eq!(plan.client_rate, 0.1);
    assert_eq!(
        plan.protocol,
        Protocol::Parlor(Encoding::One(Subprotocol::Json))
    );
    let plan = check("match --target bun --url ws://localhost:1/x?y").unwrap();
    assert_eq!((plan.clients, plan.rooms), (480, 60));
    assert_eq!(
        (plan.authority.as_str(), plan.path.as_str()),
        ("localhost:1", "/x?y")
    );
}

#[test]
fn everybody_has_a_place() {
    let plan = check("echo --target ws --url http://a:1 --connections 7 --rooms 3").unwrap();
    let rooms: Vec<String> = (0..7).map(|client| plan.seat(client, 0).room).collect();
    assert_eq!(rooms[0], rooms[3]);
    assert_ne!(rooms[0], rooms[1]);
    let plan = check("match --target ws --url http://a:1 --rooms 2 --players 3").unwrap();
    let seats: Vec<Seat> = (0..6).map(|client| plan.seat(client, 0)).collect();
    let places: Vec<usize> = seats.iter().map(|seat| seat.place).collect();
    assert_eq!(places, [0, 1, 2, 0, 1, 2]);
    assert_eq!(seats[0].room, seats[2].room);
    assert_ne!(seats[2].room, seats[3].room);
    assert!(
        seats
            .iter()
            .all(|seat| seat.places == 3 && seat.rate == 10.0)
    );
}

#[test]
fn clients_speak_each_encoding_in_turn_where_they_are_mixed() {
    let plan =
        check("fanout --target parlor --url http://a:1 --subprotocol mixed --members 6").unwrap();
    let Protocol::Parlor(encoding) = plan.protocol else {
        panic!("it is Parlor's");
    };
    assert_eq!(encoding.name(), "mixed");
    let spoken: Vec<Subprotocol> = (0..6).map(|client| encoding.of(client)).collect();
    assert_eq!(spoken, [Subprotocol::ALL, Subprotocol::ALL].concat());
}

#[test]
fn connections_that_only_count_are_in_rooms_of_eight() {
    let plan = check("idle --target floor --url http://a:1").unwrap();
    assert_eq!((plan.clients, plan.rooms), (18_000, 2_250));
    let plan = check("join --target floor --url http://a:1 --connections 9").unwrap();
    assert_eq!((plan.clients, plan.rooms, plan.under_way), (9, 2, 200));
    let plan = check("many --target parlor --url http://a:1").unwrap();
    assert_eq!((plan.clients, plan.rooms), (5_000, 5_000));
    let plan = check("rooms --target parlor --url http://a:1 --count 30000").unwrap();
    assert_ne!(plan.seat(0, 0).room, plan.seat(29_999, 0).room);
}

#[test]
fn what_cannot_be_used_says_what_can() {
    let url = "--url http://a:1";
    for (line, word) in [
        (
            format!("echo --target ws {url} --rooms 300"),
            "from 1 to 200",
        ),
        (format!("echo --target ws {url} --window 0"), "--window"),
        (format!("echo --target ws {url} --payload 8"), "from 32"),
        (format!("echo --target ws {url} --seconds 0"), "--seconds"),
        (format!("echo --target ws {url} --warm-up -1"), "--warm-up"),
        (format!("echo --target ws {url} --replies"), "only Parlor"),
        (
            format!("echo --target ws {url} --subprotocol v1.json"),
            "only Parlor",
        ),
        (
            format!("echo --target parlor {url} --subprotocol v9"),
            "v2.proto",
        ),
        (format!("fanout --target ws {url} --rate 0"), "--rate"),
        (format!("fanout --target ws {url} --rate NaN"), "--rate"),
        (format!("match --target floor {url}"), "no boards"),
        (format!("match --target parlor {url} --players 9"), "2 to 8"),
        (format!("match --target ws {url} --rate 0.1"), "full within"),
        (
            format!("match --target ws {url} --churn 481"),
            "from 0 to 480",
        ),
        (format!("many --target ws {url}"), "only Parlor"),
        (
            format!("idle --target ws {url} --connections 0"),
            "--connections",
        ),
        (
            format!("join --target ws {url} --under-way 0"),
            "--under-way",
        ),
        (format!("rooms --target ws {url} --count 0"), "--count"),
        ("sit --url a:1 --plugin x".to_owned(), "http://"),
        ("wakes".to_owned(), "no server"),
        (format!("match --target ws {url} --rooms 9999"), "20000"),
        ("echo --target ws --url a:1".to_owned(), "http://"),
        ("echo --target ws --url http://a".to_owned(), "port"),
        (format!("echo --target socket {url}"), "possible values"),
    ] {
        let problem = check(
            &line
                .replace("-1", "=-1")
                .replace("--warm-up =", "--warm-up="),
        )
        .unwrap_err();
        assert!(problem.contains(word), "{line}: {problem}");
    }
}
