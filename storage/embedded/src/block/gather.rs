//! Takes rows out of memory, value by value, each into the stream of its column.

use hashbrown::HashMap;

use super::directory::MOST_VALUES;
use super::encoder::EncodeError;
use super::layout::Layout;
use super::numbering::Numbering;
use super::origins::Origins;
use super::parents;
use super::streams::Streams;
use super::tables::Tables;
use super::templates::{Templates, has_more_than_values, has_parent};
use super::times::{Extent, Relations, Traces, relate};
use crate::rows::{Level, Part, Rows, SpanRow, for_each_part, put_span};

/// A span of more words than this is kept as its bytes, that reading another one need not pass
/// over all of them.
const MOST_WORDS: usize = 1 << 16;

/// What is used again for every block.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) texts: Numbering,
    origins: Numbering,
    templates: Numbering,
    event_templates: Numbering,
    link_templates: Numbering,
}

/// What the rows of a block have. Unless another order is told, values are in that of the layout.
#[derive(Debug)]
pub(crate) struct Gathered<'r> {
    pub(crate) tables: Tables,
    pub(crate) layout: Layout,
    pub(crate) traces: Traces,
    pub(crate) extent: Extent,
    /// By row.
    pub(crate) span_ids: Vec<[u8; 8]>,
    pub(crate) names: Names,
    pub(crate) origins: Origins<'r>,
    pub(crate) span_origins: Vec<u32>,
    pub(crate) columns: Columns,
    pub(crate) raw: Vec<Vec<u8>>,
    pub(crate) streams: Streams,
}

/// The names of spans.
#[derive(Debug)]
pub(crate) struct Names {
    /// By row.
    pub(crate) numbers: Vec<u32>,
    /// By number: the text code.
    pub(crate) texts: Vec<u32>,
}

/// What is made of parents and times, in the order of the layout.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    pub(crate) parents: Vec<u64>,
    pub(crate) foreign_parents: Vec<[u8; 8]>,
    pub(crate) starts: Vec<i64>,
    pub(crate) durations: Vec<i64>,
}

/// Takes these rows, which stand trace by trace.
pub(crate) fn gather<'r>(
    rows: &'r Rows,
    order: &[u32],
    scratch: &mut Scratch,
) -> Result<Gathered<'r>, EncodeError> {
    let spans: Vec<&SpanRow> = order.iter().map(|row| rows.span(*row)).collect();
    let names: Vec<u32> = spans.iter().map(|span| span.name).collect();
    let (numbers, texts) = scratch.texts.number(&names, rows.texts());
    let names = Names { numbers, texts };
    let mut gathering = Gathering {
        rows,
        order,
        spans: &spans,
        templates: Templates::new(rows),
        scratch,
        raw: Vec::new(),
    };
    let layout = Layout::new(&names.numbers, gathering.number_templates());
    let codes: Vec<u32> = layout.order.iter().map(|row| spans[*row as usize].origin).collect();
    let (span_origins, origins) = gathering.scratch.origins.number(&codes, rows.origins());
    let (traces, relations) = relate(rows, &spans);
    gathering.words(&layout)?;
    let Gathering { templates: Templates { tables, streams, .. }, raw, .. } = gathering;
    Ok(Gathered {
        columns: Columns::of(&spans, &relations, &layout, &tables),
        tables,
        layout,
        traces,
        extent: Extent::of(&spans),
        span_ids: spans.iter().map(|span| span.span_id).collect(),
        names,
        origins: Origins::new(origins.iter().map(|code| rows.origin(*code))),
        span_origins,
        raw,
        streams,
    })
}

struct Gathering<'r, 'o> {
    rows: &'r Rows,
    /// The rows by their numbers in the block.
    order: &'o [u32],
    spans: &'o [&'r SpanRow],
    scratch: &'o mut Scratch,
    templates: Templates<'r>,
    /// The fields of spans that are kept as they came.
    raw: Vec<Vec<u8>>,
}

