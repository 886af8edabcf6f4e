//! `lab load` against services that the test plays.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::process::{Lab, eventually};

const VARIABLES: [&str; 4] = ["APP_A_PORT", "APP_B_PORT", "APP_C_PORT", "APP_D_PORT"];

/// What was asked for, as `APP_A_PORT /chain`, and when.
type Requests = Arc<Mutex<Vec<(String, Instant)>>>;

/// Answers 200 to each request that comes by this listener.
fn serve(variable: &'static str, listener: TcpListener, requests: Requests) {
    thread::spawn(move || {
        for connection in listener.incoming() {
            let requests = requests.clone();
            thread::spawn(move || answer(variable, connection.unwrap(), &requests));
        }
    });
}

fn answer(variable: &str, mut connection: TcpStream, requests: &Requests) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if let Some(path) = line.strip_prefix("GET ").and_then(|line| line.split(' ').next()) {
            requests.lock().unwrap().push((format!("{variable} {path}"), Instant::now()));
        }
        if line.is_empty() {
            let _ = connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    }
}

/// Answers 504 to the one request of each connection, as late as a service whose call of another
/// timed out. Tells each answer.
fn serve_late(listener: TcpListener) -> mpsc::Receiver<()> {
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

/// Load at `rate` on four services of which all but `down` answer.
fn load(rate: &str, down: &[&str]) -> (Lab, Requests) {
    let requests = Requests::default();
    let lab = Lab::start_with(&["load", "--rate", rate], |c| {
        for variable in VARIABLES {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            c.env(variable, listener.local_addr().unwrap().port().to_string());
            if !down.contains(&variable) {
                serve(variable, listener, requests.clone());
            }
        }
    });
    (lab, requests)
}

fn wait_for(requests: &Requests, count: usize) -> Vec<(String, Instant)> {
    let enough = || Some(requests.lock().unwrap().clone()).filter(|all| all.len() >= count);
    eventually(enough, || format!("fewer than {count} requests"))
}

#[test]
fn load_is_evenly_paced_at_its_rate_over_every_service() {
    let (lab, requests) = load("200", &[]);
    let all = wait_for(&requests, 600);
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");

    let seconds = all[599].1.duration_since(all[0].1).as_secs_f64();
    assert!((2.7..3.3).contains(&seconds), "600 requests in {seconds} s");
    // No bursts: each half a second has about its share.
    for second in all[..600].chunks(100) {
        let seconds = second[99].1.duration_since(second[0].1).as_secs_f64();
        assert!(seconds > 0.3, "100 requests in {seconds} s");
    }
    let distinct: BTreeSet<_> = all.iter().map(|(request, _)| request).collect();
    assert_eq!(distinct.len(), 28, "{distinct:?}");
    assert!(ended.output.contains("sending 200 requests a second"), "{ended:?}");
    assert!(ended.output.contains(" requests in "), "{ended:?}");
}

#[test]
fn a_service_that_is_down_is_told_once_and_the_others_get_their_requests() {
    let (lab, requests) = load("100", &["APP_B_PORT"]);
    lab.wait_for("app-b does not answer: not connected");
    wait_for(&requests, 100);
    lab.signal(Signal::INT);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.output.matches("does not answer").count(), 1, "{ended:?}");
    assert!(ended.output.contains(" not connected\n"), "{ended:?}");
}

#[test]
fn a_service_that_comes_back_is_told_once() {
    let reserved = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let lab = Lab::start_with(&["load", "--rate", "50"], |c| {
        for variable in VARIABLES {
            c.env(variable, address.port().to_string());
        }
    });
    lab.wait_for("app-d does not answer");
    serve("any", TcpListener::bind(address).unwrap(), Requests::default());
    for service in ["app-a", "app-b", "app-c", "app-d"] {
        lab.wait_for(&format!("{service} answers again"));
    }
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert_eq!(ended.output.matches("answers again").count(), 4, "{ended:?}");
}

#[test]
fn a_service_that_waits_for_another_in_vain_is_not_said_to_be_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let answers = serve_late(listener);
    let lab = Lab::start_with(&["load", "--rate", "4"], |c| {
        c.envs(VARIABLES.map(|variable| (variable, &port)));
    });
    // More than one: the first was counted by the time the others are answered.
    for _ in 0..4 {
        answers.recv_timeout(Duration::from_secs(60)).unwrap();
    }
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.output.contains(" status 504"), "{ended:?}");
    assert!(!ended.output.contains("does not answer"), "{ended:?}");
}

#[test]
fn a_rate_of_zero_sends_nothing_and_goes_on() {
    let (lab, requests) = load("0", &[]);
    lab.wait_for("sending nothing: the rate is 0");
    thread::sleep(Duration::from_millis(300));
    assert!(requests.lock().unwrap().is_empty());
    lab.signal(Signal::TERM);
    let ended = lab.end_by_itself();
    assert!(ended.status.success(), "{ended:?}");
}

#[test]
fn as_a_part_load_ends_with_its_input_even_while_a_service_does_not_answer() {
    // Connections wait to be accepted, and no request is ever answered.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port().to_string();
    let lab = Lab::start_with(&["part", "load", "--rate", "100"], |c| {
        for variable in VARIABLES {
            c.env(variable, &port);
        }
    });
    let _connection = silent.accept().unwrap();
    let begin = Instant::now();
    let ended = lab.end();
    assert!(ended.status.success(), "{ended:?}");
    assert!(begin.elapsed() < Duration::from_secs(2), "{:?}", begin.elapsed());
}
