use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Below those from which connections go out: one of these could take the port of a part that does
/// not listen yet, or is stopped.
const PORTS: std::ops::Range<u32> = 20_000..32_000;

/// How many this process has tried.
static TRIED: AtomicU32 = AtomicU32::new(0);

/// A loopback address whose port was free a moment ago, and another one at each call: tests run
/// side by side.
///
/// # Panics
/// When the machine has no more.
#[must_use]
pub fn free_address() -> SocketAddr {
    // Processes side by side begin far from each other.
    let first = std::process::id().wrapping_mul(7919);
    let mut addresses = PORTS.map(|_| {
        let port = first.wrapping_add(TRIED.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + port % PORTS.len() as u32;
        SocketAddr::from(([127, 0, 0, 1], port as u16))
    });
    let free = addresses.find(|address| TcpListener::bind(address).is_ok());
    free.expect("a port is free")
}

/// As many of them as are wanted.
#[must_use]
pub fn free_addresses<const COUNT: usize>() -> [SocketAddr; COUNT] {
    [(); COUNT].map(|()| free_address())
}
