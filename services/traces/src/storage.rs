//! Reading traces from the storage server, as Jaeger does.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    FindSpansRequest, FindTraceSummariesRequest, GetOperationsRequest, GetServicesRequest,
    GetTraceParams, GetTracesRequest, Pagination, SpanQueryParameters, TraceQueryParameters,
    TraceSummary,
};
use tonic::Status;
use tonic::transport::{Channel, Endpoint, Uri};

use crate::error::Error;
use crate::filter::Filter;
use crate::span::Span;
use crate::trace::Trace;
use crate::value::hex;
use crate::values::values;

/// How long any one question may take.
const DEADLINE: Duration = Duration::from_secs(30);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Spans of one trace that are read, and encoded bytes of one answer: one that goes on for ever must
/// not fill the memory. So must none whose values are many and small: attributes, events, links.
const MAX_SPANS: usize = 50_000;
const MAX_BYTES: usize = 64 << 20;
const MAX_VALUES: usize = 1_000_000;
/// How many spans are asked for at once: less than half of what spoor answers with.
const SPANS_A_PAGE: usize = 4_000;

/// A client of `jaeger.storage.v2.TraceReader`. Clones share a connection.
#[derive(Clone, Debug)]
pub struct Storage {
    client: TraceReaderClient<Channel>,
    address: Arc<str>,
    deadline: Duration,
}

/// The times of starts that are looked at.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The first.
    pub start: SystemTime,
    /// The last.
    pub end: SystemTime,
}

impl Window {
    /// The time before now.
    pub fn last(time: Duration) -> Self {
        let end = SystemTime::now();
        Self { start: end.checked_sub(time).unwrap_or(UNIX_EPOCH), end }
    }
}

/// Which part of what was found is wanted.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// How many at most, from 1 on.
    pub size: u32,
    /// The [`Found::next`] of the page before; empty for the first page.
    pub token: String,
}

/// A page of what was found, the latest first.
#[derive(Clone, Debug)]
pub struct Found<T> {
    /// At most as many as were asked for.
    pub found: Vec<T>,
    /// Leads to the next page; empty after the last.
    pub next: String,
}

/// What is known of a trace without reading it.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// As 32 hexadecimal digits.
    pub trace_id: String,
    /// Of the root; empty if that is missing.
    pub root_service: String,
    /// Of the root; empty if that is missing.
    pub root_operation: String,
    /// Nanoseconds since the epoch.
    pub start: u64,
    /// Nanoseconds from the begin of the first span to the end of the last.
    pub duration: u64,
    /// How many spans it has.
    pub spans: u64,
    /// How many of them failed.
    pub errors: u64,
    /// How many of them have a parent that is missing.
    pub orphans: u64,
    /// Each service with its spans, and those of them that failed.
    pub services: Vec<(String, u64, u64)>,
}

impl Storage {
    /// Of the server at `address`, such as `http://127.0.0.1:17271`. Connects when it is asked, and
    /// anew when the connection is lost.
    ///
    /// # Errors
    /// When the address is none.
    ///
    /// # Panics
    /// Outside of a Tokio runtime.
    pub fn new(address: &str) -> Result<Self, Error> {
        let uri = address.parse::<Uri>().ok();
        let is_whole = |uri: &Uri| uri.scheme_str() == Some("http") && uri.host() != Some("");
        let uri = uri.filter(is_whole).ok_or_else(|| Error::Address(address.to_owned()))?;
        let channel = Endpoint::from(uri).connect_timeout(CONNECT_DEADLINE).connect_lazy();
        // A span larger than a chunk comes alone, however large it is.
        let client = TraceReaderClient::new(channel).max_decoding_message_size(MAX_BYTES);
        Ok(Self { client, address: address.into(), deadline: DEADLINE })
    }