impl Gathering<'_, '_> {
    /// The number of each row's template.
    fn number_templates(&mut self) -> Vec<u32> {
        let Self { rows, scratch, templates, .. } = self;
        scratch.templates.start(rows.templates());
        // Of spans that are kept as their bytes only here, by kind and status.
        let mut raw = HashMap::new();
        let mut words_left = MOST_VALUES;
        let number = |(row, span): (&u32, &&SpanRow)| {
            let template = rows.template(span.template);
            let words = rows.words(*row).len();
            if template.is_raw || words <= MOST_WORDS.min(words_left) {
                words_left = words_left.saturating_sub(words);
                let code = span.template;
                return scratch.templates.of(code, || templates.add_of_spans(code));
            }
            let status = template.status.map_or(0, |status| status.code);
            *raw.entry((template.kind, status))
                .or_insert_with(|| templates.add_raw(template.kind, status))
        };
        self.order.iter().zip(self.spans).map(number).collect()
    }

    /// Takes the words of all rows.
    fn words(&mut self, layout: &Layout) -> Result<(), EncodeError> {
        self.scratch.event_templates.start(self.rows.event_templates());
        self.scratch.link_templates.start(self.rows.link_templates());
        for run in &layout.runs {
            let rows = layout.rows(run).iter().map(|row| *row as usize);
            let Templates { tables, streams, .. } = &mut self.templates;
            let shaped = &tables.spans[run.template as usize];
            if shaped.template.is_raw {
                for row in rows {
                    let mut field = Vec::new();
                    put_span(self.rows, self.order[row], &mut field)
                        .map_err(EncodeError::Rebuild)?;
                    self.raw.push(field);
                }
                continue;
            }
            let rows: Vec<(&SpanRow, &[u32])> =
                rows.map(|row| (self.spans[row], self.rows.words(self.order[row]))).collect();
            // The values of one row stand together, so they cannot be taken column by column if
            // two are of one column.
            let by_column = !shaped.has_slot_twice();
            let has_more = has_more_than_values(&shaped.template);
            if by_column {
                streams.push_values(run.template, &rows);
            }
            if has_more || !by_column {
                for (span, words) in rows {
                    self.words_of(span, words, run.template, by_column)?;
                }
            }
        }
        Ok(())
    }

    /// Takes a span's words, those of its own attributes only if they are not taken yet.
    fn words_of(
        &mut self,
        span: &SpanRow,
        mut words: &[u32],
        template: u32,
        has_values: bool,
    ) -> Result<(), EncodeError> {
        let Self { rows, scratch, templates, .. } = self;
        let mut numbers = [template; 3];
        let mut event_time = span.start;
        for_each_part(*rows, span.template, |part| {
            let (taken, rest) = words.split_at_checked(part.words())?;
            words = rest;
            let value = match taken {
                [low, high] => u64::from(*low) | u64::from(*high) << 32,
                _ => u64::from(*taken.first()?),
            };
            let code = value as u32;
            let told = match part {
                Part::Value { level: Level::Span, .. } if has_values => return Some(value),
                Part::Value { level, index, .. } => {
                    templates.streams.push_value(level, numbers[level as usize], index, value);
                    return Some(value);
                }
                Part::EventTemplate => {
                    let number = scratch.event_templates.of(code, || templates.add_of_events(code));
                    numbers[Level::Event as usize] = number;
                    number.into()
                }
                Part::LinkTemplate => {
                    let number = scratch.link_templates.of(code, || templates.add_of_links(code));
                    numbers[Level::Link as usize] = number;
                    number.into()
                }
                Part::EventTime => {
                    let before = std::mem::replace(&mut event_time, value);
                    value.wrapping_sub(before)
                }
                _ => value,
            };
            templates.streams.push(part, told);
            Some(value)
        })
        .map_err(EncodeError::Rebuild)
    }
}

impl Columns {
    fn of(spans: &[&SpanRow], relations: &Relations, layout: &Layout, tables: &Tables) -> Self {
        let mut columns = Self::default();
        columns.starts.reserve_exact(spans.len());
        columns.durations.reserve_exact(spans.len());
        for run in &layout.runs {
            let has_parent = has_parent(&tables.spans[run.template as usize].template);
            for row in layout.rows(run) {
                let span = spans[*row as usize];
                columns.starts.push(relations.starts[*row as usize]);
                columns.durations.push(span.end.wrapping_sub(span.start).cast_signed());
                match relations.parents[*row as usize] {
                    _ if !has_parent => {}
                    parents::NONE => {
                        columns.parents.push(parents::FOREIGN);
                        columns.foreign_parents.push(span.parent_id);
                    }
                    parent => columns.parents.push(parents::code(*row, parent)),
                }
            }
        }
        columns
    }
}
