use std::io::{self, PipeReader, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::thread;

use tokio::sync::mpsc;

/// The most that is read at once, in bytes.
const CHUNK: usize = 4096;
/// How many chunks are kept for the host.
const KEPT: usize = 1024;

/// What is printed after the announcement.
pub type Output = mpsc::Receiver<Vec<u8>>;

/// Writes `line` to standard output, which from then on is a pipe. Returns what it was before, and
/// what comes out of the pipe.
pub fn announce(line: &str) -> io::Result<(OwnedFd, Output)> {
    // The lock keeps what other threads print away from the host's pipe, where it would be lost.
    let mut stdout = io::stdout().lock();
    let former = stdout.as_fd().try_clone_to_owned()?;
    let (reader, writer) = io::pipe()?;
    let (sender, output) = mpsc::channel(KEPT);
    // A thread of its own, because whoever prints blocks while the pipe is full: with a task, that
    // could be the very thread of the runtime that the task waits for.
    thread::Builder::new().name("stdout".to_owned()).spawn(move || forward(reader, &sender))?;
    stdout.write_all(line.as_bytes())?;
    stdout.flush()?;
    rustix::stdio::dup2_stdout(&writer)?;
    Ok((former, output))
}

/// Reads for as long as anything can come.
fn forward(mut reader: PipeReader, sender: &mpsc::Sender<Vec<u8>>) {
    let mut chunk = [0; CHUNK];
    while let Ok(length @ 1..) = reader.read(&mut chunk) {
        // What is too much, or too late, is dropped.
        let _ = sender.try_send(chunk[..length].to_vec());
    }
}

/// Writes `line` to standard output.
pub fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.flush()
}
