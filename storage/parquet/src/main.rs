//! `spoor-parquet`: writes the spans of a store of the embedded engine to a Parquet file.
//!
//! `docs/parquet.md` tells of the columns and of how to ask them. The file holds each span once,
//! as a row, roughly in the order of arrival; it is no format to keep spans in, because texts
//! stand for typed values and what is damaged is left out.
#![forbid(unsafe_code)]

mod bar;
mod column;
mod error;
mod export;
mod schema;
mod spans;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use bytesize::ByteSize;
use clap::Parser;
use spoor_store::TimeRange;

use crate::bar::Bar;
use crate::export::export;

/// The exit code when the file lacks what is damaged, as that of `spoor check`.
const EXIT_DAMAGED: u8 = 2;
/// The exit code of wrong arguments, as that of `spoor`.
const EXIT_USAGE: u8 = 64;

/// Writes the spans of a store that no process has open to a Parquet file.
///
/// Of a running store, export a snapshot: `spoor snapshot DIR TARGET`. Exits 0 if all spans were
/// written; 2 if all were but those in damaged places, which it tells; 1 if there is no file.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// The store's directory: the key data_dir, or a snapshot.
    dir: PathBuf,
    /// The file, which must not be there yet. Until it is whole, it has `.partial` behind its name.
    #[arg(long)]
    out: PathBuf,
    /// Leaves out spans that start before this time, such as 2026-11-22T10:00:00Z.
    #[arg(long, value_parser = nanoseconds)]
    from: Option<u64>,
    /// Leaves out spans that start at this time or later.
    #[arg(long, value_parser = nanoseconds)]
    to: Option<u64>,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // There is nobody else to tell if stdout or stderr is closed.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    let last = args.to.map_or(Some(u64::MAX), |to| to.checked_sub(1));
    let starts = match (args.from.unwrap_or(0), last) {
        (min, Some(max)) if min <= max => TimeRange { min, max },
        _ => {
            eprintln!("spoor-parquet: --from must be before --to");
            return ExitCode::from(EXIT_USAGE);
        }
    };
    let mut bar = Bar::new();
    let exported = export(&args.dir, &args.out, starts, &mut |progress| bar.show(progress));
    bar.clear();
    match exported {
        Ok(exported) => {
            for finding in &exported.damage {
                eprintln!("left out: {finding}");
            }
            let (out, spans, size) = (args.out.display(), exported.spans, ByteSize(exported.bytes));
            println!("{out}: {spans} spans, {size}");
            ExitCode::from(if exported.damage.is_empty() { 0 } else { EXIT_DAMAGED })
        }
        Err(error) => {
            eprintln!("spoor-parquet: {error}");
            ExitCode::FAILURE
        }
    }
}

/// A time in RFC 3339, as nanoseconds since the Unix epoch.
fn nanoseconds(text: &str) -> Result<u64, String> {
    let time: SystemTime =
        humantime::parse_rfc3339_weak(text).map_err(|error| error.to_string())?;
    let since = time.duration_since(UNIX_EPOCH).map_err(|_| "it is before 1970".to_owned())?;
    u64::try_from(since.as_nanos()).map_err(|_| "it is too late for nanoseconds".to_owned())
}
