//! The requests to send, encoded beforehand so that the client costs little while it is measured.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use anyhow::{Context, Result};
use prost::bytes::Bytes;

use crate::generator::{self, EPOCH, Export, ExportSize, SEED, Shape, Statistics};
use crate::measure::machine;
use crate::questions;
use crate::report::{self, Table};
use crate::truth::Truth;

/// Of how many bytes zstd's ratio is told.
const COMPRESSED: u64 = 256 << 20;
/// Of how many spans the summary is told.
const SUMMARIZED: usize = 100_000;

pub struct Load {
    pub shape: Shape,
    pub size: ExportSize,
    /// The spans that were asked for; there are more, to end the last trace.
    pub wanted: usize,
    pub spans: usize,
    pub bytes: u64,
    pub truth: Truth,
    /// Bytes a span that `zstd -3` makes of all requests as one stream.
    pub zstd: f64,
    /// What the spans look like, in a line.
    pub summary: String,
    /// Their attributes, and how many values each has.
    pub attributes: Table,
    /// In the order in which they are sent.
    requests: Vec<Stored>,
    /// What is not held in memory.
    file: Option<File>,
}

enum Stored {
    Held(Bytes, usize),
    Written { offset: u64, len: usize, spans: usize },
}

/// Which part of the traffic: no two have a trace or a time in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What is measured and asked for.
    Main,
    /// What comes after it.
    Later,
}

impl Load {
    /// Generates it. What exceeds half of the available memory goes to a file in `directory`
    /// that has no name and is gone with the process.
    pub fn generate(
        shape: Shape,
        size: ExportSize,
        spans: usize,
        part: Part,
        directory: &Path,
    ) -> Result<Self> {
        Self::generate_within(machine::available_memory() / 2, shape, size, spans, part, directory)
    }

    fn generate_within(
        mut room: u64,
        shape: Shape,
        size: ExportSize,
        spans: usize,
        part: Part,
        directory: &Path,
    ) -> Result<Self> {
        let (seed, epoch) = match part {
            Part::Main => (SEED, EPOCH),
            Part::Later => (SEED + 1, EPOCH + 40 * 86_400_000_000_000),
        };
        let mut traffic = shape.traffic(seed, epoch);
        let mut truth = Truth::new(questions::searches(spans), questions::LIMIT);
        let mut statistics = Statistics::default();
        let mut spool = None::<(BufWriter<File>, u64)>;
        let mut zstd = zstd::stream::write::Encoder::new(Counting(0), 3)?;
        let (mut compressed_bytes, mut compressed_spans) = (0, 0);
        let mut requests = Vec::new();
        let (mut all_bytes, mut all_spans) = (0, 0);
        let mut observe = |traffic: &dyn generator::Traffic, trace: &generator::Trace| {
            if truth.spans < SUMMARIZED {
                statistics.observe(traffic, trace);
            }
            truth.observe(traffic, trace);
        };
        let mut sink = |Export { bytes, spans }: Export| {
            let len = bytes.len() as u64;
            all_bytes += len;
            all_spans += spans;
            if compressed_bytes < COMPRESSED {
                zstd.write_all(&bytes)?;
                compressed_bytes += len;
                compressed_spans += spans;
            }
            if spool.is_none() && len > room {
                let file = tempfile::tempfile_in(directory)
                    .with_context(|| format!("making a file in {}", directory.display()))?;
                spool = Some((BufWriter::new(file), 0));
            }
            requests.push(match &mut spool {
                None => {
                    room -= len;
                    Stored::Held(bytes, spans)
                }
                Some((file, end)) => {
                    file.write_all(&bytes).context("writing requests to a file")?;
                    let offset = *end;
                    *end += len;
                    Stored::Written { offset, len: bytes.len(), spans }
                }
            });
            Ok::<_, anyhow::Error>(())
        };
        generator::generate(&mut *traffic, size, spans, &mut observe, &mut sink)?;
        let file = match spool {
            Some((file, _)) => Some(file.into_inner().context("writing requests to a file")?),
            None => None,
        };
        let Counting(compressed) = zstd.finish()?;
        Ok(Self {
            shape,
            size,
            wanted: spans,
            spans: all_spans,
            bytes: all_bytes,
            truth,
            zstd: compressed as f64 / compressed_spans as f64,
            summary: statistics.summary(),
            attributes: report::attributes(&statistics),
            requests,
            file,
        })
    }

    pub fn requests(&self) -> usize {
        self.requests.len()
    }

    /// The bytes and the number of spans of a request.
    pub fn request(&self, number: usize) -> Result<(Bytes, usize)> {
        match (&self.requests[number], &self.file) {
            (Stored::Written { offset, len, spans }, Some(file)) => {
                let mut bytes = vec![0; *len];
                file.read_exact_at(&mut bytes, *offset).context("reading a request's file")?;
                Ok((bytes.into(), *spans))
            }
            (Stored::Held(bytes, spans), _) => Ok((bytes.clone(), *spans)),
            (Stored::Written { .. }, None) => unreachable!("a written request has its file"),
        }
    }

    pub fn raw(&self) -> f64 {
        self.bytes as f64 / self.spans as f64
    }

    pub fn name(&self) -> String {
        format!("{}, exports of {}", self.shape.name(), self.size.spans())
    }
}

/// Counts what is written to it.
struct Counting(u64);

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_the_same_ones_from_memory_and_from_a_file() {
        let generate = |room| {
            let (shape, size) = (Shape::Realistic, ExportSize::Sdk);
            let place = std::env::temp_dir();
            Load::generate_within(room, shape, size, 5_000, Part::Main, &place).unwrap()
        };
        let (held, written) = (generate(u64::MAX), generate(100_000));
        assert!(held.file.is_none() && written.file.is_some());
        assert_eq!(held.requests(), written.requests());
        for number in 0..held.requests() {
            assert_eq!(held.request(number).unwrap(), written.request(number).unwrap());
        }
    }
}
