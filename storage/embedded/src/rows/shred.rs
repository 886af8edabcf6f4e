//! Taking spans apart.

use super::canonical::Run;
use super::frame::{EventFrame, KeyValue, LinkFrame, SpanFrame, Value};
use super::guess::Guess;
use super::interner::{Interner, Owning};
use super::texts::Texts;
use super::{EventTemplate, FieldOrder, LinkTemplate, Presence, Slot, Status, Template};

/// The templates by code.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) spans: Interner<Template>,
    pub(super) events: Interner<EventTemplate>,
    pub(super) links: Interner<LinkTemplate>,
}

/// A span that is being taken apart.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) words: Vec<u32>,
    span: Template,
    event: EventTemplate,
    link: LinkTemplate,
    /// The codes of the last event's and the last link's template.
    last_event: u32,
    last_link: u32,
}

impl Shapes {
    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.spans.bytes() + self.events.bytes() + self.links.bytes()
    }

    /// The code of the template, which may be the guessed one.
    pub(super) fn intern(&mut self, template: &Template, guessed: Option<u32>) -> u32 {
        let guessed = guessed.filter(|code| self.spans.get(*code) == Some(template));
        guessed.unwrap_or_else(|| {
            self.spans.intern(template, |other| other == template, || template.clone())
        })
    }
}

impl Shape {
    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.words.capacity() * size_of::<u32>()
            + slots_bytes(&self.span.attributes)
            + slots_bytes(&self.event.attributes)
            + slots_bytes(&self.link.attributes)
    }

    /// Takes a span apart: gives the code of its template and leaves its words in `self.words`.
    /// None if it holds something that is not encoded as it should; what was held of it by then
    /// stays in `texts` and `shapes`.
    pub(super) fn span(
        &mut self,
        frame: &SpanFrame<'_>,
        guess: Option<(u32, [&[u32]; 2])>,
        texts: &mut Texts,
        shapes: &mut Shapes,
    ) -> Option<u32> {
        let Self { words, span, .. } = self;
        words.clear();
        span.attributes.clear();
        let guessed = guess
            .and_then(|(code, words)| Some(Guess::new(&shapes.spans.get(code)?.attributes, words)));
        let slots = &mut span.attributes;
        attributes(
            frame.order,
            frame.attributes,
            guessed.unwrap_or_default(),
            texts,
            slots,
            words,
        )?;
        if !frame.trace_state.is_empty() {
            words.push(texts.intern(frame.trace_state));
        }
        if let Some(status) = frame.status.as_ref().filter(|status| !status.message.is_empty()) {
            words.push(texts.intern(status.message));
        }
        let dropped = [frame.dropped_attributes, frame.dropped_events, frame.dropped_links];
        words.extend(dropped.into_iter().filter(|number| *number != 0));

        span.is_raw = false;
        span.order = frame.order;
        span.kind = frame.kind as u8;
        span.flags = frame.flags;
        span.status = frame.status.as_ref().map(|status| Status {
            code: status.code as u8,
            has_message: !status.message.is_empty(),
        });
        span.parent = frame.parent.presence;
        span.has_trace_state = !frame.trace_state.is_empty();
        span.dropped = dropped.map(|number| number != 0);
        span.has_events = !frame.events.is_empty();
        span.has_links = !frame.links.is_empty();
        let template = shapes.intern(span, guess.map(|(code, _)| code));

        self.counted(frame.events, |shape, message| {
            shape.event(frame.order, message, texts, &mut shapes.events)
        })?;
        self.counted(frame.links, |shape, message| {
            shape.link(frame.order, message, texts, &mut shapes.links)
        })?;
        Some(template)
    }

    /// Takes the messages apart one by one, if there are any, behind a word that counts them.
    fn counted<'a>(
        &mut self,
        messages: Run<'a>,
        mut take_apart: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        if messages.is_empty() {
            return Some(());
        }
        let at = self.words.len();
        self.words.push(0);
        for message in messages {
            take_apart(self, message)?;
            self.words[at] += 1;
        }
        Some(())
    }

    fn event(
        &mut self,
        order: FieldOrder,
        message: &[u8],
        texts: &mut Texts,
        templates: &mut Interner<EventTemplate>,
    ) -> Option<()> {
        let Self { words, event, last_event, .. } = self;
        let frame = EventFrame::read(order, message)?;
        let at = words.len();
        words.extend([0, frame.time as u32, (frame.time >> 32) as u32, texts.intern(frame.name)]);
        let last = templates.get(*last_event).map(|last| &last.attributes[..]);
        let guess = Guess::of_keys(last.unwrap_or_default());
        event.attributes.clear();
        attributes(order, frame.attributes, guess, texts, &mut event.attributes, words)?;
        event.has_dropped = frame.dropped != 0;
        words.extend(Some(frame.dropped).filter(|number| *number != 0));
        if templates.get(*last_event) != Some(event) {
            *last_event = templates.intern(event, |other| other == event, || event.clone());
        }
        words[at] = *last_event;
        Some(())
    }

    fn link(
        &mut self,
        order: FieldOrder,
        message: &[u8],
        texts: &mut Texts,
        templates: &mut Interner<LinkTemplate>,
    ) -> Option<()> {
        let Self { words, link, last_link, .. } = self;
        let frame = LinkFrame::read(order, message)?;
        let at = words.len();
        words.push(0);
        link.trace_id = frame.trace_id.presence;
        if link.trace_id == Presence::Full {
            words.push(texts.intern(&frame.trace_id.bytes));
        }
        link.span_id = frame.span_id.presence;
        if link.span_id == Presence::Full {
            words.push(texts.intern(&frame.span_id.bytes));
        }
        link.has_trace_state = !frame.trace_state.is_empty();
        if link.has_trace_state {
            words.push(texts.intern(frame.trace_state));
        }
        let last = templates.get(*last_link).map(|last| &last.attributes[..]);
        let guess = Guess::of_keys(last.unwrap_or_default());
        link.attributes.clear();
        attributes(order, frame.attributes, guess, texts, &mut link.attributes, words)?;
        link.has_dropped = frame.dropped != 0;
        words.extend(Some(frame.dropped).filter(|number| *number != 0));
        words.push(frame.flags);
        if templates.get(*last_link) != Some(link) {
            *last_link = templates.intern(link, |other| other == link, || link.clone());
        }
        words[at] = *last_link;
        Some(())
    }
}

