//! Which rows satisfy a condition.

use spoor_store::filter::{self, Field};
use spoor_store::otlp::{AnyValue, KeyValue, SpanInTrace, SpanKind};

use super::column::Column;
use super::cursors::{Inner, has_inner};
use super::error::BlockError;
use super::filter_entries::status_name;
use super::reader::{Reader, template_of};
use super::text_columns::TextColumn;
use super::wanted::{Sought, Wanted};
use crate::bitmap::Bitmap;
use crate::rows::{Level, Template, ValueKind};

impl Reader {
    /// The rows that are kept as they came. Nothing but their spans tells of the attributes of
    /// these, their events and their links; all else is known of them too.
    ///
    /// # Errors
    /// When what tells it cannot be read.
    pub fn raw(&self) -> Result<Bitmap, BlockError> {
        self.rows_by_template(|template| template.is_raw)
    }

    /// The rows with an attribute that has this key and such a value at this level, without those
    /// of [`Reader::raw`] unless their resource or scope has it.
    ///
    /// # Errors
    /// When what tells it cannot be read.
    pub fn attribute(
        &self,
        level: filter::Level,
        key: &str,
        values: Sought<'_>,
    ) -> Result<Bitmap, BlockError> {
        let level = match level {
            filter::Level::Resource => {
                return self.rows_by_resource(|span| has(span.resource.attributes(), key, values));
            }
            filter::Level::Scope => {
                return self.rows_by_scope(|span| has(span.scope.attributes(), key, values));
            }
            filter::Level::Span => Level::Span,
            filter::Level::Event => Level::Event,
            filter::Level::Link => Level::Link,
        };
        let mut rows = self.no_rows();
        let tables = self.tables()?;
        for (slot, known) in (0..).zip(&tables.slots) {
            if tables.keys[known.key as usize] == key.as_bytes() {
                let Some(wanted) = Wanted::of(known.kind, values) else { continue };
                self.add_rows_with(level, slot, &wanted, &mut rows)?;
            }
        }
        Ok(rows)
    }

    /// The rows whose field has such a text; none if no column tells.
    ///
    /// # Errors
    /// When what tells it cannot be read.
    pub fn field(&self, field: Field, texts: Sought<'_>) -> Result<Option<Bitmap>, BlockError> {
        let is = |text: &str| texts.is(AnyValue::String(text));
        match field {
            Field::SpanName => self.rows_by_name(texts),
            Field::SpanKind => self.rows_by_template(|template| {
                is(SpanKind::from_number(template.kind.into()).field_name())
            }),
            Field::SpanStatus => self.rows_by_template(|template| is(status_name(template))),
            Field::ResourceService => {
                self.rows_by_resource(|span| is(span.resource.service_name()))
            }
            Field::ScopeName => self.rows_by_scope(|span| is(span.scope.name())),
            Field::ScopeVersion => self.rows_by_scope(|span| is(span.scope.version())),
            _ => return Ok(None),
        }
        .map(Some)
    }

    /// The rows whose start, end or duration in nanoseconds lies between these, both included.
    ///
    /// # Errors
    /// When what tells it cannot be read.
    pub fn range(&self, field: Field, min: i128, max: i128) -> Result<Bitmap, BlockError> {
        let starts = || Ok(self.starts()?.into_iter().map(i128::from));
        let values: Vec<i128> = match field {
            Field::SpanStart => starts()?.collect(),
            Field::SpanEnd => {
                starts()?.zip(self.durations()?).map(|(start, duration)| start + duration).collect()
            }
            _ => self.durations()?,
        };
        let mut rows = self.no_rows();
        for (row, value) in values.into_iter().enumerate() {
            if (min..=max).contains(&value) {
                rows.insert(row);
            }
        }
        Ok(rows)
    }

    fn no_rows(&self) -> Bitmap {
        Bitmap::none(self.rows() as usize)
    }

    fn rows_by_template(&self, matches: impl Fn(&Template) -> bool) -> Result<Bitmap, BlockError> {
        let (tables, layout) = (self.tables()?, self.layout()?);
        let mut rows = self.no_rows();
        for run in layout.runs.iter().filter(|run| matches(template_of(tables, run.template))) {
            layout.rows(run).iter().for_each(|row| rows.insert(*row as usize));
        }
        Ok(rows)
    }

    fn rows_by_name(&self, sought: Sought<'_>) -> Result<Bitmap, BlockError> {
        let names = self.names()?;
        let wanted = match Wanted::of(ValueKind::String, sought) {
            Some(Wanted::Text { len, is_wanted }) => names.texts.find(len, is_wanted),
            _ => return Ok(self.no_rows()),
        };
        let wanted = wanted.map_err(BlockError::in_column(Column::Names))?;
        let mut rows = self.no_rows();
        for (row, number) in names.numbers.iter().enumerate() {
            if wanted.contains(*number as usize) {
                rows.insert(row);
            }
        }
        Ok(rows)
    }

