//! Which pages may connect, by rules that are said here once more in another way.

use std::net::IpAddr;

use parlor_gate::origin::{OriginVerdict, Origins, normalize};

const FRIEND: &str = "https://play.example";

pub(super) fn check(origin: Option<&str>, host: Option<&str>) {
    let judge = |allowed: &[&str], is_loopback_allowed| {
        let origins = Origins {
            allowed: allowed.iter().map(|it| (*it).to_owned()).collect(),
            is_loopback_allowed,
            are_guests_allowed: false,
        };
        origins.judge(origin, host)
    };
    let Some(origin) = origin else {
        assert_eq!(judge(&[FRIEND], false), OriginVerdict::NeedsToken);
        return;
    };
    let is_friend = origin.eq_ignore_ascii_case(FRIEND);
    let verdict = |is_allowed| {
        if is_allowed {
            OriginVerdict::Allowed
        } else {
            OriginVerdict::Refused
        }
    };
    assert_eq!(judge(&[FRIEND], false), verdict(is_friend), "{origin:?}");
    if judge(&[], true) == OriginVerdict::Allowed {
        let host = host_of(origin).expect("only an origin can be of this machine");
        let address = host.trim_matches(['[', ']']).parse();
        let is_address = address.is_ok_and(|address: IpAddr| address.is_loopback());
        assert!(host == "localhost" || is_address, "{origin:?}");
    }
    if judge(&[], false) == OriginVerdict::Allowed {
        let asked = host
            .expect("no page is of a host that is not asked")
            .to_ascii_lowercase();
        let lower = origin.to_ascii_lowercase();
        let (scheme, page) = lower.split_once("://").expect("an origin has a scheme");
        let port = if scheme == "https" { ":443" } else { ":80" };
        let is_same = page == asked
            || page.strip_suffix(port) == Some(asked.as_str())
            || asked.strip_suffix(port) == Some(page);
        assert!(is_same, "{origin:?} is not of {asked:?}");
    }
    if let Some(normal) = normalize(origin) {
        assert_eq!(normalize(&normal).as_ref(), Some(&normal), "once is enough");
        assert_eq!(normal, origin.to_ascii_lowercase());
    }
}

/// The host of a text that is an origin and nothing more, in lower case.
fn host_of(origin: &str) -> Option<String> {
    let lower = origin.to_ascii_lowercase();
    let (_, authority) = lower.split_once("://")?;
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let digits = port.strip_prefix(':').unwrap_or("0");
    let is_port =
        digits.bytes().all(|digit| digit.is_ascii_digit()) && digits.parse::<u16>().is_ok();
    (is_port && (port.is_empty() || port.starts_with(':'))).then(|| host.to_owned())
}
