//! A host as small as can be.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use futures::{StreamExt, stream};
use rustix::process::{Pid, Signal, kill_process};
use spoor_proto::api_v2::Span;
use spoor_proto::storage_v1::span_reader_plugin_client::SpanReaderPluginClient;
use spoor_proto::storage_v1::span_writer_plugin_client::SpanWriterPluginClient;
use spoor_proto::storage_v1::streaming_span_writer_plugin_client::StreamingSpanWriterPluginClient;
use spoor_proto::storage_v1::{GetTraceRequest, WriteSpanRequest};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::yield_now;
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use crate::support::{DEADLINE, spoor, trace_id};
use crate::v1::span;

/// The command as Jaeger has it, in a working directory.
pub fn command(folder: &Path, config: impl AsRef<OsStr>) -> Command {
    as_jaeger(spoor(), folder, config)
}

/// The same by way of a shell, which is what is started, and the parent.
pub fn command_in_shell(folder: &Path, config: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new("/bin/sh");
    command.env_clear().kill_on_drop(true);
    command.args(["-c", "\"$0\" \"$@\" & wait", env!("CARGO_BIN_EXE_spoor")]);
    as_jaeger(command, folder, config)
}

fn as_jaeger(mut command: Command, folder: &Path, config: impl AsRef<OsStr>) -> Command {
    command.arg("--config").arg(config).current_dir(folder);
    command.env("STORAGE_PLUGIN", "jaeger").env("PLUGIN_PROTOCOL_VERSIONS", "1");
    command.env("PLUGIN_MIN_PORT", "10000").env("PLUGIN_MAX_PORT", "25000");
    command
}

/// A running sidecar, to which this process is the host.
pub struct Sidecar {
    channel: Channel,
    child: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
}

impl Sidecar {
    /// With an empty name of a file.
    pub async fn start(folder: &Path) -> Self {
        Self::start_as(command(folder, "")).await
    }

    pub async fn start_as(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = timeout(DEADLINE, stdout.next_line()).await.unwrap().unwrap().unwrap();
        let path = line.strip_prefix("1|1|unix|").and_then(|rest| rest.strip_suffix("|grpc"));
        let endpoint = format!("unix://{}", path.unwrap_or_else(|| panic!("{line}")));
        let channel = Endpoint::from_shared(endpoint).unwrap().connect().await.unwrap();
        Self { channel, child, _stdout: stdout, log }
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub async fn write(&self, span: Span) -> Result<(), Status> {
        let mut writer = SpanWriterPluginClient::new(self.channel());
        writer.write_span(WriteSpanRequest { span: Some(span) }).await.map(drop)
    }

    /// Writes spans of a trace by a stream, to its close. As with Jaeger, each is a frame.
    pub async fn stream(&self, trace: u128, spans: u64) {
        let mut writer = StreamingSpanWriterPluginClient::new(self.channel());
        let requests = stream::iter(1..=spans).then(move |id| async move {
            yield_now().await;
            WriteSpanRequest { span: Some(span(trace, id)) }
        });
        writer.write_span_stream(requests).await.unwrap();
    }

    /// The number of a trace's spans.
    pub async fn spans(&self, trace: u128) -> usize {
        let asked = GetTraceRequest { trace_id: trace_id(trace).into(), ..Default::default() };
        let reader = SpanReaderPluginClient::new(self.channel());
        let mut stream = reader
            .max_decoding_message_size(usize::MAX)
            .get_trace(asked)
            .await
            .unwrap()
            .into_inner();
        let mut spans = 0;
        while let Some(chunk) = stream.message().await.unwrap() {
            spans += chunk.spans.len();
        }
        spans
    }

    /// Asks for the end, as go-plugin does.
    pub async fn shut_down(&self) {
        let mut client = Grpc::new(self.channel());
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static("/plugin.GRPCController/Shutdown");
        let call = client.unary(Request::new(()), path, ProstCodec::<(), ()>::default());
        timeout(DEADLINE, call).await.unwrap().unwrap();
    }

    /// Sends a signal to the process that was started.
    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Waits for the end of the process that was started.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(DEADLINE, self.child.wait()).await.expect("it ends").unwrap()
    }

    /// Waits until every process has ended that has the log open, and gives what it got.
    pub async fn log(&mut self) -> Vec<serde_json::Value> {
        let read = async {
            let mut lines = Vec::new();
            while let Some(line) = self.log.next_line().await.unwrap() {
                lines.push(
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
                );
            }
            lines
        };
        timeout(DEADLINE, read).await.expect("its log ends")
    }
}
