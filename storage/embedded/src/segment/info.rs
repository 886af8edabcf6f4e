/// What is known of a segment without opening it; the manifest has it of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SegmentInfo {
    /// Its number, which is never given twice in a tenant's directory.
    pub number: u64,
    /// How often its oldest rows were compacted.
    pub level: u32,
    /// The arrival of its first span, nanoseconds since the Unix epoch.
    pub arrival_min: u64,
    /// The arrival of its last span, nanoseconds since the Unix epoch.
    pub arrival_max: u64,
    /// The length of its file.
    pub bytes: u64,
    /// The number of its spans.
    pub spans: u64,
    /// The number of its traces. One that crosses blocks counts once in each.
    pub traces: u64,
    /// The number of its blocks.
    pub blocks: u32,
}
