//! Asking a server, checking the sizes of its answers, and the times they take.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use prost::bytes::Bytes;
use spoor_proto::storage::dependency_reader_client::DependencyReaderClient;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{
    FindSpansRequest, FindTraceIDsRequest, FindTraceSummariesRequest, FindTracesRequest,
    GetDependenciesRequest, GetOperationsRequest, GetServicesRequest, GetTraceParams,
    GetTracesRequest,
};
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};

use crate::encoded;
use crate::measure::disk;
use crate::measure::latency::Latencies;
use crate::newest;
use crate::questions::{Ask, Kind, Question};
use crate::servers::Server;

/// What is told about one kind of question.
#[derive(Clone)]
pub struct Asked {
    pub kind: Kind,
    /// Why there are no times.
    pub refused: Option<String>,
    pub warm: Latencies,
    /// Of a store with files, none of them in the page cache.
    pub cold: Latencies,
    /// Of the server, for one warm question.
    pub cpu: Duration,
    /// Bytes read from the disk for one cold question.
    pub read: f64,
    /// An answer of another size than it must have, of a server that is not held to it.
    pub wrong: Option<String>,
}

/// How long to go on asking.
#[derive(Clone, Copy)]
pub struct Effort {
    pub warm: usize,
    pub cold: usize,
    /// For each of both, but for the first few.
    pub time: Duration,
}

impl Effort {
    /// Every variant once, and nothing cold.
    pub const CHECK: Self = Self { warm: 0, cold: 0, time: Duration::ZERO };
    pub const QUICK: Self = Self { warm: 200, cold: 10, time: Duration::from_millis(1_500) };
    pub const FULL: Self = Self { warm: 1_000, cold: 30, time: Duration::from_secs(10) };
    /// What the time does not cut.
    const LEAST: usize = 5;

    fn is_over(self, asked: usize, wanted: usize, began: Instant) -> bool {
        asked >= wanted || (asked >= Self::LEAST && began.elapsed() >= self.time)
    }
}

/// Asks every kind of question.
pub async fn measure(
    server: &Server,
    questions: &[Question],
    effort: Effort,
) -> Result<Vec<Asked>> {
    let mut asked = Vec::new();
    for kind in Kind::ALL {
        let of_kind: Vec<_> = questions.iter().filter(|question| question.kind == kind).collect();
        if of_kind.is_empty() {
            continue;
        }
        let found = measure_kind(server, kind, &of_kind, effort).await;
        let context = || format!("asking {} for {}", server.kind.name(), kind.name());
        asked.push(found.with_context(context)?);
    }
    Ok(asked)
}

async fn measure_kind(
    server: &Server,
    kind: Kind,
    questions: &[&Question],
    effort: Effort,
) -> Result<Asked> {
    let channel = server.reads().await?;
    let mut asked = Asked {
        kind,
        refused: None,
        warm: Latencies::default(),
        cold: Latencies::default(),
        cpu: Duration::ZERO,
        read: 0.0,
        wrong: None,
    };
    if kind.is_new() && !server.kind.is_ours() {
        let reason = "not in the contract that it serves".to_owned();
        return Ok(Asked { refused: Some(reason), ..asked });
    }
    let mut prepared = Vec::new();
    for question in questions {
        prepared.push(Question { ask: prepare(&channel, &question.ask).await?, ..**question });
    }
    let questions: Vec<_> = prepared.iter().collect();
    // Every variant once, for its answer: this is also what warms. A check leaves none out.
    let began = Instant::now();
    for (count, question) in questions.iter().enumerate() {
        if effort.warm > 0 && effort.is_over(count, usize::MAX, began) {
            break;
        }
        match ask(&channel, &question.ask).await {
            Ok(answers) => check(server, question, answers, &mut asked.wrong)?,
            Err(error) => match refusal(&error) {
                Some(reason) => return Ok(Asked { refused: Some(reason), ..asked }),
                None => return Err(error),
            },
        }
    }
    let variants = questions.iter().cycle();
    let (began, before) = (Instant::now(), server.usage()?.cpu);
    for (count, question) in variants.clone().enumerate() {
        if effort.is_over(count, effort.warm, began) {
            break;
        }
        let asking = Instant::now();
        let answers = ask(&channel, &question.ask).await?;
        asked.warm.add(asking.elapsed());
        check(server, question, answers, &mut asked.wrong)?;
    }
    asked.cpu = (server.usage()?.cpu - before) / asked.warm.len().max(1) as u32;
    if !server.kind.keeps() {
        return Ok(asked);
    }
    let (began, before) = (Instant::now(), server.usage()?.read);
    for (count, question) in variants.enumerate() {
        if effort.is_over(count, effort.cold, began) {
            break;
        }
        disk::forget(&server.store())?;
        let asking = Instant::now();
        let answers = ask(&channel, &question.ask).await?;
        asked.cold.add(asking.elapsed());
        check(server, question, answers, &mut asked.wrong)?;
    }
    asked.read = (server.usage()?.read - before) as f64 / asked.cold.len().max(1) as f64;
    Ok(asked)
}

