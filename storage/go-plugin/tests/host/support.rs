//! A host as small as can be.

use std::path::PathBuf;
use std::process::{ExitStatus, Output, Stdio};
use std::time::Duration;

use futures::{Stream, stream};
use prost::Message;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::timeout;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// How long a test waits for anything: a busy machine included.
const DEADLINE: Duration = Duration::from_secs(30);

pub const COOKIE_KEY: &str = "GREETER_PLUGIN";
pub const SHUTDOWN: &str = "/plugin.GRPCController/Shutdown";
pub const STREAM_STDIO: &str = "/plugin.GRPCStdio/StreamStdio";
pub const START_STREAM: &str = "/plugin.GRPCBroker/StartStream";
pub const GREET: &str = "/greeter.Greeter/Greet";

/// go-plugin's messages, written down once more.
#[derive(Clone, PartialEq, Message)]
pub struct StdioData {
    #[prost(int32, tag = "1")]
    pub channel: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ConnInfo {
    #[prost(uint32, tag = "1")]
    pub service_id: u32,
    #[prost(string, tag = "2")]
    pub network: String,
    #[prost(string, tag = "3")]
    pub address: String,
}

/// The example's program, which `cargo test` has built beside this test.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().with_file_name("examples").join("greeter");
    assert!(program.is_file(), "not built: cargo build -p go-plugin --example greeter");
    program
}

/// The command of a host that speaks both versions.
pub fn greeter() -> Command {
    command(program())
}

pub fn command(program: PathBuf) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env(COOKIE_KEY, "d3f40b3").env("PLUGIN_PROTOCOL_VERSIONS", "1,2");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command that must fail. Gives what it wrote to standard output, and its only line of
/// standard error.
pub async fn refused(command: &mut Command) -> (String, String) {
    let ended = timeout(DEADLINE, command.output()).await.expect("it refuses to start");
    let Output { status, stdout, stderr } = ended.unwrap();
    assert_eq!(status.code(), Some(1));
    let stderr = String::from_utf8(stderr).unwrap();
    let line = stderr.strip_suffix('\n').expect("a line").to_owned();
    assert!(!line.contains('\n'), "one line: {stderr}");
    (String::from_utf8(stdout).unwrap(), line)
}

/// A running plugin, to whose services a host is connected.
pub struct Plugin {
    /// The line by which it has told where it is.
    pub line: String,
    child: Child,
    stdout: Option<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    channel: Channel,
}

impl Plugin {
    pub async fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut line = String::new();
        timeout(DEADLINE, stdout.read_line(&mut line))
            .await
            .expect("it tells its address")
            .unwrap();
        assert_eq!(line.pop(), Some('\n'), "{line}");
        let fields: Vec<_> = line.split('|').collect();
        let endpoint = match fields[2] {
            "unix" => format!("unix://{}", fields[3]),
            "tcp" => format!("http://{}", fields[3]),
            other => panic!("unknown network {other}"),
        };
        let channel = Endpoint::from_shared(endpoint).unwrap().connect().await.unwrap();
        Self { line, child, stdout: Some(stdout), log, channel }
    }

    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Its address: the fourth field of its line.
    pub fn address(&self) -> &str {
        self.line.split('|').nth(3).unwrap()
    }

    pub async fn call<Q, A>(&self, path: &'static str, request: Q) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut answers = self.stream(path, stream::iter([request])).await?;
        Ok(next(&mut answers).await?.expect("an answer"))
    }

    pub async fn stream<Q, A>(
        &self,
        path: &'static str,
        requests: impl Stream<Item = Q> + Send + 'static,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        let mut client = Grpc::new(self.channel());
        client.ready().await.unwrap();
        let path = PathAndQuery::from_static(path);
        let call = client.streaming(Request::new(requests), path, ProstCodec::<Q, A>::default());
        timeout(DEADLINE, call).await.expect("it answers").map(Response::into_inner)
    }

    pub async fn greet(&self, name: &str) -> Result<String, Status> {
        self.call(GREET, name.to_owned()).await
    }

    pub fn signal(&self, signal: Signal) {
        let id = Pid::from_raw(self.child.id().unwrap().try_into().unwrap()).unwrap();
        kill_process(id, signal).unwrap();
    }

    /// Reads the plugin's output no longer, as if the host were gone.
    pub fn close_stdout(&mut self) {
        self.stdout = None;
    }

    /// Waits until the process that was started ends.
    pub async fn ended(&mut self) -> ExitStatus {
        timeout(DEADLINE, self.child.wait()).await.expect("it ends").unwrap()
    }

    /// Waits until nobody has its standard output open, and gives the rest of that.
    pub async fn stdout_closed(&mut self) -> String {
        let mut rest = String::new();
        let read = self.stdout.as_mut().unwrap().read_to_string(&mut rest);
        timeout(DEADLINE, read).await.expect("its output ends").unwrap();
        rest
    }

    /// Waits until nobody has its standard error open: until every process has ended.
    pub async fn log_closed(&mut self) {
        let read = async { while self.log.next_line().await.unwrap().is_some() {} };
        timeout(DEADLINE, read).await.expect("its log ends");
    }

    /// The next log line with this message.
    pub async fn logged(&mut self, message: &str) -> serde_json::Value {
        let found = async {
            loop {
                let line = self.log.next_line().await.unwrap().expect("the log goes on");
                let line: serde_json::Value =
                    serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if line["@message"] == message {
                    return line;
                }
            }
        };
        timeout(DEADLINE, found).await.expect(message)
    }
}

/// The next message of a stream; none at its end.
pub async fn next<A>(answers: &mut Streaming<A>) -> Result<Option<A>, Status> {
    timeout(DEADLINE, answers.message()).await.expect("the stream goes on, or ends")
}
