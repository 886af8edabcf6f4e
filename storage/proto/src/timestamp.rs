use prost_types::Timestamp;

/// A time as protobuf has it, of nanoseconds since the Unix epoch.
#[must_use]
pub fn timestamp(nanos: u64) -> Timestamp {
    const NANOS: u64 = 1_000_000_000;
    Timestamp { seconds: (nanos / NANOS) as i64, nanos: (nanos % NANOS) as i32 }
}
