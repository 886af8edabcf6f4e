//! The fixed parts of some spans.
//!
//! A span's start is told by that of its parent, so whole traces are looked at.

use std::sync::Arc;

use super::bytes::Invalid;
use super::column::Column;
use super::error::BlockError;
use super::layout::Layout;
use super::numbers::Numbers;
use super::parents;
use super::reader::{Reader, template_of};
use super::templates::has_parent;
use super::words::TextCodes;
use crate::rows::SpanParts;

/// Not a span of one of the traces.
const NO_MEMBER: u32 = u32::MAX;

/// The spans of some traces.
struct Members {
    /// The rows, ascending.
    rows: Vec<u32>,
    /// By row of the block: its place in `rows`, or [`NO_MEMBER`].
    by_row: Vec<u32>,
    /// By member: the number of its trace.
    traces: Vec<usize>,
}

/// What columns tell of members, by member.
struct Told {
    /// The member that is the parent, or [`parents::NONE`].
    parents: Vec<u32>,
    /// The members whose parent is elsewhere, and which of the ids told of is the parent's.
    foreign: Vec<(usize, usize)>,
    /// How many ids of parents that are elsewhere are told.
    foreign_ids: usize,
    /// The differences to the parent's start, or to the trace's.
    starts: Vec<u64>,
    durations: Vec<u64>,
    origins: Vec<u64>,
}

impl Reader {
    /// The fixed parts of rows that are there; their numbers ascend. Origins are numbered as in
    /// the block, and there are this many. `texts` gets the names.
    pub(super) fn parts(
        &self,
        wanted: &[u32],
        texts: &mut TextCodes,
        origins: usize,
    ) -> Result<Vec<SpanParts>, BlockError> {
        if wanted.is_empty() {
            return Ok(Vec::new());
        }
        let members = self.members(wanted)?;
        let told = self.told(&members)?;
        if told.origins.iter().any(|origin| *origin >= origins as u64) {
            let invalid = Invalid("it tells of an origin that is not there");
            return Err(BlockError::in_column(Column::SpanOrigins)(invalid));
        }
        let starts = self.starts_of(&members, &told)?;
        let trace_ids: Vec<[u8; 16]> =
            self.some_fixed(Column::TraceIds, self.traces() as usize, &members.traces)?;
        let rows: Vec<usize> = members.rows.iter().map(|row| *row as usize).collect();
        let span_ids: Vec<[u8; 8]> =
            self.some_fixed(Column::SpanIds, self.rows() as usize, &rows)?;
        let parent_id = |parent: &u32| span_ids.get(*parent as usize).copied().unwrap_or_default();
        let mut parent_ids: Vec<[u8; 8]> = told.parents.iter().map(parent_id).collect();
        let (foreign, ids): (Vec<_>, Vec<_>) = told.foreign.into_iter().unzip();
        let ids = self.some_fixed(Column::ForeignParents, told.foreign_ids, &ids)?;
        for (member, id) in foreign.into_iter().zip(ids) {
            parent_ids[member] = id;
        }
        let (names, templates) = (self.names()?, &self.layout()?.templates);
        let first_name = texts.add(Column::Names, Arc::clone(&names.texts))?;
        let part = |row: &u32| {
            let member = members.by_row[*row as usize] as usize;
            SpanParts {
                trace_id: trace_ids[member],
                span_id: span_ids[member],
                parent_id: parent_ids[member],
                start: starts[member],
                end: starts[member].wrapping_add(told.durations[member]),
                template: templates[*row as usize],
                origin: told.origins[member] as u32,
                name: first_name + names.numbers[*row as usize],
            }
        };
        Ok(wanted.iter().map(part).collect())
    }

    /// The spans of the traces that these rows belong to.
    fn members(&self, rows: &[u32]) -> Result<Members, BlockError> {
        let traces = self.trace_rows()?;
        let by_row = vec![NO_MEMBER; self.rows() as usize];
        let mut members = Members { rows: Vec::new(), by_row, traces: Vec::new() };
        for row in rows {
            if members.by_row[*row as usize] != NO_MEMBER {
                continue;
            }
            let trace = traces.partition_point(|rows| rows.end <= *row);
            for row in traces[trace].clone() {
                members.by_row[row as usize] = members.rows.len() as u32;
                members.rows.push(row);
                members.traces.push(trace);
            }
        }
        Ok(members)
    }

