//! Requests and answers of Jaeger's API as the store has them.

use prost::Message;
use prost_types::{Duration, Timestamp};
use spoor_proto::storage::{self, GetTraceParams, SpanQueryParameters, TraceQueryParameters};
use spoor_proto::timestamp;
use spoor_store::filter::Filter;
use spoor_store::otlp::{AnyValue, text_of};
use spoor_store::trace::TraceSummary;
use spoor_store::{
    FoundTrace, LegacyQuery, QueryError, SpanQuery, TimeRange, TraceId, TraceLookup, TraceQuery,
};
use tonic::Status;

use super::{filter, order};

const NANOS: i128 = 1_000_000_000;

/// 0001-01-01T00:00:00Z, in seconds: Go's zero time, which Jaeger sends for a time that is not
/// set.
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// The most attributes of a search: each is compared with all that a span has. A structured filter's
/// list has as many elements.
const MAX_ATTRIBUTES: usize = 1024;

/// The search that a request asks for.
pub(super) fn query(
    query: Option<TraceQueryParameters>,
    max_depth: usize,
) -> Result<TraceQuery, Status> {
    let query = query.ok_or_else(no_query)?;
    let range = start_range(
        ("start_time_min", query.start_time_min),
        ("start_time_max", query.start_time_max),
    )?;
    let start = range.unwrap_or_default();
    if query.attributes.len() > MAX_ATTRIBUTES {
        let asked = query.attributes.len();
        let reason = format!("the query has {asked} attributes, the limit is {MAX_ATTRIBUTES}");
        return Err(Status::invalid_argument(reason));
    }
    let legacy = LegacyQuery {
        service: query.service_name,
        operation: query.operation_name,
        attributes: query.attributes.into_iter().map(attribute).collect(),
        start_min: Some(start.min),
        start_max: Some(start.max),
        duration_min: duration("duration_min", query.duration_min)?,
        duration_max: duration("duration_max", query.duration_max)?,
        depth: query.search_depth,
    };
    let mut compiled = legacy.compile(max_depth).map_err(invalid)?;
    if let Some(call) = &query.filter {
        // RFC 0005, section 7.
        if compiled.filter != Filter::And(Vec::new()) {
            let reason = "a query with a filter has no service_name, operation_name, attributes, \
                          duration_min or duration_max beside it";
            return Err(Status::invalid_argument(reason));
        }
        compiled.filter = filter::decode(call)?;
    }
    if range.is_none() {
        compiled.filter = Filter::Or(Vec::new());
    }
    Ok(compiled)
}

/// The search for spans that a request asks for, of `limit`.
pub(super) fn span_query(
    query: Option<&SpanQueryParameters>,
    limit: usize,
) -> Result<SpanQuery, Status> {
    let query = query.ok_or_else(no_query)?;
    let [min, max] =
        [("start_time_min", query.start_time_min), ("start_time_max", query.start_time_max)];
    for (name, time) in [min, max] {
        // All time may well begin with the epoch.
        let is_begin = name == min.0 && time == Some(Timestamp::default());
        if nanos(name, time)?.is_none() && !is_begin {
            return Err(Status::invalid_argument(format!("a search for spans needs {name}")));
        }
    }
    let range = start_range(min, max)?;
    let filter = query.filter.as_ref().map(filter::decode).transpose()?;
    let filter = match range {
        Some(_) => filter.unwrap_or(Filter::And(Vec::new())),
        None => Filter::Or(Vec::new()),
    };
    let (start, order) = (range.unwrap_or_default(), order::decode(&query.order_by)?);
    Ok(SpanQuery { filter, start, order, limit, after: None })
}

fn no_query() -> Status {
    Status::invalid_argument("the request has no query")
}

fn invalid(error: QueryError) -> Status {
    Status::invalid_argument(error.to_string())
}

/// An attribute's key and its value's text. Jaeger's value type has the field numbers of OTLP's.
fn attribute(attribute: storage::KeyValue) -> (String, String) {
    let value = attribute.value.unwrap_or_default().encode_to_vec();
    (attribute.key, text_of(AnyValue::parse(&value)).into_owned())
}

/// The start times between two bounds, each with its field's name; none if no span can start
/// there, because a span's time is neither before 1970 nor beyond 64 bits of nanoseconds.
pub(super) fn start_range(
    (min_name, min): (&str, Option<Timestamp>),
    (max_name, max): (&str, Option<Timestamp>),
) -> Result<Option<TimeRange>, Status> {
    let min = nanos(min_name, min)?;
    let max = nanos(max_name, max)?;
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        let reason = format!("the request's {max_name} lies below its {min_name}");
        return Err(Status::invalid_argument(reason));
    }
    let all = TimeRange::default();
    let min = u64::try_from(min.unwrap_or(0).max(0));
    let max = max.map_or(Ok(all.max), |max| u64::try_from(max.min(all.max.into())));
    Ok(min.ok().zip(max.ok()).map(|(min, max)| TimeRange { min, max }))
}

/// Nanoseconds since the Unix epoch; none for a time that is not set, the epoch, and Go's zero
/// time.
fn nanos(name: &str, time: Option<Timestamp>) -> Result<Option<i128>, Status> {
    let Some(time) =
        time.filter(|time| !matches!(time.seconds, 0 | GO_ZERO_SECONDS) || time.nanos != 0)
    else {
        return Ok(None);
    };
    if !(0..NANOS).contains(&time.nanos.into()) {
        let reason = format!("the nanos of {name} are not within a second");
        return Err(Status::invalid_argument(reason));
    }
    Ok(Some(i128::from(time.seconds) * NANOS + i128::from(time.nanos)))
}

