//! The life of what [`init`](crate::init) set up.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::logs::LoggerProvider;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::sync::oneshot;

use crate::InitError;
use crate::environment::{self, Settings};
use crate::export::{self, ExportRuntime, Ledger};
use crate::log::LogRecords;
use crate::subscriber::scope;

/// How long a dropped [`Guard`] may take.
const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// Keeps telemetry going. Dropped, it does what [`shutdown`](Self::shutdown) does, for at most 5 s.
#[derive(Debug)]
#[must_use = "telemetry ends when this is dropped"]
pub struct Guard {
    pub(crate) traces: SdkTracerProvider,
    pub(crate) metrics: Option<SdkMeterProvider>,
    logs: Option<SdkLoggerProvider>,
    ledgers: [Option<Arc<Ledger>>; 3],
    /// How long the end may take.
    deadline: Duration,
    /// Tells the sampler that there is a subscriber.
    installed: Option<oneshot::Sender<()>>,
    _runtime: Option<ExportRuntime>,
}

impl Guard {
    pub(crate) fn new(settings: &Settings, service_name: &str) -> Result<Self, InitError> {
        let lookup = &environment::process;
        let runtime = ExportRuntime::start(settings)?;
        let entered = runtime.as_ref().map(ExportRuntime::enter);
        let resource = Resource::builder()
            .with_attributes(settings.resource.clone())
            .with_service_name(service_name.to_owned())
            .build();
        let (tell_installed, installed) = oneshot::channel();
        let sampler = settings.sampling.build(
            service_name,
            settings.propagators.include_jaeger(),
            runtime.as_ref().map(ExportRuntime::handle),
            installed,
        );
        let (traces, spans) = export::traces(settings, lookup, &resource, sampler)?;
        let (logs, records) = export::logs(settings, lookup, &resource)?;
        let (metrics, points) =
            export::metrics(settings, lookup, &resource, spans.clone(), records.clone())?;
        drop(entered);
        Ok(Self {
            traces,
            metrics,
            logs,
            ledgers: [spans, points, records],
            deadline: DROP_DEADLINE,
            installed: Some(tell_installed),
            _runtime: runtime,
        })
    }

    /// From now on there is a subscriber, whom nothing that is told escapes.
    pub(crate) fn subscriber_is_installed(&mut self) {
        // Nobody waits for it where no server is asked.
        let _ = self.installed.take().map(|installed| installed.send(()));
    }

    /// What makes log records of events, if they go anywhere.
    pub(crate) fn log_records(&self, settings: &Settings) -> Option<LogRecords> {
        let logger = self.logs.as_ref()?.logger_with_scope(scope());
        Some(LogRecords { logger, limits: settings.limits.log_records })
    }

    /// Exports the spans, log records and metrics that wait, then stops, and tells what was lost.
    /// Blocks the thread, at most until the deadline; metrics have 5 s of it, as the SDK has it.
    pub fn shutdown(mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// What became of traces, metrics and logs. At one time, so that a backend that is down costs
    /// only its own signal; and here is the deadline, since that of metrics is the SDK's own.
    fn flush(&self) -> [OTelSdkResult; 3] {
        let deadline = self.deadline;
        // None is too far off to be reached.
        let end = Instant::now().checked_add(deadline);
        let left = || end.map_or(deadline, |end| end.saturating_duration_since(Instant::now()));
        let traces = self.traces.clone();
        let traces = thread_of(move || traces.shutdown_with_timeout(deadline));
        let metrics = self.metrics.clone().map(|it| thread_of(move || it.shutdown()));
        let logs =
            self.logs.clone().map(|it| thread_of(move || it.shutdown_with_timeout(deadline)));
        [Some(traces), metrics, logs].map(|ended| match ended {
            None => Ok(()),
            Some(ended) => match ended.recv_timeout(left()) {
                Ok(result) => result,
                Err(RecvTimeoutError::Timeout) => Err(OTelSdkError::Timeout(deadline)),
                Err(RecvTimeoutError::Disconnected) => {
                    Err(OTelSdkError::InternalFailure("the exporter panicked".to_owned()))
                }
            },
        })
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        for (ledger, result) in self.ledgers.iter().zip(self.flush()) {
            if let Some(ledger) = ledger {
                ledger.tell_rest(&result);
            }
        }
    }
}

/// What comes of it on a thread of its own, which nobody waits for.
fn thread_of(
    shutdown: impl FnOnce() -> OTelSdkResult + Send + 'static,
) -> mpsc::Receiver<OTelSdkResult> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || sender.send(shutdown()));
    receiver
}
