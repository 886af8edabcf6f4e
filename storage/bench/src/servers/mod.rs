//! The servers under test. Each is one or more processes of its own, that take OTLP over gRPC and
//! answer Jaeger's storage API v2.

mod jaeger;
mod part;
mod spoor;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::GetServicesRequest;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::measure::{disk, process::Usage};
pub use part::{Launch, Part};
pub use spoor::Engine;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Spoor(Engine),
    JaegerMemory,
    /// Whether each write is synced.
    JaegerBadger(bool),
    /// Jaeger with spoor as its remote storage: both processes count.
    JaegerSpoor(Engine),
}

/// Where to find what is started, and where it may write.
pub struct Programs {
    pub spoor: PathBuf,
    /// Keys of spoor's configuration with values, beyond those that an engine is started with.
    pub settings: Vec<String>,
    pub jaeger: Option<PathBuf>,
    /// Where stores have their directories.
    pub place: PathBuf,
}

pub struct Server {
    pub kind: Kind,
    parts: Vec<Part>,
    writes: String,
    reads: String,
    directory: TempDir,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Spoor(Engine::Memory) => "spoor, memory",
            Self::Spoor(Engine::Embedded) => "spoor, embedded",
            Self::JaegerMemory => "Jaeger, memory",
            Self::JaegerBadger(false) => "Jaeger, Badger",
            Self::JaegerBadger(true) => "Jaeger, Badger, synced",
            Self::JaegerSpoor(Engine::Memory) => "Jaeger + spoor, memory",
            Self::JaegerSpoor(Engine::Embedded) => "Jaeger + spoor, embedded",
        }
    }

    /// Whether what was acknowledged is there after the process was killed.
    pub fn keeps(self) -> bool {
        match self {
            Self::Spoor(engine) | Self::JaegerSpoor(engine) => engine == Engine::Embedded,
            Self::JaegerBadger(_) => true,
            Self::JaegerMemory => false,
        }
    }

    /// Whether an answer of another size than expected is a defect. Badger's index has no spans:
    /// it finds a trace whose spans match together, needs a service beside an attribute, and
    /// counts dependencies in a hundred traces.
    pub fn must_answer_right(self) -> bool {
        !matches!(self, Self::JaegerBadger(_))
    }

    /// Whether it serves the newest contract: spoor itself, asked without a Jaeger before it.
    pub fn is_ours(self) -> bool {
        matches!(self, Self::Spoor(_))
    }

    /// How long nothing may happen before it is taken to be idle.
    fn quiet(self) -> Duration {
        match self {
            Self::Spoor(engine) | Self::JaegerSpoor(engine) => engine.quiet(),
            Self::JaegerMemory => Duration::from_secs(1),
            Self::JaegerBadger(_) => Duration::from_secs(3),
        }
    }
}

impl Server {
    /// Starts it with an empty store for at most so many traces, and waits until it answers.
    pub async fn start(kind: Kind, programs: &Programs, traces: usize) -> Result<Self> {
        Self::start_under(kind, programs, traces, None).await
    }

    /// As [`Self::start`], with spoor as the argument of another command.
    pub async fn start_under(
        kind: Kind,
        programs: &Programs,
        traces: usize,
        wrapper: Option<&[String]>,
    ) -> Result<Self> {
        let directory = tempfile::tempdir_in(&programs.place)
            .with_context(|| format!("making a directory in {}", programs.place.display()))?;
        let store = directory.path().join("store");
        std::fs::create_dir(&store).context("making a store's directory")?;
        let mut parts = Vec::new();
        let (writes, reads) = match kind {
            Kind::Spoor(engine) => {
                let (launch, port) = spoor::launch(programs, engine, &store, traces)?;
                parts.push(Part::start(launch.under(wrapper), directory.path())?);
                (port, port)
            }
            Kind::JaegerMemory => {
                let (launch, ports) = jaeger::memory(program(programs)?, directory.path(), traces)?;
                parts.push(Part::start(launch, directory.path())?);
                ports
            }
            Kind::JaegerBadger(sync) => {
                let (launch, ports) =
                    jaeger::badger(program(programs)?, directory.path(), &store, sync)?;
                parts.push(Part::start(launch, directory.path())?);
                ports
            }
            Kind::JaegerSpoor(engine) => {
                let (launch, spoor) = spoor::launch(programs, engine, &store, traces)?;
                parts.push(Part::start(launch, directory.path())?);
                let (launch, ports) =
                    jaeger::over_spoor(program(programs)?, directory.path(), spoor)?;
                parts.push(Part::start(launch, directory.path())?);
                ports
            }
        };
        let url = |port| format!("http://127.0.0.1:{port}");
        let mut server = Self { kind, parts, writes: url(writes), reads: url(reads), directory };
        server
            .wait_until_it_answers()
            .await
            .with_context(|| format!("starting {}", kind.name()))?;
        Ok(server)
    }

