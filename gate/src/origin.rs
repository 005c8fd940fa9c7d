//! Which web pages may connect. A browser says in `Origin` whose page it is that opens a WebSocket, and lets any page do
//! so; it is for the server to refuse.

use std::net::IpAddr;

/// Which pages may connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origins {
    /// Exactly these, lower case, without a slash at the end. With none, and no loopback, pages of the very host that is
    /// asked.
    pub allowed: Vec<String>,
    /// Also any page from this very machine, for a server that only this machine can reach. Pages of the host that is
    /// asked are not enough for such a server: any name can be made to lead to 127.0.0.1.
    pub is_loopback_allowed: bool,
    /// Whether a client that is no browser, and sends no origin, needs no token.
    pub are_guests_allowed: bool,
}

/// What is said to a handshake's origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OriginVerdict {
    /// It may connect.
    Allowed,
    /// It may not.
    Refused,
    /// There is none: it may connect if the handshake itself carries a token.
    NeedsToken,
}

impl Origins {
    /// Judges a handshake by its `Origin` and its `Host`.
    #[must_use]
    pub fn judge(&self, origin: Option<&str>, host: Option<&str>) -> OriginVerdict {
        let Some(origin) = origin.map(str::to_ascii_lowercase) else {
            return if self.are_guests_allowed {
                OriginVerdict::Allowed
            } else {
                OriginVerdict::NeedsToken
            };
        };
        let is_default = self.allowed.is_empty() && !self.is_loopback_allowed;
        let is_allowed = self.allowed.contains(&origin)
            || (self.is_loopback_allowed && is_loopback(&origin))
            || (is_default && host.is_some_and(|host| is_same_host(&origin, host)));
        if is_allowed {
            OriginVerdict::Allowed
        } else {
            OriginVerdict::Refused
        }
    }
}

/// The origin as it is compared, if it is one that a browser would send.
#[must_use]
pub fn normalize(origin: &str) -> Option<String> {
    let lower = origin.to_ascii_lowercase();
    let host = lower
        .strip_prefix("https://")
        .or_else(|| lower.strip_prefix("http://"))?;
    let is_host = !host.is_empty() && !host.contains(['/', ' ', '*', '?', '#', '@']);
    is_host.then_some(lower)
}

fn is_loopback(origin: &str) -> bool {
    let Some((_, authority)) = origin.split_once("://") else {
        return false;
    };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or_default(),
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |digits: &str| digits.parse::<u16>().is_ok() && !digits.starts_with('+');
    let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
    let is_here = host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: IpAddr| address.is_loopback());
    is_whole && is_here
}

/// Whether the page comes from the host that it asks. The scheme is not compared: a proxy in front may end TLS.
fn is_same_host(origin: &str, host: &str) -> bool {
    let (port, authority) = match origin.split_once("://") {
        Some(("https", authority)) => (":443", authority),
        Some(("http", authority)) => (":80", authority),
        _ => return false,
    };
    let host = host.to_ascii_lowercase();
    let without_port = |text| str::strip_suffix(text, port).unwrap_or(text).to_owned();
    !authority.is_empty() && without_port(authority) == without_port(&host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use OriginVerdict::{Allowed, NeedsToken, Refused};

    fn origins(allowed: &[&str], is_loopback_allowed: bool) -> Origins {
        Origins {
            allowed: allowed.iter().map(|it| (*it).to_owned()).collect(),
            is_loopback_allowed,
            are_guests_allowed: true,
        }
    }

    #[test]
    fn hs6_origins_are_matched_exactly() {
        let origins = origins(&["https://play.example"], false);
        let judge = |origin| origins.judge(Some(origin), Some("play.example.evil"));
        assert_eq!(judge("https://play.example"), Allowed);
        assert_eq!(judge("https://Play.Example"), Allowed);
        for wrong in [
            "https://play.example.evil",
            "https://xplay.example",
            "https://play.example:8443",
            "https://play.example/",
            "http://play.example",
            "http://localhost",
            "null",
            "",
        ] {
            assert_eq!(judge(wrong), Refused, "{wrong}");
        }
    }

    #[test]
    fn hs6_with_no_list_the_page_must_be_of_the_host_that_is_asked() {
        let origins = origins(&[], false);
        for (origin, host) in [
            ("https://a.example", "a.example"),
            ("https://a.example", "A.example:443"),
            ("http://a.example", "a.example:80"),
            ("http://a.example:8080", "a.example:8080"),
            ("http://[2001:db8::1]:80", "[2001:db8::1]"),
        ] {
            assert_eq!(origins.judge(Some(origin), Some(host)), Allowed, "{origin}");
        }
        for (origin, host) in [
            ("https://b.example", Some("a.example")),
            ("https://a.example", Some("a.example:80")),
            ("http://a.example:8080", Some("a.example")),
            ("http://localhost", Some("a.example")),
            ("null", Some("null")),
            ("https://", Some("")),
            ("a.example", Some("a.example")),
            ("https://a.example", None),
        ] {
            assert_eq!(origins.judge(Some(origin), host), Refused, "{origin}");
        }
    }

    #[test]
    fn hs6_a_loopback_listener_takes_loopback_pages_only() {
        let origins = origins(&[], true);
        let judge = |origin| origins.judge(Some(origin), Some("evil.example:8080"));
        for loopback in [
            "http://localhost:5173",
            "http://127.0.0.1:9",
            "http://[::1]:80",
        ] {
            assert_eq!(judge(loopback), Allowed, "{loopback}");
        }
        // A name that was made to lead here is its own host, and is nobody's page of this machine.
        for wrong in [
            "http://evil.example:8080",
            "https://localhost.evil",
            "http://127.0.0.1.evil",
            "http://[::1",
            // Nothing may follow the port: what is compared is an origin, and not the beginning of one.
            "http://[::1].evil",
            "http://localhost:80@evil.example",
            "http://localhost:+80",
            "localhost",
            "null",
        ] {
            assert_eq!(judge(wrong), Refused, "{wrong}");
        }
    }

    #[test]
    fn hs7_no_origin_needs_a_token_where_guests_are_not_allowed() {
        let mut origins = origins(&["https://a.example"], false);
        assert_eq!(origins.judge(None, Some("a.example")), Allowed);
        origins.are_guests_allowed = false;
        assert_eq!(origins.judge(None, Some("a.example")), NeedsToken);
    }

    #[test]
    fn an_origin_with_a_path_or_a_star_is_none() {
        assert_eq!(
            normalize("https://A.example:8443").as_deref(),
            Some("https://a.example:8443")
        );
        for bad in [
            "https://a/b",
            "https://*",
            "a.example",
            "https://",
            "https://u@a",
            "null",
        ] {
            assert_eq!(normalize(bad), None, "{bad}");
        }
    }
}
