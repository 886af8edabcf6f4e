//! Which lines are wanted.

use serde::Deserialize;

use crate::view::link;

/// As the query says; what is empty is not asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Wanted {
    /// The span that is shown whole.
    pub span: String,
    /// From 1 on.
    pub page: String,
    /// Of this service alone.
    pub service: String,
    /// Failed ones alone.
    pub errors: String,
    /// Those on the critical path alone.
    pub critical: String,
}

impl Wanted {
    /// The same as a query, but for these.
    pub fn query(&self, but: &[(&str, &str)]) -> String {
        let own = [
            ("span", &self.span),
            ("page", &self.page),
            ("service", &self.service),
            ("errors", &self.errors),
            ("critical", &self.critical),
        ];
        let changed = |name| but.iter().find(|(it, _)| *it == name).map(|(_, value)| *value);
        let all = own.map(|(name, value)| (name, changed(name).unwrap_or(value)));
        link::query(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_what_was_chosen() {
        let wanted =
            Wanted { service: "a b".to_owned(), page: "2".to_owned(), ..Wanted::default() };
        assert_eq!(wanted.query(&[("span", "4b")]), "?span=4b&page=2&service=a%20b");
        assert_eq!(wanted.query(&[("page", "")]), "?service=a%20b");
    }
}
