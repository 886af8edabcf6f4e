//! Grafana's files: what Grafana would leave out or get wrong without a word is an error here.
//! Each check is also run on copies with a mistake, which it must find.

mod grafana;
mod keys;
mod links;
mod names;
mod panels;

use grafana::{Files, at};
use serde_json::{Value, json};

type Check = fn(&Files) -> Vec<String>;
type Mistake = fn(&mut Files);

#[test]
fn every_link_leads_to_a_data_source_or_a_dashboard_that_exists() {
    holds(links::complaints);
}

#[test]
fn a_wrong_link_is_found() {
    finds(
        links::complaints,
        &[
            ("a panel's data source", "loki2", |files| {
                *at(files.dashboard("lab"), "/panels/0/datasource/uid") = json!("loki2");
            }),
            ("a query's data source", "tempo", |files| {
                *at(files.dashboard("lab"), "/panels/0/targets/0/datasource/uid") = json!("tempo");
            }),
            ("a query's kind of data source", "loki", |files| {
                *at(files.dashboard("lab"), "/panels/0/targets/0/datasource/type") = json!("loki");
            }),
            ("the data source of a link to Explore", "jaegr", |files| {
                let panels = at(files.dashboard("lab"), "/panels").as_array_mut().unwrap();
                let link =
                    json!({ "title": "", "url": "", "internal": { "datasourceUid": "jaegr" } });
                panels[0]["fieldConfig"]["defaults"]["links"] = json!([link]);
            }),
            ("the dashboard of a link", "/d/servce", |files| {
                let link = json!({ "title": "", "url": "/d/servce?var-service=app-a" });
                *at(files.dashboard("lab"), "/panels/0/fieldConfig/defaults/links") = json!([link]);
            }),
            ("the data source of exemplars", "loki", |files| {
                *at(
                    files.datasource("prometheus"),
                    "/jsonData/exemplarTraceIdDestinations/0/datasourceUid",
                ) = json!("loki");
            }),
            ("the label of exemplars", "traceID", |files| {
                *at(
                    files.datasource("prometheus"),
                    "/jsonData/exemplarTraceIdDestinations/0/name",
                ) = json!("traceID");
            }),
            ("no exemplars' destination at all", "exemplarTraceIdDestinations", |files| {
                *at(files.datasource("prometheus"), "/jsonData/exemplarTraceIdDestinations") =
                    json!([]);
            }),
            ("the data source of a log line's link", "prometheus", |files| {
                *at(files.datasource("loki"), "/jsonData/derivedFields/0/datasourceUid") =
                    json!("prometheus");
            }),
            ("a log line's link by its text", "matcherType", |files| {
                *at(files.datasource("loki"), "/jsonData/derivedFields/0/matcherType") =
                    json!("regex");
            }),
            ("a variable with one dollar", "$${__value.raw}", |files| {
                *at(files.datasource("loki"), "/jsonData/derivedFields/0/url") =
                    json!("${__value.raw}");
            }),
            ("the data source of a span's logs", "jaeger", |files| {
                *at(files.datasource("jaeger"), "/jsonData/tracesToLogsV2/datasourceUid") =
                    json!("jaeger");
            }),
            ("a span's logs by another key", "trace_id", |files| {
                *at(files.datasource("jaeger"), "/jsonData/tracesToLogsV2/query") =
                    json!("{$${__tags}} |= \"$${__trace.traceId}\"");
            }),
            ("the data source of a span's metrics", "loki", |files| {
                *at(files.datasource("jaeger"), "/jsonData/tracesToMetrics/datasourceUid") =
                    json!("loki");
            }),
            ("a span's service under another label", "service.name", |files| {
                *at(files.datasource("jaeger"), "/jsonData/tracesToMetrics/tags/0/value") =
                    json!("service");
            }),
            ("two data sources of one uid", "loki", |files| {
                *at(files.datasource("jaeger"), "/uid") = json!("loki");
            }),
            ("an address that compose does not set", "http://loki:3100", |files| {
                *at(files.datasource("loki"), "/url") = json!("http://loki:3100");
            }),
        ],
    );
}

#[test]
fn provisioning_has_only_keys_that_grafana_knows() {
    holds(keys::complaints);
}

#[test]
fn an_unknown_key_of_provisioning_is_found() {
    finds(
        keys::complaints,
        &[
            ("the old key of trace to logs", "tracesToLogs", |files| {
                let settings = at(files.datasource("jaeger"), "/jsonData").as_object_mut().unwrap();
                let value = settings.remove("tracesToLogsV2").unwrap();
                settings.insert("tracesToLogs".to_owned(), value);
            }),
            ("a key of a derived field", "regex", |files| {
                *at(files.datasource("loki"), "/jsonData/derivedFields/0") =
                    json!({ "regex": "trace_id" });
            }),
            ("another data source's key", "derivedFields", |files| {
                *at(files.datasource("prometheus"), "/jsonData/derivedFields") =
                    json!([{ "name": "" }]);
            }),
            ("a key of a data source", "orgID", |files| {
                *at(files.datasource("loki"), "/orgID") = json!(1);
            }),
            ("a key of a dashboards' provider", "paths", |files| {
                *at(&mut files.providers[0].1, "/providers/0/options/paths") = json!("/dashboards");
            }),
        ],
    );
}

