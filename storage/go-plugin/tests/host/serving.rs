use futures::{StreamExt, stream};
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::support::{
    ConnInfo, Plugin, SHUTDOWN, START_STREAM, STREAM_STDIO, StdioData, greeter, next,
};

#[tokio::test]
async fn a_host_finds_its_plugin_healthy() {
    for transport in ["--unix", "--tcp"] {
        let plugin = Plugin::start(greeter().arg(transport)).await;
        let mut health = HealthClient::new(plugin.channel());
        let request = HealthCheckRequest { service: "plugin".to_owned() };
        let status = health.check(request).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving);
    }
}

#[tokio::test]
async fn what_the_plugin_prints_is_streamed_to_its_host() {
    let mut plugin = Plugin::start(&mut greeter()).await;
    plugin.greet("early").await.unwrap();
    let mut chunks = plugin.stream(STREAM_STDIO, stream::iter([()])).await.unwrap();
    let mut printed = Vec::new();
    plugin.greet("late").await.unwrap();
    while !printed.ends_with(b"late\n") {
        let chunk: StdioData = next(&mut chunks).await.unwrap().unwrap();
        assert_eq!(chunk.channel, 1, "STDOUT");
        printed.extend(chunk.data);
    }
    assert_eq!(String::from_utf8(printed).unwrap(), "greeted early\ngreeted late\n");

    let _: () = plugin.call(SHUTDOWN, ()).await.unwrap();
    assert_eq!(next(&mut chunks).await.unwrap(), None, "the stream ends with the plugin");
    assert_eq!(plugin.stdout_closed().await, "", "nothing but the line");
}

#[tokio::test]
async fn more_than_a_pipe_holds_is_streamed_whole() {
    let plugin = Plugin::start(&mut greeter()).await;
    let mut chunks = plugin.stream(STREAM_STDIO, stream::iter([()])).await.unwrap();
    let name = "x".repeat(1 << 20);
    let read = async {
        let mut length = 0;
        while length < "greeted \n".len() + name.len() {
            let chunk: StdioData = next(&mut chunks).await.unwrap().unwrap();
            length += chunk.data.len();
        }
        length
    };
    let (length, greeting) = tokio::join!(read, plugin.greet(&name));
    assert_eq!(length, "greeted \n".len() + name.len());
    greeting.unwrap();
}

#[tokio::test]
async fn a_host_that_takes_no_output_stalls_nothing() {
    let plugin = Plugin::start(&mut greeter()).await;
    let name = "x".repeat(3 << 20);
    for _ in 0..3 {
        plugin.greet(&name).await.unwrap();
    }
}

#[tokio::test]
async fn the_brokers_stream_stays_open_until_the_end() {
    let plugin = Plugin::start(&mut greeter()).await;
    let offer = ConnInfo { service_id: 1, network: "unix".to_owned(), address: "/x".to_owned() };
    let offers = stream::iter([offer]).chain(stream::pending());
    let mut answers = plugin.stream::<_, ConnInfo>(START_STREAM, offers).await.unwrap();
    plugin.greet("Ann").await.unwrap();
    assert!(futures::poll!(std::pin::pin!(answers.message())).is_pending());

    let _: () = plugin.call(SHUTDOWN, ()).await.unwrap();
    assert_eq!(next(&mut answers).await.unwrap(), None);
}

#[tokio::test]
async fn what_it_does_not_serve_is_unimplemented() {
    let plugin = Plugin::start(&mut greeter()).await;
    let answer = plugin.call::<(), ()>("/plugin.Unknown/Call", ()).await;
    assert_eq!(answer.unwrap_err().code(), Code::Unimplemented);
}
