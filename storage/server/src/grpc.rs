//! A gRPC listener: the services of a store, what is told of their health, and the end of both.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use spoor_proto::otlp::trace_service_server;
use spoor_proto::storage::{capabilities_server, dependency_reader_server, trace_reader_server};
use spoor_proto::storage_v1::{
    archive_span_reader_plugin_server, archive_span_writer_plugin_server,
    dependencies_reader_plugin_server, plugin_capabilities_server, span_reader_plugin_server,
    span_writer_plugin_server, streaming_span_writer_plugin_server,
};
use tokio::net::TcpListener;
use tonic::transport::{Error, Server};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::connection;
use crate::engine::Engine;
use crate::routes::{self, Served};
use crate::tls;

/// HTTP/2's windows: what a client may send before it is admitted. `h2` closes a connection when
/// frames below 256 bytes that were not taken yet cost it more than half of the connection's, each
/// what it lacks of 256. So this has room for [`MAX_STREAMS`] that are full of the smallest spans,
/// of 60 bytes, and it is the streams' windows that bound what is held.
pub(crate) const STREAM_WINDOW: u32 = 16 << 10;
pub(crate) const CONNECTION_WINDOW: u32 = 128 << 20;
/// Jaeger's streaming writer keeps a stream open for each of its workers, at most 1000
/// (`defaultMaxPoolSize`), and its reads come by the same connection: beyond the limit they would
/// wait for ever.
const MAX_STREAMS: u32 = 1024;
const MAX_HEADER_BYTES: u32 = 16 << 10;
/// A connection whose peer doesn't answer a ping for this long is closed.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// The names under which the health of what writes is told.
const WRITERS: &[&str] = &[
    trace_service_server::SERVICE_NAME,
    span_writer_plugin_server::SERVICE_NAME,
    streaming_span_writer_plugin_server::SERVICE_NAME,
];

/// The same of those that write to an archive, if there is one, and that read it.
const ARCHIVE_WRITER: &[&str] = &[archive_span_writer_plugin_server::SERVICE_NAME];
const ARCHIVE_READER: &[&str] = &[archive_span_reader_plugin_server::SERVICE_NAME];

/// Those of the others, with the empty one that stands for the whole server.
const OTHERS: &[&str] = &[
    "",
    trace_reader_server::SERVICE_NAME,
    dependency_reader_server::SERVICE_NAME,
    capabilities_server::SERVICE_NAME,
    span_reader_plugin_server::SERVICE_NAME,
    dependencies_reader_plugin_server::SERVICE_NAME,
    plugin_capabilities_server::SERVICE_NAME,
];

/// Serves a store until it was draining and all requests have ended.
///
/// # Errors
/// When no more connections can be taken.
pub(crate) async fn serve(
    served: &Served<'_>,
    listener: TcpListener,
    tls: Option<tls::Current>,
) -> Result<(), Error> {
    let (health, health_server) = tonic_health::server::health_reporter();
    report(&health, &names(served), ServingStatus::Serving).await;
    let serving = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .http2_max_header_list_size(MAX_HEADER_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .serve_with_incoming_shutdown(
            routes::storage(served, health_server, &names(served)).prepare(),
            connection::incoming(
                listener,
                served.config.max_connections,
                served.config.client_timeout,
                Some(Arc::clone(served.metrics)),
                tls,
            ),
            served.draining.clone().cancelled_owned(),
        );
    tokio::select! {
        ended = serving => ended,
        never = tell(health, served) => match never {},
    }
}

/// Tells of the services' health, to the end.
async fn tell(mut health: HealthReporter, served: &Served<'_>) -> Infallible {
    let watch_writes = async {
        let archive = async {
            let Some((archive, _)) = served.archive else { return };
            watch(&health, archive, ARCHIVE_WRITER).await;
        };
        tokio::join!(watch(&health, served.engine, WRITERS), archive);
        served.draining.cancelled().await;
    };
    served.draining.run_until_cancelled(watch_writes).await;
    report(&health, &names(served), ServingStatus::NotServing).await;
    // Ends the streams of those who watch.
    for service in names(served) {
        health.clear_service_status(service).await;
    }
    std::future::pending().await
}

/// Tells whether a store takes writes. The services that read, and the server as a whole, go on while
/// it takes none: who is told that they don't serve would not ask for what is there.
async fn watch(health: &HealthReporter, engine: &Engine, writers: &[&'static str]) {
    let Some(mut read_only) = engine.read_only() else { return };
    loop {
        let status = match *read_only.borrow_and_update() {
            Some(_) => ServingStatus::NotServing,
            None => ServingStatus::Serving,
        };
        report(health, writers, status).await;
        if read_only.changed().await.is_err() {
            break;
        }
    }
}

/// The names of what is served, with the empty one.
fn names(served: &Served<'_>) -> Vec<&'static str> {
    let archive = served.archive.map(|_| [ARCHIVE_READER, ARCHIVE_WRITER].concat());
    [OTHERS, WRITERS].concat().into_iter().chain(archive.unwrap_or_default()).collect()
}

async fn report(health: &HealthReporter, services: &[&'static str], status: ServingStatus) {
    for service in services {
        health.set_service_status(*service, status).await;
    }
}
