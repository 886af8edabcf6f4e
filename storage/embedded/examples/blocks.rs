//! What realistic spans take in blocks, by column, and what it costs to write and to read them.
//!
//! ```sh
//! cargo run --release -p spoor-embedded --example blocks [-- realistic|telemetrygen [SPANS [ROWS]]]
//! ```
//! `SPANS` are held in memory and then encoded in blocks of up to `ROWS`. Times are the least of
//! several rounds.

#[path = "../../bench/src/generator/mod.rs"]
#[allow(dead_code, unused_imports, reason = "shared with the benchmark, which uses all of it")]
mod generator;

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::hint::black_box;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use generator::{EPOCH, ExportSize, SEED, Shape};
use spoor_embedded::block::{Column, EncodedBlock, Encoder, Reader, Sought};
use spoor_embedded::disk::ReadFile;
use spoor_embedded::rows::{Rows, traces_data};
use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use spoor_store::ingest::split;

/// What a filter takes for each entry, in bytes.
const BYTES_PER_ENTRY: f64 = 1.25;

#[derive(Debug)]
struct Bytes(Vec<u8>);

impl ReadFile for Bytes {
    fn read_exact_at(&self, buf: &mut [u8], offset: u64) -> io::Result<()> {
        let rest = self.0.get(offset as usize..).unwrap_or_default();
        buf.copy_from_slice(rest.get(..buf.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn len(&self) -> u64 {
        self.0.len() as u64
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let shape = match args.next().as_deref() {
        Some("telemetrygen") => Shape::Telemetrygen,
        _ => Shape::Realistic,
    };
    let spans = args.next().map_or(Ok(80_000), |spans| spans.parse())?;
    let most_rows = args.next().map_or(Ok(8_192), |rows| rows.parse())?;

    let rows = rows(shape, spans);
    let orders = orders(&rows, most_rows);
    let mut encoder = Encoder::new()?;
    let mut blocks = Vec::new();
    let encoding = least_time(|| {
        blocks = orders.iter().map(|order| encoder.encode(&rows, order)).collect();
    });
    let blocks = blocks.into_iter().collect::<Result<Vec<_>, _>>()?;
    print_sizes(&rows, &blocks, encoding)?;
    print_reads(&blocks[blocks.len() / 2])
}

fn rows(shape: Shape, spans: usize) -> Rows {
    let mut rows = Rows::new();
    let mut traffic = shape.traffic(SEED, EPOCH);
    let Ok(()) = generator::generate(
        &mut *traffic,
        ExportSize::Sdk,
        spans,
        &mut |_, _| {},
        &mut |export| -> Result<(), Infallible> {
            rows.append(&split(&export.bytes, 0).expect("requests are generated well"));
            Ok(())
        },
    );
    rows
}

/// The rows of each block, traces by their start.
fn orders(rows: &Rows, most: usize) -> Vec<Vec<u32>> {
    let mut traces: Vec<u32> = (0..rows.traces()).collect();
    traces.sort_by_cached_key(|trace| rows.rows_of(*trace).map(|row| rows.span(row).start).min());
    let mut orders = vec![Vec::new()];
    for trace in traces {
        let own: Vec<u32> = rows.rows_of(trace).collect();
        match orders.last_mut() {
            Some(last) if last.len() + own.len() <= most => last.extend(own),
            _ => orders.push(own),
        }
    }
    orders
}

fn print_sizes(
    rows: &Rows,
    blocks: &[EncodedBlock],
    encoding: Duration,
) -> Result<(), Box<dyn std::error::Error>> {
    let spans = f64::from(rows.len());
    let mut columns = BTreeMap::<String, usize>::new();
    for block in blocks {
        let reader = open(block)?;
        let mut left = block.bytes.len();
        for (column, len) in reader.columns() {
            let key = reader.key(column)?.map(String::from_utf8_lossy);
            let name = match (column, key) {
                (Column::Attribute { level, .. }, Some(key)) => format!("{level:?} {key}"),
                _ => format!("{column:?}"),
            };
            *columns.entry(name).or_default() += len as usize;
            left -= len as usize;
        }
        *columns.entry("Directory".to_owned()).or_default() += left;
    }
    let mut columns: Vec<_> = columns.into_iter().collect();
    columns.sort_by_key(|(_, bytes)| std::cmp::Reverse(*bytes));
    for (name, bytes) in columns {
        println!("{:8.3}  {name}", bytes as f64 / spans);
    }
    let bytes: usize = blocks.iter().map(|block| block.bytes.len()).sum();
    let entries: usize = blocks.iter().map(|block| block.entries.len()).sum();
    println!(
        "{:8.3}  bytes a span in blocks, and {:.3} in filters; {} spans in {} blocks, {:.0} ns a \
         span to encode",
        bytes as f64 / spans,
        entries as f64 * BYTES_PER_ENTRY / spans,
        rows.len(),
        blocks.len(),
        encoding.as_nanos() as f64 / spans,
    );
    Ok(())
}

fn print_reads(block: &EncodedBlock) -> Result<(), Box<dyn std::error::Error>> {
    let reader = open(block)?;
    let ids = reader.trace_ids()?;
    let id = TraceId::from_slice(&ids[ids.len() / 2]).expect("ids of traces are not zero");
    let file = Arc::new(Bytes(block.bytes.clone()));
    let open = || Reader::open(file.clone(), 0, block.index.len).expect("it was opened before");
    let rows = reader.find(&id)?.unwrap_or_default();
    let print = |what: &str, read: &dyn Fn()| {
        println!("{:8.1}  µs for {what}", least_time(read).as_nanos() as f64 / 1_000.0);
    };
    print("opening", &|| drop(black_box(open())));
    print("finding a trace", &|| drop(black_box(open().find(&id))));
    print(&format!("reading its {} spans", rows.len()), &|| {
        let read = open().span_rows(rows.clone()).expect("the block is not damaged");
        black_box(traces_data(&read, rows.clone())).expect("the block is not damaged");
    });
    print("reading all spans' columns", &|| {
        drop(black_box(open().span_rows(0..block.index.rows)));
    });
    print("the layout", &|| drop(black_box(open().raw())));
    print("starts", &|| drop(black_box(open().starts())));
    print("durations", &|| drop(black_box(open().durations())));
    print("a name", &|| drop(black_box(open().field(Field::SpanName, Sought::TextForm("GET /")))));
    print("a service", &|| {
        drop(black_box(open().field(Field::ResourceService, Sought::TextForm("cart"))));
    });
    for key in ["http.request.method", "user.id", "url.path"] {
        print(&format!("an attribute {key} that no span has"), &|| {
            drop(black_box(open().attribute(Level::Span, key, Sought::TextForm("?"))));
        });
    }
    Ok(())
}

fn open(block: &EncodedBlock) -> Result<Reader, spoor_embedded::block::BlockError> {
    Reader::open(Arc::new(Bytes(block.bytes.clone())), 0, block.index.len)
}

fn least_time(mut work: impl FnMut()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..9).map(round).min().unwrap_or_default()
}
