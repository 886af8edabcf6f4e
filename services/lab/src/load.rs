//! `lab load`: traffic, so that every graph has data.
//!
//! The model is open: requests arrive by the clock, whether those before were answered or not, and
//! latency counts from when a request was due. So a service that stalls shows in the percentiles
//! with every request that came meanwhile, and not with one (coordinated omission).

mod control;
mod figures;
mod latency;
mod mix;
mod rate;
mod record;
mod request;
mod schedule;
mod summary;
mod tally;
mod trace;
mod traffic;

use std::io::{stderr, stdout};
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use reqwest::Client;
use tokio::net::TcpListener;

use crate::addresses::Addresses;
use crate::output::Output;
use crate::ports::known::JAEGER_UI;
use mix::Mix;
use rate::Rate;
use trace::Sample;
use traffic::{Plan, Set, Traffic};

/// How long an answer may take. Above the 10 s that a service waits for another: whoever calls one
/// that hangs answers then, with an error, and only the one that hangs is told.
const REQUEST_DEADLINE: Duration = Duration::from_secs(15);

/// How much traffic, and where to.
#[derive(clap::Args)]
pub struct Arguments {
    /// Requests a second, evenly paced; 0 for none
    #[arg(
        long, env = "LOAD_RATE", value_name = "NUMBER", default_value = rate::DEFAULT,
        value_parser = rate::given
    )]
    rate: Rate,
    /// For how long, such as 30s; without it until Ctrl-C
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Duration>,
    /// Over how long the rate rises from 0
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    ramp: Option<Duration>,
    /// What to ask for, and how often of one round: [POST ][SERVICE]/PATH[:WEIGHT],... such
    /// as '/chain:3,POST app-a/orders'; the default asks every service for every kind of answer
    #[arg(long, default_value = "", hide_default_value = true)]
    mix: Mix,
    /// How many users there are; each request is one's, by `user.id` in its baggage
    #[arg(long, value_name = "NUMBER")]
    users: Option<NonZeroU32>,
    /// The same seed asks for the paths of a mix in the same order, for the same users
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    seed: u64,
    /// The share of requests that a `traceparent` says to be sampled, from 0 to 1; or `services`, to
    /// send none and let their samplers decide
    #[arg(long, value_name = "SHARE", default_value = "1")]
    sample: Sample,
    /// Where to tell the figures, and take another rate or mix; port 0 is a free one
    #[arg(long, env = "LOAD_LISTEN", value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// How often to tell what came of the requests since the last time
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "5s")]
    report: Duration,
    /// The summary as JSON, and all else to standard error
    #[arg(long)]
    json: bool,
    /// Ask the services by their names in containers instead of their ports on this machine
    #[arg(long)]
    inside: bool,
}

/// Sends requests for the time that is given, and then waits for their answers; or until `stop`
/// completes, when those under way are given up. No answer and no error ends it before.
///
/// # Errors
/// When a variable that names a port holds none, or the address cannot be listened on.
pub async fn run(arguments: Arguments, stop: impl Future<Output = ()>) -> anyhow::Result<()> {
    let Arguments { rate, length, ramp, mix, users, seed, sample, listen, report, json, inside } =
        arguments;
    let addresses = match inside {
        true => Addresses::inside(),
        false => Addresses::published(|name| std::env::var(name).ok())?,
    };
    let listening = || format!("listening on {listen}");
    let listener = TcpListener::bind(listen).await.with_context(listening)?;
    let own = listener.local_addr().with_context(listening)?;
    // A proxy that is configured cannot reach loopback, nor a container.
    let http = Client::builder().no_proxy().timeout(REQUEST_DEADLINE);
    let http = http.build().context("making an HTTP client")?;
    let jaeger = addresses.url(JAEGER_UI);

    let output = if json { Output::new(stderr()) } else { Output::new(stdout()) };
    output.offer(format!("sending {rate}; to change it: curl -d rate=NUMBER {own}\n"));
    let plan = Plan { length, ramp: ramp.unwrap_or_default(), users, seed, sample };
    let set = Set { rate, mix };
    let traffic = Arc::new(Traffic::new(plan, set, addresses, http, output.clone()));
    tokio::select! {
        () = stop => {}
        () = traffic.send() => {}
        () = traffic.record.report(report) => {}
        ended = control::serve(listener, traffic.clone()) => ended.with_context(listening)?,
    }
    let summary = traffic.summary();
    if json {
        output.print(String::new()).await;
        let text = serde_json::to_string_pretty(&summary).context("writing the summary")?;
        Output::new(stdout()).print(text + "\n").await;
        return Ok(());
    }
    let mut text = summary.to_string();
    if !inside && !text.is_empty() {
        text.push_str(&format!("\nin Jaeger, with the id of a trace: {jaeger}/trace/ID\n"));
    }
    output.print(text).await;
    Ok(())
}

fn duration(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(Duration::ZERO) => Err("expected more than nothing".to_owned()),
        Ok(duration) if Instant::now().checked_add(duration).is_none() => {
            Err("no clock reaches that".to_owned())
        }
        Ok(duration) => Ok(duration),
        Err(error) => Err(error.to_string()),
    }
}
