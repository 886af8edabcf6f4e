//! [Jaeger's remote sampling](https://www.jaegertracing.io/docs/2.13/architecture/sampling/): a
//! server that is asked now and then tells how a service samples each of its operations.
//!
//! Over gRPC, as `OTEL_TRACES_SAMPLER_ARG` has it. The SDK has a sampler that asks over HTTP; its
//! rate stays at none once there is more than one trace a second, and it knows no lower bound.

mod limiter;
mod strategy;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SamplingDecision, SamplingResult, ShouldSample};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint, Uri};
use tracing::{info, warn};

use super::{ARGUMENT, read_ratio};
use crate::environment::{Lookup, unexpected};
use crate::sampling_api::sampling_manager_client::SamplingManagerClient;
use crate::sampling_api::{SamplingStrategyParameters, SamplingStrategyResponse};
use crate::{InitError, error_chain};
use strategy::Strategy;

/// How long a server may take for its answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Which server is asked, how often, and what holds until it has answered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Server {
    endpoint: Uri,
    interval: Duration,
    initial_ratio: f64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            // Where Jaeger's `remote_sampling` extension listens by default.
            endpoint: Uri::from_static("http://localhost:5779"),
            interval: Duration::from_secs(60),
            initial_ratio: 0.001,
        }
    }
}

impl Server {
    pub fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let mut server = Self::default();
        let Some(value) = lookup(ARGUMENT) else { return Ok(server) };
        for setting in value.split(',') {
            server.set(setting.trim()).ok_or_else(|| {
                unexpected(
                    ARGUMENT,
                    &value,
                    "endpoint=http://HOST:PORT, pollingIntervalMs=N, initialSamplingRate=R, with \
                     commas between them",
                )
            })?;
        }
        Ok(server)
    }

    fn set(&mut self, setting: &str) -> Option<()> {
        let (name, value) = setting.split_once('=')?;
        match name.trim() {
            "endpoint" => {
                let is_served = |it: &Uri| it.scheme_str() == Some("http") && it.host().is_some();
                self.endpoint = value.trim().parse().ok().filter(is_served)?;
            }
            "pollingIntervalMs" => {
                let milliseconds = value.trim().parse().ok().filter(|it| *it > 0)?;
                self.interval = Duration::from_millis(milliseconds);
            }
            "initialSamplingRate" => self.initial_ratio = read_ratio(value)?,
            _ => return None,
        }
        Some(())
    }
}

/// Samples as the server said last.
#[derive(Clone, Debug)]
pub(super) struct Remote(Arc<RwLock<Arc<Strategy>>>);

impl Remote {
    /// Asks the server when `installed` resolves and then at its interval, until the runtime ends.
    pub fn start(
        server: &Server,
        service_name: &str,
        runtime: &Handle,
        installed: oneshot::Receiver<()>,
    ) -> Self {
        let strategy = Arc::new(Strategy::Probability(server.initial_ratio));
        let this = Self(Arc::new(RwLock::new(strategy)));
        let _entered = runtime.enter();
        let channel = Endpoint::from(server.endpoint.clone())
            .connect_timeout(TIMEOUT)
            .timeout(TIMEOUT)
            .connect_lazy();
        let poll = Poll {
            strategy: this.0.clone(),
            client: SamplingManagerClient::new(channel),
            endpoint: server.endpoint.clone(),
            parameters: SamplingStrategyParameters { service_name: service_name.to_owned() },
            answer: None,
            is_told: false,
        };
        let interval = server.interval;
        runtime.spawn(async move {
            // Who went without a word has installed nothing, and ends.
            let _ = installed.await;
            poll.at(interval).await;
        });
        this
    }

    fn strategy(&self) -> Arc<Strategy> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ShouldSample for Remote {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        _span_kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let attributes = self.strategy().sample(trace_id, name);
        let state = |parent: &Context| parent.span().span_context().trace_state().clone();
        SamplingResult {
            decision: match attributes {
                Some(_) => SamplingDecision::RecordAndSample,
                None => SamplingDecision::Drop,
            },
            attributes: attributes.into_iter().flatten().collect(),
            trace_state: parent_context.map(state).unwrap_or_default(),
        }
    }
}

/// Keeps a strategy as the server has it.
struct Poll {
    strategy: Arc<RwLock<Arc<Strategy>>>,
    client: SamplingManagerClient<Channel>,
    endpoint: Uri,
    parameters: SamplingStrategyParameters,
    /// The one that is followed.
    answer: Option<SamplingStrategyResponse>,
    /// Whether it was told that the server does not answer.
    is_told: bool,
}

impl Poll {
    async fn at(mut self, interval: Duration) {
        loop {
            self.once().await;
            tokio::time::sleep(interval).await;
        }
    }

    async fn once(&mut self) {
        let endpoint = &self.endpoint;
        let answer = self.client.get_sampling_strategy(self.parameters.clone()).await;
        let strategy = answer.map_err(|status| error_chain(&status)).and_then(|answer| {
            let answer = answer.into_inner();
            let strategy = Strategy::try_from(&answer).map_err(str::to_owned)?;
            Ok((answer, strategy))
        });
        match strategy {
            Ok((answer, mut strategy)) => {
                if std::mem::take(&mut self.is_told) {
                    info!(%endpoint, "sampling strategies are read again");
                }
                if self.answer.as_ref() != Some(&answer) {
                    info!(%endpoint, %strategy, "sampling changed");
                    let mut followed =
                        self.strategy.write().unwrap_or_else(PoisonError::into_inner);
                    strategy.follow(&followed);
                    *followed = Arc::new(strategy);
                    self.answer = Some(answer);
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_told, true) {
                    warn!(%endpoint, error, "sampling strategies cannot be read: the last one holds");
                }
            }
        }
    }
}
