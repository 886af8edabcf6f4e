//! Where faults are switched while a service runs: a listener of its own, for who has the token.

mod guard;
mod token;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, PathRejection};
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

pub(crate) use token::Token;

use crate::faults::{Faults, MAX_FAULTS, Refusal, Spec};

/// In bytes, several times as much as a fault takes.
const MAX_BODY: usize = 16 << 10;

/// The endpoint, before it is served.
pub(crate) struct Admin {
    listener: TcpListener,
    router: Router,
}

impl Admin {
    /// Of the service of this name.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn bind(
        address: SocketAddr,
        token: Token,
        name: &str,
        faults: Arc<Faults>,
    ) -> io::Result<Self> {
        let own: guard::Own = (token, name.into());
        let router = Router::new()
            .route("/faults", get(list).post(begin).delete(end_all))
            .route("/faults/{id}", delete(end))
            .fallback(async || refuse(StatusCode::NOT_FOUND, "there is only /faults"))
            .method_not_allowed_fallback(async || {
                refuse(StatusCode::METHOD_NOT_ALLOWED, "not by this method")
            })
            .with_state(faults)
            .layer(DefaultBodyLimit::max(MAX_BODY))
            .layer(middleware::from_fn_with_state(own, guard::admit));
        Ok(Self { listener: TcpListener::bind(address).await?, router })
    }

    /// # Errors
    /// When the system does not tell.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers until it is dropped.
    ///
    /// # Errors
    /// When connections can no longer be accepted.
    pub async fn serve(self) -> io::Result<()> {
        axum::serve(self.listener, self.router).await
    }
}

fn refuse(status: StatusCode, reason: &str) -> Response {
    (status, Json(json!({ "error": reason }))).into_response()
}

async fn list(State(faults): State<Arc<Faults>>) -> Response {
    Json(faults.list()).into_response()
}

async fn begin(
    State(faults): State<Arc<Faults>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Response> {
    let body = body.map_err(|error| refuse(error.status(), &error.body_text()))?;
    let spec = serde_json::from_slice(&body).map_err(|error| error.to_string());
    let spec = spec.and_then(|fault| Spec::read(fault).map_err(|error| error.to_string()));
    match spec.map(|spec| faults.begin(spec)) {
        Ok(Ok(id)) => Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response()),
        Ok(Err(Refusal::TooMany)) => {
            Err(refuse(StatusCode::CONFLICT, &format!("there are {MAX_FAULTS} faults already")))
        }
        Ok(Err(Refusal::Idle(reason))) | Err(reason) => {
            Err(refuse(StatusCode::BAD_REQUEST, &reason))
        }
    }
}

async fn end(
    State(faults): State<Arc<Faults>>,
    id: Result<Path<u64>, PathRejection>,
) -> Result<StatusCode, Response> {
    let Path(id) = id.map_err(|error| refuse(error.status(), &error.body_text()))?;
    match faults.end(Some(id)) {
        0 => Err(refuse(StatusCode::NOT_FOUND, &format!("there is no fault {id}"))),
        _ => Ok(StatusCode::NO_CONTENT),
    }
}

async fn end_all(State(faults): State<Arc<Faults>>) -> StatusCode {
    faults.end(None);
    StatusCode::NO_CONTENT
}
