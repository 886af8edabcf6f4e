use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use spoor_store::{SpanOrder, SpanQuery, TimeRange, TraceId, TraceQuery};
use tokio::task::spawn_blocking;

use super::*;
use crate::budget::{ReadBudget, WORKING_SET};
use crate::demand::Demand;
use crate::disk::{Disk, SimulatedDisk};
use crate::options::Options;
use crate::stream::Stop;
use crate::tenant::Tenant;

/// Each has a late and an early span, in different segments.
const TRACES: u8 = 200;
const LATE: u64 = 1_000;
const EARLIER: u64 = 10;

/// A search that asks whether somebody waits for it.
type Ask<'s> = dyn Fn(&dyn Fn() -> bool) -> Result<(), Stop> + 's;

/// What has those traces.
async fn snapshot(disk: &SimulatedDisk) -> Snapshot {
    disk.create_dir("tenant").unwrap();
    let options = Options { block_spans: 8, ..Options::default() };
    let (clock, metrics) = (Arc::new(|| 1), Arc::default());
    let tenant =
        Tenant::open(Arc::new(disk.clone()), "tenant", &options, clock, metrics, Demand::default());
    let tenant = Arc::new(tenant.unwrap());
    let span = |trace: u8, start: u64| Span {
        trace_id: vec![trace; 16],
        span_id: (start + 1).to_be_bytes().into(),
        start_time_unix_nano: start,
        ..Span::default()
    };
    for start in [LATE - EARLIER, LATE] {
        let spans = (1..=TRACES).map(|trace| span(trace, start + u64::from(trace))).collect();
        let scope_spans = vec![ScopeSpans { spans, ..ScopeSpans::default() }];
        let resource_spans = vec![ResourceSpans { scope_spans, ..ResourceSpans::default() }];
        let request = ExportTraceServiceRequest { resource_spans };
        tenant.write(request.encode_to_vec().into()).await.unwrap();
        tenant.freeze().await.unwrap();
        let waiting = Arc::clone(&tenant);
        spawn_blocking(move || waiting.wait_until_idle()).await.unwrap().unwrap();
    }
    tenant.snapshot()
}

async fn grant() -> Arc<Grant> {
    let budget = Arc::new(ReadBudget::new(4 * WORKING_SET, Duration::ZERO, Arc::default()));
    budget.grant().await.unwrap()
}

/// So many traces, behind the place of this one.
fn traces(limit: usize, behind: Option<u8>) -> TraceQuery {
    let rank = |trace| {
        let trace_id = TraceId::from_slice(&[trace; 16]).unwrap();
        TraceRank { start: LATE + u64::from(trace), trace_id }
    };
    let (filter, after) = (Filter::And(Vec::new()), behind.map(rank));
    TraceQuery { filter, start: TimeRange::default(), limit, after }
}

fn every_span() -> SpanQuery {
    let TraceQuery { filter, start, limit, .. } = traces(1_000, None);
    SpanQuery { filter, start, order: SpanOrder::default(), limit, after: None }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_reads_no_more_than_a_block_once_nobody_waits_for_it() {
    let disk = SimulatedDisk::new(1);
    let (snapshot, grant) = (snapshot(&disk).await, grant().await);
    let page = |is_gone: &dyn Fn() -> bool| {
        let found = find(&snapshot, &grant, &traces(100, Some(150)), is_gone);
        found.map(drop).map_err(Stop::from)
    };
    let spans = |is_gone: &dyn Fn() -> bool| {
        find_spans(&snapshot, &grant, &every_span(), is_gone, |_| Ok(()))
    };
    for search in [&page as &Ask<'_>, &spans] {
        // Nobody waits any more when that was asked so many times.
        for times in 0.. {
            let (asked, gone) = (Cell::new(0), Cell::new(None));
            let ended = search(&|| {
                if asked.replace(asked.get() + 1) == times {
                    gone.set(Some(disk.calls()));
                }
                gone.get().is_some()
            });
            assert!(!matches!(ended, Err(Stop::Failed(_))));
            let Some(calls) = gone.get() else {
                assert!(times > 50, "{times} questions are too few to tell anything");
                break;
            };
            let more = disk.calls() - calls;
            assert!(more <= 3, "{more} calls of the disk after {times} questions");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_page_reads_about_as_much_as_the_first() {
    let disk = SimulatedDisk::new(1);
    let (snapshot, grant) = (snapshot(&disk).await, grant().await);
    let blocks_read = |behind| {
        let before = snapshot.metrics.blocks_read.get();
        let found = find(&snapshot, &grant, &traces(20, behind), || false).unwrap();
        assert_eq!(found.ranks().len(), 20);
        snapshot.metrics.blocks_read.get() - before
    };
    let first = blocks_read(None);
    for trace in [180, 150, 100, 50] {
        let later = blocks_read(Some(trace));
        assert!(later <= 3 * first, "the page behind {trace} read {later} blocks, not {first}");
    }
}