#[test]
fn every_panel_says_what_it_shows_and_in_which_unit() {
    holds(panels::complaints);
}

#[test]
fn a_panel_or_dashboard_out_of_line_is_found() {
    finds(
        panels::complaints,
        &[
            ("no title", "title", |files| {
                *at(files.dashboard("lab"), "/panels/0/title") = json!("");
            }),
            ("no description", "description", |files| {
                *at(files.dashboard("lab"), "/panels/0/description") = Value::Null;
            }),
            ("no unit", "unit", |files| {
                *at(files.dashboard("lab"), "/panels/0/fieldConfig/defaults/unit") = Value::Null;
            }),
            ("an id used twice", "id 2", |files| {
                *at(files.dashboard("lab"), "/panels/0/id") = json!(2);
            }),
            ("panels over each other", "overlaps", |files| {
                *at(files.dashboard("lab"), "/panels/0/gridPos/w") = json!(5);
            }),
            ("a panel beyond the edge", "24", |files| {
                *at(files.dashboard("lab"), "/panels/0/gridPos/x") = json!(21);
            }),
            ("a name used twice in a panel", "refId", |files| {
                let targets =
                    at(files.dashboard("spoor"), "/panels/7/targets").as_array_mut().unwrap();
                targets[1]["refId"] = json!("A");
            }),
            ("a rate over less than two scrapes", "interval", |files| {
                at(files.dashboard("lab"), "/panels/0/targets/0")
                    .as_object_mut()
                    .unwrap()
                    .remove("interval");
            }),
            ("emptiness that is hidden", "vector(0)", |files| {
                *at(files.dashboard("lab"), "/panels/0/targets/0/expr") =
                    json!("sum(up) or vector(0)");
            }),
            ("a latency without exemplars", "exemplar", |files| {
                for panel in at(files.dashboard("lab"), "/panels").as_array_mut().unwrap() {
                    for target in panel["targets"].as_array_mut().unwrap() {
                        target.as_object_mut().unwrap().remove("exemplar");
                    }
                }
            }),
            ("another refresh", "refresh", |files| {
                *at(files.dashboard("lab"), "/refresh") = json!("1m");
            }),
            ("a uid that is not the file's name", "uid", |files| {
                *at(files.dashboard("lab"), "/uid") = json!("overview");
            }),
        ],
    );
}

#[test]
fn span_metrics_have_one_name_in_every_file() {
    holds(names::complaints);
}

#[test]
fn a_name_that_nobody_makes_is_found() {
    finds(
        names::complaints,
        &[
            ("another namespace at the Collector", "spans_calls_total", |files| {
                *at(&mut files.collector, "/connectors/spanmetrics/namespace") = json!("spans");
            }),
            ("another unit at the Collector", "duration_seconds", |files| {
                *at(&mut files.collector, "/connectors/spanmetrics/histogram/unit") = json!("s");
            }),
            ("a prefix at the Collector's exporter", "namespace", |files| {
                *at(&mut files.collector, "/exporters/prometheus/namespace") = json!("lab");
            }),
            ("another namespace at Jaeger", "metric_namespace", |files| {
                *at(files.jaeger_metrics(), "/metric_namespace") = json!("spans");
            }),
            ("another unit at Jaeger", "latency_unit", |files| {
                *at(files.jaeger_metrics(), "/latency_unit") = json!("s");
            }),
            ("calls without their suffix at Jaeger", "normalize_calls", |files| {
                *at(files.jaeger_metrics(), "/normalize_calls") = json!(false);
            }),
            ("durations without their suffix at Jaeger", "normalize_duration", |files| {
                *at(files.jaeger_metrics(), "/normalize_duration") = json!(false);
            }),
            ("another namespace in a query", "spanmetrics_calls_total", |files| {
                files.queries[0].expression = "sum(spanmetrics_calls_total)".to_owned();
            }),
            ("another unit in a query", "traces_span_metrics_duration_seconds_bucket", |files| {
                files.queries[0].expression =
                    "traces_span_metrics_duration_seconds_bucket".to_owned();
            }),
            ("a recorded rule among counted alerts", "availability", |files| {
                let mut groups = files.rules.iter_mut().map(|(_, file)| &mut file["groups"][0]);
                let group = groups.find(|group| group["name"] == "availability").unwrap();
                group["rules"][0] = json!({ "record": "lab:up", "expr": "sum(up)" });
            }),
            ("a rule that does not exist", "service:errors:rate1m", |files| {
                files.queries[0].expression = "max(service:errors:rate1m)".to_owned();
            }),
        ],
    );
}

fn holds(check: Check) {
    let complaints = check(&Files::read().unwrap());
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

/// Each mistake makes a complaint that has this text in it.
fn finds(check: Check, mistakes: &[(&str, &str, Mistake)]) {
    let good = Files::read().unwrap();
    for (name, expected, mistake) in mistakes {
        let mut files = good.clone();
        mistake(&mut files);
        let complaints = check(&files).join("\n");
        assert!(complaints.contains(expected), "{name}: {complaints}");
    }
}
