//! In which order spans are asked for.

use spoor_proto::storage::SpanSortOrder;
use spoor_store::filter::{Field, Operand};
use spoor_store::{SortBy, SortField, SpanOrder};
use tonic::Status;

use super::{filter, invalid};

/// The order that these comparisons begin.
pub(super) fn decode(order_by: &[SpanSortOrder]) -> Result<SpanOrder, Status> {
    const FIELDS: usize = 4;
    let invalid = |reason: String| invalid(&format!("the order_by: {reason}"));
    if order_by.len() > FIELDS {
        return Err(invalid(format!("it has {} elements, the limit is {FIELDS}", order_by.len())));
    }
    let fields = order_by.iter().map(sort_by).collect::<Result<Vec<_>, _>>().map_err(invalid)?;
    SpanOrder::new(&fields).ok_or_else(|| invalid("a field stands twice".to_owned()))
}

fn sort_by(order: &SpanSortOrder) -> Result<SortBy, String> {
    let expression = order.expression.clone().unwrap_or_default();
    let field = match filter::reference_of(format_args!("an element"), &expression)? {
        Operand::Field(Field::SpanStart) => SortField::StartTime,
        Operand::Field(Field::SpanDuration) => SortField::Duration,
        Operand::Field(Field::SpanTraceId) => SortField::TraceId,
        Operand::Field(Field::SpanId) => SortField::SpanId,
        _ => {
            let known = "the span fields startTime, duration, traceID and spanID";
            return Err(format!("spans are ordered by {known} only"));
        }
    };
    let descending = match order.direction.as_str() {
        "" | "asc" => false,
        "desc" => true,
        other => return Err(format!("the direction {other:?} is neither \"asc\" nor \"desc\"")),
    };
    Ok(SortBy { field, descending })
}
