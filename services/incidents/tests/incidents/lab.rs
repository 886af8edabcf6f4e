//! Services and a load that only remember what they were told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Form, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{delete, get};
use axum::{Json, Router};
use incidents::control::{Faults, Load};
use incidents::{Incidents, Lab, Pace};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use traces::Storage;

pub const TOKEN: &str = "a-token-of-the-tests";
const DEADLINE: Duration = Duration::from_secs(30);

/// A service's faults, each with its id.
#[derive(Clone, Default)]
pub struct Service {
    pub faults: Arc<Mutex<Vec<(u64, Value)>>>,
    next: Arc<AtomicU64>,
    /// How it refuses everything, if it does.
    pub refusal: Arc<Mutex<Option<(u16, &'static str)>>>,
}

/// What the load is set to.
#[derive(Clone)]
pub struct Set {
    pub to: Arc<Mutex<(f64, String)>>,
    /// Whether it refuses everything.
    pub is_gone: Arc<AtomicBool>,
}

pub struct StandIn {
    pub services: Vec<Service>,
    pub set: Set,
    pub faults: Vec<Faults>,
    pub load: Load,
}

impl StandIn {
    pub async fn start() -> Self {
        let mut services = Vec::new();
        let mut faults = Vec::new();
        for name in ["app-a", "app-b", "app-c", "app-d"] {
            let service = Service::default();
            let address = serve(service.router()).await;
            faults.push(Faults::new(name, &format!("http://{address}"), TOKEN, http()));
            services.push(service);
        }
        let to = Arc::new(Mutex::new((2.0, String::new())));
        let set = Set { to, is_gone: Arc::default() };
        let address = serve(set.router()).await;
        let load = Load::new(&format!("http://{address}"), http());
        Self { services, set, faults, load }
    }

    pub fn incidents(&self) -> Incidents {
        self.incidents_with(self.load.clone())
    }

    pub fn incidents_with(&self, load: Load) -> Incidents {
        Incidents::new(self.lab(load))
    }

    /// With other times.
    pub fn incidents_paced(&self, pace: fn(bool) -> Pace) -> Incidents {
        Incidents::paced(self.lab(self.load.clone()), pace)
    }

    fn lab(&self, load: Load) -> Lab {
        // Nobody is there.
        let storage = Storage::new("http://127.0.0.1:1").unwrap();
        Lab { storage, faults: self.faults.clone(), load }
    }

    /// The faults of each service.
    pub fn there(&self) -> Vec<Vec<Value>> {
        let faults = |service: &Service| {
            service.faults.lock().unwrap().iter().map(|(_, fault)| fault.clone()).collect()
        };
        self.services.iter().map(faults).collect()
    }

    pub fn counts(&self) -> Vec<usize> {
        self.there().iter().map(Vec::len).collect()
    }

    pub fn load_is(&self) -> (f64, String) {
        self.set.to.lock().unwrap().clone()
    }
}

impl Service {
    /// Those of its faults.
    pub fn ids(&self) -> Vec<u64> {
        self.faults.lock().unwrap().iter().map(|(id, _)| *id).collect()
    }

    fn router(&self) -> Router {
        Router::new()
            .route("/faults", get(list).post(begin).delete(end_all))
            .route("/faults/{id}", delete(end))
            .with_state(self.clone())
    }

    fn check(&self, headers: &HeaderMap) -> Result<(), (StatusCode, Json<Value>)> {
        assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
        match *self.refusal.lock().unwrap() {
            Some((status, error)) => {
                let status = StatusCode::from_u16(status).unwrap();
                Err((status, Json(json!({ "error": error }))))
            }
            None => Ok(()),
        }
    }
}

type Outcome<T> = Result<T, (StatusCode, Json<Value>)>;

async fn list(State(service): State<Service>, headers: HeaderMap) -> Outcome<Json<Value>> {
    service.check(&headers)?;
    let faults = service.faults.lock().unwrap();
    let listed = faults.iter().map(|(id, fault)| {
        let hidden = fault["hidden"] == true;
        let mut listed = if hidden { json!({ "hidden": true }) } else { fault.clone() };
        listed["id"] = json!(id);
        listed
    });
    Ok(Json(json!({ "service": "it", "version": null, "faults": listed.collect::<Vec<_>>() })))
}

async fn begin(
    State(service): State<Service>,
    headers: HeaderMap,
    Json(fault): Json<Value>,
) -> Outcome<(StatusCode, Json<Value>)> {
    service.check(&headers)?;
    let id = service.next.fetch_add(1, Ordering::Relaxed) + 1;
    service.faults.lock().unwrap().push((id, fault));
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

async fn end(
    State(service): State<Service>,
    headers: HeaderMap,
    Path(id): Path<u64>,
) -> Outcome<StatusCode> {
    service.check(&headers)?;
    let mut faults = service.faults.lock().unwrap();
    let before = faults.len();
    faults.retain(|(it, _)| *it != id);
    if faults.len() == before {
        return Err((StatusCode::NOT_FOUND, Json(json!({ "error": "there is no such fault" }))));
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn end_all(State(service): State<Service>, headers: HeaderMap) -> Outcome<StatusCode> {
    service.check(&headers)?;
    service.faults.lock().unwrap().clear();
    Ok(StatusCode::NO_CONTENT)
}

impl Set {
    fn router(&self) -> Router {
        Router::new().route("/", get(figures).post(change)).with_state(self.clone())
    }
}

async fn figures(State(set): State<Set>) -> Result<Json<Value>, (StatusCode, String)> {
    if set.is_gone.load(Ordering::Relaxed) {
        return Err((StatusCode::SERVICE_UNAVAILABLE, "it is gone\n".to_owned()));
    }
    let (rate, mix) = set.to.lock().unwrap().clone();
    let none = json!({"p50": null, "p90": null, "p99": null, "p99_9": null, "max": null});
    Ok(Json(json!({
        "rate": rate, "mix": mix, "seconds": 1.5, "left_out": 0, "paused": 0, "under_way": 0,
        "requests": 3, "failed": 1, "outcomes": {"ok": 2, "status 500": 1}, "latency_ms": none,
        "paths": [{
            "path": "/chain", "requests": 3, "failed": 1, "outcomes": {"ok": 2}, "latency_ms": none,
        }],
        "slowest": [{
            "service": "app-a", "path": "/chain", "outcome": "ok", "latency_ms": 7.5,
            "trace_id": "4b", "sampled": null,
        }],
        "failures": [],
    })))
}

async fn change(
    State(set): State<Set>,
    Form(change): Form<HashMap<String, String>>,
) -> Result<Json<Value>, (StatusCode, String)> {
    if change.get("mix").is_some_and(|mix| mix == "chain") {
        return Err((StatusCode::BAD_REQUEST, "mix: expected a path\n".to_owned()));
    }
    if !set.is_gone.load(Ordering::Relaxed) {
        let mut to = set.to.lock().unwrap();
        if let Some(rate) = change.get("rate") {
            to.0 = rate.parse().unwrap();
        }
        if let Some(mix) = change.get("mix") {
            to.1.clone_from(mix);
        }
    }
    figures(State(set)).await
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async { axum::serve(listener, router).await.unwrap() });
    address
}

pub fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

pub async fn eventually(condition: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not in time: {condition}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
