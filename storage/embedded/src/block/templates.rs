//! The templates of a block that is being encoded, and the streams of what they have.

use super::streams::Streams;
use super::tables::{Shaped, SlotNumbers, Tables};
use crate::rows::{Level, Presence, Rows, Slot, Status, Template};

/// The templates so far, each of which is added once.
#[derive(Debug)]
pub(crate) struct Templates<'r> {
    rows: &'r Rows,
    slots: SlotNumbers,
    pub(crate) tables: Tables,
    pub(crate) streams: Streams,
}

impl<'r> Templates<'r> {
    pub(crate) fn new(rows: &'r Rows) -> Self {
        Self {
            rows,
            slots: SlotNumbers::default(),
            tables: Tables::default(),
            streams: Streams::default(),
        }
    }

    /// Adds the template of spans with this code in the rows: its number.
    pub(crate) fn add_of_spans(&mut self, code: u32) -> u32 {
        let template = self.rows.template(code);
        self.add(Level::Span, template, &template.attributes, |tables| &mut tables.spans)
    }

    /// Adds the template of spans that are kept as their bytes only here: its number.
    pub(crate) fn add_raw(&mut self, kind: u8, status: u8) -> u32 {
        let status = Some(Status { code: status, has_message: false });
        let template = Template { is_raw: true, kind, status, ..Template::default() };
        self.add(Level::Span, &template, &[], |tables| &mut tables.spans)
    }

    /// Adds the template of events with this code in the rows: its number.
    pub(crate) fn add_of_events(&mut self, code: u32) -> u32 {
        let template = self.rows.event_template(code);
        self.add(Level::Event, template, &template.attributes, |tables| &mut tables.events)
    }

    /// Adds the template of links with this code in the rows: its number.
    pub(crate) fn add_of_links(&mut self, code: u32) -> u32 {
        let template = self.rows.link_template(code);
        self.add(Level::Link, template, &template.attributes, |tables| &mut tables.links)
    }

    fn add<T: Clone>(
        &mut self,
        level: Level,
        template: &T,
        attributes: &[Slot],
        list: impl Fn(&mut Tables) -> &mut Vec<Shaped<T>>,
    ) -> u32 {
        let rows = self.rows;
        let slots = self.slots.of(attributes, |key| rows.text(key), &mut self.tables);
        self.streams.add_template(level, &slots, &self.tables);
        let list = list(&mut self.tables);
        list.push(Shaped { template: template.clone(), slots });
        list.len() as u32 - 1
    }
}

/// Whether spans of a template have words behind the values of their attributes.
pub(crate) fn has_more_than_values(template: &Template) -> bool {
    template.has_trace_state
        || template.status.is_some_and(|status| status.has_message)
        || template.dropped.contains(&true)
        || template.has_events
        || template.has_links
}

/// Whether something is stored of the parents of spans of a template: of raw ones always, as
/// their template does not tell.
pub(crate) fn has_parent(template: &Template) -> bool {
    template.is_raw || template.parent == Presence::Full
}
