/// What is known of a block without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockIndex {
    /// Where it begins in its segment.
    pub offset: u64,
    /// Its length in bytes.
    pub len: u32,
    /// The number of its spans.
    pub rows: u32,
    /// The number of its traces.
    pub traces: u32,
    /// The earliest start of a span, nanoseconds since the Unix epoch.
    pub min_start: u64,
    /// The latest start of a span, nanoseconds since the Unix epoch.
    pub max_start: u64,
    /// The least duration in nanoseconds; the least number of all also stands for any below it.
    pub min_duration: i64,
    /// The greatest duration in nanoseconds; the greatest number of all also stands for any
    /// above it.
    pub max_duration: i64,
}

impl BlockIndex {
    /// Whether a span may last between so many nanoseconds, both included.
    pub fn may_last(&self, min: i128, max: i128) -> bool {
        let least =
            if self.min_duration == i64::MIN { i128::MIN } else { self.min_duration.into() };
        let greatest =
            if self.max_duration == i64::MAX { i128::MAX } else { self.max_duration.into() };
        least <= max && min <= greatest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_durations_stand_for_any_beyond() {
        let index = BlockIndex {
            offset: 0,
            len: 0,
            rows: 0,
            traces: 0,
            min_start: 0,
            max_start: 0,
            min_duration: -5,
            max_duration: i64::MAX,
        };
        assert!(index.may_last(i128::from(u64::MAX), i128::MAX));
        assert!(index.may_last(i128::MIN, -5));
        assert!(!index.may_last(i128::MIN, -6));
        assert!(!BlockIndex { max_duration: 7, ..index }.may_last(8, i128::MAX));
    }
}
