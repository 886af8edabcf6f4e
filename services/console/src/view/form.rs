//! Controls of forms, each with its label and what there is to know.

use maud::{Markup, html};

use super::text::input;
use crate::guard::Token;

/// More of them nobody looks through: a service may have ids in the names of its spans.
const PROPOSALS: usize = 500;

/// What lets a form change something.
pub(crate) fn token(token: &Token) -> Markup {
    html! { input type="hidden" name="token" value=(token.text()); }
}

/// A control. Its name is its id, too: a page has each but once.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub name: &'a str,
    pub label: &'a str,
    /// Below it; may be empty.
    pub hint: &'a str,
    pub value: &'a str,
}

impl Field<'_> {
    /// One line of text.
    pub fn line(self) -> Markup {
        self.labelled(&html! {
            input type="text" id=(self.name) name=(self.name) value=(input(self.value))
                autocomplete="off" spellcheck="false" aria-describedby=[self.described()];
        })
    }

    /// The same, with proposals.
    pub fn proposed(self, proposals: &[String]) -> Markup {
        let list = format!("{}-list", self.name);
        self.labelled(&html! {
            input type="text" id=(self.name) name=(self.name) value=(input(self.value)) list=(list)
                autocomplete="off" spellcheck="false" aria-describedby=[self.described()];
            datalist id=(list) { @for it in proposals.iter().take(PROPOSALS) { option value=(input(it)) {} } }
        })
    }

    /// Several lines of text.
    pub fn lines(self, rows: usize) -> Markup {
        self.labelled(&html! {
            textarea id=(self.name) name=(self.name) rows=(rows) autocomplete="off"
                spellcheck="false" aria-describedby=[self.described()]
            {
                // HTML drops a line break at the begin.
                "\n" (input(self.value))
            }
        })
    }

    /// One of some values, each with its text.
    pub fn choice<'o>(self, options: impl IntoIterator<Item = (&'o str, &'o str)>) -> Markup {
        self.labelled(&html! {
            select id=(self.name) name=(self.name) aria-describedby=[self.described()] {
                @for (value, text) in options {
                    option value=(input(value)) selected[value == self.value] { (input(text)) }
                }
            }
        })
    }

    /// On, as `1`, or off.
    pub fn check(self) -> Markup {
        html! {
            div.field.check {
                input type="checkbox" id=(self.name) name=(self.name) value="1"
                    checked[!self.value.is_empty()] aria-describedby=[self.described()];
                label for=(self.name) { (self.label) }
                (self.hint())
            }
        }
    }

    fn labelled(&self, control: &Markup) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (control)
                (self.hint())
            }
        }
    }

    fn described(&self) -> Option<String> {
        (!self.hint.is_empty()).then(|| format!("{}-hint", self.name))
    }

    fn hint(&self) -> Markup {
        html! { @if let Some(id) = self.described() { p.hint id=(id) { (self.hint) } } }
    }
}
