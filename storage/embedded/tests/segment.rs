//! Spans in blocks in a segment, and back.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_embedded::bitmap::Bitmap;
use spoor_embedded::block::Encoder;
use spoor_embedded::block::entries::{field_entry, trace_entries};
use spoor_embedded::disk::SimulatedDisk;
use spoor_embedded::rows::Rows;
use spoor_embedded::segment::{Catalogue, NewSegment, Segment, SegmentError, SegmentWriter};
use spoor_store::TraceId;
use spoor_store::filter::Field;
use spoor_store::ingest;

const SPANS_PER_TRACE: u8 = 3;

fn trace_id(trace: u8) -> TraceId {
    TraceId::from_slice(&[trace; 16]).unwrap()
}

/// Rows of one trace whose spans have its number as their name.
fn rows(trace: u8) -> Rows {
    let span = |number| Span {
        trace_id: vec![trace; 16],
        span_id: vec![number; 8],
        name: format!("span of {trace}"),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        ..Span::default()
    };
    let spans = (1..=SPANS_PER_TRACE).map(span).collect();
    let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
    let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
    let request = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
    let mut rows = Rows::new();
    rows.append(&ingest::split(&request, 0).unwrap());
    rows
}

#[test]
fn a_trace_is_found_through_the_filters() {
    let disk = SimulatedDisk::new(1);
    let new = NewSegment { number: 1, level: 0, arrival_min: 5, arrival_max: 6 };
    let mut writer = SegmentWriter::create(&disk, "", new).unwrap();
    let mut encoder = Encoder::new().unwrap();
    for trace in 1..=20 {
        let rows = rows(trace);
        let order: Vec<u32> = (0..rows.len()).collect();
        writer.push(&encoder.encode(&rows, &order).unwrap()).unwrap();
    }
    let catalogue = Catalogue::default();
    let info = writer.finish(&mut catalogue.operations(), &mut catalogue.attributes()).unwrap();
    assert_eq!((info.spans, info.traces, info.blocks), (60, 20, 20));

    let segment = Segment::open(&disk, "segment-1").unwrap();
    let everywhere = Bitmap::all(20);
    for trace in 1..=20 {
        let name = field_entry(Field::SpanName, &format!("span of {trace}")).unwrap();
        let entries = [trace_entries(&trace_id(trace))[0], name];
        for candidates in segment.candidates(&entries, &everywhere).blocks {
            let has_trace = |block: &usize| {
                let block = segment.block(*block as u32).unwrap();
                block.find(&trace_id(trace)).unwrap() == Some(0..SPANS_PER_TRACE.into())
            };
            let found: Vec<usize> = candidates.iter().filter(has_trace).collect();
            assert_eq!(found, [usize::from(trace) - 1]);
        }
    }
}

#[test]
fn a_damaged_block_is_named() {
    let disk = SimulatedDisk::new(1);
    let new = NewSegment { number: 7, level: 0, arrival_min: 5, arrival_max: 6 };
    let mut writer = SegmentWriter::create(&disk, "", new).unwrap();
    let rows = rows(1);
    let block = Encoder::new().unwrap().encode(&rows, &[0, 1, 2]).unwrap();
    writer.push(&block).unwrap();
    writer.push(&block).unwrap();
    let catalogue = Catalogue::default();
    writer.finish(&mut catalogue.operations(), &mut catalogue.attributes()).unwrap();
    let segment = Segment::open(&disk, "segment-7").unwrap();
    let offset = segment.blocks()[1].offset as usize;
    disk.flip("segment-7", offset, 0xff).unwrap();
    segment.block(0).unwrap().check().unwrap();
    let error = segment.block(1).unwrap_err();
    assert!(matches!(error, SegmentError::Block { block: 1, .. }), "{error}");
    assert!(error.to_string().starts_with("reading block 1 of segment segment-7: "), "{error}");
}
