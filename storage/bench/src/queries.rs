use std::time::Instant;

use anyhow::{Context, Result, ensure};
use prost_types::{Duration, Timestamp};
use spoor_proto::storage::any_value::Value;
use spoor_proto::storage::dependency_reader_client::DependencyReaderClient;
use spoor_proto::storage::{
    AnyValue, FindTraceIDsRequest, FindTraceSummariesRequest, FindTracesRequest,
    GetDependenciesRequest, GetOperationsRequest, GetServicesRequest, GetTraceParams,
    GetTracesRequest, KeyValue, TraceQueryParameters,
};
use tonic::Code;
use tonic::Streaming;

use crate::load::{self, Load, RARE, SERVICES, SLOW, SLOW_NANOS, SPANS_PER_TRACE};
use crate::servers::Server;

/// How often each query is asked; the median counts.
const REPEATS: usize = 11;
/// No trace is cut by the limit, so that counts can be told.
const DEPTH: i32 = 20_000;

/// A question whose answer's size follows from the load.
struct Query {
    name: &'static str,
    ask: Ask,
    expected: usize,
}

enum Ask {
    Services,
    Operations(&'static str),
    Trace(usize),
    Find(TraceQueryParameters),
    FindIds(TraceQueryParameters),
    Summaries(TraceQueryParameters),
    Dependencies,
}

/// Asks every server every query, checks each answer's size, and prints the median times.
pub async fn compare(load: &Load, servers: &[(&str, Server)]) -> Result<()> {
    print!("{:<44} {:>8}", "query (median ms)", "answers");
    servers.iter().for_each(|(name, _)| print!(" {name:>10}"));
    println!("{}", if servers.len() > 1 { "      ratio" } else { "" });
    for query in queries(load) {
        print!("{:<44} {:>8}", query.name, query.expected);
        let mut medians = Vec::new();
        for (name, server) in servers {
            let median = median_millis(load, server, &query)
                .await
                .with_context(|| format!("asking {name}: {}", query.name))?;
            match median {
                Some(millis) => print!(" {millis:>10.2}"),
                None => print!(" {:>10}", "-"),
            }
            medians.extend(median);
        }
        match medians[..] {
            [spoor, other] => println!(" {:>10.2}", spoor / other),
            _ => println!(),
        }
    }
    Ok(())
}

fn queries(load: &Load) -> Vec<Query> {
    let traces = load.traces;
    let base = || TraceQueryParameters {
        start_time_min: Some(timestamp(load.start)),
        start_time_max: Some(timestamp(load.start + 86_400_000_000_000)),
        search_depth: DEPTH,
        ..TraceQueryParameters::default()
    };
    let with = |change: &dyn Fn(&mut TraceQueryParameters)| {
        let mut query = base();
        change(&mut query);
        query
    };
    let rare = |query: &mut TraceQueryParameters| {
        let value = Some(AnyValue { value: Some(Value::StringValue("yes".to_owned())) });
        query.attributes = vec![KeyValue { key: "bench.rare".to_owned(), value }];
    };
    let slow = |query: &mut TraceQueryParameters| {
        query.duration_min =
            Some(Duration { seconds: (SLOW_NANOS / 1_000_000_000) as i64, nanos: 0 });
    };
    let service = |query: &mut TraceQueryParameters| query.service_name = SERVICES[0].to_owned();
    let window = |query: &mut TraceQueryParameters| {
        query.start_time_min = Some(timestamp(load.start_of(traces / 2)));
        query.start_time_max = Some(timestamp(load.start_of(traces / 2 + 99)));
    };
    let newest = |query: &mut TraceQueryParameters| query.search_depth = 20;
    let rare_count = traces.div_ceil(RARE);
    let slow_count = traces.div_ceil(SLOW);
    let find = |name, change: &dyn Fn(&mut TraceQueryParameters), expected| Query {
        name,
        ask: Ask::Find(with(change)),
        expected,
    };
    let all = |query: &mut TraceQueryParameters| {
        service(query);
        query.operation_name = "operation-0".to_owned();
        rare(query);
        slow(query);
    };
    vec![
        Query { name: "services", ask: Ask::Services, expected: SERVICES.len() },
        Query { name: "operations of one service", ask: Ask::Operations(SERVICES[0]), expected: 3 },
        Query { name: "trace by id", ask: Ask::Trace(traces / 3), expected: SPANS_PER_TRACE },
        find(
            "newest 20 of a service",
            &|query| {
                service(query);
                newest(query);
            },
            20,
        ),
        find(
            "operation, newest 20",
            &|query| {
                service(query);
                query.operation_name = "operation-4".to_owned();
                newest(query);
            },
            20,
        ),
        find(
            "attribute",
            &|query| {
                service(query);
                rare(query);
            },
            rare_count,
        ),
        find(
            "least duration",
            &|query| {
                service(query);
                slow(query);
            },
            slow_count,
        ),
        find(
            "100 ms of start times",
            &|query| {
                service(query);
                window(query);
            },
            100,
        ),
        find(
            "service, operation, attribute, duration",
            &all,
            traces.div_ceil(least_common_multiple(RARE, SLOW)),
        ),
        find("attribute, any service", &rare, rare_count),
        Query {
            name: "ids by attribute",
            ask: Ask::FindIds(with(&|query| {
                service(query);
                rare(query);
            })),
            expected: rare_count,
        },
        Query {
            name: "summaries by attribute",
            ask: Ask::Summaries(with(&|query| {
                service(query);
                rare(query);
            })),
            expected: rare_count,
        },
        // frontend to cart to checkout to payment to frontend.
        Query { name: "dependencies", ask: Ask::Dependencies, expected: SERVICES.len() },
    ]
}

fn least_common_multiple(a: usize, b: usize) -> usize {
    (1..=b).map(|factor| a * factor).find(|multiple| multiple.is_multiple_of(b)).unwrap_or(a * b)
}

/// The median time, or none if the server does not implement the call.
async fn median_millis(load: &Load, server: &Server, query: &Query) -> Result<Option<f64>> {
    let mut times = Vec::with_capacity(REPEATS);
    for _ in 0..REPEATS {
        let began = Instant::now();
        let answers = match ask(load, server, &query.ask).await {
            Ok(answers) => answers,
            Err(error) if is_unimplemented(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        times.push(began.elapsed().as_secs_f64() * 1e3);
        ensure!(answers == query.expected, "{answers} answers instead of {}", query.expected);
    }
    times.sort_by(f64::total_cmp);
    Ok(Some(times[REPEATS / 2]))
}

fn is_unimplemented(error: &anyhow::Error) -> bool {
    error.downcast_ref::<tonic::Status>().is_some_and(|status| status.code() == Code::Unimplemented)
}

async fn ask(load: &Load, server: &Server, ask: &Ask) -> Result<usize> {
    let mut reader = server.reader().await?;
    Ok(match ask {
        Ask::Services => {
            reader.get_services(GetServicesRequest {}).await?.into_inner().services.len()
        }
        Ask::Operations(service) => {
            let request =
                GetOperationsRequest { service: (*service).to_owned(), span_kind: String::new() };
            reader.get_operations(request).await?.into_inner().operations.len()
        }
        Ask::Trace(trace) => {
            let params = GetTraceParams {
                trace_id: load::trace_id(*trace).into(),
                ..GetTraceParams::default()
            };
            let stream = reader.get_traces(GetTracesRequest { query: vec![params] }).await?;
            count(stream.into_inner()).await?.1
        }
        Ask::Find(query) => {
            let stream =
                reader.find_traces(FindTracesRequest { query: Some(query.clone()) }).await?;
            count(stream.into_inner()).await?.0
        }
        Ask::FindIds(query) => {
            let request = FindTraceIDsRequest { query: Some(query.clone()) };
            reader.find_trace_i_ds(request).await?.into_inner().trace_ids.len()
        }
        Ask::Summaries(query) => {
            let request = FindTraceSummariesRequest { query: Some(query.clone()) };
            let mut stream = reader.find_trace_summaries(request).await?.into_inner();
            let mut summaries = 0;
            while let Some(chunk) = stream.message().await? {
                summaries += chunk.summaries.len();
            }
            summaries
        }
        Ask::Dependencies => {
            let request = GetDependenciesRequest {
                start_time: Some(timestamp(load.start - 1)),
                end_time: Some(timestamp(load.start + 86_400_000_000_000)),
            };
            let mut reader = DependencyReaderClient::new(server.channel().await?);
            let calls = reader.get_dependencies(request).await?.into_inner().dependencies;
            calls.iter().filter(|call| call.parent != call.child).count()
        }
    })
}

/// The numbers of traces and of spans in a stream.
async fn count(mut stream: Streaming<spoor_proto::RawTraces>) -> Result<(usize, usize)> {
    use opentelemetry_proto::tonic::trace::v1::TracesData;
    use prost::Message;
    let (mut traces, mut spans) = (std::collections::HashSet::new(), 0);
    while let Some(chunk) = stream.message().await? {
        let chunk = TracesData::decode(chunk.0)?;
        for span in chunk.resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans)
        {
            traces.insert(span.trace_id.clone());
            spans += 1;
        }
    }
    Ok((traces.len(), spans))
}

fn timestamp(nanos: u64) -> Timestamp {
    Timestamp { seconds: (nanos / 1_000_000_000) as i64, nanos: (nanos % 1_000_000_000) as i32 }
}
