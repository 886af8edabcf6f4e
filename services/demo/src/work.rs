//! What a service does by itself.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tracing::{Span, info};

/// The most that one CPU task counts to: it takes as many bytes, and a few milliseconds.
pub(crate) const MAX_LIMIT: u32 = 1_000_000;

/// Waits, as for a disk or a database, and returns for how many milliseconds.
pub(crate) async fn io_task() -> u32 {
    let milliseconds = rand::random_range(5..50);
    tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
    info!(milliseconds = i64::from(milliseconds), "IO task done");
    milliseconds
}

/// The processors, one task each.
#[derive(Debug)]
pub(crate) struct Cpu(Semaphore);

impl Cpu {
    pub fn new() -> Self {
        Self(Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)))
    }

    /// Counts the primes below `limit`, beside the threads that serve requests.
    #[tracing::instrument(skip_all, fields(limit = i64::from(limit)))]
    pub async fn count_primes(&self, limit: u32) -> u32 {
        let _permit = self.0.acquire().await.expect("the semaphore is never closed");
        let span = Span::current();
        let count = spawn_blocking(move || {
            span.in_scope(|| {
                let primes = primes_below(limit);
                info!(limit = i64::from(limit), primes = i64::from(primes), "CPU task done");
                primes
            })
        });
        count.await.expect("counting does not panic")
    }
}

/// The sieve of Eratosthenes.
fn primes_below(limit: u32) -> u32 {
    let limit = limit as usize;
    let mut is_composite = vec![false; limit];
    let mut primes = 0;
    for number in 2..limit {
        if is_composite[number] {
            continue;
        }
        primes += 1;
        for multiple in (number * number..limit).step_by(number) {
            is_composite[multiple] = true;
        }
    }
    primes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted_exactly() {
        for (limit, primes) in [(0, 0), (2, 0), (3, 1), (100, 25), (100_000, 9_592)] {
            assert_eq!(primes_below(limit), primes, "below {limit}");
        }
    }
}
