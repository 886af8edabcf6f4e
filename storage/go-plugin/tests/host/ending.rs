use std::path::{Path, PathBuf};
use std::pin::pin;

use futures::stream;
use rustix::process::Signal;

use super::support::{
    ConnInfo, GREET, Plugin, SHUTDOWN, START_STREAM, STREAM_STDIO, StdioData, command, greeter,
    program,
};

#[tokio::test]
async fn it_ends_when_its_host_asks_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut plugin = Plugin::start(greeter().env("TMPDIR", folder.path())).await;
    // What a host has open all the time.
    let _stdio = plugin.stream::<_, StdioData>(STREAM_STDIO, stream::iter([()])).await.unwrap();
    let offers = stream::pending::<ConnInfo>();
    let _broker = plugin.stream::<_, ConnInfo>(START_STREAM, offers).await.unwrap();

    let _: () = plugin.call(SHUTDOWN, ()).await.unwrap();

    assert_eq!(plugin.ended().await.code(), Some(0));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[tokio::test]
async fn a_call_that_does_not_end_keeps_it_no_longer_than_a_host_waits() {
    let mut plugin = Plugin::start(&mut greeter()).await;
    {
        // Its request never comes.
        let mut hanging = pin!(plugin.stream::<String, String>(GREET, stream::pending()));
        assert!(futures::poll!(&mut hanging).is_pending());
        let _: () = plugin.call(SHUTDOWN, ()).await.unwrap();
        hanging.await.unwrap_err();
    }
    assert_eq!(plugin.ended().await.code(), Some(0));
}

#[tokio::test]
async fn an_interrupt_from_the_terminal_is_left_to_the_host() {
    let mut plugin = Plugin::start(&mut greeter()).await;
    plugin.signal(Signal::INT);
    assert_eq!(plugin.greet("Ann").await.unwrap(), "Good day, Ann");
    let socket = PathBuf::from(plugin.address());

    plugin.signal(Signal::TERM);

    assert_eq!(plugin.ended().await.code(), Some(0));
    assert_eq!(plugin.logged("ending").await["reason"], "SIGTERM");
    assert!(!socket.exists());
}

#[tokio::test]
async fn it_ends_when_nobody_reads_its_output_any_more() {
    let mut plugin = Plugin::start(&mut greeter()).await;
    plugin.close_stdout();
    assert_eq!(plugin.ended().await.code(), Some(0));
    assert!(!Path::new(plugin.address()).exists());
}

#[tokio::test]
async fn it_ends_when_its_parent_is_killed() {
    let mut host = command("/bin/sh".into());
    host.args(["-c", "\"$0\" & wait"]).arg(program());
    let mut plugin = Plugin::start(&mut host).await;
    let socket = PathBuf::from(plugin.address());
    plugin.greet("Ann").await.unwrap();

    plugin.signal(Signal::KILL);

    assert_eq!(plugin.ended().await.code(), None, "the shell was killed");
    assert_eq!(plugin.logged("ending").await["reason"], "the host is gone");
    plugin.log_closed().await;
    assert!(!socket.exists());
}