/// A page is asked for by its token.
async fn prepare(channel: &Channel, ask: &Ask) -> Result<Ask> {
    Ok(match ask {
        Ask::Page(query, number) => {
            Ask::Ids(newest::at_page(channel, query.clone(), *number).await?)
        }
        other => other.clone(),
    })
}

fn check(
    server: &Server,
    question: &Question,
    answers: usize,
    wrong: &mut Option<String>,
) -> Result<()> {
    if answers == question.answers {
        return Ok(());
    }
    let told = format!("{answers} instead of {}", question.answers);
    if server.kind.must_answer_right() {
        bail!("the answer's size is {told}");
    }
    wrong.get_or_insert(told);
    Ok(())
}

/// Why a store does not answer this kind of question at all.
fn refusal(error: &anyhow::Error) -> Option<String> {
    let status = error.downcast_ref::<Status>()?;
    // Jaeger tells what Badger lacks by an error of no kind.
    let is_refusal = status.code() == Code::Unimplemented
        || (status.code() == Code::Unknown && status.message().contains("must be set"));
    is_refusal.then(|| status.message().to_owned())
}

/// The size of the answer, as the question has it.
pub async fn ask(channel: &Channel, ask: &Ask) -> Result<usize> {
    let mut reader = TraceReaderClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    Ok(match ask {
        Ask::Services => {
            reader.get_services(GetServicesRequest {}).await?.into_inner().services.len()
        }
        Ask::Operations(service) => {
            let request =
                GetOperationsRequest { service: (*service).to_owned(), span_kind: String::new() };
            let operations = reader.get_operations(request).await?.into_inner().operations;
            // Badger's have no kinds.
            operations.into_iter().map(|operation| operation.name).collect::<HashSet<_>>().len()
        }
        Ask::Trace(id) => {
            let trace_id = Bytes::copy_from_slice(id);
            let params = GetTraceParams { trace_id, ..GetTraceParams::default() };
            let stream = reader.get_traces(GetTracesRequest { query: vec![params] }).await?;
            count(stream.into_inner()).await?.1
        }
        Ask::Find(query) => {
            let request = FindTracesRequest { query: Some(query.clone()) };
            count(reader.find_traces(request).await?.into_inner()).await?.0
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
        Ask::Page(..) => bail!("a page needs a token"),
        Ask::Ids(query) => {
            let request = FindTraceIDsRequest { query: Some(query.clone()) };
            reader.find_trace_i_ds(request).await?.into_inner().trace_ids.len()
        }
        Ask::Spans(query) => {
            let request = FindSpansRequest { query: Some(query.clone()) };
            let mut stream = reader.find_spans(request).await?.into_inner();
            let mut spans = 0;
            while let Some(chunk) = stream.message().await? {
                spans += encoded::trace_ids(chunk.spans.unwrap_or_default().0)?.count();
            }
            spans
        }
        Ask::Dependencies { start, end } => {
            let request = GetDependenciesRequest { start_time: Some(*start), end_time: Some(*end) };
            let mut reader = DependencyReaderClient::new(channel.clone());
            let calls = reader.get_dependencies(request).await?.into_inner().dependencies;
            // Jaeger's memory store also counts a service's calls of itself.
            let between = calls.iter().filter(|call| call.parent != call.child);
            between.map(|call| call.call_count as usize).sum()
        }
    })
}

/// The numbers of traces and of spans in a stream.
async fn count(mut stream: Streaming<spoor_proto::RawTraces>) -> Result<(usize, usize)> {
    let (mut traces, mut spans) = (HashSet::new(), 0);
    while let Some(chunk) = stream.message().await? {
        for trace in encoded::trace_ids(chunk.0)? {
            spans += 1;
            traces.insert(trace);
        }
    }
    Ok((traces.len(), spans))
}
