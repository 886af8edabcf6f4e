//! As many writers of one connection as Jaeger has, each as fast as it may be: `h2` closes a
//! connection with too many small frames that were not taken yet.

use bytes::Bytes;
use futures::future::try_join_all;
use http::Request;
use prost::Message;
use spoor_proto::api_v2::{Process, Span};
use spoor_proto::storage_v1::WriteSpanRequest;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tonic::{Code, Status};

use super::span;
use crate::support::{DEADLINE, Program, eventually, frame, metric};

/// The most that Jaeger opens.
const STREAMS: u64 = 1000;
/// The spans of each.
const SPANS: u64 = 400;
const WRITE_STREAM: &str = "/jaeger.storage.v1.StreamingSpanWriterPlugin/WriteSpanStream";
const WRITE: &str = "/jaeger.storage.v1.SpanWriterPlugin/WriteSpan";

/// A message with hardly more than a span needs.
fn small(trace: u64, id: u64) -> Bytes {
    let process = Process { service_name: "a".to_owned(), ..Process::default() };
    let operation_name = "b".to_owned();
    let span = Span { operation_name, process: Some(process), ..span(trace.into(), id) };
    frame(0, &WriteSpanRequest { span: Some(span) }.encode_to_vec())
}

/// Sends all requests at one time by one connection, each frame of them one of HTTP/2's, and waits
/// for their end.
async fn send_all(program: &Program, path: &str, requests: impl Iterator<Item = Vec<Bytes>>) {
    let stream = TcpStream::connect(program.grpc).await.unwrap();
    // The answers are small frames too.
    let mut builder = h2::client::Builder::new();
    builder.initial_connection_window_size(1 << 24).initial_max_send_streams(STREAMS as usize);
    let (client, connection) = builder.handshake(stream).await.unwrap();
    let connection = tokio::spawn(connection);
    let answers = requests.map(|frames| {
        let mut client = client.clone();
        let request = Request::post(format!("http://localhost{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        async move {
            client = client.ready().await?;
            let (answer, mut body) = client.send_request(request.body(()).unwrap(), false)?;
            for frame in frames {
                body.send_data(frame, false)?;
            }
            body.send_data(Bytes::new(), true)?;
            let (head, mut body) = answer.await?.into_parts();
            while let Some(data) = body.data().await {
                data?;
            }
            let trailers = body.trailers().await?;
            Ok::<_, h2::Error>(Status::from_header_map(&trailers.unwrap_or(head.headers)))
        }
    });
    let answers = timeout(DEADLINE * 4, try_join_all(answers)).await.unwrap().unwrap();
    for answer in answers {
        let status = answer.unwrap();
        assert_eq!(status.code(), Code::Ok, "{status}");
    }
    connection.abort();
}

#[tokio::test]
async fn a_connection_full_of_streams_of_small_spans_is_kept() {
    let program = Program::start(&[]).await;
    let streams = (1..=STREAMS).map(|trace| (1..=SPANS).map(|id| small(trace, id)).collect());
    send_all(&program, WRITE_STREAM, streams).await;
    eventually("all are kept", || async {
        let kept = metric(program.admin, r#"spoor_spans_accepted_total{service="a"}"#).await;
        (kept == Some((STREAMS * SPANS) as f64)).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_connection_full_of_small_writes_is_kept() {
    let program = Program::start(&[]).await;
    let writes = (1..=10 * STREAMS).map(|trace| vec![small(trace, 1)]);
    send_all(&program, WRITE, writes).await;
}
