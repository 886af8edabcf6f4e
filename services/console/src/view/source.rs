//! What could not be had, and why.

use maud::{Markup, html};

use super::text::long;
use crate::sources::Lack;

/// A list of what was asked in vain; nothing without any.
pub(crate) fn lacks(lacks: &[Lack]) -> Markup {
    html! {
        @if !lacks.is_empty() {
            ul.lacks { @for lack in lacks { li { (long(&lack.to_string())) } } }
        }
    }
}
