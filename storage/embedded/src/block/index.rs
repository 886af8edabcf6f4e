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
    /// Whether a span may start between these nanoseconds since the Unix epoch, both included.
    pub fn may_start(&self, min: i128, max: i128) -> bool {
        i128::from(self.min_start) <= max && min <= i128::from(self.max_start)
    }

    /// Whether a span may end between these nanoseconds since the Unix epoch, both included.
    pub fn may_end(&self, min: i128, max: i128) -> bool {
        let [least, greatest] = self.durations();
        let least = i128::from(self.min_start).saturating_add(least);
        least <= max && min <= i128::from(self.max_start).saturating_add(greatest)
    }

    /// Whether a span may last between so many nanoseconds, both included.
    pub fn may_last(&self, min: i128, max: i128) -> bool {
        let [least, greatest] = self.durations();
        least <= max && min <= greatest
    }

    /// Between which durations those of its spans lie, in nanoseconds.
    pub fn durations(&self) -> [i128; 2] {
        let least =
            if self.min_duration == i64::MIN { i128::MIN } else { self.min_duration.into() };
        let greatest =
            if self.max_duration == i64::MAX { i128::MAX } else { self.max_duration.into() };
        [least, greatest]
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

    #[test]
    fn spans_start_and_end_between_those_that_start_first_and_last_and_last_longest() {
        let index = BlockIndex {
            offset: 0,
            len: 0,
            rows: 0,
            traces: 0,
            min_start: 100,
            max_start: 200,
            min_duration: -5,
            max_duration: 50,
        };
        let start = |min, max| index.may_start(min, max);
        assert!(start(200, i128::MAX) && start(i128::MIN, 100) && start(120, 130));
        assert!(!start(201, i128::MAX) && !start(i128::MIN, 99));
        let end = |min, max| index.may_end(min, max);
        assert!(end(250, i128::MAX) && end(i128::MIN, 95) && end(120, 130));
        assert!(!end(251, i128::MAX) && !end(i128::MIN, 94));
        let any = BlockIndex { min_duration: i64::MIN, max_duration: i64::MAX, ..index };
        assert!(any.may_end(i128::MIN, 0) && any.may_end(u64::MAX.into(), i128::MAX));
    }
}
