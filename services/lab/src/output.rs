//! A standard stream that nobody has to read: a stopped terminal or pager must not stop the lab.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{Permit, Sender, channel};
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

/// How many texts may wait for the reader.
const QUEUE: usize = 10_000;
/// How long a reader who does not read is waited for.
const DEADLINE: Duration = Duration::from_secs(2);

/// The stream, written by a thread that alone waits for its reader. Clones share it.
#[derive(Clone)]
pub struct Output {
    queue: Sender<Text>,
    left_out: Arc<AtomicUsize>,
}

struct Text {
    text: String,
    /// How many lines are missing before it.
    left_out: usize,
    written: Option<oneshot::Sender<()>>,
}

impl Output {
    /// Writes each text to `stream` in one piece.
    pub fn new(mut stream: impl Write + Send + 'static) -> Self {
        let (queue, mut texts) = channel::<Text>(QUEUE);
        thread::spawn(move || {
            while let Some(Text { mut text, left_out, written }) = texts.blocking_recv() {
                if left_out > 0 {
                    text.insert_str(0, &format!("({left_out} lines left out: not read in time)\n"));
                }
                // Who closed the stream wants to see no more: no reason to fail.
                let _ = stream.write_all(text.as_bytes()).and_then(|()| stream.flush());
                if let Some(written) = written {
                    let _ = written.send(());
                }
            }
        });
        Self { queue, left_out: Arc::default() }
    }

    /// Queues a line, or leaves it out and counts it when the reader is too far behind.
    pub fn offer(&self, line: String) {
        match self.queue.try_reserve() {
            Ok(place) => self.send(place, line, None),
            Err(_) => self.leave_out(1),
        }
    }

    /// Writes a text after all that is queued. Returns when that is done, or when a reader who does
    /// not read was waited for long enough; an empty text is nothing but this wait.
    pub async fn print(&self, text: String) {
        let deadline = Instant::now() + DEADLINE;
        let Ok(Ok(place)) = timeout_at(deadline, self.queue.reserve()).await else {
            return self.leave_out(text.lines().count());
        };
        let (sender, written) = oneshot::channel();
        self.send(place, text, Some(sender));
        let _ = timeout_at(deadline, written).await;
    }

    fn send(&self, place: Permit<'_, Text>, text: String, written: Option<oneshot::Sender<()>>) {
        let left_out = self.left_out.swap(0, Ordering::Relaxed);
        place.send(Text { text, left_out, written });
    }

    fn leave_out(&self, lines: usize) {
        self.left_out.fetch_add(lines, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::{pipe, read_to_string};

    use super::*;

    #[tokio::test]
    async fn what_an_idle_reader_misses_is_counted_and_told_when_it_reads_again() {
        let (reader, writer) = pipe().unwrap();
        let output = Output::new(writer);
        // More than a pipe holds, so that the thread is caught in it.
        let long = "-".repeat(1_000_000) + "\n";
        output.offer(long.clone());
        while output.queue.capacity() < QUEUE {
            thread::yield_now();
        }
        for number in 0..QUEUE + 5 {
            output.offer(format!("line {number}\n"));
        }
        // Nobody reads, and yet this returns.
        output.print("one\nmore\n".to_owned()).await;
        let reading = thread::spawn(|| read_to_string(reader).unwrap());
        output.print("the end\n".to_owned()).await;
        drop(output);

        let text = reading.join().unwrap();
        let mut expected = String::new();
        (0..QUEUE).for_each(|number| expected.push_str(&format!("line {number}\n")));
        expected.push_str("(7 lines left out: not read in time)\nthe end\n");
        assert_eq!(text.strip_prefix(&long), Some(expected.as_str()));
    }
}