    fn rows_by_resource(
        &self,
        holds: impl Fn(SpanInTrace<'_>) -> bool,
    ) -> Result<Bitmap, BlockError> {
        self.rows_by_origin(&self.origins()?.by_resource(holds))
    }

    fn rows_by_scope(&self, holds: impl Fn(SpanInTrace<'_>) -> bool) -> Result<Bitmap, BlockError> {
        self.rows_by_origin(&self.origins()?.by_scope(holds))
    }

    /// The rows of origins that match, by origin.
    fn rows_by_origin(&self, matching: &[bool]) -> Result<Bitmap, BlockError> {
        let mut rows = self.no_rows();
        if matching.contains(&true) {
            for (row, origin) in self.span_origins(matching.len())?.into_iter().enumerate() {
                if matching[origin as usize] {
                    rows.insert(row);
                }
            }
        }
        Ok(rows)
    }

    /// Adds the rows with a wanted value in a slot.
    fn add_rows_with(
        &self,
        level: Level,
        slot: u32,
        wanted: &Wanted<'_>,
        rows: &mut Bitmap,
    ) -> Result<(), BlockError> {
        let column = Column::Attribute { level, slot };
        match wanted {
            Wanted::Any => {
                Self::add_rows(&self.places(level, slot)?, |_| true, rows);
            }
            Wanted::Text { len, is_wanted } => {
                // Where the values are matters only if one of the texts is wanted.
                let Some(open) = self.open_texts(column)? else { return Ok(()) };
                let wanted = open.find(*len, is_wanted)?;
                if wanted.is_empty() {
                    return Ok(());
                }
                let places = self.places(level, slot)?;
                let TextColumn { numbers, .. } = open.read(values_of(&places))?;
                Self::add_rows(&places, |value| wanted.contains(numbers[value] as usize), rows);
            }
            Wanted::Number(is_wanted) => {
                let places = self.places(level, slot)?;
                let numbers = self.numbers::<u64>(column, values_of(&places))?;
                Self::add_rows(&places, |value| is_wanted(numbers[value]), rows);
            }
        }
        Ok(())
    }

    /// Adds the rows of these places with a value for which this holds.
    fn add_rows(places: &[(u32, usize)], holds: impl Fn(usize) -> bool, rows: &mut Bitmap) {
        let mut first = 0;
        for (row, values) in places {
            if (first..first + values).any(&holds) {
                rows.insert(*row as usize);
            }
            first += values;
        }
    }

    /// In the order of values, the rows with values of a slot, and how many they have.
    fn places(&self, level: Level, slot: u32) -> Result<Vec<(u32, usize)>, BlockError> {
        match level {
            Level::Span => self.span_places(slot),
            Level::Event | Level::Link => self.inner_places(level, slot),
        }
    }

    fn span_places(&self, slot: u32) -> Result<Vec<(u32, usize)>, BlockError> {
        let (tables, layout) = (self.tables()?, self.layout()?);
        let mut places = Vec::new();
        for run in &layout.runs {
            let values = tables.spans[run.template as usize].values(slot);
            if values > 0 {
                places.extend(layout.rows(run).iter().map(|row| (*row, values)));
            }
        }
        Ok(places)
    }

    fn inner_places(&self, level: Level, slot: u32) -> Result<Vec<(u32, usize)>, BlockError> {
        let (tables, layout) = (self.tables()?, self.layout()?);
        let values: Vec<usize> = match level {
            Level::Link => tables.links.iter().map(|shaped| shaped.values(slot)).collect(),
            _ => tables.events.iter().map(|shaped| shaped.values(slot)).collect(),
        };
        let mut places = Vec::new();
        if values.iter().all(|values| *values == 0) {
            return Ok(places);
        }
        let Inner { counts, templates } = self.inner(level)?;
        let mut templates = templates.into_iter();
        let runs = layout.runs.iter().filter(|run| has_inner(tables, run.template, level));
        for (row, count) in runs.flat_map(|run| layout.rows(run)).zip(counts) {
            let own = templates.by_ref().take(count as usize);
            let own = own.map(|template| values[template as usize]).sum();
            if own > 0 {
                places.push((*row, own));
            }
        }
        Ok(places)
    }
}

/// How many values there are at places.
fn values_of(places: &[(u32, usize)]) -> usize {
    places.iter().map(|(_, values)| values).sum()
}

/// Whether some attribute has this key and such a value.
fn has<'a>(
    mut attributes: impl Iterator<Item = KeyValue<'a>>,
    key: &str,
    values: Sought<'_>,
) -> bool {
    attributes.any(|own| own.has_key(key) && values.is(own.value()))
}
