//! Where spans go: spoor behind a real Jaeger, and a real Collector before that.

use std::time::{Duration, SystemTime};

use anyhow::Context;
use e2e::{Collector, Jaeger, Spoor};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, TracesData};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use spoor_proto::storage::{FindTracesRequest, TraceQueryParameters};

/// Both in the lab's own configuration, over an empty store.
pub struct Backend {
    pub collector: Collector,
    pub jaeger: Jaeger,
    spoor: Spoor,
}

/// A span that spoor has.
pub struct Stored {
    pub service: String,
    /// The name of its instrumentation scope.
    pub scope: String,
    pub span: Span,
}

impl Backend {
    pub async fn start() -> anyhow::Result<Self> {
        let spoor = Spoor::start().await?;
        let jaeger = Jaeger::start(spoor.grpc).await?;
        let collector = Collector::start(jaeger.otlp).await?;
        Ok(Self { collector, jaeger, spoor })
    }

    /// What spoor has of all traces with a span of this service; of all there are, if it is empty.
    /// Nothing is under way any more: who was to pass it on has ended.
    pub async fn stored(self, service: &str) -> anyhow::Result<Vec<Stored>> {
        self.collector.end().await?;
        self.jaeger.end().await?;
        let now = SystemTime::now();
        let query = TraceQueryParameters {
            service_name: service.to_owned(),
            start_time_min: Some((now - Duration::from_secs(3_600)).into()),
            start_time_max: Some(now.into()),
            search_depth: 10_000,
            ..TraceQueryParameters::default()
        };
        let mut reader = TraceReaderClient::connect(format!("http://{}", self.spoor.grpc)).await?;
        let request = FindTracesRequest { query: Some(query) };
        let mut chunks = reader.find_traces(request).await?.into_inner();
        let mut stored = Vec::new();
        while let Some(RawTraces(chunk)) = chunks.message().await? {
            for of_resource in TracesData::decode(chunk)?.resource_spans {
                let service = of_resource.resource.as_ref().and_then(service_name);
                let service = service.context("finding a span's service")?;
                for of_scope in of_resource.scope_spans {
                    let scope = of_scope.scope.unwrap_or_default().name;
                    stored.extend(of_scope.spans.into_iter().map(|span| Stored {
                        service: service.clone(),
                        scope: scope.clone(),
                        span,
                    }));
                }
            }
        }
        Ok(stored)
    }
}

fn service_name(resource: &Resource) -> Option<String> {
    let name = resource.attributes.iter().find(|attribute| attribute.key == "service.name")?;
    match name.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}
