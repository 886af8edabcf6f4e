//! `lab load`: traffic, so that every graph has data.

mod mix;
mod rate;
mod tally;

use std::io::stdout;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use reqwest::Client;
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, interval_at};

use crate::addresses::Addresses;
use crate::output::Output;
use rate::Rate;
use tally::Tally;

/// How long an answer may take. Above the 10 s that a service waits for another: whoever calls one
/// that hangs answers then, with an error, and only the one that hangs is told.
const REQUEST_DEADLINE: Duration = Duration::from_secs(15);
/// How many requests may be under way. More are left out, and counted.
const IN_FLIGHT: usize = 500;
/// What is missed in a longer pause, such as a machine's sleep, is not made up for.
const MADE_UP: Duration = Duration::from_secs(1);
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

/// How much traffic, and where to.
#[derive(clap::Args)]
pub struct Arguments {
    /// Requests a second, evenly paced; 0 for none
    #[arg(long, env = "LOAD_RATE", value_name = "NUMBER", default_value = rate::DEFAULT)]
    rate: Rate,
    /// Ask the services by their names in containers instead of their ports on this machine
    #[arg(long)]
    inside: bool,
}

/// Sends requests until `stop` completes; those under way are given up then. No answer and no
/// error ends it before.
///
/// # Errors
/// When a variable that names a port holds none.
pub async fn run(
    Arguments { rate, inside }: Arguments,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let addresses = match inside {
        true => Addresses::inside(),
        false => Addresses::published(|name| std::env::var(name).ok())?,
    };
    // A proxy that is configured cannot reach loopback, nor a container.
    let http = Client::builder().no_proxy().timeout(REQUEST_DEADLINE);
    let http = http.build().context("making an HTTP client")?;
    let output = Output::new(stdout());
    output.offer(format!("sending {rate}\n"));
    let tally = Arc::new(Tally::new(output.clone()));
    tokio::select! {
        () = stop => {}
        () = send(rate, &addresses, &http, &tally) => {}
        () = report(&tally) => {}
    }
    tally.report();
    output.print(String::new()).await;
    Ok(())
}

/// Sends one request after the other at its time, without end.
async fn send(rate: Rate, addresses: &Addresses, http: &Client, tally: &Arc<Tally>) {
    let Some(period) = rate.period() else { return std::future::pending().await };
    let places = Arc::new(Semaphore::new(IN_FLIGHT));
    // Each is due at a multiple of the period, however late the one before was.
    let mut due = interval(period);
    for (service, path) in mix::requests() {
        if due.tick().await.elapsed() > MADE_UP {
            due.reset();
        }
        let Ok(place) = places.clone().try_acquire_owned() else {
            tally.left_out();
            continue;
        };
        let request = http.get(addresses.url(service) + path);
        let tally = tally.clone();
        tokio::spawn(async move {
            let outcome = async {
                let answer = request.send().await?;
                let status = answer.status();
                // Read to its end, so that the connection can be used again.
                answer.bytes().await.map(|_| status)
            };
            tally.count(service.part, &outcome.await);
            drop(place);
        });
    }
}

async fn report(tally: &Tally) {
    let mut due = interval_at(Instant::now() + REPORT_INTERVAL, REPORT_INTERVAL);
    loop {
        due.tick().await;
        tally.report();
    }
}
