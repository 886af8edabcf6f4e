//! Evaluating a condition on many rows at once.

use spoor_store::TraceId;
use spoor_store::filter::{Field, Level};
use spoor_store::otlp::AnyValue;

use super::condition::{Condition, Values};
use crate::bitmap::Bitmap;
use crate::block::Sought;

/// Rows whose columns can be asked.
pub(crate) trait Table {
    /// Why a column cannot be read.
    type Error;

    /// Whether others wait as long as a row is looked at. Then no test may be done there, for it may
    /// take any time: rows with values like those are doubtful.
    const HOLDS_UP_OTHERS: bool = false;

    /// The number of rows.
    fn rows(&self) -> usize;

    /// The rows that are kept whole, of whose attributes and scope no column tells.
    fn raw(&self) -> Result<Bitmap, Self::Error>;

    /// The rows with an attribute of this key and such a value at this level.
    fn attribute(&self, level: Level, key: &str, values: Sought<'_>)
    -> Result<Bitmap, Self::Error>;

    /// The rows whose field has such a text; none if no column tells.
    fn field(&self, field: Field, texts: Sought<'_>) -> Result<Option<Bitmap>, Self::Error>;

    /// The rows whose start, end or duration in nanoseconds lies between these, both included.
    fn range(&self, field: Field, min: i128, max: i128) -> Result<Bitmap, Self::Error>;

    /// The rows of the trace.
    fn trace(&self, id: &TraceId) -> Result<Bitmap, Self::Error>;

    /// The rows of spans with this id.
    fn span(&self, id: &[u8; 8]) -> Result<Bitmap, Self::Error>;
}

/// What is known of each row.
pub(crate) struct Matches {
    /// The rows that satisfy the condition.
    pub(crate) certain: Bitmap,
    /// These, and those that must be read to know.
    pub(crate) possible: Bitmap,
}

impl Matches {
    fn exactly(rows: Bitmap) -> Self {
        Self { certain: rows.clone(), possible: rows }
    }

    fn at_most(possible: Bitmap) -> Self {
        Self { certain: Bitmap::none(possible.len()), possible }
    }

    fn unknown(rows: usize) -> Self {
        Self::at_most(Bitmap::all(rows))
    }

    /// The rows that must be read to know.
    pub(crate) fn doubtful(&self) -> Bitmap {
        let mut doubtful = self.possible.clone();
        doubtful.subtract(&self.certain);
        doubtful
    }
}

/// Evaluates a condition on all rows. Once its caller is gone it ends soon, and what it gives means
/// nothing.
pub(crate) fn evaluate<T: Table>(
    table: &T,
    condition: &Condition,
    is_gone: &dyn Fn() -> bool,
) -> Result<Matches, T::Error> {
    let rows = table.rows();
    if is_gone() {
        return Ok(Matches::unknown(rows));
    }
    Ok(match condition {
        Condition::And(conditions) => {
            let mut all = Matches::exactly(Bitmap::all(rows));
            for condition in conditions {
                if all.possible.is_empty() {
                    break;
                }
                let more = evaluate(table, condition, is_gone)?;
                all.certain.intersect(&more.certain);
                all.possible.intersect(&more.possible);
            }
            all
        }
        Condition::Or(conditions) => {
            let mut any = Matches::exactly(Bitmap::none(rows));
            for condition in conditions {
                let more = evaluate(table, condition, is_gone)?;
                any.certain.unite(&more.certain);
                any.possible.unite(&more.possible);
            }
            any
        }
        Condition::Not(inner) => {
            let Matches { mut certain, mut possible } = evaluate(table, inner, is_gone)?;
            certain.invert();
            possible.invert();
            Matches { certain: possible, possible: certain }
        }
        Condition::Attribute { level, key, values } => {
            let rows_with = |sought: Sought<'_>| table.attribute(*level, key, sought);
            let mut matches = match values {
                Values::TextForm(text) => Matches::exactly(rows_with(Sought::TextForm(text))?),
                Values::Passing { texts, .. } if T::HOLDS_UP_OTHERS => {
                    Matches::at_most(match texts {
                        Some(texts) => with_any_of(rows, texts, rows_with)?,
                        None => rows_with(Sought::Passing(&|_| true))?,
                    })
                }
                Values::Passing { test, .. } => {
                    let passes = |value: AnyValue<'_>| test.passes(value, is_gone);
                    Matches::exactly(rows_with(Sought::Passing(&passes))?)
                }
            };
            // Those of a resource are known of every row.
            if *level != Level::Resource {
                matches.possible.unite(&table.raw()?);
            }
            matches
        }
        Condition::Field { field, values } => {
            let told = match values {
                Values::TextForm(text) => {
                    table.field(*field, Sought::TextForm(text))?.map(Matches::exactly)
                }
                Values::Passing { texts: None, .. } if T::HOLDS_UP_OTHERS => None,
                Values::Passing { texts: Some(texts), .. } if T::HOLDS_UP_OTHERS => {
                    let all = || Bitmap::all(rows);
                    let rows_with =
                        |text: Sought<'_>| Ok(table.field(*field, text)?.unwrap_or_else(all));
                    Some(Matches::at_most(with_any_of(rows, texts, rows_with)?))
                }
                Values::Passing { test, .. } => {
                    let passes = |value: AnyValue<'_>| {
                        let is_there =
                            !field.is_optional() || !matches!(value, AnyValue::String(""));
                        is_there && test.passes(value, is_gone)
                    };
                    table.field(*field, Sought::Passing(&passes))?.map(Matches::exactly)
                }
            };
            told.unwrap_or_else(|| Matches::unknown(rows))
        }
        Condition::Range { field, min, max } => Matches::exactly(table.range(*field, *min, *max)?),
        Condition::Trace(id) => Matches::exactly(table.trace(id)?),
        Condition::Span(id) => Matches::exactly(table.span(id)?),
        Condition::Unknown => Matches::unknown(rows),
    })
}

/// The rows with any of these texts, of which there are so many rows.
fn with_any_of<E>(
    rows: usize,
    texts: &[String],
    rows_with: impl Fn(Sought<'_>) -> Result<Bitmap, E>,
) -> Result<Bitmap, E> {
    let mut any = Bitmap::none(rows);
    for text in texts {
        any.unite(&rows_with(Sought::TextForm(text))?);
    }
    Ok(any)
}