/// Takes attributes apart into slots and words.
fn attributes(
    order: FieldOrder,
    messages: Run<'_>,
    mut guess: Guess<'_>,
    texts: &mut Texts,
    slots: &mut Vec<Slot>,
    words: &mut Vec<u32>,
) -> Option<()> {
    for message in messages {
        let KeyValue { key, value } = KeyValue::read(order, message)?;
        let guessed = guess.next_if_key(texts, key);
        let guessed_text = guessed.as_ref().and_then(|guessed| guessed.text);
        let key = guessed.map_or_else(
            || {
                let key = texts.intern(key);
                guess.skip_past(key);
                key
            },
            |guessed| guessed.key,
        );
        let kind = match Value::read(value)? {
            Value::Text(kind, text) => {
                let code = guessed_text.filter(|code| texts.is(*code, text));
                words.push(code.unwrap_or_else(|| texts.intern(text)));
                kind
            }
            Value::Bool(value) => {
                words.push(u32::from(value));
                super::ValueKind::Bool
            }
            Value::Bits(kind, bits) => {
                words.extend([bits as u32, (bits >> 32) as u32]);
                kind
            }
            Value::None(kind) => kind,
        };
        slots.push(Slot { key, kind });
    }
    Some(())
}

fn slots_bytes(slots: &Vec<Slot>) -> usize {
    slots.capacity() * size_of::<Slot>()
}

impl Owning for Template {
    fn owned_bytes(&self) -> usize {
        slots_bytes(&self.attributes)
    }
}

impl Owning for EventTemplate {
    fn owned_bytes(&self) -> usize {
        slots_bytes(&self.attributes)
    }
}

impl Owning for LinkTemplate {
    fn owned_bytes(&self) -> usize {
        slots_bytes(&self.attributes)
    }
}
