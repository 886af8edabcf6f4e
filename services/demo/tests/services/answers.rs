//! What each endpoint answers.

use demo::tasks::CpuTaskRequest;
use demo::tasks::tasks_client::TasksClient;
use tonic::Code;

use super::process::{Service, get, nobody};
use super::stand_in::StandIn;

const UNTRACED: (&str, &str) = ("OTEL_TRACES_EXPORTER", "none");

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_in_json() {
    let service = Service::start("app-b", nobody(), nobody(), &[UNTRACED]);
    for (path, expected) in [
        ("/", 200),
        ("/items/7", 200),
        ("/items/0", 404),
        ("/items/1001", 404),
        ("/items/-1", 400),
        ("/items/seven", 400),
        ("/items/99999999999", 400),
        ("/io_task", 200),
        ("/cpu_task", 200),
        ("/cpu_task?limit=100", 200),
        ("/cpu_task?limit=1000001", 400),
        ("/cpu_task?limit=many", 400),
        ("/random_sleep", 200),
        ("/error_test", 500),
        ("/healthz", 200),
        ("/nowhere", 404),
    ] {
        let (status, answer) = get(service.address, path).await;
        assert_eq!(status, expected, "{path}: {answer}");
        if path.contains("healthz") {
            continue;
        }
        let key = if expected == 200 { "service" } else { "error" };
        assert!(answer[key].is_string(), "{path}: {answer}");
    }
    let (status, answer) = get(service.address, "/random_status").await;
    assert_eq!(answer["status"], status);
    assert_eq!(get(service.address, "/cpu_task?limit=100").await.1["primes"], 25);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_whose_target_is_down_is_a_bad_gateway_that_names_it() {
    let up = StandIn::start().await.address;
    for (one, two, down) in [(nobody(), up, "/io_task"), (up, nobody(), "demo.v1.Tasks/CpuTask")] {
        let service = Service::start("app-a", one, two, &[UNTRACED]);
        let (status, answer) = get(service.address, "/chain").await;
        let error = answer["error"].as_str().unwrap();
        assert_eq!(status, 502, "{error}");
        assert!(error.starts_with("calling ") && error.contains(down), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cpu_task_refuses_too_large_a_limit_and_tells_of_a_target_that_is_down() {
    let service = Service::start("app-c", nobody(), nobody(), &[UNTRACED]);
    let mut client = TasksClient::connect(format!("http://{}", service.address)).await.unwrap();
    for (limit, code) in [(1_000_001, Code::InvalidArgument), (100, Code::Unavailable)] {
        let status = client.cpu_task(CpuTaskRequest { limit }).await.unwrap_err();
        assert_eq!(status.code(), code, "{}", status.message());
    }
}
