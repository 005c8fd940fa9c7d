//! How late the server's ticks were, from its own metrics before and after.

use std::fmt;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1;
use hyper::header::{AUTHORIZATION, HOST};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use crate::Error;
use crate::options::Admin;

/// How long the admin listener may take to answer.
const FETCH_TIMEOUT: Duration = Duration::from_secs(10);
const LATENESS_BUCKET: &str = "parlor_tick_lateness_seconds_bucket{le=\"";
const TICKS: &str = "parlor_ticks_total";
const TICKS_LATE: &str = "parlor_ticks_late_total";
const TICKS_MERGED: &str = "parlor_ticks_merged_total";

/// What the server says of its ticks during a run, those of other rooms included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TickReport {
    /// Ticks run.
    pub ticks: u64,
    /// Of those, late by more than 5 ms.
    pub late: u64,
    /// Ticks left out, because a room was late by whole periods.
    pub merged: u64,
    /// Half of the ticks were not later than this; the bound of a bucket. `None`: above all bounds, or no ticks.
    pub p50_ms: Option<f64>,
    /// 99 % of the ticks were not later than this; likewise.
    pub p99_ms: Option<f64>,
}

impl fmt::Display for TickReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ticks == 0 {
            return formatter.write_str("none run");
        }
        let bound = |bound: Option<f64>| {
            bound.map_or_else(|| "above all buckets".to_owned(), |ms| format!("≤ {ms} ms"))
        };
        let Self {
            ticks,
            late,
            merged,
            ..
        } = self;
        let (p50, p99) = (bound(self.p50_ms), bound(self.p99_ms));
        write!(
            formatter,
            "{ticks} run, {late} late by more than 5 ms, {merged} merged; lateness p50 {p50}, p99 {p99}"
        )
    }
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TickCounters {
    ticks: u64,
    late: u64,
    merged: u64,
    /// Upper bounds in seconds, and how many ticks are not above them.
    buckets: Vec<(f64, u64)>,
}

impl TickCounters {
    /// Asks the admin listener.
    pub(crate) async fn fetch(admin: &Admin) -> Result<Self, Error> {
        let url = format!("{}metrics", with_slash(&admin.url.to_string()));
        let failed = |problem: String| Error::Metrics {
            url: url.clone(),
            problem,
        };
        let text = match timeout(FETCH_TIMEOUT, get(admin, &url)).await {
            Ok(text) => text.map_err(|error| failed(error.to_string()))?,
            Err(_) => return Err(failed(format!("no answer within {FETCH_TIMEOUT:?}"))),
        };
        Self::parse(&text).ok_or_else(|| failed(format!("there is no {TICKS} in it")))
    }

    /// Reads the OpenMetrics text. `None` if there is nothing of ticks in it.
    fn parse(text: &str) -> Option<Self> {
        let mut counters = Self::default();
        let mut is_found = false;
        for line in text.lines() {
            let Some((name, value)) = line.rsplit_once(' ') else {
                continue;
            };
            if let Some(bound) = name.strip_prefix(LATENESS_BUCKET) {
                let bound = bound.trim_end_matches("\"}").parse().ok()?;
                counters.buckets.push((bound, value.parse().ok()?));
                continue;
            }
            let counter = match name {
                TICKS => &mut counters.ticks,
                TICKS_LATE => &mut counters.late,
                TICKS_MERGED => &mut counters.merged,
                _ => continue,
            };
            is_found = true;
            *counter = value.parse().ok()?;
        }
        is_found.then_some(counters)
    }

    /// What happened since `before`.
    pub(crate) fn since(&self, before: &Self) -> TickReport {
        let buckets: Vec<_> = self
            .buckets
            .iter()
            .map(|(bound, count)| {
                let known = before.buckets.iter().find(|(known, _)| known == bound);
                (
                    *bound,
                    count.saturating_sub(known.map_or(0, |(_, count)| *count)),
                )
            })
            .collect();
        TickReport {
            ticks: self.ticks.saturating_sub(before.ticks),
            late: self.late.saturating_sub(before.late),
            merged: self.merged.saturating_sub(before.merged),
            p50_ms: quantile_ms(&buckets, 0.50),
            p99_ms: quantile_ms(&buckets, 0.99),
        }
    }
}

