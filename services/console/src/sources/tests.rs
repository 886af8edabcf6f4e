//! Against a storage server in this process; Prometheus, Loki and the lab's lines are stand-ins,
//! which answer in the shapes of the real ones.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::SystemTime;

use axum::Router;
use axum::extract::Query;
use axum::routing::get;
use opentelemetry_proto::tonic::trace::v1 as otlp;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use traces::{Operation, Trace};

use super::*;
use crate::config::Config;
use crate::tests::stand::{Stand, serve};
use crate::tests::telemetry::of;

const MINUTE: Duration = Duration::from_secs(60);
const ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn config(storage: &str) -> Config {
    Config::new(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), storage)
}

fn sources(config: &Config) -> Sources {
    Sources::new(config).unwrap()
}

/// A part that answers every question in these words.
async fn part(answer: &'static str) -> String {
    serve(Router::new().fallback(get(async move || answer))).await
}

/// A request of the last minute that took so many milliseconds.
fn span(trace: u128, id: u64, parent: u64, kind: SpanKind, milliseconds: u64) -> otlp::Span {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 - 10_000_000_000;
    otlp::Span {
        trace_id: trace.to_be_bytes().into(),
        span_id: id.to_be_bytes().into(),
        parent_span_id: if parent == 0 { Vec::new() } else { parent.to_be_bytes().into() },
        name: "GET /chain".to_owned(),
        kind: kind.into(),
        start_time_unix_nano: now,
        end_time_unix_nano: now + milliseconds * 1_000_000,
        ..Default::default()
    }
}

#[tokio::test]
async fn without_prometheus_figures_are_those_of_the_spans_that_spoor_has() {
    let spoor = Stand::start().await;
    let server = |trace: u128, ms| span(trace, 1, 0, SpanKind::Server, ms);
    let mut all: Vec<_> = (1..=3).map(|it| server(it, it as u64 * 10)).collect();
    all[0].status = Some(otlp::Status { code: 2, ..Default::default() });
    all.push(span(1, 2, 1, SpanKind::Client, 5));
    spoor.write(vec![of("app-a", all)]).await;
    spoor.write(vec![of("app-b", vec![span(1, 3, 2, SpanKind::Consumer, 4)])]).await;
    let sources = sources(&config(&spoor.storage));

    let answer = sources.red(&["app-a"], SystemTime::now(), MINUTE).await;
    assert_eq!(answer.lacks, [Lack { of: Origin::Prometheus, why: Why::Absent }]);
    let (reds, by) = answer.told.unwrap();
    assert_eq!((by, reds.over, reds.cut), (Origin::Spoor, MINUTE, None));
    let [(operation, requests)] = &reds.value.iter().collect::<Vec<_>>()[..] else { panic!() };
    let expected = Operation { service: "app-a".to_owned(), name: "GET /chain".to_owned() };
    assert_eq!(**operation, expected);
    assert_eq!((requests.count, requests.errors), (3.0, 1.0));
    assert_eq!(requests.durations.quantile(0.5), Some(20e6));

    let all = sources.red(&[], SystemTime::now(), MINUTE).await.told.unwrap().0;
    assert_eq!(all.value.len(), 2, "a consumer answers, too");
    let before = SystemTime::now() - MINUTE;
    let earlier = sources.red(&[], before, MINUTE).await.told.unwrap().0;
    assert!(earlier.value.is_empty());
}

#[tokio::test]
async fn prometheus_that_knows_nothing_so_far_leaves_it_to_spoor() {
    let spoor = Stand::start().await;
    let nothing = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;
    for (answer, why) in [(nothing, Why::Empty), ("{}", Why::Refused(String::new()))] {
        let prometheus = Some(part(answer).await);
        let config = Config { prometheus, ..config(&spoor.storage) };
        let answer = sources(&config).red(&[], SystemTime::now(), MINUTE).await;
        let [Lack { of: Origin::Prometheus, why: told }] = &answer.lacks[..] else { panic!() };
        assert_eq!(std::mem::discriminant(told), std::mem::discriminant(&why), "{told:?}");
        assert_eq!(answer.told.unwrap().1, Origin::Spoor);
    }
}

#[tokio::test]
async fn of_too_many_spans_the_latest_are_read_and_the_time_is_theirs() {
    let spoor = Stand::start().await;
    let now = SystemTime::now();
    let nanoseconds = |time: SystemTime| time.duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
    let spans = (1..=20_u64).map(|ago| {
        let start = nanoseconds(now - Duration::from_secs(ago));
        let span = span(ago.into(), ago, 0, SpanKind::Server, 1);
        otlp::Span { start_time_unix_nano: start, end_time_unix_nano: start + 1, ..span }
    });
    spoor.write(vec![of("app-a", spans.collect())]).await;
    let sources = sources(&config(&spoor.storage));
    let window = Window { start: now - MINUTE, end: now };
    let latest = sources.latest(window, None, 5, |it| it).await.unwrap();
    assert_eq!((latest.value.len(), latest.cut), (5, Some(5)));
    assert_eq!(latest.over.as_millis(), 5_000, "the fifth was 5 s ago");
    let all = sources.latest(window, None, 20, |it| it).await.unwrap();
    assert_eq!((all.value.len(), all.cut, all.over), (20, None, MINUTE));
}