/// Nanoseconds; none for a duration that is not set or zero.
fn duration(name: &str, duration: Option<Duration>) -> Result<Option<u64>, Status> {
    let Some(duration) = duration else {
        return Ok(None);
    };
    if duration.seconds < 0 || !(0..NANOS).contains(&duration.nanos.into()) {
        let reason = format!("{name} is negative, or its nanos are not within a second");
        return Err(Status::invalid_argument(reason));
    }
    let nanos = i128::from(duration.seconds) * NANOS + i128::from(duration.nanos);
    Ok(Some(u64::try_from(nanos).unwrap_or(u64::MAX)).filter(|nanos| *nanos > 0))
}

/// A trace asked for by id. Its times are only hints, so bad ones are as good as none.
pub(super) fn lookup(params: &GetTraceParams) -> Result<TraceLookup, Status> {
    let trace_id = TraceId::from_slice(&params.trace_id)
        .ok_or_else(|| Status::invalid_argument("a trace_id is not 16 bytes, or all zero"))?;
    let range = start_range(("start_time", params.start_time), ("end_time", params.end_time));
    let hint = range.ok().flatten().unwrap_or_default();
    Ok(TraceLookup { trace_id, hint })
}

pub(super) fn found_trace(found: FoundTrace) -> storage::FoundTraceId {
    storage::FoundTraceId {
        trace_id: found.trace_id.as_bytes().to_vec().into(),
        start: Some(timestamp(found.start)),
        end: Some(timestamp(found.end)),
    }
}

pub(super) fn summary(summary: TraceSummary) -> storage::TraceSummary {
    storage::TraceSummary {
        trace_id: summary.trace_id.as_bytes().to_vec().into(),
        root_service_name: summary.root_service,
        root_operation_name: summary.root_operation,
        min_start_time_unix_nano: summary.start,
        max_end_time_unix_nano: summary.end,
        span_count: count(summary.spans),
        error_span_count: count(summary.errors),
        orphan_span_count: count(summary.orphans),
        services: summary
            .services
            .into_iter()
            .map(|service| storage::ServiceSummary {
                name: service.name,
                span_count: count(service.spans),
                error_span_count: count(service.errors),
            })
            .collect(),
    }
}

fn count(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use spoor_proto::storage::any_value::Value;
    use tonic::Code;

    use super::*;

    fn time(seconds: i64, nanos: i32) -> Option<Timestamp> {
        Some(Timestamp { seconds, nanos })
    }

    fn range(min: Option<Timestamp>, max: Option<Timestamp>) -> Option<(u64, u64)> {
        let range = start_range(("min", min), ("max", max)).unwrap();
        range.map(|range| (range.min, range.max))
    }

    #[test]
    fn a_time_that_is_not_set_bounds_nothing() {
        let all = Some((0, u64::MAX));
        for unset in [None, time(0, 0), time(GO_ZERO_SECONDS, 0)] {
            assert_eq!(range(unset, unset), all);
        }
        assert_eq!(range(time(0, 1), time(1, 2)), Some((1, 1_000_000_002)));
    }

    #[test]
    fn bounds_beyond_what_a_span_can_have_are_the_last_it_can_have_or_find_nothing() {
        let (past, future) = (time(-1, 0), time(20_000_000_000, 0));
        assert_eq!(range(past, future), Some((0, u64::MAX)));
        assert_eq!(range(None, past), None);
        assert_eq!(range(future, None), None);
        let nothing = TraceQueryParameters { start_time_max: past, ..Default::default() };
        assert_eq!(query(Some(nothing), 1).unwrap().filter, Filter::Or(Vec::new()));
    }

    #[test]
    fn times_out_of_order_or_out_of_shape_are_invalid() {
        for (min, max) in [
            (time(2, 0), time(1, 0)),
            (time(-1, 0), time(-2, 0)),
            (time(1, -1), None),
            (None, time(1, 1_000_000_000)),
        ] {
            let status = start_range(("min", min), ("max", max)).unwrap_err();
            assert_eq!(status.code(), Code::InvalidArgument, "{min:?} {max:?}");
        }
    }

    #[test]
    fn durations_are_nanoseconds_and_zero_is_none() {
        let nanos = |seconds, nanos| duration("duration_min", Some(Duration { seconds, nanos }));
        assert_eq!(nanos(1, 5).unwrap(), Some(1_000_000_005));
        assert_eq!(nanos(0, 0).unwrap(), None);
        assert_eq!(nanos(i64::MAX, 0).unwrap(), Some(u64::MAX));
        assert!(nanos(-1, 0).is_err());
        assert!(nanos(0, -1).is_err());
    }

    #[test]
    fn attributes_of_every_type_become_text() {
        for (value, text) in [
            (Value::StringValue("a".to_owned()), "a"),
            (Value::BoolValue(false), "false"),
            (Value::IntValue(-1), "-1"),
            (Value::DoubleValue(72.5), "72.5"),
            (Value::BytesValue(vec![0, 1, 255].into()), "AAH/"),
        ] {
            let value = Some(storage::AnyValue { value: Some(value) });
            let (key, found) = attribute(storage::KeyValue { key: "key".to_owned(), value });
            assert_eq!((key.as_str(), found.as_str()), ("key", text));
        }
    }
}
