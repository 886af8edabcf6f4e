use prost::Message;
use spoor_proto::api_v2::Span;
use spoor_store::otlp::wire::{Field, Fields, Value, WireError};

/// What a tag, a log, a reference or a warning takes in memory beside its bytes while its span is
/// converted. One that is empty has two bytes.
const PART: usize = 256;

/// The bytes that a span takes about.
pub fn weight_of(span: &Span) -> usize {
    let Span { references, tags, logs, process, warnings, .. } = span;
    let fields: usize = logs.iter().map(|log| log.fields.len()).sum();
    let of_process = process.as_ref().map_or(0, |process| process.tags.len());
    let parts = references.len() + tags.len() + logs.len() + fields + of_process + warnings.len();
    span.encoded_len() + PART * parts
}

/// The bytes that an encoded `WriteSpanRequest` takes about while it is decoded and converted.
pub fn weight(request: &[u8]) -> usize {
    // One that is damaged has no more parts than bytes.
    request.len() + PART * parts(request).unwrap_or(request.len())
}

fn parts(request: &[u8]) -> Result<usize, WireError> {
    sum(request, |number, span| if number == 1 { parts_of_span(span) } else { Ok(0) })
}

fn parts_of_span(span: &[u8]) -> Result<usize, WireError> {
    sum(span, |number, value| match number {
        // References, tags and warnings.
        4 | 8 | 12 => Ok(1),
        // Logs with their fields.
        9 => Ok(1 + tags(value)?),
        // A process.
        10 => tags(value),
        _ => Ok(0),
    })
}

/// Those of a log, or of a process.
fn tags(message: &[u8]) -> Result<usize, WireError> {
    sum(message, |number, _| Ok(usize::from(number == 2)))
}

fn sum(
    message: &[u8],
    count: impl Fn(u32, &[u8]) -> Result<usize, WireError>,
) -> Result<usize, WireError> {
    Fields::of(message)
        .map(|field| match field? {
            Field { number, value: Value::Len(value), .. } => count(number, value),
            _ => Ok(0),
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use spoor_proto::api_v2::{KeyValue, Log, Process, SpanRef};
    use spoor_proto::storage_v1::WriteSpanRequest;

    use super::*;

    #[test]
    fn each_part_of_a_span_is_weighed_beside_its_bytes() {
        let tags = |count| vec![KeyValue::default(); count];
        let process = Process { tags: tags(1000), ..Process::default() };
        let span = Span {
            references: vec![SpanRef::default(); 1],
            tags: tags(10),
            logs: vec![Log { fields: tags(2), ..Log::default() }; 100],
            process: Some(process),
            warnings: vec![String::new(); 2000],
            operation_name: "operation".to_owned(),
            ..Span::default()
        };
        let parts = PART * (1 + 10 + 300 + 1000 + 2000);
        assert_eq!(weight_of(&span), span.encoded_len() + parts);
        let request = WriteSpanRequest { span: Some(span) }.encode_to_vec();
        assert_eq!(weight(&request), request.len() + parts);
        assert_eq!(weight(&[]), 0);
        // Whatever follows where it is damaged.
        let cut = &request[..request.len() - 1];
        assert_eq!(weight(cut), cut.len() * (1 + PART));
    }
}