/// The bound below which a share of the ticks is.
fn quantile_ms(buckets: &[(f64, u64)], quantile: f64) -> Option<f64> {
    let (_, all) = buckets.last().filter(|(_, all)| *all > 0)?;
    let (bound, _) = buckets
        .iter()
        .find(|(_, count)| *count as f64 >= quantile * *all as f64)?;
    // Without the noise of binary fractions: 0.1 ms and not 0.10000000000000002.
    bound.is_finite().then(|| (bound * 1e6).round() / 1e3)
}

fn with_slash(url: &str) -> String {
    format!("{}/", url.trim_end_matches('/'))
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
    #[error("{0}")]
    Request(#[from] hyper::http::Error),
    #[error("the token is not that of this server")]
    Unauthorized,
    #[error("the answer is {0}")]
    Status(hyper::StatusCode),
    #[error("the answer is no text")]
    Text,
}

async fn get(admin: &Admin, url: &str) -> Result<String, FetchError> {
    let host = admin.url.host().unwrap_or_default();
    let authority = format!("{host}:{}", admin.url.port_u16().unwrap_or(80));
    let stream = TcpStream::connect(&authority).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; what goes wrong on it comes back from the request.
    let connection = tokio::spawn(connection);
    let path = url.splitn(4, '/').nth(3).unwrap_or_default();
    let request = Request::get(format!("/{path}"))
        .header(HOST, authority)
        .header(AUTHORIZATION, format!("Bearer {}", admin.token))
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    match response.status() {
        hyper::StatusCode::OK => {}
        hyper::StatusCode::UNAUTHORIZED => return Err(FetchError::Unauthorized),
        other => return Err(FetchError::Status(other)),
    }
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    String::from_utf8(body.into()).map_err(|_| FetchError::Text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ticks: u64, late: u64, buckets: [u64; 3]) -> String {
        let [a, b, all] = buckets;
        format!(
            "# HELP parlor_ticks Ticks run.\n# TYPE parlor_ticks counter\nparlor_ticks_total {ticks}\n\
             parlor_ticks_late_total {late}\nparlor_ticks_merged_total 1\nparlor_tick_lateness_seconds_sum 0.5\n\
             parlor_tick_lateness_seconds_bucket{{le=\"0.0001\"}} {a}\n\
             parlor_tick_lateness_seconds_bucket{{le=\"0.0002\"}} {b}\n\
             parlor_tick_lateness_seconds_bucket{{le=\"+Inf\"}} {all}\n# EOF\n"
        )
    }

    fn counters(ticks: u64, late: u64, buckets: [u64; 3]) -> TickCounters {
        TickCounters::parse(&text(ticks, late, buckets)).unwrap()
    }

    #[test]
    fn only_what_happened_in_between_counts() {
        let before = counters(1_000, 900, [0, 0, 1_000]);
        let after = counters(1_100, 901, [60, 99, 1_100]);
        let report = after.since(&before);
        assert_eq!((report.ticks, report.late, report.merged), (100, 1, 0));
        assert_eq!((report.p50_ms, report.p99_ms), (Some(0.1), Some(0.2)));
    }

    #[test]
    fn what_is_above_all_bounds_has_no_bound() {
        let report = counters(100, 1, [60, 98, 100]).since(&TickCounters::default());
        assert_eq!((report.p50_ms, report.p99_ms), (Some(0.1), None));
        assert!(
            report.to_string().contains("p99 above all buckets"),
            "{report}"
        );
    }

    #[test]
    fn rooms_that_never_tick_are_late_by_nothing() {
        let still = counters(100, 1, [60, 98, 100]);
        let report = still.since(&still);
        assert_eq!((report.p50_ms, report.p99_ms), (None, None));
        assert_eq!(report.to_string(), "none run");
    }

    #[test]
    fn text_without_ticks_is_refused() {
        assert_eq!(TickCounters::parse("parlor_rooms 3\n# EOF\n"), None);
        assert_eq!(TickCounters::parse("<html>"), None);
    }
}
