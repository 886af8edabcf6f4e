use std::iter::{self, Peekable};

use bytes::Bytes;
use spoor_store::otlp::wire::varint_len;

use super::writer::Writer;
use super::{Origin, RebuildError, Source, put_span};

/// What a fragment stays below, unless it is a single span: well below
/// [`spoor_store::CHUNK_BYTES`], because every read has some of them in memory.
pub const FRAGMENT_BYTES: usize = 256 << 10;

/// The spans of these rows as encoded `TracesData`, in their order, each below [`FRAGMENT_BYTES`]
/// or of a single span. Neighbours with the same resource, or the same scope too, share its
/// message. After an error there are no more.
pub fn fragments<'s, S: Source>(
    source: &'s S,
    rows: impl IntoIterator<Item = u32> + 's,
) -> impl Iterator<Item = Result<Bytes, RebuildError>> + 's {
    let mut rows = rows.into_iter().peekable();
    let mut failed = false;
    iter::from_fn(move || {
        let next = if failed { None } else { next_fragment(source, &mut rows).transpose() };
        failed = matches!(next, Some(Err(_)));
        next
    })
}

/// All of the [`fragments`] of these rows.
///
/// # Errors
/// When a row tells of something that is not there.
pub fn traces_data(
    source: &impl Source,
    rows: impl IntoIterator<Item = u32>,
) -> Result<Vec<Bytes>, RebuildError> {
    let mut rows = rows.into_iter().peekable();
    iter::from_fn(|| next_fragment(source, &mut rows).transpose()).collect()
}

/// The next of the [`fragments`]: takes the rows of which it is.
///
/// # Errors
/// When a row tells of something that is not there.
pub fn next_fragment(
    source: &impl Source,
    rows: &mut Peekable<impl Iterator<Item = u32>>,
) -> Result<Option<Bytes>, RebuildError> {
    let mut open = Fragment::default();
    let mut span = Vec::new();
    while let Some(row) = rows.peek().copied() {
        let code = source.span(row).ok_or(RebuildError::Row(row))?.origin;
        let origin = source.origin(code).ok_or(RebuildError::Origin(code))?;
        span.clear();
        put_span(source, row, &mut span)?;
        if !open.spans.is_empty() && open.most_bytes_with(code, origin, &span) >= FRAGMENT_BYTES {
            break;
        }
        open.push(code, origin, &span);
        rows.next();
    }
    Ok((!open.spans.is_empty()).then(|| open.encode()))
}

/// Spans that are to be one fragment.
#[derive(Default)]
struct Fragment<'s> {
    /// The spans' fields, one after the other.
    spans: Vec<u8>,
    scopes: Vec<Scope<'s>>,
    /// The most bytes that the scopes take around their spans.
    around: usize,
}

/// Neighbours of one origin.
struct Scope<'s> {
    code: u32,
    origin: &'s Origin,
    /// The bytes of their fields.
    spans: usize,
}

impl<'s> Fragment<'s> {
    fn most_bytes_with(&self, code: u32, origin: &Origin, span: &[u8]) -> usize {
        let is_same = self.scopes.last().is_some_and(|scope| scope.code == code);
        let around = if is_same { 0 } else { most_around(origin) };
        self.spans.len() + self.around + around + span.len()
    }

    fn push(&mut self, code: u32, origin: &'s Origin, span: &[u8]) {
        self.spans.extend_from_slice(span);
        match self.scopes.last_mut().filter(|scope| scope.code == code) {
            Some(scope) => scope.spans += span.len(),
            None => {
                self.around += most_around(origin);
                self.scopes.push(Scope { code, origin, spans: span.len() });
            }
        }
    }

    fn encode(self) -> Bytes {
        let mut spans = &self.spans[..];
        let resources = || self.scopes.chunk_by(|a, b| a.origin.resource == b.origin.resource);
        let mut out =
            Vec::with_capacity(resources().map(|scopes| field_len(resource_len(scopes))).sum());
        for scopes in resources() {
            let mut w = Writer(&mut out);
            w.header(RESOURCE_SPANS, resource_len(scopes));
            w.0.extend_from_slice(&scopes[0].origin.resource);
            for scope in scopes {
                w.header(SCOPE_SPANS, scope.len());
                w.0.extend_from_slice(&scope.origin.scope);
                let (own, rest) = spans.split_at(scope.spans);
                w.0.extend_from_slice(own);
                spans = rest;
            }
        }
        out.into()
    }
}

impl Scope<'_> {
    fn len(&self) -> usize {
        self.origin.scope.len() + self.spans
    }
}

const RESOURCE_SPANS: u8 = 1 << 3 | 2;
const SCOPE_SPANS: u8 = 2 << 3 | 2;

/// The length of the `ResourceSpans` of scopes, which have the same resource.
fn resource_len(scopes: &[Scope<'_>]) -> usize {
    let len: usize = scopes.iter().map(|scope| field_len(scope.len())).sum();
    scopes[0].origin.resource.len() + len
}

/// The length of a field whose key is one byte and whose value has this length.
fn field_len(len: usize) -> usize {
    1 + varint_len(len) + len
}

/// The most bytes that the messages around spans take.
fn most_around(origin: &Origin) -> usize {
    const HEADER: usize = 11;
    origin.resource.len() + origin.scope.len() + 2 * HEADER
}
