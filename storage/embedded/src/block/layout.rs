//! The order of values in a block.
//!
//! Rows are ordered by trace. Values of spans are not: they stand by name, then template, then
//! row. So values of one operation stand together, of which most are alike, and whether a span
//! has a value at all needs no bits: its template tells. The order itself is not stored, for it
//! follows from the names, which are in the order of rows, and the templates, which are in the
//! order of names.

use std::ops::Range;

use super::bytes::Invalid;

/// The order of the values in a block.
#[derive(Debug, Default)]
pub(crate) struct Layout {
    /// The rows in the order of their values.
    pub(crate) order: Vec<u32>,
    /// By row: the code of its template.
    pub(crate) templates: Vec<u32>,
    /// Values that stand together and are of one template, in their order.
    pub(crate) runs: Vec<Run>,
}

/// Values that stand together and are of one template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub(crate) template: u32,
    /// Their places in the order.
    pub(crate) places: Range<u32>,
}

impl Layout {
    /// The layout of rows whose codes of names and templates are these, by row.
    pub(crate) fn new(names: &[u32], templates: Vec<u32>) -> Self {
        Self::of(by_name(names), names, templates)
    }

    /// The layout of rows whose codes of names are these, by row, and of templates these, by name,
    /// then row.
    pub(crate) fn of_stored(
        names: &[u32],
        stored_templates: &[u32],
        template_count: usize,
    ) -> Result<Self, Invalid> {
        if stored_templates.iter().any(|code| *code as usize >= template_count) {
            return Err(Invalid("it names a template that is not there"));
        }
        let order = by_name(names);
        let mut templates = vec![0; names.len()];
        for (row, template) in order.iter().zip(stored_templates) {
            templates[*row as usize] = *template;
        }
        Ok(Self::of(order, names, templates))
    }

    /// The codes of templates in the order in which they are stored.
    pub(crate) fn stored_templates(&self, names: &[u32]) -> Vec<u32> {
        by_name(names).into_iter().map(|row| self.templates[row as usize]).collect()
    }

    /// `order` is by name, then row.
    fn of(mut order: Vec<u32>, names: &[u32], templates: Vec<u32>) -> Self {
        let (name, template) = (|row: u32| names[row as usize], |row: u32| templates[row as usize]);
        for rows in order.chunk_by_mut(|a, b| name(*a) == name(*b)) {
            if !rows.is_sorted_by_key(|row| template(*row)) {
                rows.sort_by_key(|row| template(*row));
            }
        }
        let mut runs = Vec::new();
        let mut place = 0;
        // Names may change inside of a run: what matters is the template.
        for rows in order.chunk_by(|a, b| template(*a) == template(*b)) {
            let end = place + rows.len() as u32;
            runs.push(Run { template: template(rows[0]), places: place..end });
            place = end;
        }
        Self { order, templates, runs }
    }

    /// The number of values of a column; `values` tells how many a span of a template has.
    pub(crate) fn values(&self, values: impl Fn(u32) -> usize) -> usize {
        self.runs.iter().map(|run| run.places.len() * values(run.template)).sum()
    }

    /// The rows of a run.
    pub(crate) fn rows(&self, run: &Run) -> &[u32] {
        &self.order[run.places.start as usize..run.places.end as usize]
    }
}

/// The rows in the order of the codes of their names; rows of one name stay in theirs. Codes are
/// below the number of rows.
fn by_name(names: &[u32]) -> Vec<u32> {
    let most = names.iter().max().map_or(0, |most| *most as usize + 1);
    // Where the next row of each name goes, the names before it counted together.
    let mut places = vec![0_u32; most + 1];
    for name in names {
        places[*name as usize + 1] += 1;
    }
    for name in 0..most {
        places[name + 1] += places[name];
    }
    let mut order = vec![0; names.len()];
    for (row, name) in (0..).zip(names) {
        let place = &mut places[*name as usize];
        order[*place as usize] = row;
        *place += 1;
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_by_name_then_template_then_row() {
        let names = [0, 1, 0, 1, 0, 2];
        let templates = [1, 0, 0, 0, 1, 0];
        let layout = Layout::new(&names, templates.to_vec());
        assert_eq!(layout.order, [2, 0, 4, 1, 3, 5]);
        let run = |template, places| Run { template, places };
        assert_eq!(layout.runs, [run(0, 0..1), run(1, 1..3), run(0, 3..6)]);
        assert_eq!(layout.rows(&layout.runs[2]), [1, 3, 5]);
        assert_eq!(layout.values(|template| template as usize * 10), 20);
    }

    #[test]
    fn a_layout_comes_back_from_what_is_stored() {
        let names: Vec<u32> = (0..500).map(|row| row * row % 37).collect();
        let templates: Vec<u32> = (0..500).map(|row| row * 7 % 11).collect();
        let layout = Layout::new(&names, templates);
        let stored = layout.stored_templates(&names);
        let again = Layout::of_stored(&names, &stored, 11).unwrap();
        assert_eq!((&again.order, &again.templates), (&layout.order, &layout.templates));
        assert_eq!(again.runs, layout.runs);
        assert!(Layout::of_stored(&names, &stored, 10).is_err());
    }
}
