//! SIGTERM.

use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::collector::Collector;
use super::process::{Service, demo, four_services, get};
use super::stand_in::StandIn;
use super::trace::SPANS;

const STOP: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_the_end_is_exported_before_the_end() {
    for protocol in ["grpc", "http/protobuf"] {
        let collector = Collector::start().await;
        let (name, endpoint) = collector.variable();
        let mut services = four_services(&[
            (name, endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol),
            ("OTEL_BSP_SCHEDULE_DELAY", "600000"),
        ]);
        for _ in 0..20 {
            assert_eq!(get(services[0].address, "/chain").await.0, 200);
        }
        assert_eq!(collector.spans().len(), 0, "nothing leaves before its time");
        for service in &mut services {
            service.terminate();
            assert!(service.ended_within(STOP).success());
        }
        assert_eq!(collector.spans().len(), 20 * SPANS);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_end() {
    let collector = Collector::start().await;
    let target = StandIn::with_answers(0).await;
    let (name, endpoint) = collector.variable();
    let mut service =
        Service::start("app-a", target.address, target.address, &[(name, endpoint.as_str())]);
    let address = service.address;
    let request = tokio::spawn(async move { get(address, "/chain").await.0 });
    while target.seen().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    service.terminate();
    logged(&service, "finishing the requests under way", 1).await;
    target.answer(2);
    assert_eq!(request.await.unwrap(), 200);
    assert!(service.ended_within(STOP).success());
    assert_eq!(collector.spans().len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_has_yet_to_call_its_own_service_is_answered_before_the_end() {
    let target = StandIn::with_answers(0).await;
    let untraced = ("OTEL_TRACES_EXPORTER", "none");
    let mut service = Service::start("app-a", target.address, target.address, &[untraced]);
    let address = service.address;
    let chain = || tokio::spawn(async move { get(address, "/chain").await.0 });
    // As many as may call at one time; the last chain waits behind them for its first call.
    let mut chains: Vec<_> = (0..64).map(|_| chain()).collect();
    while target.seen().len() < chains.len() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    chains.push(chain());
    logged(&service, "starting the chain", chains.len()).await;

    service.terminate();
    logged(&service, "finishing the requests under way", 1).await;
    target.answer(2 * chains.len());
    for chain in chains {
        assert_eq!(chain.await.unwrap(), 200);
    }
    assert!(service.ended_within(STOP).success());
}

#[test]
fn no_signal_is_lost_while_a_mode_has_the_program_start_anew() {
    for tenth in 0..200 {
        let variables = [("MODE", "jaeger-http"), ("OTEL_TRACES_EXPORTER", "none")];
        let mut command = demo();
        command.args(["--listen", "127.0.0.1:0"]).envs(variables).stdout(Stdio::null());
        let mut child = command.spawn().unwrap();
        // Whatever it is doing by then.
        sleep(Duration::from_micros(100 * tenth));
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        let deadline = Instant::now() + STOP;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > deadline {
                child.kill().unwrap();
                panic!("a signal after {tenth} tenths of a millisecond is lost");
            }
            sleep(Duration::from_millis(1));
        }
    }
}

/// Waits until the service has logged that many lines with this text.
async fn logged(service: &Service, text: &str, count: usize) {
    let deadline = Instant::now() + STOP;
    while service.lines().iter().filter(|line| line.contains(text)).count() < count {
        assert!(Instant::now() < deadline, "{:#?}", service.lines());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
