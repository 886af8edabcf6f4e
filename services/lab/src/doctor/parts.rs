//! Whether each part answers, and as itself.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures::future::join_all;
use serde::Deserialize;
use tokio::net::TcpStream;
use tokio::time::{timeout, timeout_at};

use super::api::{self, Failure, Reason, ask_json, ask_text};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::link::Link;
use crate::addresses::Addresses;
use crate::ports::Port;
use crate::ports::known::OTLP_GRPC;

/// How much of the whole time a part may take to answer: it may just have been started.
const SHARE: f64 = 0.15;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Asks the part until it answers.
///
/// # Panics
/// For a link that is no part.
pub async fn examine(lab: &Lab<'_>, link: Link) -> Verdict {
    let port = link.port().expect("a part has a port");
    let outcome = lab.poll(port.part, lab.within(SHARE), async || answer(lab, link, port).await);
    outcome.await.map_err(|failure| explain(&failure, port, lab.addresses))
}

async fn answer(lab: &Lab<'_>, link: Link, port: Port) -> Result<String, Failure> {
    let url = lab.url(port);
    let version = match link {
        Link::Spoor => {
            let question = "spoor whether it is ready";
            let text = ask_text(question, lab.client.get(&format!("{url}/readyz"))).await?;
            return match read_only(&text) {
                Some(reason) => {
                    let reason = Reason::ReadOnly(reason.to_owned());
                    Err(Failure { question: question.to_owned(), reason })
                }
                None => Ok(format!("ready at {url}")),
            };
        }
        Link::Jaeger => {
            let page = api::jaeger::page(lab).await?;
            let version = jaeger_version(&page).ok_or_else(|| {
                Failure::nonsense("jaeger for its UI", "a page of something else")
            })?;
            version.to_owned()
        }
        Link::Collector => {
            api::otlp::nothing(lab).await?;
            connect(&lab.url(OTLP_GRPC)).await?;
            return Ok(format!("takes OTLP over HTTP at {url} and over gRPC"));
        }
        Link::Console => {
            let question = "console whether it is well";
            ask_text(question, lab.client.get(&format!("{url}/healthz"))).await?;
            return Ok(format!("serves its page at {url}"));
        }
        Link::Prometheus => api::prometheus::version(lab).await?,
        Link::Loki => api::loki::version(lab).await?,
        Link::Grafana => api::grafana::version(lab).await?,
        _ => return service(lab, port, &url).await,
    };
    Ok(format!("version {} at {url}", version.trim_start_matches('v')))
}

async fn service(lab: &Lab<'_>, port: Port, url: &str) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Home {
        service: String,
    }
    let question = format!("{} who it is", port.part);
    let Home { service } = ask_json(&question, lab.client.get(&format!("{url}/"))).await?;
    match service == port.part {
        true => Ok(format!("answers at {url}")),
        false => Err(Failure::nonsense(&question, format!("{service} answers at {url}"))),
    }
}

/// Whether somebody listens there, as far as that can be told without speaking gRPC.
async fn connect(url: &str) -> Result<(), Failure> {
    let address = url.trim_start_matches("http://");
    let reason = match timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => Reason::Silence(error.to_string()),
        Err(_) => Reason::Delay(CONNECT_TIMEOUT),
    };
    Err(Failure { question: format!("otel-collector to take OTLP over gRPC at {url}"), reason })
}

/// Why spoor takes no spans, though it is ready for reads.
fn read_only(text: &str) -> Option<&str> {
    Some(text.strip_prefix("ready, but read-only: ")?.trim_end())
}

