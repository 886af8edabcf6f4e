//! `probe ADDR`: exits 0 if `GET /` at the address is answered by 200, else 1.
//!
//! The health check of a container without a shell, in the standard library alone: rustc builds it
//! without a registry. The address is an IP address with a port, since a static program cannot
//! resolve names.

use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(2);
const OK: &[u8] = b"HTTP/1.1 200 ";

fn main() -> ExitCode {
    let Some(address) = std::env::args().nth(1) else {
        eprintln!("usage: probe ADDR");
        return ExitCode::FAILURE;
    };
    match status(&address) {
        Ok(status) if status == OK => ExitCode::SUCCESS,
        Ok(status) => {
            eprintln!("GET / at {address}: answered {}", String::from_utf8_lossy(&status));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("GET / at {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The start of the answer, as long as [`OK`].
fn status(address: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut stream = TcpStream::connect_timeout(&address.parse()?, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut start = vec![0; OK.len()];
    stream.read_exact(&mut start)?;
    Ok(start)
}
