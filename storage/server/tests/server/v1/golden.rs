//! Spans in both models as Jaeger's own translator converts them. `e2e/go/v1-vectors` makes the
//! files; a test of `e2e` checks that it would make the same ones again.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use serde::Deserialize;
use spoor_proto::RawTraces;
use spoor_proto::api_v2::Span;

use super::{get_trace, start, write};
use crate::support::read;

#[derive(Deserialize)]
struct Vector {
    name: String,
    v1: Vec<String>,
    otlp: String,
}

fn vectors(file: &str) -> Vec<Vector> {
    let vectors: Vec<Vector> = serde_json::from_str(file).unwrap();
    assert!(vectors.len() > 30, "{}", vectors.len());
    vectors
}

fn bytes(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text).unwrap()
}

fn id(span: &Span) -> u128 {
    u128::from_be_bytes(span.trace_id[..].try_into().unwrap())
}

#[tokio::test]
async fn spans_become_otlp_as_in_jaeger() {
    let server = start().await;
    for vector in vectors(include_str!("vectors/to-otlp.json")) {
        let [span] = &vector.v1[..] else { panic!("one span") };
        let span = Span::decode(&*bytes(span)).unwrap();
        write(&server, span.clone()).await.unwrap();
        let mut chunks = read(&mut server.reader(), id(&span)).await;
        let found = TracesData::decode(chunks.remove(0).0).unwrap();
        let expected = TracesData::decode(&*bytes(&vector.otlp)).unwrap();
        assert_eq!(normal(found), normal(expected), "{}", vector.name);
    }
}

#[tokio::test]
async fn otlp_becomes_spans_as_in_jaeger() {
    let server = start().await;
    for vector in vectors(include_str!("vectors/from-otlp.json")) {
        server.write(RawTraces(bytes(&vector.otlp).into())).await;
        let expected: Vec<_> =
            vector.v1.iter().map(|span| Span::decode(&*bytes(span)).unwrap()).collect();
        let mut found = get_trace(&server, &expected[0].trace_id).await.unwrap();
        found.sort_by_key(|span| span.span_id.clone());
        assert_eq!(found, expected, "{}", vector.name);
    }
}

/// The same where only a part may be absent that tells nothing, and attributes, whose order means
/// nothing, in the order of their keys.
fn normal(mut data: TracesData) -> TracesData {
    let sort = |attributes: &mut Vec<KeyValue>| attributes.sort_by(|a, b| a.key.cmp(&b.key));
    for resource in &mut data.resource_spans {
        sort(&mut resource.resource.get_or_insert_default().attributes);
        for scope in &mut resource.scope_spans {
            scope.scope.get_or_insert_default();
            for span in &mut scope.spans {
                span.status.get_or_insert_default();
                sort(&mut span.attributes);
                span.events.iter_mut().for_each(|event| sort(&mut event.attributes));
            }
        }
    }
    data
}
