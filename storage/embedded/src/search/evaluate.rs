//! Evaluating a condition on many rows at once.

use spoor_store::filter::{Field, Level};

use super::condition::Condition;
use crate::bitmap::Bitmap;

/// Rows whose columns can be asked.
pub(crate) trait Table {
    /// Why a column cannot be read.
    type Error;

    /// The number of rows.
    fn rows(&self) -> usize;

    /// The rows that are kept whole, of whose attributes and scope no column tells.
    fn raw(&self) -> Result<Bitmap, Self::Error>;

    /// The rows with an attribute of this key and text form at this level.
    fn attribute(&self, level: Level, key: &str, text: &str) -> Result<Bitmap, Self::Error>;

    /// The rows whose field has this text; none if no column tells.
    fn field(&self, field: Field, text: &str) -> Result<Option<Bitmap>, Self::Error>;

    /// The rows whose duration in nanoseconds lies between these, both included.
    fn duration(&self, min: i128, max: i128) -> Result<Bitmap, Self::Error>;
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

    fn unknown(rows: usize) -> Self {
        Self { certain: Bitmap::none(rows), possible: Bitmap::all(rows) }
    }

    /// The rows that must be read to know.
    pub(crate) fn doubtful(&self) -> Bitmap {
        let mut doubtful = self.possible.clone();
        doubtful.subtract(&self.certain);
        doubtful
    }
}

/// Evaluates a condition on all rows.
pub(crate) fn evaluate<T: Table>(table: &T, condition: &Condition) -> Result<Matches, T::Error> {
    let rows = table.rows();
    Ok(match condition {
        Condition::And(conditions) => {
            let mut all = Matches::exactly(Bitmap::all(rows));
            for condition in conditions {
                if all.possible.is_empty() {
                    break;
                }
                let more = evaluate(table, condition)?;
                all.certain.intersect(&more.certain);
                all.possible.intersect(&more.possible);
            }
            all
        }
        Condition::Or(conditions) => {
            let mut any = Matches::exactly(Bitmap::none(rows));
            for condition in conditions {
                let more = evaluate(table, condition)?;
                any.certain.unite(&more.certain);
                any.possible.unite(&more.possible);
            }
            any
        }
        Condition::Not(inner) => {
            let Matches { mut certain, mut possible } = evaluate(table, inner)?;
            certain.invert();
            possible.invert();
            Matches { certain: possible, possible: certain }
        }
        Condition::Attribute { level, key, text } => {
            let mut matches = Matches::exactly(table.attribute(*level, key, text)?);
            // Those of a resource are known of every row.
            if *level != Level::Resource {
                matches.possible.unite(&table.raw()?);
            }
            matches
        }
        Condition::Field { field, text } => match table.field(*field, text)? {
            Some(matching) => Matches::exactly(matching),
            None => Matches::unknown(rows),
        },
        Condition::Duration { min, max } => Matches::exactly(table.duration(*min, *max)?),
        Condition::Unknown => Matches::unknown(rows),
    })
}
