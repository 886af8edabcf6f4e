use std::sync::Arc;

use futures::StreamExt;
use futures::future::ready;
use futures::stream::{BoxStream, unfold};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming};
use tonic_health::ServingStatus;

use crate::proto::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use crate::proto::grpc_controller_server::{GrpcController, GrpcControllerServer};
use crate::proto::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use crate::proto::stdio_data::Channel;
use crate::proto::{ConnInfo, Empty, StdioData};
use crate::stdout::Output;

/// The name under which a host asks whether its plugin is healthy.
const HEALTH_NAME: &str = "plugin";

/// `routes`, and what a host expects beside them. Its streams end when `stopping` is cancelled,
/// which the host can do.
pub async fn with_services(routes: Routes, output: Output, stopping: &CancellationToken) -> Routes {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status(HEALTH_NAME, ServingStatus::Serving).await;
    let stdio = Stdio { output: Arc::new(Mutex::new(output)), stopping: stopping.clone() };
    routes
        .add_service(health)
        .add_service(GrpcControllerServer::new(Controller { stopping: stopping.clone() }))
        .add_service(GrpcStdioServer::new(stdio))
        .add_service(GrpcBrokerServer::new(Broker { stopping: stopping.clone() }))
}

struct Controller {
    stopping: CancellationToken,
}

#[tonic::async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.stopping.cancel();
        Ok(Response::new(Empty {}))
    }
}

struct Stdio {
    /// Shared: of two streams, the later one gets what the former no longer takes.
    output: Arc<Mutex<Output>>,
    stopping: CancellationToken,
}

#[tonic::async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = BoxStream<'static, Result<StdioData, Status>>;

    async fn stream_stdio(
        &self,
        _: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        let output = Arc::clone(&self.output);
        let stopping = self.stopping.clone();
        let chunks = unfold((output, stopping), |(output, stopping)| async move {
            let data = tokio::select! {
                // What was written before the end is sent.
                biased;
                data = async { output.lock().await.recv().await } => data?,
                () = stopping.cancelled() => return None,
            };
            let chunk = StdioData { channel: Channel::Stdout.into(), data };
            Some((Ok(chunk), (output, stopping)))
        });
        Ok(Response::new(chunks.boxed()))
    }
}

struct Broker {
    stopping: CancellationToken,
}

#[tonic::async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = BoxStream<'static, Result<ConnInfo, Status>>;

    /// Takes the host's offers, so that making them never blocks it, and makes none.
    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let offers = request.into_inner();
        let answers =
            offers.filter_map(|_| ready(None)).take_until(self.stopping.clone().cancelled_owned());
        Ok(Response::new(answers.boxed()))
    }
}
