//! What HTTP and gRPC spans have in common.

use std::net::SocketAddr;

use http::{Request, Uri, header};
use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::{CLIENT_ADDRESS, SERVER_ADDRESS, SERVER_PORT};

/// The bytes of one text that a peer sends, and of all its headers of one direction. What is beyond is
/// cut off: a batch that is too large for a receiver is lost as a whole, with the spans of others.
pub(crate) const MAX_LENGTH: usize = 1_024;
/// The bytes of what is a name: the longest of a host has 253.
const MAX_NAME: usize = 256;

/// As much of a peer's text as a span records.
pub(crate) fn of_peer(text: &str) -> String {
    text[..text.floor_char_boundary(MAX_LENGTH)].to_owned()
}

/// As much as a span records of what a peer calls itself, its host or a method.
pub(crate) fn name_of_peer(name: &str) -> String {
    name[..name.floor_char_boundary(MAX_NAME)].to_owned()
}

/// Where a client sends to.
pub(crate) fn callee(uri: &Uri) -> [Option<KeyValue>; 2] {
    let default_port = if uri.scheme_str() == Some("https") { 443 } else { 80 };
    server(uri.host(), Some(uri.port_u16().unwrap_or(default_port)))
}

/// What a server's request tells of both ends: the name it was called by, and who called.
pub(crate) fn ends<B>(request: &Request<B>) -> [Option<KeyValue>; 3] {
    // HTTP/2 has it in the URI, HTTP/1 in a header.
    let uri = request.uri();
    let [address, port] = match uri.authority() {
        Some(authority) => server(Some(authority.host()), authority.port_u16()),
        None => {
            let header = request.headers().get(header::HOST);
            let (host, port) = header.and_then(|it| it.to_str().ok()).map(split).unzip();
            server(host, port.flatten())
        }
    };
    let client = client(request).map(|it| KeyValue::new(CLIENT_ADDRESS, it.ip().to_string()));
    [address, port, client]
}

#[cfg(feature = "axum")]
fn client<B>(request: &Request<B>) -> Option<&SocketAddr> {
    use axum::extract::ConnectInfo;
    request.extensions().get().map(|ConnectInfo(client)| client)
}

#[cfg(not(feature = "axum"))]
fn client<B>(_request: &Request<B>) -> Option<&SocketAddr> {
    None
}

/// The host and the port of a `Host` header, without what else an authority may have.
fn split(authority: &str) -> (&str, Option<u16>) {
    let (_, called) = authority.rsplit_once('@').unwrap_or(("", authority));
    match called.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()),
        _ => (called, None),
    }
}

fn server(host: Option<&str>, port: Option<u16>) -> [Option<KeyValue>; 2] {
    // An IPv6 address stands in brackets only within a URI.
    let address = host
        .map(|host| host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host));
    let port = address.and(port);
    [
        address.map(|address| KeyValue::new(SERVER_ADDRESS, name_of_peer(address))),
        port.map(|port| KeyValue::new(SERVER_PORT, i64::from(port))),
    ]
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use axum::extract::ConnectInfo;
    use http::{HeaderMap, HeaderName, HeaderValue, Response};
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
    use opentelemetry_sdk::trace::SpanData;
    use prost::Message;
    use tower::{Layer, ServiceExt, service_fn};

    use super::*;
    use crate::call::{CallLayer, Convention};
    use crate::testing::Telemetry;

    /// What a receiver over gRPC takes, unless it is told otherwise.
    const MAX_RECEIVED: usize = 4 << 20;
    /// What the SDK sends at once, unless it is told otherwise.
    const BATCH: usize = 512;

    fn long() -> String {
        "x".repeat(20_000)
    }

    fn names() -> impl Iterator<Item = HeaderName> {
        (0..32).map(|number| format!("x-header-{number}").parse().unwrap())
    }

    fn worst_headers() -> HeaderMap {
        let mut headers: HeaderMap = names()
            .flat_map(|name| (0..8).map(move |_| name.clone()))
            .map(|name| (name, HeaderValue::from_bytes(&[0xff; 1_024]).unwrap()))
            .collect();
        let states: Vec<_> = (0..8).map(|it| format!("s{it}={}", "x".repeat(250))).collect();
        for (name, value) in [
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ("tracestate", &*states.join(",")),
            ("user-agent", &*long()),
            ("grpc-status", "13"),
            ("grpc-message", &*long()),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }

    /// The span of a call of which everything is as long as a peer can make it.
    async fn worst<C: Convention + Clone>(layer: CallLayer<C>, uri: &str) -> SpanData {
        let telemetry = Telemetry::start();
        let layer = layer.capture_request_headers(names()).capture_response_headers(names());
        let service = service_fn(async |_: Request<Body>| {
            let mut response = Response::new(Body::empty());
            *response.headers_mut() = worst_headers();
            Ok::<_, Infallible>(response)
        });
        let client = SocketAddr::from(([0xff; 16], 8_000));
        let mut request = Request::builder()
            .method(&*long())
            .uri(uri)
            .extension(ConnectInfo(client))
            .body(Body::empty())
            .unwrap();
        *request.headers_mut() = worst_headers();
        drop(layer.layer(service).oneshot(request).await);
        let [span] = telemetry.ended().try_into().unwrap();
        span
    }

    #[test]
    fn a_host_is_told_as_it_was_called_without_what_else_its_header_has() {
        for (header, host, port) in [
            ("shop", "shop", None),
            ("shop:8000", "shop", Some(8000)),
            ("[::1]", "::1", None),
            ("[::1]:8000", "::1", Some(8000)),
            ("user:secret@shop:8000", "shop", Some(8000)),
            ("shop:", "shop", None),
            ("shop:80000", "shop", None),
        ] {
            let request = Request::builder().header(header::HOST, header).body(()).unwrap();
            let [address, at, _] = ends(&request);
            let expected = Some(KeyValue::new(SERVER_ADDRESS, host));
            assert_eq!(address, expected, "{header}");
            let expected = port.map(|port: i64| KeyValue::new(SERVER_PORT, port));
            assert_eq!(at, expected, "{header}");
        }
        assert_eq!(ends(&Request::new(())), [const { None }; 3]);
    }

    #[tokio::test]
    async fn whatever_peers_send_a_batch_is_what_a_receiver_takes() {
        let uri = format!("http://{0}:8000/{0}?{0}", long());
        for span in [
            worst(crate::http::ServerLayer::default(), &uri).await,
            worst(crate::http::ClientLayer::default(), &uri).await,
            worst(crate::grpc::ServerLayer::new(&[]), &uri).await,
            // A client's method is the program's own.
            worst(crate::grpc::ClientLayer::default(), "http://shop/shop.v1.Shop/Buy").await,
        ] {
            let batch = vec![span.clone(); BATCH];
            let resource_spans = group_spans_by_resource_and_scope(batch, &Default::default());
            let size = ExportTraceServiceRequest { resource_spans }.encoded_len();
            assert!(size < MAX_RECEIVED, "{size} bytes of {span:#?}");
        }
    }
}