    async fn wait_until_it_answers(&mut self) -> Result<()> {
        // An emulated processor is a hundred times slower.
        let deadline = Instant::now() + Duration::from_secs(120);
        while !self.answers().await {
            self.parts.iter_mut().try_for_each(Part::is_running)?;
            ensure!(Instant::now() < deadline, "no answer; it wrote: {}", self.output());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn answers(&self) -> bool {
        let (Ok(reads), Ok(_)) = (self.reads().await, self.writes().await) else { return false };
        TraceReaderClient::new(reads).get_services(GetServicesRequest {}).await.is_ok()
    }

    pub async fn reads(&self) -> Result<Channel> {
        Ok(Channel::from_shared(self.reads.clone())?.connect().await?)
    }

    /// Where it takes writes.
    pub fn address(&self) -> Result<SocketAddr> {
        let address = self.writes.strip_prefix("http://").unwrap_or(&self.writes);
        address.parse().with_context(|| format!("reading the address {address}"))
    }

    pub async fn writes(&self) -> Result<TraceServiceClient<Channel>> {
        let channel = Channel::from_shared(self.writes.clone())?.connect().await?;
        Ok(TraceServiceClient::new(channel))
    }

    /// Of all its processes together.
    pub fn usage(&self) -> Result<Usage> {
        let mut sum = Usage::default();
        for part in &self.parts {
            sum.add(Usage::of(part.id())?);
        }
        Ok(sum)
    }

    pub fn store(&self) -> PathBuf {
        self.directory.path().join("store")
    }

    /// Bytes of disk.
    pub fn disk(&self) -> Result<u64> {
        disk::allocated(&self.store())
    }

    /// Waits until its CPU time and its directory have stood still for a while; false if that
    /// did not happen in time.
    pub async fn rest(&self) -> Result<bool> {
        const INTERVAL: Duration = Duration::from_millis(200);
        const PATIENCE: Duration = Duration::from_secs(180);
        let (began, quiet) = (Instant::now(), self.kind.quiet());
        let mut since = Instant::now();
        let (mut cpu, mut size) = (self.usage()?.cpu, self.disk()?);
        while began.elapsed() < PATIENCE {
            tokio::time::sleep(INTERVAL).await;
            let now = (self.usage()?.cpu, self.disk()?);
            // Timers of a runtime at rest take less than two percent of a processor.
            let idle = since.elapsed().mul_f64(0.02) + Duration::from_millis(10);
            if now.0 - cpu > idle || now.1 != size {
                (cpu, size) = now;
                since = Instant::now();
            } else if since.elapsed() >= quiet {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The share of a processor that it takes while nobody asks it for anything.
    pub async fn idle_share(&self) -> Result<f64> {
        const WATCHED: Duration = Duration::from_secs(5);
        let (began, before) = (Instant::now(), self.usage()?.cpu);
        tokio::time::sleep(WATCHED).await;
        Ok((self.usage()?.cpu - before).as_secs_f64() / began.elapsed().as_secs_f64())
    }

    /// Ends its processes as a power cut would.
    pub fn kill(&mut self) {
        self.parts.iter_mut().for_each(Part::kill);
    }

    /// Starts its processes again, over what they left. Does not wait.
    pub fn start_again(&mut self) -> Result<()> {
        self.parts.iter_mut().try_for_each(Part::start_again)
    }

    /// Asks its processes to end, and waits until they have.
    pub async fn stop(&mut self) -> Result<()> {
        for part in &mut self.parts {
            part.stop().await?;
        }
        Ok(())
    }

    /// The end of what its processes wrote.
    pub fn output(&self) -> String {
        self.parts.iter().map(Part::output).collect()
    }
}

fn program(programs: &Programs) -> Result<&Path> {
    programs.jaeger.as_deref().context("Jaeger is needed, and was left out")
}
