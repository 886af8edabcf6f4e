//! The bytes that `docs/format.md` draws of manifest, segment and block are those of a store.

use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::{EmbeddedStore, Options};
use spoor_store::{Store, Tenant};

use crate::support::requests::{key_value, text};

const FORMAT: &str = include_str!("../../../../docs/format.md");
const T: u64 = 1_790_000_000_000_000_000;

/// Ids are told by their last bytes, times in hundreds of nanoseconds.
fn span(
    trace: u8,
    [id, parent]: [u8; 2],
    name: &str,
    kind: i32,
    [start, duration]: [u64; 2],
) -> Span {
    let id_of = |last| vec![0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, last];
    Span {
        trace_id: [&[0; 8][..], &[0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x76, trace]].concat(),
        span_id: id_of(id),
        parent_span_id: if parent == 0 { Vec::new() } else { id_of(parent) },
        name: name.to_owned(),
        kind,
        start_time_unix_nano: T + start * 100,
        end_time_unix_nano: T + (start + duration) * 100,
        ..Span::default()
    }
}

fn page(path: &str, status: i64) -> Vec<KeyValue> {
    vec![key_value("path", text(path)), key_value("status", Value::IntValue(status))]
}

/// The spans of the page's example.
fn request() -> Vec<u8> {
    let attributes = vec![key_value("service.name", text("shop"))];
    let scope = InstrumentationScope { name: "http".to_owned(), ..Default::default() };
    let spans = vec![
        Span { attributes: page("/a", 200), ..span(1, [1, 0], "GET /", 2, [50_000, 30_000]) },
        span(1, [2, 1], "SELECT", 3, [60_000, 10_000]),
        Span { attributes: page("/b", 404), ..span(2, [3, 9], "GET /", 2, [70_005, 20_000]) },
    ];
    let scope_spans = vec![ScopeSpans { scope: Some(scope), spans, ..ScopeSpans::default() }];
    let resource = Some(Resource { attributes, ..Resource::default() });
    let resource_spans = vec![ResourceSpans { resource, scope_spans, ..ResourceSpans::default() }];
    ExportTraceServiceRequest { resource_spans }.encode_to_vec()
}

/// The bytes that a line begins with, behind the number of a column and before what is told.
fn drawn(line: &str) -> Vec<u8> {
    let line = line.trim_start();
    let line = line.split_once("   ").map_or(line, |(drawn, _)| drawn);
    let behind = line.split_once("  ").filter(|(first, _)| first.parse::<u8>().is_ok());
    let tokens = behind.map_or(line, |(_, rest)| rest).split_whitespace();
    let bytes = tokens.map_while(|token| {
        (token.len() == 2).then(|| u8::from_str_radix(token, 16).ok()).flatten()
    });
    bytes.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_drawn_bytes_are_those_of_a_store() {
    let disk = SimulatedDisk::new(1);
    let arrival = || T + 1_000_000;
    let store =
        EmbeddedStore::open_on(Arc::new(disk.clone()), Options::default(), arrival).unwrap();
    store.write(&Tenant::default(), request().into()).await.unwrap();
    store.settle().await.unwrap();
    let files = ["tenant-/MANIFEST", "tenant-/segment-2"].map(|file| disk.contents(file).unwrap());

    let from = FORMAT.find("\n## Manifest").unwrap();
    let to = FORMAT.find("\n## Codecs").unwrap();
    let mut lines = 0;
    let mut is_drawn = false;
    for line in FORMAT[from..to].lines() {
        is_drawn ^= line.starts_with("```");
        let bytes = drawn(line);
        if is_drawn && bytes.len() > 1 {
            let is_there = |file: &Vec<u8>| file.windows(bytes.len()).any(|it| it == bytes);
            assert!(files.iter().any(is_there), "of no store: {line}");
            lines += 1;
        }
    }
    assert!(lines > 60, "only {lines} lines have bytes");
}
