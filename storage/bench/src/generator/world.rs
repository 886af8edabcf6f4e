//! What runs where: pods of services on nodes, and the connections between them.

use std::ops::Range;

use super::graph::{Language, SERVICES, Service};
use super::random::{Random, mix};
use super::values::{Values, uuid};

const NODES: usize = 12;
/// How far nodes' clocks are apart at most, nanoseconds: what NTP keeps in a data centre.
const SKEW: u64 = 1_500_000;
/// Connections that a client keeps open to one server.
const POOL: usize = 4;

/// A process: one instance of a service, with an SDK of its own.
pub struct Pod {
    pub service: usize,
    pub name: String,
    pub uid: String,
    pub instance: String,
    pub container: String,
    pub address: String,
    pub node: usize,
    pub process: i64,
    /// How far its clock is ahead of the true time, nanoseconds, plus [`SKEW`].
    clock: u64,
}

pub struct World {
    pub pods: Vec<Pod>,
    pub values: Values,
    of_service: Vec<Range<usize>>,
}

impl World {
    pub fn new(random: &mut Random) -> Self {
        let mut pods = Vec::new();
        let mut of_service = Vec::new();
        for (number, service) in SERVICES.iter().enumerate() {
            let first = pods.len();
            let revision = format!("{:x}", mix("revision", number as u64));
            for _ in 0..service.replicas {
                let node = random.below(NODES);
                let suffix: String = (0..5)
                    .map(|_| char::from(*random.pick(b"bcdfghjklmnpqrstvwxz2456789")))
                    .collect();
                pods.push(Pod {
                    service: number,
                    name: format!("{}-{}-{suffix}", service.name, &revision[..9]),
                    uid: uuid(random),
                    instance: uuid(random),
                    container: hex(&random.bytes::<32>()),
                    address: format!("10.42.{node}.{}", 2 + pods.len()),
                    node,
                    process: 1 + random.below(2) as i64 * 6,
                    clock: mix("clock", node as u64) % (2 * SKEW),
                });
            }
            of_service.push(first..pods.len());
        }
        Self { pods, values: Values::new(), of_service }
    }

    /// The pod that a load balancer chooses.
    pub fn pod_of(&self, service: usize, random: &mut Random) -> usize {
        let pods = &self.of_service[service];
        pods.start + random.below(pods.len())
    }
}

impl Pod {
    pub fn service(&self) -> &'static Service {
        &SERVICES[self.service]
    }

    pub fn language(&self) -> Language {
        self.service().language
    }

    /// What its clock shows at a time.
    pub fn clock(&self, time: u64) -> u64 {
        time + self.clock - SKEW
    }

    /// The client's port of one of the connections that it keeps open to a peer.
    pub fn port_to(&self, peer: &str, random: &mut Random) -> i64 {
        let connection = mix(&self.address, random.below(POOL) as u64) ^ mix(peer, 0);
        // Linux' range of ephemeral ports.
        32_768 + (connection % 28_232) as i64
    }
}

pub fn node_name(node: usize) -> String {
    format!("ip-10-0-{}-{}.eu-central-1.compute.internal", 16 * (node % 3), 11 + 7 * node)
}

pub fn zone(node: usize) -> String {
    format!("eu-central-1{}", ["a", "b", "c"][node % 3])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
