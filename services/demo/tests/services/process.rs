//! `demo` as a process.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// An environment variable.
pub type Variable<'a> = (&'a str, &'a str);

/// Generous: the machine may be busy.
const DEADLINE: Duration = Duration::from_secs(30);

/// The program, without what this process's environment would tell it. It exports no logs and no
/// metrics unless a test says so.
pub fn demo() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        const OURS: [&str; 10] = [
            "ADMIN_",
            "FAULTS",
            "JAEGER_",
            "LISTEN",
            "LOG_FORMAT",
            "MODE",
            "OTEL_",
            "PAYMENT_",
            "RUST_LOG",
            "TARGET_",
        ];
        if OURS.iter().any(|ours| text.starts_with(ours)) {
            command.env_remove(name);
        }
    }
    command.env("OTEL_LOGS_EXPORTER", "none").env("OTEL_METRICS_EXPORTER", "none");
    command
}

/// A running service.
pub struct Service {
    pub address: SocketAddr,
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    /// Reads the lines until there are no more.
    reader: Option<JoinHandle<()>>,
}

impl Service {
    /// Starts a service on a free port.
    pub fn start(name: &str, one: SocketAddr, two: SocketAddr, variables: &[Variable]) -> Self {
        let [one, two] = [one, two].map(|target| format!("http://{target}"));
        let targets = ["--target-one", &one, "--target-two", &two];
        Self::start_with(&[&["--name", name], &targets[..]].concat(), variables)
    }

    /// Starts a service with these arguments on a free port.
    pub fn start_with(arguments: &[&str], variables: &[Variable]) -> Self {
        let arguments = [arguments, &["--listen", "127.0.0.1:0"]].concat();
        Self::try_start(&arguments, variables).expect("the service becomes ready")
    }

    /// Starts a service and waits until it is ready; None if it ended before that.
    fn try_start(arguments: &[&str], variables: &[Variable]) -> Option<Self> {
        let mut child = demo()
            .args(arguments)
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let kept = lines.clone();
        let reader = std::thread::spawn(move || {
            for line in output.lines() {
                kept.lock().unwrap().push(line.unwrap());
            }
        });
        let mut service = Self { address: nobody(), child, lines, reader: Some(reader) };
        let deadline = Instant::now() + DEADLINE;
        while service.child.try_wait().unwrap().is_none() {
            if let Some(line) = service.lines().iter().find(|line| line.contains("is ready")) {
                service.address = address(line);
                return Some(service);
            }
            assert!(Instant::now() < deadline, "not ready: {arguments:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        None
    }

    /// What the service has logged.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Sends SIGTERM.
    pub fn terminate(&self) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
    }

    /// How the service ended, within a deadline. All that it has logged is read by then.
    pub fn ended_within(&mut self, limit: Duration) -> ExitStatus {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                self.reader.take().map(JoinHandle::join).transpose().unwrap();
                return status;
            }
            assert!(Instant::now() < deadline, "still running: {:#?}", self.lines());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The address in a line of either format.
fn address(line: &str) -> SocketAddr {
    let at = line.find("127.0.0.1:").unwrap();
    let port = line[at + "127.0.0.1:".len()..].split(|c: char| !c.is_ascii_digit()).next();
    SocketAddr::from(([127, 0, 0, 1], port.unwrap().parse().unwrap()))
}

/// `app-a` to `app-d`, in the lab's rotation.
pub fn four_services(variables: &[Variable]) -> [Service; 4] {
    four_services_each([variables; 4])
}

/// The same, each with variables of its own.
pub fn four_services_each(variables: [&[Variable]; 4]) -> [Service; 4] {
    let names = ["app-a", "app-b", "app-c", "app-d"];
    // Each must know the others' ports before they run; a port may be taken in between.
    for _ in 0..10 {
        let ports = free_ports();
        let services: Vec<_> = (0..4)
            .map_while(|i| {
                let listen = ports[i].to_string();
                let one = format!("http://{}", ports[(i + 1) % 4]);
                let two = format!("http://{}", ports[(i + 2) % 4]);
                let arguments = ["--name", names[i], "--listen", &listen];
                let targets = ["--target-one", &one, "--target-two", &two];
                Service::try_start(&[arguments, targets].concat(), variables[i])
            })
            .collect();
        if let Ok(services) = services.try_into() {
            return services;
        }
    }
    panic!("found no four free ports");
}

/// Ends one after the other, so that each can finish what it does with those after it.
pub fn stop_in_order(mut services: [Service; 4]) {
    for service in &mut services {
        service.terminate();
        assert!(service.ended_within(DEADLINE).success());
    }
}

fn free_ports() -> [SocketAddr; 4] {
    let listeners = [(); 4].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap())
}

/// Where nobody listens.
pub fn nobody() -> SocketAddr {
    free_ports()[0]
}

/// GETs a path: the status and the JSON.
pub async fn get(address: SocketAddr, path: &str) -> (u16, serde_json::Value) {
    let response = reqwest::get(format!("http://{address}{path}")).await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}
