//! The headers that carry the context, as the spans of the lab show them.

use std::collections::BTreeMap;

use traces::{Span, SpanKind, Storage, Trace};

use crate::process::{Lab, eventually, get_with};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
/// Spans of a request to `/chain`.
const CHAIN: usize = 10;

/// The trace of a request to `/chain`, once spoor has all of it.
fn chain(lab: &Lab, trace_id: &str) -> Trace {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let url = lab.url("STORAGE_PORT");
    let kept = || {
        let kept = async { Storage::new(&url).unwrap().trace(trace_id).await };
        runtime.block_on(kept).unwrap()
    };
    let is_whole = |trace: &Trace| trace.spans().len() == CHAIN;
    eventually(|| Some(kept()).filter(is_whole), || format!("{:#?}", kept().spans()))
}

/// The headers that a span shows, by name; each had one value.
fn shown(span: &Span) -> BTreeMap<&str, String> {
    let prefixes = ["http.request.header.", "rpc.request.metadata."];
    let headers = span.attributes.iter().filter_map(|attribute| {
        let name = prefixes.iter().find_map(|prefix| attribute.key.strip_prefix(prefix))?;
        let values = span.attribute_text(&attribute.key)?;
        Some((name, values.strip_prefix("[\"")?.strip_suffix("\"]")?.to_owned()))
    });
    headers.collect()
}

#[test]
fn both_sides_of_each_hop_show_what_carried_trace_state_and_baggage() {
    let lab = Lab::up();
    let url = format!("{}/chain", lab.url("APP_A_PORT"));
    let context = [("traceparent", PARENT), ("tracestate", "vendor=1"), ("baggage", "tier=gold")];
    get_with(&url, &context);
    let trace = chain(&lab, TRACE);
    let mut hops = Vec::new();
    for server in trace.spans().iter().filter(|span| span.kind == SpanKind::Server) {
        let client = trace.parent(server);
        let parent = &server.parent_id;
        let mut expected: BTreeMap<_, _> = [
            ("traceparent", format!("00-{TRACE}-{parent}-01")),
            ("tracestate", "vendor=1".to_owned()),
            ("baggage", "tier=gold".to_owned()),
            ("uber-trace-id", format!("{TRACE}:{parent}:0:1")),
        ]
        .into();
        // The one that the test asked.
        if client.is_none() {
            expected.remove("uber-trace-id");
        }
        for side in client.into_iter().chain([server]) {
            assert_eq!(shown(side), expected, "{side:#?}");
        }
        hops.extend(client.map(|_| server.name.as_str()));
    }
    hops.sort_unstable();
    assert_eq!(hops, ["GET /", "GET /io_task", "GET /io_task", "demo.v1.Tasks/CpuTask"]);
}

#[test]
fn a_request_with_a_debug_id_is_kept_by_a_lab_that_keeps_no_other() {
    let lab = Lab::up_with(|c| {
        c.env("OTEL_TRACES_SAMPLER", "always_off");
    });
    let url = format!("{}/chain", lab.url("APP_A_PORT"));
    assert_eq!(get_with(&url, &[])["sampled"], false);
    let answer = get_with(&url, &[("jaeger-debug-id", "ticket-17")]);
    let trace = chain(&lab, answer["trace_id"].as_str().unwrap());
    let roots: Vec<_> = trace.roots().collect();
    let [root] = roots[..] else { panic!("{roots:#?}") };
    assert_eq!(shown(root), [("jaeger-debug-id", "ticket-17".to_owned())].into());
}

#[test]
fn what_the_shell_says_of_headers_and_propagators_holds() {
    let lab = Lab::up_with(|c| {
        c.env("OTEL_PROPAGATORS", "tracecontext");
        c.env("OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST", "tracestate");
    });
    let url = format!("{}/chain", lab.url("APP_A_PORT"));
    let context = [("traceparent", PARENT), ("tracestate", "vendor=1"), ("baggage", "tier=gold")];
    get_with(&url, &context);
    for span in chain(&lab, TRACE).spans() {
        let is_http_server = span.kind == SpanKind::Server && span.name.starts_with("GET ");
        let expected: &[&str] = match span.kind {
            _ if is_http_server => &["tracestate"],
            SpanKind::Internal => &[],
            _ => &["traceparent", "tracestate"],
        };
        assert!(shown(span).keys().eq(expected), "{span:#?}");
    }
}