#[tokio::test]
async fn calls_are_those_of_the_traces_of_the_last_minutes() {
    let spoor = Stand::start().await;
    let caller = vec![span(1, 1, 0, SpanKind::Server, 9), span(1, 2, 1, SpanKind::Client, 8)];
    spoor.write(vec![of("app-a", caller)]).await;
    spoor.write(vec![of("app-b", vec![span(1, 3, 2, SpanKind::Server, 7)])]).await;
    let answer = sources(&config(&spoor.storage)).topology(MINUTE).await;
    let topology = answer.told.unwrap().0.value;
    let calls: Vec<_> = topology.calls.keys().map(|call| (&*call.from, &*call.to)).collect();
    assert_eq!(calls, [("app-a", "app-b")]);
    assert_eq!(topology.services.len(), 2);
}

#[tokio::test]
async fn a_storage_server_that_is_away_is_named_with_the_reason() {
    // Bound and closed again: nobody listens there.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let answer = sources(&config(&format!("http://{nobody}"))).topology(MINUTE).await;
    assert!(answer.told.is_none());
    let [lack] = &answer.lacks[..] else { panic!() };
    assert!(lack.to_string().starts_with("spoor: asking spoor on "), "{lack}");
}

#[tokio::test]
async fn a_traces_lines_are_lokis_and_else_the_labs() {
    let loki = |name: &'static str| async move {
        let answer = async move |Query(query): Query<HashMap<String, String>>| {
            assert_eq!(query["query"], format!(r#"{{service_name=~".+"}} | trace_id="{ID}""#));
            let times = ["start", "end"].map(|time| query[time].parse::<u64>().unwrap());
            assert_eq!(times, [40_000_000_000, 162_000_000_000], "a minute before and after");
            format!(
                r#"{{"status":"success","data":{{"resultType":"streams","result":[
                {{"stream":{{"service_name":"{name}"}},"values":[["100000000001","hello"]]}}]}}}}"#
            )
        };
        serve(Router::new().route("/loki/api/v1/query_range", get(answer))).await
    };
    let lines = part(r#"[{"part":"app-b","line":"hello"}]"#).await;
    let span = |id: &str| Span {
        trace_id: ID.to_owned(),
        id: id.to_owned(),
        start: 100_000_000_000,
        end: 102_000_000_000,
        ..Span::default()
    };
    let trace = Trace::of(vec![span("1")]);
    let told = async |loki, lines| {
        let sources = sources(&Config { loki, lines, ..config("http://127.0.0.1:1") });
        let answer = sources.logs(&ID.to_uppercase(), &trace).await;
        let told = answer.told.map(|(logs, by)| (logs.lines[0].service.clone(), by));
        (told, answer.lacks.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let loki = loki("app-a").await;
    let from = |service: &str, by| Some((service.to_owned(), by));
    assert_eq!(told(Some(loki.clone()), None).await, (from("app-a", Origin::Loki), vec![]));
    let absent = vec!["Loki: not in this lab".to_owned()];
    assert_eq!(told(None, Some(lines.clone())).await, (from("app-b", Origin::Lines), absent));
    let empty = part(r#"{"data":{"result":[]}}"#).await;
    let so_far = vec!["Loki: nothing of it so far".to_owned()];
    assert_eq!(told(Some(empty), Some(lines)).await, (from("app-b", Origin::Lines), so_far));
    let neither = ["Loki: not in this lab", "the lab's lines: not in this lab"];
    assert_eq!(told(None, None).await, (None, neither.map(str::to_owned).into()));
}

#[tokio::test]
async fn nobody_is_asked_for_the_lines_of_what_is_no_trace_id() {
    let sources = sources(&config("http://127.0.0.1:1"));
    let answer = sources.logs("\"} or {", &Trace::default()).await;
    assert!(answer.told.is_none());
    assert_eq!(answer.lacks[0].to_string(), "Loki: a trace id has hexadecimal digits only");
}

#[tokio::test]
async fn a_request_that_prometheus_knows_no_durations_of_is_among_spoors() {
    let spoor = Stand::start().await;
    spoor.write(vec![of("app-a", vec![span(1, 1, 0, SpanKind::Server, 40)])]).await;
    let answer = async |path: &'static str, bucket: &'static str| {
        let told = async move |Query(query): Query<HashMap<String, String>>| {
            let series = |labels: &str, value: &str| {
                format!(
                    r#"{{"metric":{{"service_name":"app-a","span_name":"{path}"{labels}}},"value":[1,"{value}"]}}"#
                )
            };
            let result = match &query["query"] {
                it if it.contains("bucket") => {
                    [series(r#","le":"50""#, bucket), series(r#","le":"+Inf""#, bucket)].join(",")
                }
                it if it.contains("ERROR") => String::new(),
                _ => series("", "7"),
            };
            format!(r#"{{"data":{{"result":[{result}]}}}}"#)
        };
        let prometheus = serve(Router::new().route("/api/v1/query", get(told))).await;
        let sources = sources(&Config { prometheus: Some(prometheus), ..config(&spoor.storage) });
        let trace = sources.storage.trace("1").await.unwrap();
        let answer = sources.red_around(&trace).await;
        let (reds, by) = answer.told.unwrap();
        let requests = reds.value.into_values().next().unwrap();
        let lacks: Vec<_> = answer.lacks.iter().map(ToString::to_string).collect();
        (requests.count, requests.durations.place(40_000_000), by, lacks)
    };
    let whole = (7.0, Some(0.8), Origin::Prometheus, vec![]);
    assert_eq!(answer("GET /chain", "7").await, whole);
    let not_all = vec!["Prometheus: not all of it so far".to_owned()];
    let spans = (1.0, Some(1.0), Origin::Spoor, not_all);
    assert_eq!(answer("GET /chain", "0").await, spans, "a histogram that has just begun");
    assert_eq!(answer("GET /other", "7").await, spans, "an operation that it has not seen");
}
