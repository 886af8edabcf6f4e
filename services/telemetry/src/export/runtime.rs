//! The threads of what export and sampling wait for.

use tokio::runtime::{EnterGuard, Handle, Runtime};

use crate::InitError;
use crate::environment::{Protocol, Settings};

/// The runtime of the exporters' connections, and of a sampler's. It is not the service's: export
/// goes on while that one is busy or stopping, and a flush may block any thread of the service.
#[derive(Debug)]
pub(crate) struct ExportRuntime(Option<Runtime>);

impl ExportRuntime {
    /// One that runs, if anything needs it.
    pub fn start(settings: &Settings) -> Result<Option<Self>, InitError> {
        let signals = [settings.traces, settings.logs, settings.metrics];
        // Over HTTP there is none: the SDK's threads cannot drive an async client, and the blocking
        // one has a thread of its own.
        let is_grpc = signals
            .iter()
            .filter_map(|signal| signal.otlp)
            .any(|otlp| otlp.protocol == Protocol::Grpc);
        if !is_grpc && !settings.sampling.is_remote() {
            return Ok(None);
        }
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("otlp")
            .enable_all()
            .build()
            .map_err(InitError::Runtime)?;
        Ok(Some(Self(Some(runtime))))
    }

    pub fn enter(&self) -> EnterGuard<'_> {
        self.runtime().enter()
    }

    pub fn handle(&self) -> &Handle {
        self.runtime().handle()
    }

    fn runtime(&self) -> &Runtime {
        self.0.as_ref().expect("only drop takes it")
    }
}

impl Drop for ExportRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            // Waits for nothing, and so is allowed where blocking is not.
            runtime.shutdown_background();
        }
    }
}
