//! A backend of OTLP over gRPC that counts what it takes, and may be in trouble.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::{Request, Response, Status};

/// What becomes of an export.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Conduct {
    /// It is taken.
    Take,
    /// It is taken after a while.
    TakeAfter(Duration),
    /// It waits until this changes.
    Hang,
    /// It is turned away for good.
    Refuse,
}

#[derive(Clone)]
pub struct Backend {
    address: SocketAddr,
    taken: Arc<Taken>,
    conduct: watch::Sender<Conduct>,
}

#[derive(Default)]
struct Taken {
    spans: AtomicU64,
    /// The sum of a counter's points, by the name and whether they have an `error.type`.
    counters: Mutex<HashMap<(String, bool), u64>>,
}

impl Backend {
    pub async fn start() -> Result<Self> {
        let backend = Self::gone().await?;
        backend.serve().await?;
        Ok(backend)
    }

    /// One that does not listen yet, where nobody does.
    pub async fn gone() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("listening")?;
        Ok(Self {
            address: listener.local_addr()?,
            taken: Arc::default(),
            conduct: watch::Sender::new(Conduct::Take),
        })
    }

    /// Listens from now on.
    pub async fn serve(&self) -> Result<()> {
        let listener = TcpListener::bind(self.address).await.context("listening again")?;
        let router = Router::new()
            .route_service(
                "/opentelemetry.proto.collector.trace.v1.TraceService/{method}",
                TraceServiceServer::new(self.clone()),
            )
            .route_service(
                "/opentelemetry.proto.collector.metrics.v1.MetricsService/{method}",
                MetricsServiceServer::new(self.clone()),
            )
            .route_service(
                "/opentelemetry.proto.collector.logs.v1.LogsService/{method}",
                LogsServiceServer::new(self.clone()),
            );
        tokio::spawn(async { axum::serve(listener, router).await });
        Ok(())
    }

    /// From now on, also of what waits already.
    pub fn treat(&self, conduct: Conduct) {
        self.conduct.send_replace(conduct);
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many spans it has taken.
    pub fn spans(&self) -> u64 {
        self.taken.spans.load(Ordering::Relaxed)
    }

    /// What a counter was when it was last told, of what went well or of what did not.
    pub fn counter(&self, name: &str, of_errors: bool) -> u64 {
        let counters = self.taken.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.get(&(name.to_owned(), of_errors)).copied().unwrap_or_default()
    }

    async fn treated(&self) -> Result<(), Status> {
        let mut conduct = self.conduct.subscribe();
        let changed = conduct.wait_for(|conduct| *conduct != Conduct::Hang).await;
        let conduct = changed.map_or(Conduct::Take, |conduct| *conduct);
        match conduct {
            Conduct::Refuse => return Err(Status::invalid_argument("not taken")),
            Conduct::TakeAfter(delay) => tokio::time::sleep(delay).await,
            Conduct::Take | Conduct::Hang => {}
        }
        Ok(())
    }
}

#[tonic::async_trait]
impl TraceService for Backend {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.treated().await?;
        let scopes = request.into_inner().resource_spans.into_iter().flat_map(|it| it.scope_spans);
        let spans: usize = scopes.map(|scope| scope.spans.len()).sum();
        self.taken.spans.fetch_add(spans as u64, Ordering::Relaxed);
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl LogsService for Backend {
    async fn export(
        &self,
        _request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.treated().await?;
        Ok(Response::new(Default::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Backend {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        self.treated().await?;
        let scopes =
            request.into_inner().resource_metrics.into_iter().flat_map(|it| it.scope_metrics);
        let mut counters = self.taken.counters.lock().unwrap_or_else(PoisonError::into_inner);
        for metric in scopes.flat_map(|scope| scope.metrics) {
            let Some(Data::Sum(sum)) = metric.data else { continue };
            for point in sum.data_points {
                let Some(Value::AsInt(value)) = point.value else { continue };
                let is_of_errors = point.attributes.iter().any(|it| it.key == "error.type");
                counters.insert((metric.name.clone(), is_of_errors), value.cast_unsigned());
            }
        }
        Ok(Response::new(Default::default()))
    }
}
