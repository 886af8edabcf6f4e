//! What a traced call costs more than a bare one: of axum and tonic, with our layers and with those
//! of other crates, sampled and not.
//!
//! Client, server and all that spans go through are in this process, and each answer is waited for
//! before the next request. What is measured is the process's processor time for a request, with
//! the client, which is the same for all, and with the thread that exports, where spans are dropped.
//! All are measured in turns, and compared within a turn.

mod connection;
mod layer;
mod pipeline;

use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use tokio::runtime::Runtime;

use crate::table::{Table, median, percentile, sorted};
use connection::{Connection, Protocol};
use layer::Layer;
use pipeline::Pipeline;

/// How much is measured.
#[derive(Clone, Copy)]
pub struct Plan {
    /// How often each has its turn.
    pub rounds: usize,
    /// How many requests that is, sampled and not.
    pub requests: usize,
}

impl Plan {
    pub const FULL: Self = Self { rounds: 101, requests: 1_000 };
}

/// A row of the table.
fn name(protocol: Protocol, layer: Layer) -> &'static str {
    match (layer, protocol) {
        (Layer::None, Protocol::Http) => "axum, bare",
        (Layer::None, Protocol::Grpc) => "tonic, bare",
        (Layer::Telemetry, _) => "telemetry",
        (Layer::TelemetryMeasured, _) => "telemetry, with its metric",
        (Layer::Peer, Protocol::Http) => "axum-tracing-opentelemetry",
        (Layer::Peer, Protocol::Grpc) => "tonic-tracing-opentelemetry",
    }
}

/// Measures, and tells the figures.
pub fn run(plan: Plan) -> Result<()> {
    let mut bench = Bench::new(plan)?;
    for protocol in Protocol::ALL {
        for (is_sampled, costs) in bench.measure(protocol)? {
            let sampled = if is_sampled { "sampled" } else { "not sampled" };
            println!("{}", table(protocol, sampled, &costs));
        }
    }
    bench.pipeline.check_measured(bench.measured)
}

/// One request's, of a layer.
struct Cost {
    layer: Layer,
    /// Microseconds of the processor, by turn.
    times: Vec<f64>,
    allocations: f64,
    /// That were allocated.
    bytes: f64,
    /// Of its span.
    attributes: f64,
}

struct Bench {
    plan: Plan,
    runtime: Runtime,
    pipeline: Pipeline,
    /// How many calls went through a layer that measures.
    measured: u64,
}

impl Bench {
    fn new(plan: Plan) -> Result<Self> {
        // One thread, so that each request has the same way.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let pipeline = Pipeline::install(2 * plan.requests)?;
        Ok(Self { plan, runtime, pipeline, measured: 0 })
    }

    /// What requests cost by each layer, sampled and not.
    fn measure(&mut self, protocol: Protocol) -> Result<[(bool, Vec<Cost>); 2]> {
        let mut connections = Vec::new();
        for layer in Layer::ALL {
            // It is bound to the provider that there is when its first call ends.
            self.pipeline.measure(layer == Layer::TelemetryMeasured);
            let mut connection = self.runtime.block_on(Connection::open(protocol, layer))?;
            self.turn(layer, &mut connection, true)?;
            connections.push(connection);
        }
        let mut costs = [(true, Vec::new()), (false, Vec::new())];
        for (is_sampled, costs) in &mut costs {
            for (layer, connection) in Layer::ALL.into_iter().zip(&mut connections) {
                costs.push(self.first(layer, connection, *is_sampled)?);
            }
        }
        for _ in 0..self.plan.rounds {
            for (is_sampled, costs) in &mut costs {
                for (cost, connection) in costs.iter_mut().zip(&mut connections) {
                    let time = self.turn(cost.layer, connection, *is_sampled)?;
                    cost.times.push(time.as_secs_f64() * 1e6 / self.plan.requests as f64);
                }
            }
        }
        Ok(costs)
    }

    /// What is the same each time, counted once.
    fn first(
        &mut self,
        layer: Layer,
        connection: &mut Connection,
        is_sampled: bool,
    ) -> Result<Cost> {
        let before = self.pipeline.attributes();
        let mut turn = Ok(Duration::ZERO);
        let allocated = allocation_counter::measure(|| {
            turn = self.turn(layer, connection, is_sampled);
        });
        turn?;
        let each = |all: u64| all as f64 / self.plan.requests as f64;
        Ok(Cost {
            layer,
            times: Vec::new(),
            allocations: each(allocated.count_total),
            bytes: each(allocated.bytes_total),
            attributes: each(self.pipeline.attributes() - before),
        })
    }

    /// Asks as often as is planned. Returns the processor time of it.
    fn turn(
        &mut self,
        layer: Layer,
        connection: &mut Connection,
        is_sampled: bool,
    ) -> Result<Duration> {
        let requests = self.plan.requests;
        if layer == Layer::TelemetryMeasured {
            self.measured += requests as u64;
        }
        layer.set_propagators();
        let spans = if is_sampled && layer != Layer::None { requests as u64 } else { 0 };
        let before = self.pipeline.flush()?;
        let began = processor_time();
        self.runtime.block_on(async {
            for _ in 0..requests {
                connection.ask(is_sampled).await?;
            }
            // The last span ends when the server has let go of its answer.
            tokio::task::yield_now().await;
            anyhow::Ok(())
        })?;
        let exported = self.pipeline.flush()? - before;
        let time = processor_time() - began;
        ensure!(
            exported == spans,
            "{layer:?} made {exported} spans of {requests} calls, not {spans}"
        );
        Ok(time)
    }
}

/// What all threads of the process have had.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned() as u32)
}

fn table(protocol: Protocol, sampled: &str, costs: &[Cost]) -> Table {
    let [bare, .., peer] = costs else { unreachable!("there are as many as layers") };
    let mut table = Table::new(&[
        &format!("{}, {sampled}", protocol.name()),
        "µs a request",
        "least to most",
        "of bare",
        "of the peer",
        "added, of what the peer adds",
        "allocations",
        "bytes",
        "attributes",
    ]);
    for cost in costs {
        let by_turn = |ratio: fn(f64, f64, f64) -> f64| {
            let times = cost.times.iter().zip(&bare.times).zip(&peer.times);
            format!("{:.2}", median(times.map(|((own, bare), peer)| ratio(*own, *bare, *peer))))
        };
        let times = sorted(cost.times.iter().copied());
        let [least, most] = [0, 100].map(|percent| percentile(&times, percent));
        table.row([
            name(protocol, cost.layer).to_owned(),
            format!("{:.2}", percentile(&times, 50)),
            format!("{least:.2} to {most:.2}"),
            by_turn(|own, bare, _| own / bare),
            by_turn(|own, _, peer| own / peer),
            by_turn(|own, bare, peer| (own - bare) / (peer - bare)),
            format!("{:.1}", cost.allocations),
            format!("{:.0}", cost.bytes),
            format!("{:.0}", cost.attributes),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_layer_makes_a_span_of_a_sampled_call_and_measures_where_it_should() {
        run(Plan { rounds: 1, requests: 20 }).unwrap();
    }
}
