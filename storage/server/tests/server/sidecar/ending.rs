use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use futures::future::join_all;
use rustix::fs::{CWD, Mode, mkfifoat};
use rustix::process::{Pid, Signal, kill_process};
use spoor_proto::storage_v1::streaming_span_writer_plugin_client::StreamingSpanWriterPluginClient;
use spoor_proto::storage_v1::{WriteSpanRequest, WriteSpanResponse};
use tokio::sync::mpsc::{self, Sender};
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Response, Status};

use super::host::{Sidecar, command, command_in_shell};
use crate::support::{DEADLINE, eventually, spoor};
use crate::v1::span;

/// A stream's end.
type Writing = JoinHandle<Result<Response<WriteSpanResponse>, Status>>;

/// Writes spans of a trace one by one and at once, each acknowledged.
async fn write(sidecar: &Sidecar, trace: u128, spans: u64) {
    let written = join_all((1..=spans).map(|id| sidecar.write(span(trace, id)))).await;
    for written in written {
        written.unwrap();
    }
}

async fn is_sound(store: &Path) {
    let checked = spoor().arg("check").arg(store).output().await.unwrap();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
}

#[tokio::test]
async fn it_ends_when_its_host_is_killed_and_the_store_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start_as(command_in_shell(folder.path(), "")).await;
    write(&sidecar, 1, 20).await;

    sidecar.signal(Signal::KILL);

    assert_eq!(sidecar.ended().await.code(), None, "the shell was killed");
    let log = sidecar.log().await;
    assert_eq!(log.last().unwrap()["reason"], "the host is gone", "{log:?}");
    is_sound(&folder.path().join("spoor-data")).await;
    assert_eq!(Sidecar::start(folder.path()).await.spans(1).await, 20);
}

#[tokio::test]
async fn killed_it_loses_no_acknowledged_write_and_no_closed_stream() {
    let folder = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start(folder.path()).await;
    tokio::join!(write(&sidecar, 1, 100), sidecar.stream(2, 2500));

    sidecar.signal(Signal::KILL);

    sidecar.ended().await;
    let again = Sidecar::start(folder.path()).await;
    assert_eq!((again.spans(1).await, again.spans(2).await), (100, 2500));
}

/// Opens a stream that writes a second span of trace 1, beside one that is there, and waits until
/// that can be read.
async fn open_stream(sidecar: &Sidecar) -> (Sender<WriteSpanRequest>, Writing) {
    let (spans, requests) = mpsc::channel(1);
    let mut writer = StreamingSpanWriterPluginClient::new(sidecar.channel());
    let requests = ReceiverStream::new(requests);
    let writing = tokio::spawn(async move { writer.write_span_stream(requests).await });
    spans.send(WriteSpanRequest { span: Some(span(1, 2)) }).await.unwrap();
    eventually("the stream is being written", || async {
        (sidecar.spans(1).await == 2).then_some(())
    })
    .await;
    (spans, writing)
}

#[tokio::test]
async fn killed_it_loses_nothing_of_an_open_stream_that_could_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start(folder.path()).await;
    write(&sidecar, 1, 1).await;
    let open = open_stream(&sidecar).await;

    sidecar.signal(Signal::KILL);

    sidecar.ended().await;
    drop(open);
    assert_eq!(Sidecar::start(folder.path()).await.spans(1).await, 2);
}

#[tokio::test]
async fn a_stream_that_jaeger_keeps_open_holds_up_no_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start(folder.path()).await;
    write(&sidecar, 1, 1).await;
    let (_spans, open) = open_stream(&sidecar).await;

    sidecar.shut_down().await;

    let ended = open.await.unwrap().unwrap_err();
    assert_eq!((ended.code(), ended.message()), (Code::Unavailable, "the server is stopping"));
    assert_eq!(sidecar.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_interrupt_is_left_to_jaeger_and_sigterm_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut sidecar = Sidecar::start(folder.path()).await;
    sidecar.signal(Signal::INT);
    write(&sidecar, 1, 1).await;

    sidecar.signal(Signal::TERM);

    assert_eq!(sidecar.ended().await.code(), Some(0));
    is_sound(&folder.path().join("spoor-data")).await;
}

#[tokio::test]
async fn a_sigterm_that_comes_while_it_starts_is_not_missed() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("spoor.toml");
    mkfifoat(CWD, &config, Mode::RUSR | Mode::WUSR).unwrap();
    let sidecar = command(folder.path(), &config).stdout(Stdio::piped()).spawn().unwrap();
    // It can be opened while the sidecar reads it, which goes on until it is closed.
    let open = move || File::options().write(true).open(config).unwrap();
    let file = timeout(DEADLINE, spawn_blocking(open)).await.unwrap().unwrap();
    let id = Pid::from_raw(sidecar.id().unwrap().cast_signed()).unwrap();
    kill_process(id, Signal::TERM).unwrap();

    drop(file);

    let ended = timeout(DEADLINE, sidecar.wait_with_output()).await.expect("it ends").unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(ended.stdout.starts_with(b"1|1|unix|"), "it has begun to serve");
}
