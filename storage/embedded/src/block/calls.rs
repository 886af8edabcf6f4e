use super::column::Column;
use super::error::BlockError;
use super::reader::Reader;
use crate::rows::Origin;

/// What a span tells of calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    pub(crate) id: [u8; 8],
    pub(crate) parent: Option<[u8; 8]>,
    /// Nanoseconds since the Unix epoch.
    pub(crate) start: u64,
    /// The number of what encloses it, which tells the service.
    pub(crate) origin: u32,
}

impl Reader {
    /// What all spans tell of calls, by row, and what encloses them.
    ///
    /// # Errors
    /// When a column that tells it cannot be read.
    pub(crate) fn calls(&self) -> Result<(Vec<Call>, Vec<Origin>), BlockError> {
        let origins = self.origins()?;
        let span_ids = self.span_ids()?;
        let (parents, foreign) = self.parents()?;
        let starts = self.starts_after(&parents)?;
        let span_origins = self.span_origins(origins.len())?;
        let own = span_ids.iter().zip(&parents).zip(starts).zip(span_origins);
        let mut calls: Vec<Call> = own
            .map(|(((id, parent), start), origin)| {
                let parent = span_ids.get(*parent as usize).copied();
                Call { id: *id, parent, start, origin }
            })
            .collect();
        for (row, parent) in foreign {
            // All zero means none too.
            calls[row as usize].parent = Some(parent).filter(|id| *id != [0; 8]);
        }
        let origins = origins.make(0..origins.len() as u32);
        Ok((calls, origins.map_err(BlockError::in_column(Column::Origins))?))
    }
}
