//! A span on its own.

use std::ptr;

use bytes::Bytes;

use super::SpanInTrace;
use super::number;
use super::wire::{Fields, Value, put_varint, varint_len};

impl SpanInTrace<'_> {
    /// A `TracesData` of this span with its resource and its scope, each as it came. The span is one
    /// of [`spans_of`](super::spans_of): it lies in its scope's message.
    pub fn to_traces_data(&self) -> Bytes {
        let span = self.field();
        let resource = around(self.resource.message, number::SCOPE_SPANS);
        let scope = around(self.scope.message, number::SPANS);
        let scope_len = scope.len() + span.len();
        let resource_len = resource.len() + field_len(scope_len);
        let mut out = Vec::with_capacity(field_len(resource_len));
        put_header(number::RESOURCE_SPANS, resource_len, &mut out);
        out.extend_from_slice(&resource);
        put_header(number::SCOPE_SPANS, scope_len, &mut out);
        out.extend_from_slice(&scope);
        out.extend_from_slice(span);
        out.into()
    }

    /// The span as it stands in its `ScopeSpans`, key included: nothing says how a number is to be
    /// written.
    fn field(&self) -> &[u8] {
        let is_own = |value| matches!(value, Value::Len(span) if ptr::eq(span, self.span.message));
        let mut fields = Fields::of(self.scope.message).flatten();
        fields.find(|field| is_own(field.value)).map_or(&[], |field| field.raw)
    }
}

/// The fields of a message but for those with this number, which are what it has inside.
fn around(message: &[u8], inner: u32) -> Vec<u8> {
    let fields = Fields::of(message).flatten().filter(|field| field.number != inner);
    fields.fold(Vec::new(), |mut around, field| {
        around.extend_from_slice(field.raw);
        around
    })
}

/// The length of a length-delimited field below the number 16 whose value has this length.
pub(crate) fn field_len(len: usize) -> usize {
    1 + varint_len(len) + len
}

/// Begins such a field.
pub(crate) fn put_header(number: u32, len: usize, out: &mut Vec<u8>) {
    const LEN_DELIMITED: u32 = 2;
    put_varint((number << 3 | LEN_DELIMITED) as usize, out);
    put_varint(len, out);
}
