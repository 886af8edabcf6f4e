use spoor_store::WriteError;
use spoor_store::ingest::{Batch, RawSpan, split};
use spoor_store::otlp::wire::{Fields, Value};
use spoor_store::otlp::{Span, SpanKind, StatusCode};

use super::frame::SpanFrame;
use super::interner::{Interner, Owning};
use super::traces::NO_ROW;
use super::{Origin, Rows, SpanRow, Status, Template, words_of};

impl Rows {
    /// Appends the spans of a checked request, those of each trace together.
    pub fn append(&mut self, batch: &Batch<'_>) {
        // Scopes are counted anew in each batch.
        self.origin_codes.clear();
        for trace in batch.traces() {
            let trace_code = self.traces.intern(&trace.trace_id());
            for span in trace.spans() {
                let origin = self.origin_code(&span);
                self.append_span(trace_code, origin, span.field);
            }
        }
    }

    /// Appends the spans of an encoded `TracesData`.
    ///
    /// # Errors
    /// [`WriteError::Malformed`] when the bytes are not one.
    pub fn append_traces_data(&mut self, traces_data: &[u8]) -> Result<(), WriteError> {
        // On the wire it is an `ExportTraceServiceRequest`.
        self.append(&split(traces_data, 0)?);
        Ok(())
    }

    fn origin_code(&mut self, span: &RawSpan<'_>) -> u32 {
        if self.origin_codes.len() <= span.scope_index {
            self.origin_codes.resize(span.scope_index + 1, None);
        }
        let origins = &mut self.origins;
        *self.origin_codes[span.scope_index].get_or_insert_with(|| intern_origin(origins, span))
    }

    fn append_span(&mut self, trace: u32, origin: u32, field: &[u8]) {
        let shredded = self.shred(trace, origin, field);
        let row = shredded.unwrap_or_else(|| self.keep_raw(trace, origin, field));
        let (words, room) = self.words.room(self.shape.words.len());
        room.extend_from_slice(&self.shape.words);
        let index = self.spans.push(SpanRow { words, ..row });
        if let Some(before) = self.traces.push_row(trace, index) {
            self.spans[before].next = index;
        }
    }

    /// Takes a span apart, if it is encoded as it should; its words are in `shape`.
    fn shred(&mut self, trace: u32, origin: u32, field: &[u8]) -> Option<SpanRow> {
        let Self { spans, words, texts, shapes, shape, guesses, .. } = self;
        let frame = SpanFrame::read(field)?;
        let name = texts.intern(frame.name);
        let [last, before] = guesses.replace(name, origin, spans.len());
        let guess = spans.get(last).zip(spans.get(before)).map(|(last_span, span_before)| {
            let is_alike = last_span.template == span_before.template;
            let rows = if is_alike { [last, before] } else { [spans.len(); 2] };
            (last_span.template, rows.map(|row| words_of(spans, words, row)))
        });
        let template = shape.span(&frame, guess, texts, shapes)?;
        Some(SpanRow {
            trace,
            template,
            origin,
            name,
            span_id: frame.span_id.bytes,
            parent_id: frame.parent.bytes,
            start: frame.start,
            end: frame.end,
            words: 0,
            next: NO_ROW,
        })
    }

    /// Keeps a span as it came.
    fn keep_raw(&mut self, trace: u32, origin: u32, field: &[u8]) -> SpanRow {
        let message = Fields::of(field).flatten().find_map(|field| match field.value {
            Value::Len(message) => Some(message),
            _ => None,
        });
        let span = Span::parse(message.unwrap_or_default());
        let template = Template {
            is_raw: true,
            kind: kind_number(span.kind),
            status: Some(Status { code: status_number(span.status), has_message: false }),
            ..Template::default()
        };
        let template = self.shapes.intern(&template, None);
        self.shape.words.clear();
        self.shape.words.push(self.texts.intern(field));
        SpanRow {
            trace,
            template,
            origin,
            name: self.texts.intern(span.name.as_bytes()),
            // The ids were checked: they are of these lengths, or not there.
            span_id: span.span_id.try_into().unwrap_or_default(),
            parent_id: span.parent_span_id.try_into().unwrap_or_default(),
            start: span.start,
            end: span.end,
            words: 0,
            next: NO_ROW,
        }
    }
}

fn intern_origin(origins: &mut Interner<Origin>, span: &RawSpan<'_>) -> u32 {
    origins.intern(
        &(span.resource, span.scope),
        |origin| origin.resource == span.resource && origin.scope == span.scope,
        || Origin {
            resource: span.resource.to_vec(),
            scope: span.scope.to_vec(),
            service: span.service.to_owned(),
        },
    )
}

fn kind_number(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Unspecified => 0,
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn status_number(status: StatusCode) -> u8 {
    match status {
        StatusCode::Unset => 0,
        StatusCode::Ok => 1,
        StatusCode::Error => 2,
    }
}

impl Owning for Origin {
    fn owned_bytes(&self) -> usize {
        self.resource.capacity() + self.scope.capacity() + self.service.capacity()
    }
}
