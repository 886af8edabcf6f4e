use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{StreamExt, TryStreamExt, stream};
use spoor_proto::RawTraces;
use spoor_proto::otlp::trace_service_client::TraceServiceClient;
use spoor_proto::storage::GetServicesRequest;
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use tonic::transport::Channel;

use crate::load::Load;

/// A server under test, ended when dropped.
pub struct Server {
    child: Child,
    writes: String,
    reads: String,
    // Jaeger's configuration, which it reads while it runs.
    _config: Option<tempfile::NamedTempFile>,
}

/// What a load cost.
#[derive(Clone, Copy)]
pub struct Ingested {
    pub cpu_micros_per_span: f64,
    pub spans_per_second: f64,
    pub peak_mib: u64,
}

impl Server {
    pub async fn spoor(program: &Path) -> Result<Self> {
        let [listen, admin] = free_ports()?.map(|port| format!("127.0.0.1:{port}"));
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", &listen, "--admin-listen", &admin])
            .args(["--set", "memory_max_traces=1000000", "--set", "memory_max_bytes=4GiB"])
            .args(["--set", "max_search_depth=1000000"]);
        let url = format!("http://{listen}");
        Self::start(command, url.clone(), url, None).await
    }

    pub async fn jaeger(program: &Path) -> Result<Self> {
        let [write, read] = free_ports()?;
        let config = tempfile::NamedTempFile::new()?;
        std::fs::write(&config, include_str!("jaeger.yaml"))?;
        let mut command = Command::new(program);
        command
            .arg("--config")
            .arg(config.path())
            .envs([("WRITE_PORT", write.to_string()), ("READ_PORT", read.to_string())]);
        let url = |port| format!("http://127.0.0.1:{port}");
        Self::start(command, url(write), url(read), Some(config)).await
    }

    async fn start(
        mut command: Command,
        writes: String,
        reads: String,
        config: Option<tempfile::NamedTempFile>,
    ) -> Result<Self> {
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        let mut server = Self { child, writes, reads, _config: config };
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = server.child.try_wait()? {
                bail!("{:?} ended with {status}", command.get_program());
            }
            if server.answers().await {
                return Ok(server);
            }
            ensure!(Instant::now() < deadline, "{:?} does not answer", command.get_program());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn answers(&self) -> bool {
        let Ok(mut reader) = self.reader().await else { return false };
        reader.get_services(GetServicesRequest {}).await.is_ok()
            && tokio::net::TcpStream::connect(self.writes.trim_start_matches("http://"))
                .await
                .is_ok()
    }

    pub async fn channel(&self) -> Result<Channel> {
        Ok(Channel::from_shared(self.reads.clone())?.connect().await?)
    }

    pub async fn reader(&self) -> Result<TraceReaderClient<Channel>> {
        Ok(TraceReaderClient::new(self.channel().await?).max_decoding_message_size(usize::MAX))
    }

    /// Sends the load, each request acknowledged.
    pub async fn ingest(&self, load: &Load, workers: usize) -> Result<Ingested> {
        let channel = Channel::from_shared(self.writes.clone())?.connect().await?;
        let client = TraceServiceClient::new(channel);
        let cpu_before = self.cpu()?;
        let began = Instant::now();
        stream::iter(&load.requests)
            .map(|request| {
                let mut client = client.clone();
                async move {
                    let response = client.export(RawTraces(request.clone())).await?.into_inner();
                    let rejected =
                        response.partial_success.map_or(0, |partial| partial.rejected_spans);
                    ensure!(rejected == 0, "{rejected} spans were rejected");
                    Ok(())
                }
            })
            .buffer_unordered(workers)
            .try_collect::<()>()
            .await?;
        let spans = load.spans() as f64;
        Ok(Ingested {
            spans_per_second: spans / began.elapsed().as_secs_f64(),
            cpu_micros_per_span: (self.cpu()? - cpu_before).as_secs_f64() * 1e6 / spans,
            peak_mib: self.peak_mib()?,
        })
    }

    /// User and system time so far, to a hundredth of a second (proc_pid_stat(5)).
    fn cpu(&self) -> Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The program's name, the second field, may hold spaces; fields 14 and 15 are the times.
        let fields = stat.rsplit(')').next().context("reading the process's times")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|ticks| ticks.parse::<u64>().context("reading the process's times"))
            .sum::<Result<u64>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    fn peak_mib(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()).context("reading VmHWM")?;
        Ok(kib.parse::<u64>()? / 1024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is gone already, or ends now; either is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_ports() -> Result<[u16; 2]> {
    let [a, b] = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([a.local_addr()?.port(), b.local_addr()?.port()])
}