/// What Jaeger's page tells of it; none for a page that is not Jaeger's.
fn jaeger_version(page: &str) -> Option<&str> {
    let (_, rest) = page.split_once("JAEGER_VERSION")?;
    let version = rest.split_once(r#""gitVersion":""#)?.1.split('"').next()?;
    Some(if version.is_empty() { "unknown" } else { version })
}

/// Why a part does not answer as it must.
fn explain(failure: &Failure, port: Port, addresses: &Addresses) -> Finding {
    let Port { part, variable, .. } = port;
    let start = format!("`docker compose up -d {part}` starts it, natively `lab up`");
    let (cause, fix) = match (&failure.reason, addresses) {
        (Reason::Silence(_), Addresses::Inside) => (
            format!("{part} is not running, or not in this tier"),
            format!("{start}; `docker compose logs {part}` tells why it ended"),
        ),
        (Reason::Silence(_), Addresses::Loopback(_)) => (
            format!("{part} is not running, or its port was moved by {variable}"),
            format!(
                "{start}; if .env sets {variable}, set it here too, or use \
                 `docker compose run --rm doctor`, which needs no published port"
            ),
        ),
        (Reason::Delay(_), _) => (
            format!("{part} hangs: it is there, but does not answer in time"),
            format!(
                "`docker compose logs {part}` tells what it did last, `docker compose restart \
                 {part}` starts it anew"
            ),
        ),
        (Reason::ReadOnly(_), _) => (
            format!("{part} takes no spans: its disk is full or fails"),
            "give its disk space, or give it another disk; it goes on by itself".to_owned(),
        ),
        (Reason::Refusal(status, _), _) if status.is_server_error() => (
            format!("{part} is running but not ready"),
            format!("`docker compose logs {part}` tells what it waits for"),
        ),
        (Reason::Refusal(..) | Reason::Nonsense(_), _) => (
            format!("another program has the port of {part}"),
            format!("set {variable} to a free port, for the lab and for the doctor"),
        ),
    };
    Finding::new(format!("{failure} ({})", addresses.url(port)), cause, fix)
}

/// By how many seconds the clocks of the parts are ahead, from the `Date` of an answer.
pub async fn skews(lab: &Lab<'_>, links: &[Link]) -> BTreeMap<&'static str, f64> {
    let skews = links.iter().filter_map(|link| link.port()).map(async |port| {
        let before = SystemTime::now();
        // Any answer will do; what a service is asked makes no span.
        let request = lab.client.get(&format!("{}/healthz", lab.url(port)));
        let answer = timeout_at(lab.end(), request.send()).await.ok()?.ok()?;
        let after = SystemTime::now();
        let date = answer.headers().get("date")?.to_str().ok()?;
        Some((port.part, skew(before, after, httpdate::parse_http_date(date).ok()?)))
    });
    join_all(skews).await.into_iter().flatten().collect()
}

/// The least by which a clock is ahead that told this date between the two times. The date is cut
/// to whole seconds, and may have been made a second before.
fn skew(before: SystemTime, after: SystemTime, date: SystemTime) -> f64 {
    let [before, after, date] = [before, after, date].map(super::lab::seconds);
    match () {
        () if date > after => date - after,
        () if date + 2.0 < before => date + 2.0 - before,
        () => 0.0,
    }
}

#[cfg(test)]
pub mod tests {
    use reqwest::StatusCode;

    use super::*;
    use crate::ports::known::{LOKI, STORAGE_ADMIN};

    /// Of whatever part, named PART.
    pub fn findings() -> Vec<Finding> {
        let loopback = Addresses::published(|_| None).unwrap();
        let none = String::new;
        let reasons = [
            Reason::Silence(none()),
            Reason::Delay(CONNECT_TIMEOUT),
            Reason::ReadOnly(none()),
            Reason::Refusal(StatusCode::SERVICE_UNAVAILABLE, none()),
            Reason::Nonsense(none()),
        ];
        let mut findings =
            reasons.map(|reason| explain(&failure(reason), LOKI, &loopback)).to_vec();
        findings.push(explain(&failure(Reason::Silence(none())), LOKI, &Addresses::inside()));
        for Finding { cause, fix, .. } in &mut findings {
            for text in [cause, fix] {
                *text = text.replace("LOKI_PORT", "VARIABLE").replace("loki", "PART");
            }
        }
        findings
    }

    fn failure(reason: Reason) -> Failure {
        Failure { question: "loki for its version".to_owned(), reason }
    }

    #[test]
    fn a_silent_part_is_told_with_its_variable_and_the_way_without() {
        let addresses = Addresses::published(|_| None).unwrap();
        let silent = failure(Reason::Silence("connection refused".to_owned()));
        let finding = explain(&silent, LOKI, &addresses);
        assert!(finding.evidence.contains("127.0.0.1:3100"), "{finding:?}");
        assert!(finding.cause.contains("LOKI_PORT"), "{finding:?}");
        assert!(finding.fix.contains("`docker compose run --rm doctor`"), "{finding:?}");
    }

    #[test]
    fn a_part_that_hangs_is_not_taken_for_one_that_is_not_there() {
        let addresses = Addresses::published(|_| None).unwrap();
        let finding = explain(&failure(Reason::Delay(CONNECT_TIMEOUT)), LOKI, &addresses);
        assert!(finding.evidence.contains("no answer in 2s"), "{finding:?}");
        assert!(finding.cause.contains("loki hangs"), "{finding:?}");
    }

    #[test]
    fn a_store_that_takes_no_spans_is_told_with_its_reason() {
        assert_eq!(read_only("ready\n"), None);
        let reason = read_only("ready, but read-only: writing log-1: no space\n").unwrap();
        let addresses = Addresses::published(|_| None).unwrap();
        let finding =
            explain(&failure(Reason::ReadOnly(reason.to_owned())), STORAGE_ADMIN, &addresses);
        assert!(finding.evidence.contains("read-only: writing log-1: no space"), "{finding:?}");
        assert!(finding.cause.contains("disk is full"), "{finding:?}");
    }

    #[test]
    fn from_inside_no_published_port_is_blamed() {
        let silent = failure(Reason::Silence("no such host".to_owned()));
        let finding = explain(&silent, LOKI, &Addresses::inside());
        assert!(finding.evidence.contains("loki:3100"), "{finding:?}");
        assert!(!finding.cause.contains("LOKI_PORT"), "{finding:?}");
    }

    #[test]
    fn the_version_is_read_from_jaegers_page_and_from_no_other() {
        let page = r#"JAEGER_VERSION = {"gitCommit":"","gitVersion":"v2.13.0","buildDate":""};"#;
        assert_eq!(jaeger_version(page), Some("v2.13.0"));
        assert_eq!(jaeger_version("<title>Grafana</title>"), None);
    }

    #[test]
    fn a_clock_is_ahead_or_behind_by_more_than_a_date_leaves_open() {
        let at = |seconds: f64| SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds);
        assert_eq!(skew(at(100.2), at(100.3), at(100.0)), 0.0);
        assert_eq!(skew(at(101.1), at(101.2), at(100.0)), 0.0);
        assert_eq!(skew(at(100.0), at(100.5), at(190.0)), 89.5);
        assert_eq!(skew(at(100.0), at(100.5), at(38.0)), -60.0);
    }
}
