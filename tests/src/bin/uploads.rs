//! `uploads ADMIN DATA_DIR FIRST COUNT`: uploads components to a server, one after the other, every kind in turn: what it
//! takes, and what it refuses early or late. Says in JSON what became of them. `cargo xtask bench uploads` runs it.
#![expect(clippy::print_stdout, reason = "a bench reads what it says")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use parlor_tests::craft::{slow_to_compile, with_section};
use parlor_tests::{Admin, component, guest};
use serde_json::json;
use tokio::time::Instant;

/// More than a server takes.
const LARGE_BYTES: usize = 50 << 20;

/// One kind of component.
struct Kind {
    name: &'static str,
    component: Vec<u8>,
    /// What the server answers.
    status: u16,
}

fn kinds() -> [Kind; 5] {
    let kind = |name, component, status| Kind {
        name,
        component,
        status,
    };
    let grid = component("plugins", "grid");
    let half = grid[..grid.len() / 2].to_vec();
    [
        kind("valid", grid, 201),
        kind("truncated", half, 422),
        kind("too large", vec![0; LARGE_BYTES], 413),
        kind("slow to compile", slow_to_compile(), 422),
        kind("forbidden imports", guest("imports-sockets"), 422),
    ]
}

/// What became of those of a kind.
#[derive(Default)]
struct Told {
    count: u32,
    longest: Duration,
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [admin, data_dir, first, count] = &arguments[..] else {
        panic!("uploads ADMIN DATA_DIR FIRST COUNT");
    };
    let address: SocketAddr = admin.parse().expect("ADMIN is an address");
    let first: u32 = first.parse().expect("FIRST is a number");
    let count: u32 = count.parse().expect("COUNT is a number");
    let operator = Admin::of(address, Path::new(data_dir));
    let kinds = kinds();
    let mut told: BTreeMap<&str, Told> = BTreeMap::new();
    let start = Instant::now();
    for (number, kind) in (first..first + count).zip(kinds.iter().cycle()) {
        let began = Instant::now();
        // The server has not seen the valid ones before.
        let component = match kind.name {
            "valid" => with_section(kind.component.clone(), &number.to_be_bytes()),
            _ => kind.component.clone(),
        };
        let answer = operator
            .upload("?default=false&replace=true", &component)
            .await;
        assert_eq!(answer.status, kind.status, "{}: {answer:?}", kind.name);
        let told = told.entry(kind.name).or_default();
        told.count += 1;
        told.longest = told.longest.max(began.elapsed());
    }
    let kinds: BTreeMap<_, _> = told
        .iter()
        .map(|(name, told)| {
            let longest = told.longest.as_secs_f64();
            (name, json!({ "count": told.count, "longest_s": longest }))
        })
        .collect();
    println!(
        "{}",
        json!({ "seconds": start.elapsed().as_secs_f64(), "kinds": kinds })
    );
}
