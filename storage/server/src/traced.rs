//! Reads as spans of their callers' traces.
//!
//! A read is a span only if it comes with a sampled trace: then somebody asked for it, and no
//! reader that polls fills the store with what it does itself. A write is none, whatever it comes
//! with: the spans of reads are written here too, and each would make the next.

use std::convert::Infallible;
use std::task::{Context, Poll};

use futures::FutureExt;
use futures::future::{BoxFuture, Either};
use http::{Request, Response};
use telemetry::grpc::ServerLayer;
use tonic::body::Body;
use tower::{Layer, Service, ServiceExt};

/// The methods that read, which alone are spans.
const METHODS: &[&str] = &[
    "jaeger.storage.v1.ArchiveSpanReaderPlugin/GetArchiveTrace",
    "jaeger.storage.v1.DependenciesReaderPlugin/GetDependencies",
    "jaeger.storage.v1.SpanReaderPlugin/FindTraceIDs",
    "jaeger.storage.v1.SpanReaderPlugin/FindTraces",
    "jaeger.storage.v1.SpanReaderPlugin/GetOperations",
    "jaeger.storage.v1.SpanReaderPlugin/GetServices",
    "jaeger.storage.v1.SpanReaderPlugin/GetTrace",
    "jaeger.storage.v2.DependencyReader/GetDependencies",
    "jaeger.storage.v2.TraceReader/FindSpans",
    "jaeger.storage.v2.TraceReader/FindTraceIDs",
    "jaeger.storage.v2.TraceReader/FindTraceSummaries",
    "jaeger.storage.v2.TraceReader/FindTraces",
    "jaeger.storage.v2.TraceReader/GetOperations",
    "jaeger.storage.v2.TraceReader/GetServices",
    "jaeger.storage.v2.TraceReader/GetTraces",
];

/// Makes a reader's calls spans, if they are to be.
#[derive(Clone, Debug)]
pub(crate) struct TracedReads(Option<ServerLayer>);

impl TracedReads {
    pub(crate) fn new(are_traced: bool) -> Self {
        Self(are_traced.then(|| ServerLayer::continuing(METHODS)))
    }
}

impl<S> Layer<S> for TracedReads {
    type Service = Reads<S>;

    fn layer(&self, inner: S) -> Reads<S> {
        Reads { inner, layer: self.0.clone() }
    }
}

/// A reader whose calls may be spans.
#[derive(Clone, Debug)]
pub(crate) struct Reads<S> {
    inner: S,
    layer: Option<ServerLayer>,
}

impl<S> Service<Request<Body>> for Reads<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S: Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Either<S::Future, BoxFuture<'static, Result<Response<Body>, Infallible>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(layer) = &self.layer else { return Either::Left(self.inner.call(request)) };
        let answer = layer.layer(self.inner.clone()).oneshot(request);
        Either::Right(answer.map(|answer| answer.map(|answer| answer.map(Body::new))).boxed())
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_that_reads_is_named() {
        let files = FileDescriptorSet::decode(spoor_proto::FILE_DESCRIPTOR_SET).unwrap();
        let mut methods = Vec::new();
        for file in &files.file {
            for service in file.service.iter().filter(|it| it.name().contains("Reader")) {
                let named = |method: &prost_types::MethodDescriptorProto| {
                    format!("{}.{}/{}", file.package(), service.name(), method.name())
                };
                methods.extend(service.method.iter().map(named));
            }
        }
        methods.sort();
        assert_eq!(methods, METHODS);
    }
}
