//! The services that the test plays.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::process::{Lab, eventually};

pub const VARIABLES: [&str; 4] = ["APP_A_PORT", "APP_B_PORT", "APP_C_PORT", "APP_D_PORT"];

/// What was asked of the service with this variable, and when.
#[derive(Clone, Debug)]
pub struct Asked {
    pub variable: &'static str,
    pub path: String,
    pub is_post: bool,
    pub headers: HashMap<String, String>,
    pub at: Instant,
}

impl Asked {
    /// The trace that it was sent.
    pub fn trace_id(&self) -> Option<&str> {
        self.headers.get("traceparent")?.split('-').nth(1)
    }
}

pub type Requests = Arc<Mutex<Vec<Asked>>>;

/// The status and the body of an answer to the request with this number.
pub type Answer = fn(&Asked, usize) -> (u16, String);

/// Answers 200 to everything.
pub const OK: Answer = |_, _| (200, String::new());

/// Load with these arguments on four services of which all but `down` answer.
pub fn start(arguments: &[&str], down: &[&str], answer: Answer) -> (Lab, Requests) {
    let requests = Requests::default();
    let lab = Lab::start_with(&[&["load"], arguments].concat(), |c| {
        for variable in VARIABLES {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            c.env(variable, listener.local_addr().unwrap().port().to_string());
            if !down.contains(&variable) {
                serve(variable, listener, requests.clone(), answer);
            }
        }
    });
    (lab, requests)
}

/// Answers each request that comes by this listener.
pub fn serve(
    variable: &'static str,
    listener: TcpListener,
    requests: Requests,
    answer: impl Fn(&Asked, usize) -> (u16, String) + Clone + Send + 'static,
) {
    thread::spawn(move || {
        for connection in listener.incoming() {
            let (requests, answer) = (requests.clone(), answer.clone());
            thread::spawn(move || answer_all(variable, connection.unwrap(), &requests, answer));
        }
    });
}

fn answer_all(
    variable: &'static str,
    mut connection: TcpStream,
    requests: &Requests,
    answer: impl Fn(&Asked, usize) -> (u16, String),
) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        let (method, line) = line.split_once(' ').unwrap();
        assert!(["GET", "POST"].contains(&method), "{method}");
        let (path, is_post) = (line.split(' ').next().unwrap(), method == "POST");
        let headers = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty());
        let headers = headers.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            Some((name.to_owned(), value.to_owned()))
        });
        let (path, headers) = (path.to_owned(), headers.collect());
        let asked = Asked { variable, path, is_post, headers, at: Instant::now() };
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(asked.clone());
            requests.len() - 1
        };
        let (status, body) = answer(&asked, number);
        let head = format!("HTTP/1.1 {status} So\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = connection.write_all((head + &body).as_bytes());
    }
}

/// Answers 504 to the one request of each connection, as late as a service whose call of another
/// timed out. Tells each answer.
pub fn serve_late(listener: TcpListener) -> mpsc::Receiver<()> {
    let (answered, answers) = mpsc::channel();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let answered = answered.clone();
            thread::spawn(move || {
                let mut connection = connection.unwrap();
                let lines = BufReader::new(connection.try_clone().unwrap()).lines();
                lines.map(Result::unwrap).find(String::is_empty);
                thread::sleep(Duration::from_millis(10_500));
                let answer = b"HTTP/1.1 504 Late\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
                let _ = connection.write_all(answer);
                let _ = answered.send(());
            });
        }
    });
    answers
}

pub fn wait_for(requests: &Requests, count: usize) -> Vec<Asked> {
    let enough = || Some(requests.lock().unwrap().clone()).filter(|all| all.len() >= count);
    eventually(enough, || format!("fewer than {count} requests"))
}
