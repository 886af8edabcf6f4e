//! Whether, and when, values rise and stay.

use super::signs::Sign;

/// What there must be of before and since.
const LEAST: usize = 8;

/// A rise that is no chance.
#[derive(Clone, Debug)]
pub struct Change {
    /// Seconds.
    pub at: f64,
    /// How many standard errors the ranks since are above those before.
    pub z: f64,
    before: f64,
    since: f64,
}

impl Change {
    /// The split of these values by time of which the two parts differ most, if they do so by at
    /// least `z` standard errors, and by what is worth a word.
    pub fn find(values: &[(f64, f64)], least_z: f64, sign: Sign) -> Option<Self> {
        let ranks = ranks(values);
        let all = ranks.len() as f64;
        let whole: f64 = ranks.iter().sum();
        let spread: f64 = ranks.iter().map(|rank| (rank - whole / all).powi(2)).sum();
        let mut sum = 0.0;
        let mut best: Option<(usize, f64, f64)> = None;
        for place in 1..values.len() {
            sum += ranks[place - 1];
            if place < LEAST || values.len() - place < LEAST {
                continue;
            }
            let (n, m) = (place as f64, all - place as f64);
            let rise = (whole - sum) / m - sum / n;
            // What of the spread the two means explain: least squares.
            let explained = rise * rise * n * m / all;
            if rise > 0.0 && best.is_none_or(|(_, most, _)| explained > most) {
                // Where there is no spread at all, a handful of values is still no proof.
                let left = (spread - explained).max(0.0) / all + 0.001;
                best = Some((place, explained, (explained / left).sqrt()));
            }
        }
        let (place, _, z) = best.filter(|(.., z)| *z >= least_z)?;
        let (before, since) = (typical(&values[..place], sign), typical(&values[place..], sign));
        // What there never was before begins with the first of it.
        let first = values.iter().find(|(_, value)| !sign.is_normal() && *value > 0.0);
        let (at, _) = *first.unwrap_or(&values[place]);
        is_worth_a_word(sign, before, since).then_some(Self { at, z, before, since })
    }

    pub fn factor(&self) -> f64 {
        self.since / self.before.max(0.001)
    }
}

/// By how much values are more after that time.
pub fn rise(values: &[(f64, f64)], at: f64, sign: Sign) -> Option<f64> {
    let (before, since) = values.split_at(values.partition_point(|(time, _)| *time < at));
    (before.len() > 2 && since.len() > 2).then(|| typical(since, sign) - typical(before, sign))
}

/// How many times as much half of the values are after that time.
pub fn factor(values: &[(f64, f64)], at: f64) -> Option<f64> {
    let (before, since) = values.split_at(values.partition_point(|(time, _)| *time < at));
    (before.len() >= LEAST && since.len() >= LEAST)
        .then(|| median(since) / median(before).max(0.001))
}

fn is_worth_a_word(sign: Sign, before: f64, since: f64) -> bool {
    match sign {
        Sign::OwnErrors => since - before > 0.15,
        Sign::OwnTime => since > 2.0 * before && since - before > 20.0,
        Sign::StatementTime => since > 3.0 * before && since - before > 3.0,
        Sign::Missed => since - before > 0.1,
        Sign::Repeated => since - before > 0.2,
        Sign::Resent => before < 0.02 && since - before > 0.1,
        Sign::Rootless => before < 0.02 && since - before > 0.03,
    }
}

/// Of times the median, of which one long one is none; of all else the mean.
fn typical(values: &[(f64, f64)], sign: Sign) -> f64 {
    match sign {
        Sign::OwnTime | Sign::StatementTime => median(values),
        _ => values.iter().map(|(_, value)| value).sum::<f64>() / values.len().max(1) as f64,
    }
}

fn median(values: &[(f64, f64)]) -> f64 {
    let mut values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The place of each value among all, from 0 to 1; the same values share theirs.
fn ranks(values: &[(f64, f64)]) -> Vec<f64> {
    let mut sorted: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    sorted.sort_by(f64::total_cmp);
    let all = values.len().max(1) as f64;
    let rank = |value: f64| {
        let below = sorted.partition_point(|it| *it < value);
        let with = sorted.partition_point(|it| *it <= value);
        (below + with) as f64 / 2.0 / all
    };
    values.iter().map(|(_, value)| rank(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values every tenth of a second, of which those since `at` are of another kind.
    fn values(before: fn(u32) -> f64, since: fn(u32) -> f64) -> Vec<(f64, f64)> {
        (0..300)
            .map(|it| (f64::from(it) / 10.0, if it < 120 { before(it) } else { since(it) }))
            .collect()
    }

    #[test]
    fn a_rise_that_stays_is_found_at_its_time() {
        let often =
            values(|it| f64::from(u8::from(it % 10 == 0)), |it| f64::from(u8::from(it % 2 == 0)));
        let change = Change::find(&often, 6.0, Sign::OwnErrors).unwrap();
        assert!((10.0..14.0).contains(&change.at), "{change:?}");
        let longer = values(|it| f64::from(it % 5), |it| 100.0 + f64::from(it % 50));
        let change = Change::find(&longer, 6.0, Sign::OwnTime).unwrap();
        assert_eq!(change.at, 12.0);
    }

    #[test]
    fn what_is_as_ever_or_less_is_no_change() {
        let same: fn(u32) -> f64 = |it| f64::from(u8::from(it % 7 == 0));
        assert!(Change::find(&values(same, same), 6.0, Sign::OwnErrors).is_none());
        assert!(Change::find(&values(|_| 9.0, |_| 1.0), 6.0, Sign::Resent).is_none());
        assert!(Change::find(&[], 6.0, Sign::Resent).is_none());
    }
}
