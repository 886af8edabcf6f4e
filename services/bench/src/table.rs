//! Tables in Markdown, as `docs/` wants them, and what stands in their cells.

use std::fmt;

/// The first column is of names, the others are of numbers.
pub struct Table(Vec<Vec<String>>);

impl Table {
    pub fn new(header: &[&str]) -> Self {
        Self(vec![header.iter().map(|&cell| cell.to_owned()).collect()])
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.0.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (header, rows) = self.0.split_first().expect("a table has a header");
        let dashes = header.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" });
        writeln!(f, "| {} |", header.join(" | "))?;
        writeln!(f, "| {} |", dashes.collect::<Vec<_>>().join(" | "))?;
        rows.iter().try_for_each(|row| writeln!(f, "| {} |", row.join(" | ")))
    }
}

/// The figures in order, the least first.
pub fn sorted(figures: impl IntoIterator<Item = f64>) -> Vec<f64> {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures
}

/// The least of the figures, in order, that so many percent do not exceed.
pub fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or(f64::NAN)
}

/// The median of figures in any order.
pub fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    percentile(&sorted(figures), 50)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_the_least_figure_that_so_many_do_not_exceed() {
        let figures = sorted((1..=200).rev().map(f64::from));
        assert_eq!((percentile(&figures, 50), percentile(&figures, 99)), (100.0, 198.0));
        assert_eq!(percentile(&[1.0, 2.0, 3.0], 99), 3.0);
        assert_eq!(median([3.0, 1.0, 2.0]), 2.0);
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["part", "MiB"]);
        table.row(["demo".to_owned(), "14.6".to_owned()]);
        assert_eq!(table.to_string(), "| part | MiB |\n| --- | ---: |\n| demo | 14.6 |\n");
    }
}
