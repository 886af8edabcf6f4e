//! Where else to look at a trace.

use maud::{Markup, html};
use serde_json::json;
use traces::Trace;

use super::link::query;
use crate::config::Links;

/// What is shown around a trace, in milliseconds: figures come every few seconds.
const AROUND: u64 = 300_000;

/// The same in the parts that this lab has.
pub(crate) fn elsewhere(links: &Links, id: &str, trace: &Trace) -> Markup {
    let (start, end) = trace.window();
    let (from, to) = (start / 1_000_000, end / 1_000_000);
    let (from, to) = (from.saturating_sub(AROUND), to.saturating_add(AROUND));
    html! {
        section.elsewhere aria-labelledby="elsewhere" {
            h2 #elsewhere { "The same elsewhere" }
            ul {
                @if let Some(jaeger) = &links.jaeger {
                    li { a href={ (jaeger) "/trace/" (id) } { "this trace in Jaeger" } }
                }
                @if let Some(prometheus) = &links.prometheus {
                    li { a href={ (prometheus) "/graph" (graph(trace)) } { "rates of its services in Prometheus" } }
                }
                @if let Some(loki) = &links.loki {
                    li {
                        a href={ (loki) "/loki/api/v1/query_range" (lines(id, from, to)) } { "its log lines in Loki" }
                        ", as JSON: Loki has no page"
                    }
                }
                @if let Some(grafana) = &links.grafana {
                    li { a href={ (grafana) "/explore" (logs(id, from, to)) } { "its logs in Grafana, from Loki" } }
                    li { a href={ (grafana) "/d/lab" (times(from, to)) } { "the lab's dashboard at that time, in Grafana" } }
                }
                li { a href={ "/search" (services(trace)) } { "other traces of " (first(trace)) " here" } }
            }
            (missing(links))
        }
    }
}

/// What this lab does not have.
fn missing(links: &Links) -> Markup {
    let Links { jaeger, prometheus, loki, grafana } = links;
    let parts =
        [("Jaeger", jaeger), ("Prometheus", prometheus), ("Loki", loki), ("Grafana", grafana)];
    let missing: Vec<_> =
        parts.iter().filter(|(_, url)| url.is_none()).map(|(name, _)| *name).collect();
    html! { @if !missing.is_empty() { p.missing { "Not in this lab: " (missing.join(", ")) "." } } }
}

fn first(trace: &Trace) -> Markup {
    let service = trace.first().map(|span| &*span.service).filter(|service| !service.is_empty());
    html! { @match service { Some(service) => (super::text::short(service)), None => "any service" } }
}

fn services(trace: &Trace) -> String {
    query(&[("service", trace.first().map_or("", |span| &span.service))])
}

fn times(from: u64, to: u64) -> String {
    query(&[("from", &from.to_string()), ("to", &to.to_string())])
}

/// Requests a second, by service. A name that would have to be quoted is not asked for.
fn graph(trace: &Trace) -> String {
    let is_plain = |name: &&str| {
        !name.is_empty() && name.bytes().all(|it| it.is_ascii_alphanumeric() || b"-_".contains(&it))
    };
    let names: Vec<_> = trace.services().into_iter().filter(is_plain).collect();
    let of = match names.is_empty() {
        true => String::new(),
        false => format!(", service_name=~\"{}\"", names.join("|")),
    };
    let rate =
        format!("rate(traces_span_metrics_calls_total{{span_kind=\"SPAN_KIND_SERVER\"{of}}}[1m])");
    let expression = format!("sum by (service_name) ({rate})");
    query(&[("g0.expr", &expression), ("g0.tab", "0"), ("g0.range_input", "15m")])
}

/// Of the trace, from any service.
fn logql(id: &str) -> String {
    format!("{{service_name=~\".+\"}} | trace_id = \"{id}\"")
}

/// Times are nanoseconds there.
fn lines(id: &str, from: u64, to: u64) -> String {
    let nanoseconds = |time: u64| time.saturating_mul(1_000_000).to_string();
    let times = [from, to].map(nanoseconds);
    query(&[
        ("query", &logql(id)),
        ("start", &times[0]),
        ("end", &times[1]),
        ("direction", "forward"),
    ])
}

/// As `compose/jaeger/ui.json` has it.
fn logs(id: &str, from: u64, to: u64) -> String {
    let panes = json!({ "logs": {
        "datasource": "loki",
        "queries": [{
            "refId": "A",
            "datasource": { "type": "loki", "uid": "loki" },
            "queryType": "range",
            "expr": logql(id),
        }],
        "range": { "from": from.to_string(), "to": to.to_string() },
    }});
    query(&[("schemaVersion", "1"), ("orgId", "1"), ("panes", &panes.to_string())])
}

#[cfg(test)]
mod tests {
    use traces::Span;

    use super::*;

    #[test]
    fn a_link_leads_to_configured_parts_alone_and_quotes_what_telemetry_says() {
        let service = "app-a\"} or vector(1) #".to_owned();
        let spans = [service, "app-b".to_owned()].map(|service| Span {
            id: service.clone(),
            service,
            start: 1_000_000_000_000,
            end: 1_000_000_000_000,
            ..Span::default()
        });
        let trace = Trace::of(spans.into());
        let links =
            Links { prometheus: Some("http://127.0.0.1:9090".to_owned()), ..Links::default() };
        let page = elsewhere(&links, "4b", &trace).into_string();
        assert!(page.contains("http://127.0.0.1:9090/graph?g0.expr=sum"), "{page}");
        assert!(page.contains("service_name%3D~%22app-b%22"), "{page}");
        assert!(page.contains("Not in this lab: Jaeger, Loki, Grafana."), "{page}");
        assert_eq!(page.matches("http://").count(), 1, "{page}");
        let links = Links { loki: Some("http://127.0.0.1:3100".to_owned()), ..Links::default() };
        let page = elsewhere(&links, "4b", &trace).into_string();
        let expected = "http://127.0.0.1:3100/loki/api/v1/query_range?query=%7Bservice_name%3D~%22.%2B%22%7D\
                        %20%7C%20trace_id%20%3D%20%224b%22&amp;start=700000000000&amp;end=1300000000000";
        assert!(page.contains(expected), "{page}");
        let links = Links { grafana: Some("http://127.0.0.1:3000".to_owned()), ..Links::default() };
        let page = elsewhere(&links, "4b", &trace).into_string();
        assert!(page.contains("/d/lab?from=700000&amp;to=1300000"), "{page}");
    }
}
