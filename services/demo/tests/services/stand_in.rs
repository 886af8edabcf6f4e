//! A target of either protocol that notes the headers it is sent.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::get;
use axum::{Json, Router};
use demo::tasks::tasks_server::{Tasks, TasksServer};
use demo::tasks::{CpuTaskRequest, CpuTaskResponse};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

#[derive(Clone)]
pub struct StandIn {
    pub address: SocketAddr,
    seen: Seen,
    answers: Arc<Semaphore>,
}

type Seen = Arc<Mutex<Vec<(&'static str, HeaderMap)>>>;

impl StandIn {
    /// Answers at once.
    pub async fn start() -> Self {
        Self::with_answers(Semaphore::MAX_PERMITS).await
    }

    /// Answers that many requests; the others wait for [`StandIn::answer`].
    pub async fn with_answers(answers: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stand_in = Self {
            address: listener.local_addr().unwrap(),
            seen: Seen::default(),
            answers: Arc::new(Semaphore::new(answers)),
        };
        let router = Router::new()
            .route("/io_task", get(io_task))
            .with_state(stand_in.clone())
            .route_service("/demo.v1.Tasks/{method}", TasksServer::new(stand_in.clone()));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        stand_in
    }

    /// The protocol and headers of each request so far.
    pub fn seen(&self) -> Vec<(&'static str, HeaderMap)> {
        self.seen.lock().unwrap().clone()
    }

    /// Lets as many requests be answered.
    pub fn answer(&self, requests: usize) {
        self.answers.add_permits(requests);
    }

    async fn note(&self, protocol: &'static str, headers: HeaderMap) {
        self.seen.lock().unwrap().push((protocol, headers));
        self.answers.acquire().await.unwrap().forget();
    }
}

async fn io_task(State(stand_in): State<StandIn>, headers: HeaderMap) -> Json<Value> {
    stand_in.note("http", headers).await;
    Json(json!({ "service": "stand-in", "milliseconds": 0 }))
}

#[tonic::async_trait]
impl Tasks for StandIn {
    async fn cpu_task(
        &self,
        request: Request<CpuTaskRequest>,
    ) -> Result<Response<CpuTaskResponse>, Status> {
        self.note("grpc", request.into_parts().0.into_headers()).await;
        Ok(Response::new(CpuTaskResponse::default()))
    }
}
