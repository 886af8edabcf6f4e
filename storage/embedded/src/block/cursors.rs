//! Where the values of a span are in the columns that have them.

use super::bytes::Invalid;
use super::column::Column;
use super::error::BlockError;
use super::layout::Layout;
use super::reader::{Reader, template_of};
use super::streams::{PART_COUNT, index};
use super::tables::Tables;
use crate::rows::{Level, Part};

/// The events, or the links, of all rows in the order of values.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// By row that may have some: how many.
    pub(super) counts: Vec<u32>,
    /// By event or link: its template, which is there.
    pub(super) templates: Vec<u32>,
}

/// The place of the next value in each column of spans' words.
#[derive(Clone, Debug)]
pub(super) struct Cursors {
    next: Vec<usize>,
    slots: usize,
}

/// What tells how many values a row has.
pub(super) struct Shapes<'b> {
    pub(super) tables: &'b Tables,
    /// None as long as nothing is asked for of events.
    pub(super) events: Option<Inner>,
    /// None as long as nothing is asked for of links.
    pub(super) links: Option<Inner>,
}

/// The column of raw spans comes behind those of other parts, then those of attributes.
const RAW: usize = PART_COUNT;

impl Cursors {
    /// Cursors at the first values.
    pub(super) fn new(tables: &Tables) -> Self {
        let slots = tables.slots.len();
        Self { next: vec![0; RAW + 1 + 3 * slots], slots }
    }

    /// Cursors behind the last values: how many values there are.
    pub(super) fn at_end(shapes: &Shapes<'_>, layout: &Layout) -> Self {
        let mut cursors = Self::new(shapes.tables);
        for run in &layout.runs {
            cursors.skip(shapes, run.template, run.places.len());
        }
        cursors
    }

    /// The number of columns that there may be.
    pub(super) fn columns(&self) -> usize {
        self.next.len()
    }

    /// The number of values, all columns together but that of rows that are kept whole.
    pub(super) fn values(&self) -> usize {
        self.next.iter().sum::<usize>() - self.next[RAW]
    }

    /// The number of the column that has a part's values; `slot` is that of an attribute.
    pub(super) fn column(&self, part: Part, slot: u32) -> usize {
        match part {
            Part::Value { level, .. } => self.value(level, slot),
            _ => index(part).unwrap_or(RAW),
        }
    }

    /// The place of the next value of a column.
    pub(super) fn place(&self, column: usize) -> usize {
        self.next[column]
    }

    /// Passes over one value of a column, whose place this is.
    pub(super) fn take(&mut self, column: usize) -> usize {
        self.next[column] += 1;
        self.next[column] - 1
    }

    /// Passes over the next rows, which are of this template.
    pub(super) fn skip(&mut self, shapes: &Shapes<'_>, template: u32, rows: usize) {
        let shaped = &shapes.tables.spans[template as usize];
        let template = &shaped.template;
        if template.is_raw {
            self.next[RAW] += rows;
            return;
        }
        for slot in &shaped.slots {
            let column = self.value(Level::Span, *slot);
            self.next[column] += rows;
        }
        let has_message = template.status.is_some_and(|status| status.has_message);
        for (part, is_there) in [
            (Part::TraceState(Level::Span), template.has_trace_state),
            (Part::StatusMessage, has_message),
            (Part::DroppedAttributes(Level::Span), template.dropped[0]),
            (Part::DroppedEvents, template.dropped[1]),
            (Part::DroppedLinks, template.dropped[2]),
        ] {
            if is_there {
                self.pass(part, rows);
            }
        }
        if template.has_events {
            let first = self.pass(Part::Events, rows);
            if let Some(events) = &shapes.events {
                self.skip_events(shapes, events, first..first + rows);
            }
        }
        if template.has_links {
            let first = self.pass(Part::Links, rows);
            if let Some(links) = &shapes.links {
                self.skip_links(shapes, links, first..first + rows);
            }
        }
    }

    fn skip_events(&mut self, shapes: &Shapes<'_>, events: &Inner, rows: std::ops::Range<usize>) {
        let count = events.counts[rows].iter().map(|count| *count as usize).sum();
        let first = self.pass(Part::EventTemplate, count);
        self.pass(Part::EventTime, count);
        self.pass(Part::EventName, count);
        for code in &events.templates[first..first + count] {
            let shaped = &shapes.tables.events[*code as usize];
            self.pass(
                Part::DroppedAttributes(Level::Event),
                usize::from(shaped.template.has_dropped),
            );
            for slot in &shaped.slots {
                let column = self.value(Level::Event, *slot);
                self.next[column] += 1;
            }
        }
    }

    fn skip_links(&mut self, shapes: &Shapes<'_>, links: &Inner, rows: std::ops::Range<usize>) {
        use crate::rows::Presence::Full;
        let count = links.counts[rows].iter().map(|count| *count as usize).sum();
        let first = self.pass(Part::LinkTemplate, count);
        self.pass(Part::LinkFlags, count);
        for code in &links.templates[first..first + count] {
            let shaped = &shapes.tables.links[*code as usize];
            let template = &shaped.template;
            for (part, is_there) in [
                (Part::LinkTraceId, template.trace_id == Full),
                (Part::LinkSpanId, template.span_id == Full),
                (Part::TraceState(Level::Link), template.has_trace_state),
                (Part::DroppedAttributes(Level::Link), template.has_dropped),
            ] {
                self.pass(part, usize::from(is_there));
            }
            for slot in &shaped.slots {
                let column = self.value(Level::Link, *slot);
                self.next[column] += 1;
            }
        }
    }

    /// Passes over values of a part; the place of the first.
    fn pass(&mut self, part: Part, values: usize) -> usize {
        let next = &mut self.next[index(part).unwrap_or(RAW)];
        let first = *next;
        *next += values;
        first
    }

    fn value(&self, level: Level, slot: u32) -> usize {
        RAW + 1 + level as usize * self.slots + slot as usize
    }
}

impl Reader {
    /// The events or the links of all rows.
    pub(super) fn inner(&self, level: Level) -> Result<Inner, BlockError> {
        let (tables, layout) = (self.tables()?, self.layout()?);
        let (counts, templates, known) = match level {
            Level::Link => (Column::Links, Column::LinkTemplates, tables.links.len()),
            _ => (Column::Events, Column::EventTemplates, tables.events.len()),
        };
        let rows = layout.values(|template| usize::from(has_inner(tables, template, level)));
        let counts_of_rows = self.numbers::<u32>(counts, rows)?;
        let total = counts_of_rows
            .iter()
            .try_fold(0_usize, |total, count| total.checked_add(*count as usize));
        let total = total
            .ok_or_else(|| BlockError::in_column(counts)(Invalid("its numbers are too large")))?;
        let templates_of_inner = self.numbers::<u32>(templates, total)?;
        if templates_of_inner.iter().any(|code| *code as usize >= known) {
            return Err(BlockError::in_column(templates)(Invalid("it tells of no template")));
        }
        Ok(Inner { counts: counts_of_rows, templates: templates_of_inner })
    }
}

/// Whether spans of a template may have events or links.
pub(super) fn has_inner(tables: &Tables, template: u32, level: Level) -> bool {
    let template = template_of(tables, template);
    let has = if level == Level::Link { template.has_links } else { template.has_events };
    has && !template.is_raw
}