    /// The same, where a question may take this long instead of 30 seconds.
    pub fn within(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// A trace by its id, as it is so far; one without spans when there is none. Of one with more
    /// than 50,000 spans, 64 MiB or a million values, that many: those that come first.
    ///
    /// # Errors
    /// When the id is none, the server refuses, or a span alone has more.
    pub async fn trace(&self, id: &str) -> Result<Trace, Error> {
        let wanted = GetTraceParams { trace_id: trace_id(id)?.into(), ..Default::default() };
        let request = GetTracesRequest { query: vec![wanted] };
        let asked = "a trace";
        let mut client = self.client.clone();
        let chunks = self.ask(asked, async {
            let mut answer = client.get_traces(request).await?.into_inner();
            let (mut chunks, mut size) = (Vec::new(), Size::default());
            while let Some(chunk) = answer.message().await? {
                if !size.has_place_for(&chunk) {
                    let is_large = "its first spans have more than a million values, or 64 MiB";
                    let is_nothing = chunks.is_empty();
                    return if is_nothing {
                        Err(Status::out_of_range(is_large))
                    } else {
                        Ok((chunks, true))
                    };
                }
                chunks.push(chunk);
            }
            Ok((chunks, false))
        });
        let (chunks, mut cut) = chunks.await?;
        let mut spans = Vec::new();
        for chunk in chunks {
            spans.extend(read(asked, chunk)?);
            if spans.len() > MAX_SPANS {
                cut = true;
                break;
            }
        }
        spans.truncate(MAX_SPANS);
        let trace = Trace::of(spans);
        Ok(if cut { trace.cut() } else { trace })
    }

    /// What is known of the traces that have a span which began in the window and is wanted, those
    /// with the latest such spans first.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn summaries(
        &self,
        window: Window,
        filter: Option<Filter>,
        page: Page,
    ) -> Result<Found<Summary>, Error> {
        let query = TraceQueryParameters {
            start_time_min: Some(window.start.into()),
            start_time_max: Some(window.end.into()),
            filter: filter.map(Filter::into_call),
            pagination: Some(Pagination { page_size: page.size, page_token: page.token }),
            ..Default::default()
        };
        let request = FindTraceSummariesRequest { query: Some(query) };
        let mut client = self.client.clone();
        let found = self.ask("traces", async {
            let mut answer = client.find_trace_summaries(request).await?.into_inner();
            let mut all = Found { found: Vec::new(), next: String::new() };
            while let Some(message) = answer.message().await? {
                all.found.extend(message.summaries.into_iter().map(Summary::new));
                all.next = message.next_page_token;
            }
            Ok(all)
        });
        found.await
    }

    /// The latest spans that began in the window and are wanted: at most as many, and of spans that
    /// are very large those that 64 MiB and a million values hold.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn spans(
        &self,
        window: Window,
        filter: Option<Filter>,
        most: usize,
    ) -> Result<Vec<Span>, Error> {
        let asked = "spans";
        let filter = filter.map(Filter::into_call);
        let mut client = self.client.clone();
        let (mut spans, mut size, mut token) = (Vec::new(), Size::default(), String::new());
        while spans.len() < most && !size.is_full {
            let wanted = (most - spans.len()).min(SPANS_A_PAGE);
            let page_size = u32::try_from(wanted).unwrap_or(u32::MAX);
            let query = SpanQueryParameters {
                start_time_min: Some(window.start.into()),
                start_time_max: Some(window.end.into()),
                filter: filter.clone(),
                pagination: Some(Pagination { page_size, page_token: token }),
                ..Default::default()
            };
            let request = FindSpansRequest { query: Some(query) };
            let chunks = self.ask(asked, async {
                let mut answer = client.find_spans(request).await?.into_inner();
                let mut chunks = Vec::new();
                while let Some(chunk) = answer.message().await? {
                    let spans = chunk.spans.unwrap_or_default();
                    if !size.has_place_for(&spans) {
                        break;
                    }
                    chunks.push((spans, chunk.next_page_token));
                }
                Ok(chunks)
            });
            token = String::new();
            for (chunk, next) in chunks.await? {
                spans.extend(read(asked, chunk)?);
                token = next;
            }
            if token.is_empty() {
                break;
            }
        }
        Ok(spans)
    }

    /// The names of all services.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn services(&self) -> Result<Vec<String>, Error> {
        let mut client = self.client.clone();
        let services =
            async { Ok(client.get_services(GetServicesRequest {}).await?.into_inner().services) };
        self.ask("services", services).await
    }

    /// The names of all operations of a service, in order.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn operations(&self, service: &str) -> Result<Vec<String>, Error> {
        let request =
            GetOperationsRequest { service: service.to_owned(), span_kind: String::new() };
        let mut client = self.client.clone();
        let operations =
            async { Ok(client.get_operations(request).await?.into_inner().operations) };
        let operations = self.ask("operations", operations).await?;
        let mut names: Vec<_> = operations.into_iter().map(|it| it.name).collect();
        // Each kind of span has its own.
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    async fn ask<T>(
        &self,
        asked: &'static str,
        question: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, Error> {
        // A deadline of the connection would end when an answer begins.
        let answer = tokio::time::timeout(self.deadline, question).await;
        let late = |_| Err(Status::deadline_exceeded(format!("not done in {:?}", self.deadline)));
        answer.unwrap_or_else(late).map_err(|cause| Error::Server {
            address: self.address.as_ref().to_owned(),
            asked,
            cause: Box::new(cause),
        })
    }
}

