//! What values can't be.

use std::time::Duration;

use spoor_embedded::{MAX_REQUEST_BYTES, Options};

use super::{Config, Engine, identity};

/// The least size of the log. The directory, of eight such, has room then for the reserve and the
/// manifest beside the spans.
const LEAST_LOG_BYTES: usize = 64 << 10;

/// The least size of the directory, in logs.
pub(crate) const LOGS_ON_DISK: usize = 8;

impl Config {
    /// The key and the reason of the first value that can't be, alone or beside others.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        // A gRPC frame's length has 32 bits; one bit less leaves room to add two of them.
        const MOST: usize = i32::MAX as usize;
        // Far from what overflows when it is added to the present time.
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
        let numbers = [
            ("max_request_bytes", self.max_request_bytes),
            ("max_inflight_bytes", self.max_inflight_bytes),
            ("max_search_depth", self.max_search_depth),
            ("max_concurrent_reads", self.max_concurrent_reads),
            ("max_connections", self.max_connections),
        ];
        let stores = [
            ("memory_max_traces", self.memory_max_traces),
            ("memory_max_bytes", self.memory_max_bytes),
            ("disk_max_bytes", self.disk_max_bytes),
            ("head_max_bytes", self.head_max_bytes),
            ("log_max_bytes", self.log_max_bytes),
        ];
        if let Some((key, _)) = numbers.iter().chain(&stores).find(|(_, value)| *value == 0) {
            return Some((key, "it must be above zero".to_owned()));
        }
        if let Some((key, _)) = numbers.iter().find(|(_, value)| *value > MOST) {
            return Some((key, format!("it must be at most {MOST}")));
        }
        let durations = [
            ("read_timeout", self.read_timeout),
            ("client_timeout", self.client_timeout),
            ("drain_timeout", self.drain_timeout),
            ("async_interval", self.async_interval),
            ("head_max_age", self.head_max_age),
            ("write_wait", self.write_wait),
        ];
        if let Some((key, _)) = durations.iter().find(|(_, value)| *value > LONGEST) {
            return Some((key, "it must be at most one day".to_owned()));
        }
        let above_zero = [
            ("read_timeout", self.read_timeout),
            ("client_timeout", self.client_timeout),
            ("async_interval", self.async_interval),
            ("head_max_age", self.head_max_age),
            ("retention", self.retention),
            ("archive_retention", self.archive_retention),
        ];
        if let Some((key, _)) = above_zero.iter().find(|(_, value)| value.is_zero()) {
            return Some((key, "it must be above zero".to_owned()));
        }
        if self.admin_listen == self.listen && self.listen.port() != 0 {
            return Some(("admin_listen", format!("{} is where gRPC is served", self.listen)));
        }
        if let Some(address) = self.archive_listen {
            if !self.archive {
                return Some(("archive_listen", "it needs archive".to_owned()));
            }
            if [self.listen, self.admin_listen].contains(&address) && address.port() != 0 {
                return Some(("archive_listen", format!("{address} is served already")));
            }
        }
        if self.data_dir.as_ref().is_some_and(|path| path.as_os_str().is_empty()) {
            return Some(("data_dir", "it must name a directory".to_owned()));
        }
        if self.engine == Engine::Embedded && self.max_request_bytes > MAX_REQUEST_BYTES {
            let reason = format!("it must be at most {MAX_REQUEST_BYTES} with the embedded engine");
            return Some(("max_request_bytes", reason));
        }
        if self.read_max_bytes < Options::LEAST_READ_BYTES {
            let reason = format!("it must be at least {}", Options::LEAST_READ_BYTES);
            return Some(("read_max_bytes", reason));
        }
        if self.head_max_bytes > Options::MOST_HEAD_BYTES {
            let reason = format!("it must be at most {}", Options::MOST_HEAD_BYTES);
            return Some(("head_max_bytes", reason));
        }
        let (disk, log) = (self.disk_max_bytes, self.log_max_bytes);
        if log < LEAST_LOG_BYTES {
            let reason = format!("{log} bytes are less than the least, {LEAST_LOG_BYTES}");
            return Some(("log_max_bytes", reason));
        }
        // Heads, their segments and what is merged need space beside each other.
        if disk / LOGS_ON_DISK < log {
            let reason = format!(
                "{disk} bytes are less than {LOGS_ON_DISK} times log_max_bytes, {log}, which is \
                 what merging takes"
            );
            return Some(("disk_max_bytes", reason));
        }
        let (archive, least) = (self.archive_disk_max_bytes, LOGS_ON_DISK * LEAST_LOG_BYTES);
        if archive < least {
            let reason = format!("{archive} bytes are less than the least, {least}");
            return Some(("archive_disk_max_bytes", reason));
        }
        if let Some(fault) = identity::fault(self) {
            return Some(fault);
        }
        let (request, inflight) = (self.max_request_bytes, self.max_inflight_bytes);
        // Else a large one would never be admitted, and be tried again for ever.
        (inflight < 2 * request).then(|| {
            let reason = format!(
                "{inflight} bytes can't hold a request of max_request_bytes, {request}, both \
                 compressed and decompressed"
            );
            ("max_inflight_bytes", reason)
        })
    }
}