    fn told(&self, members: &Members) -> Result<Told, BlockError> {
        let (tables, layout, rows) = (self.tables()?, self.layout()?, self.rows() as usize);
        let has_parent = |template: u32| has_parent(template_of(tables, template));
        let parent_count = layout.values(|template| usize::from(has_parent(template)));
        let mut parents = self.some_numbers(Column::Parents, parent_count)?;
        let mut starts = self.some_numbers(Column::Starts, rows)?;
        let mut durations = self.some_durations()?;
        let mut origins = self.some_numbers(Column::SpanOrigins, rows)?;
        let places = Places::of(members, layout, has_parent);
        let mut told = Told {
            parents: vec![parents::NONE; members.rows.len()],
            foreign: Vec::new(),
            foreign_ids: 0,
            starts: at(&mut starts, &places.all, Column::Starts)?,
            durations: at(&mut durations, &places.all, Column::Durations)?,
            origins: at(&mut origins, &places.all, Column::SpanOrigins)?,
        };
        let invalid = BlockError::in_column(Column::Parents);
        let mut tell_parents = || {
            for (member, place) in &places.of_parents {
                match parents.at(*place).ok_or(NO_NUMBER)? {
                    parents::FOREIGN => {
                        told.foreign.push((*member, parents.zeros_before(*place)));
                    }
                    code => {
                        let row = parents::parent(members.rows[*member], code, self.rows())?;
                        told.parents[*member] = match members.by_row[row as usize] {
                            NO_MEMBER => return Err(Invalid("a parent is in another trace")),
                            parent => parent,
                        };
                    }
                }
            }
            told.foreign_ids = parents.zeros_before(parent_count);
            Ok(())
        };
        tell_parents().map_err(invalid)?;
        Ok(told)
    }

    fn starts_of(&self, members: &Members, told: &Told) -> Result<Vec<u64>, BlockError> {
        let mut traces = self.signed(Column::TraceStarts, self.traces() as usize)?;
        let mut before = 0_i64;
        for start in &mut traces {
            before = before.wrapping_add(*start);
            *start = before;
        }
        let mut starts = vec![0_u64; members.rows.len()];
        parents::for_each_after_parent(&told.parents, |member, parent| {
            let member = member as usize;
            let base = match parent {
                Some(parent) => starts[parent as usize],
                None => traces[members.traces[member]].cast_unsigned(),
            };
            starts[member] = base.wrapping_add(told.starts[member]);
        });
        Ok(starts)
    }
}

const NO_NUMBER: Invalid = Invalid("it has no such value");

/// Numbers of a column, by member.
fn at(
    numbers: &mut Numbers,
    places: &[(usize, usize)],
    column: Column,
) -> Result<Vec<u64>, BlockError> {
    let mut by_member = vec![0; places.len()];
    for (member, place) in places {
        let number = numbers.at(*place);
        by_member[*member] = number.ok_or_else(|| BlockError::in_column(column)(NO_NUMBER))?;
    }
    Ok(by_member)
}

/// Members with the places of their values, which ascend.
struct Places {
    /// In columns that have a value of each row.
    all: Vec<(usize, usize)>,
    /// In the column of parents.
    of_parents: Vec<(usize, usize)>,
}

impl Places {
    fn of(members: &Members, layout: &Layout, has_parent: impl Fn(u32) -> bool) -> Self {
        let mut places =
            Self { all: Vec::with_capacity(members.rows.len()), of_parents: Vec::new() };
        let mut parents = 0;
        for run in &layout.runs {
            if places.all.len() == members.rows.len() {
                break;
            }
            let (first, has_parent) = (run.places.start as usize, has_parent(run.template));
            for (index, row) in layout.rows(run).iter().enumerate() {
                let member = members.by_row[*row as usize];
                if member == NO_MEMBER {
                    continue;
                }
                places.all.push((member as usize, first + index));
                if has_parent {
                    places.of_parents.push((member as usize, parents + index));
                }
            }
            if has_parent {
                parents += run.places.len();
            }
        }
        places
    }
}
