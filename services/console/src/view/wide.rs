//! What may be wider than a small screen.

use maud::{Markup, html};

/// A frame that can be scrolled sideways, by keyboard too.
#[expect(clippy::needless_pass_by_value, reason = "it is made where it is passed")]
pub(crate) fn wide(name: &str, content: Markup) -> Markup {
    html! { div.wide role="region" aria-label=(name) tabindex="0" { (content) } }
}
