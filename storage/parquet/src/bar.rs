use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use spoor_embedded::scan::Progress;

/// How often progress is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(200);

/// A line on a terminal that tells how far the work is.
pub(crate) struct Bar {
    is_terminal: bool,
    shown: Option<Instant>,
}

impl Bar {
    pub(crate) fn new() -> Self {
        Self { is_terminal: io::stderr().is_terminal(), shown: None }
    }

    pub(crate) fn show(&mut self, Progress { done, total }: Progress) {
        let is_early = self.shown.is_some_and(|shown| shown.elapsed() < SHOWN_EVERY);
        if self.is_terminal && !is_early {
            let percent = 100 * done.min(total) / total.max(1);
            eprint!("\r{percent:>3} % of {}\x1b[K", ByteSize(total));
            self.shown = Some(Instant::now());
        }
    }

    pub(crate) fn clear(&self) {
        if self.shown.is_some() {
            eprint!("\r\x1b[K");
        }
    }
}