/// Of what was read for one answer.
#[derive(Default)]
struct Size {
    bytes: usize,
    values: usize,
    is_full: bool,
}

impl Size {
    /// Whether it may be kept, too. Otherwise nothing more is.
    fn has_place_for(&mut self, chunk: &RawTraces) -> bool {
        self.bytes += chunk.0.len();
        self.values += values(&chunk.0);
        self.is_full |= self.bytes > MAX_BYTES || self.values > MAX_VALUES;
        !self.is_full
    }
}

impl Summary {
    fn new(summary: TraceSummary) -> Self {
        let count = |number: i32| u64::try_from(number).unwrap_or_default();
        let services = summary.services.into_iter();
        let services =
            services.map(|it| (it.name, count(it.span_count), count(it.error_span_count)));
        Self {
            trace_id: hex(&summary.trace_id),
            root_service: summary.root_service_name,
            root_operation: summary.root_operation_name,
            start: summary.min_start_time_unix_nano,
            duration: summary
                .max_end_time_unix_nano
                .saturating_sub(summary.min_start_time_unix_nano),
            spans: count(summary.span_count),
            errors: count(summary.error_span_count),
            orphans: count(summary.orphan_span_count),
            services: services.collect(),
        }
    }
}

/// The 16 bytes of an id that is written with up to 32 hexadecimal digits, as Jaeger takes it.
fn trace_id(text: &str) -> Result<Vec<u8>, Error> {
    let digits = (1..=32).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_hexdigit());
    let id = digits.then(|| u128::from_str_radix(text, 16).ok()).flatten();
    let id = id.filter(|id| *id != 0).ok_or_else(|| Error::TraceId(text.to_owned()))?;
    Ok(id.to_be_bytes().into())
}

fn read(asked: &'static str, chunk: RawTraces) -> Result<Vec<Span>, Error> {
    let data = TracesData::decode(chunk.0).map_err(|cause| Error::Answer { asked, cause })?;
    Ok(Span::all(data))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_up_to_32_digits_of_which_one_is_not_0() {
        let id = |text: &str| trace_id(text).ok().map(|id| hex(&id));
        let long = "0123456789abcdef0123456789abcdef";
        assert_eq!(id(long).as_deref(), Some(long));
        assert_eq!(id(&long.to_uppercase()).as_deref(), Some(long));
        assert_eq!(id("4B").as_deref(), Some("0000000000000000000000000000004b"));
        let zeros = "0".repeat(32);
        let too_long = format!("{long}0");
        for none in
            ["", "0", &zeros, &too_long, "+1", "-1", " 1", "1 ", "0x1", "g", "ä", "\u{202e}"]
        {
            let error = trace_id(none).unwrap_err().to_string();
            assert!(error.starts_with("reading the trace id"), "{error}");
        }
    }

    #[test]
    fn a_summary_of_counts_that_make_no_sense_is_one_of_none() {
        let summary = Summary::new(TraceSummary {
            min_start_time_unix_nano: 9,
            max_end_time_unix_nano: 3,
            span_count: -1,
            ..TraceSummary::default()
        });
        assert_eq!((summary.start, summary.duration, summary.spans), (9, 0, 0));
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused_by_name() {
        for none in
            ["", "spoor", "127.0.0.1:17271", "https://a:1", "unix:/run/spoor", "http://", "a b"]
        {
            let error = Storage::new(none).unwrap_err().to_string();
            assert!(error.starts_with(&format!("naming the storage server {none:?}")), "{error}");
        }
        assert!(Storage::new("http://spoor:17271").is_ok());
    }
}
