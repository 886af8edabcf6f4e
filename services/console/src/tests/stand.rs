//! A console, its storage server, and what it answers.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, LOCATION};
use axum::http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;
use scraper::{ElementRef, Html, Selector};
use spoor::Server;
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::Endpoint;
use tower::ServiceExt;

use crate::config::{Config, Links, Service};
use crate::{Console, routes};

/// It stops when dropped.
pub struct Stand {
    pub console: Arc<Console>,
    router: Router,
    pub storage: String,
    _stop: oneshot::Sender<()>,
    _folder: TempDir,
}

impl Stand {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// With another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let folder = tempfile::tempdir().unwrap();
        let data_dir = Some(folder.path().to_owned());
        let config = spoor::config::Config {
            listen: any,
            admin_listen: any,
            data_dir,
            ..Default::default()
        };
        let server = Server::bind(config).await.unwrap();
        let storage = format!("http://{}", server.grpc_addr());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(server.serve(async {
            stopped.await.ok();
        }));
        let nobody = "http://127.0.0.1:9";
        let url = |port: u16| Some(format!("http://127.0.0.1:{port}"));
        let mut config = Config {
            services: vec![Service {
                name: "app-a".to_owned(),
                url: nobody.to_owned(),
                admin: nobody.to_owned(),
            }],
            links: Links {
                jaeger: url(16686),
                prometheus: url(9090),
                loki: url(3100),
                grafana: url(3000),
            },
            ..Config::new(any, &storage)
        };
        change(&mut config);
        let console = Console::new(config).unwrap();
        let router = routes::router(&console);
        Self { console, router, storage, _stop: stop, _folder: folder }
    }

    pub async fn write(&self, resource_spans: Vec<ResourceSpans>) {
        let request = ExportTraceServiceRequest { resource_spans };
        let channel = Endpoint::from_shared(self.storage.clone()).unwrap().connect_lazy();
        let request = RawTraces(request.encode_to_vec().into());
        let answer = TraceServiceClient::new(channel).export(request).await.unwrap();
        assert_eq!(answer.into_inner().partial_success, None);
    }

    pub async fn ask(&self, mut request: Request<Body>) -> Answer {
        let host = "127.0.0.1:8010".parse().unwrap();
        request.headers_mut().entry(HOST).or_insert(host);
        let answer = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.into()).unwrap();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// What a form sends.
    pub async fn post(&self, path: &str, fields: &str) -> Answer {
        let body = format!("token={}&{fields}", self.console.token.text());
        let request = Request::post(path).header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.ask(request.body(Body::from(body)).unwrap()).await
    }

    /// A page that is there, as a browser reads it.
    pub async fn page(&self, path: &str) -> Page {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.body);
        answer.page()
    }
}

pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        assert_eq!(self.status, StatusCode::SEE_OTHER, "{}", self.body);
        self.header(LOCATION.as_str()).unwrap()
    }

    pub fn page(&self) -> Page {
        Page(Html::parse_document(&self.body))
    }
}

pub struct Page(pub Html);

impl Page {
    pub fn all<'a>(&'a self, selector: &str) -> Vec<ElementRef<'a>> {
        self.0.select(&Selector::parse(selector).unwrap()).collect()
    }

    pub fn one<'a>(&'a self, selector: &str) -> ElementRef<'a> {
        let all = self.all(selector);
        assert_eq!(all.len(), 1, "{selector}");
        all[0]
    }

    /// The attribute of each of them that has it.
    pub fn each(&self, selector: &str, attribute: &str) -> Vec<String> {
        let all = self.all(selector).into_iter();
        all.filter_map(|element| element.attr(attribute).map(str::to_owned)).collect()
    }

    pub fn text(&self) -> String {
        text(self.one("main"))
    }
}

pub fn text(element: ElementRef<'_>) -> String {
    element.text().flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// Serves a part that the test plays.
pub async fn serve(router: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, router).await });
    base
}
