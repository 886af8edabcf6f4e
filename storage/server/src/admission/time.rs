//! How long an answer may take: as its client says, and as the server does.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use tokio::time::{Instant, Sleep, sleep};
use tonic::Status;

/// What is left of both limits.
#[derive(Debug)]
pub(super) struct Limits {
    /// Ends the client's, which tonic keeps only until an answer begins.
    client: Option<Pin<Box<Sleep>>>,
    server: Option<Allowance>,
}

/// What is left of the server's limit. It runs only while the answer is waited for: how long the
/// client may take to read it is for another to say.
#[derive(Debug)]
struct Allowance {
    left: Duration,
    running: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Limits {
    /// From now on: the client's, if the headers of its request have one, and the server's.
    pub(super) fn new(headers: &HeaderMap, server: Option<Duration>) -> Self {
        Self {
            client: time_given(headers).map(|time| Box::pin(sleep(time))),
            server: server.map(|left| Allowance { left, running: None }),
        }
    }

    /// Waits for the beginning of an answer.
    ///
    /// # Errors
    /// When a limit is reached before.
    pub(super) async fn keep<T>(&mut self, answer: impl Future<Output = T>) -> Result<T, Status> {
        let mut answer = pin!(answer);
        std::future::poll_fn(|cx| {
            self.check_client(cx)?;
            let polled = answer.as_mut().poll(cx);
            self.poll(cx, polled)
        })
        .await
    }

    /// What was polled, or an error if it is pending still when the server's limit is reached.
    pub(super) fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<T>,
    ) -> Poll<Result<T, Status>> {
        let Some(Allowance { left, running }) = &mut self.server else { return polled.map(Ok) };
        if polled.is_ready() {
            let took = running.take().map(|(since, _)| since.elapsed());
            *left = left.saturating_sub(took.unwrap_or_default());
            return polled.map(Ok);
        }
        let (_, end) = running.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(*left))));
        end.as_mut().poll(cx).map(|()| {
            let reason = "the read took longer than read_timeout, which is this server's limit";
            Err(Status::deadline_exceeded(reason))
        })
    }

    /// An error if the client's limit is reached.
    pub(super) fn check_client(&mut self, cx: &mut Context<'_>) -> Result<(), Status> {
        match self.client.as_mut().map(|end| end.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => {
                Err(Status::deadline_exceeded("the time that the client gave is over"))
            }
            _ => Ok(()),
        }
    }
}

/// How long the client waits for the whole answer, as gRPC over HTTP/2 writes it.
fn time_given(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    // The protocol has at most eight digits: no such time is too long to be added to now.
    let count: u32 = digits.parse().ok().filter(|_| digits.len() <= 8)?;
    let unit = match unit {
        "H" => Duration::from_secs(3600),
        "M" => Duration::from_secs(60),
        "S" => Duration::from_secs(1),
        "m" => Duration::from_millis(1),
        "u" => Duration::from_micros(1),
        "n" => Duration::from_nanos(1),
        _ => return None,
    };
    Some(unit * count)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn the_time_that_a_client_gives_is_read() {
        let given = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", HeaderValue::from_static(value));
            time_given(&headers)
        };
        assert_eq!(given("5S"), Some(Duration::from_secs(5)));
        assert_eq!(given("1H"), Some(Duration::from_secs(3_600)));
        assert_eq!(given("99999999m"), Some(Duration::from_millis(99_999_999)));
        assert_eq!(given("20n"), Some(Duration::from_nanos(20)));
        for wrong in ["", "S", "5", "5s", "-1S", "1.5S", "100000000S"] {
            assert_eq!(given(wrong), None, "{wrong}");
        }
        assert_eq!(time_given(&HeaderMap::new()), None);
    }

    #[tokio::test]
    async fn the_servers_limit_runs_only_while_an_answer_is_waited_for() {
        let (day, pause) = (Duration::from_secs(24 * 60 * 60), Duration::from_millis(50));
        let mut limits = Limits::new(&HeaderMap::new(), Some(day));
        let left = |limits: &Limits| limits.server.as_ref().unwrap().left;
        limits.keep(sleep(pause)).await.unwrap();
        let first = left(&limits);
        assert!(first <= day - pause, "{first:?}");
        sleep(pause).await;
        limits.keep(async {}).await.unwrap();
        assert_eq!(left(&limits), first);
        limits.keep(sleep(pause)).await.unwrap();
        assert!(left(&limits) <= first - pause);
    }
}
