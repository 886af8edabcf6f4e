use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, TracesData};
use prost::Message;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tonic::{Request, Status};

/// A trace: one of a shop's services calls another, a second ago.
#[derive(Clone, Copy)]
pub struct Call {
    /// Whose it is, by which its services are named.
    pub shop: &'static str,
    /// Of which its ids are made.
    pub id: u8,
}

impl Call {
    /// Its trace's id.
    pub fn trace(self) -> String {
        format!("{:02x}", self.id).repeat(16)
    }

    /// The service that calls, and the one that is called.
    pub fn services(self) -> [String; 2] {
        ["front", "back"].map(|end| format!("{}-{end}", self.shop))
    }

    /// Sends it to a Jaeger by OTLP, for a tenant if there are any.
    pub async fn send(self, otlp: SocketAddr, tenant: Option<&str>) -> Result<(), Status> {
        let mut request = Request::new(RawTraces(self.otlp().encode_to_vec().into()));
        if let Some(tenant) = tenant {
            request.metadata_mut().insert("x-tenant", tenant.parse().unwrap());
        }
        let mut writer = TraceServiceClient::connect(format!("http://{otlp}")).await.unwrap();
        writer.export(request).await.map(drop)
    }

    fn otlp(self) -> TracesData {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let span = |(service, (id, parent, kind)): (String, (u8, usize, SpanKind))| {
            let span = Span {
                trace_id: vec![self.id; 16],
                span_id: vec![id; 8],
                parent_span_id: vec![1; parent],
                name: format!("call {service}"),
                kind: kind.into(),
                start_time_unix_nano: now - 1_000_000_000,
                end_time_unix_nano: now - 900_000_000,
                ..Span::default()
            };
            let name = KeyValue {
                key: "service.name".to_owned(),
                value: Some(AnyValue { value: Some(Value::StringValue(service)) }),
                ..KeyValue::default()
            };
            ResourceSpans {
                resource: Some(Resource { attributes: vec![name], ..Resource::default() }),
                scope_spans: vec![ScopeSpans { spans: vec![span], ..ScopeSpans::default() }],
                ..ResourceSpans::default()
            }
        };
        let ends = [(1, 0, SpanKind::Client), (2, 8, SpanKind::Server)];
        TracesData { resource_spans: self.services().into_iter().zip(ends).map(span).collect() }
    }
}
