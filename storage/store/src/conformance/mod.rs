//! The conformance suite that each engine runs.
//!
//! [`run`] gives each [`Rule`] a fresh store and tells which rules it breaks. What a rule
//! expects is written out in it, not computed by what engines share, so that a fault there is
//! found too.
//!
//! ```no_run
//! # use std::sync::Arc;
//! # use spoor_store::{Store, conformance};
//! # fn new_engine() -> Arc<dyn Store> { unimplemented!() }
//! # #[tokio::main]
//! # async fn main() {
//! let violations = conformance::run(|| new_engine()).await;
//! assert!(violations.is_empty(), "{violations:#?}");
//! # }
//! ```

// Lists a module's rules: functions that check a [`Probe`]'s store.
macro_rules! rules {
    ($($name:ident),* $(,)?) => {
        pub(super) const RULES: &[super::Rule] = &[$(super::Rule {
            name: stringify!($name),
            check: |probe| Box::pin($name(probe)),
        }),*];
    };
}

mod attributes;
mod bounds;
mod catalogue;
mod chunks;
mod dependencies;
mod exactness;
mod fixtures;
mod matching;
mod order;
mod pages;
mod probe;
mod refusal;
mod spans;
mod summaries;
mod tenants;
mod traces;
mod writes;

use std::fmt;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::Store;
use probe::Probe;

/// Something that every engine keeps.
#[derive(Clone, Copy)]
pub struct Rule {
    /// The rule as a sentence in snake case.
    pub name: &'static str,
    check: fn(Probe) -> BoxFuture<'static, Outcome>,
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A rule that a store broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name.
    pub rule: &'static str,
    /// What was expected and what was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.rule, self.found)
    }
}

/// Whether a rule holds, and if not, what was found.
type Outcome = Result<(), String>;

/// Checks every rule, each on a store of its own, and tells those that are broken.
///
/// Needs a Tokio runtime: some rules read while they write. The stores must take at least 20 MiB
/// and 1000 traces.
pub async fn run(make_store: impl Fn() -> Arc<dyn Store>) -> Vec<Violation> {
    let mut violations = Vec::new();
    for rule in rules() {
        if let Err(found) = (rule.check)(Probe::new(make_store())).await {
            violations.push(Violation { rule: rule.name, found });
        }
    }
    violations
}

/// The rules in the order in which they are checked.
pub fn rules() -> impl Iterator<Item = Rule> {
    [
        writes::RULES,
        refusal::RULES,
        exactness::RULES,
        traces::RULES,
        chunks::RULES,
        matching::RULES,
        attributes::RULES,
        bounds::RULES,
        order::RULES,
        pages::RULES,
        spans::RULES,
        catalogue::RULES,
        summaries::RULES,
        dependencies::RULES,
        tenants::RULES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Fails, naming `what`, unless the two are equal.
#[allow(clippy::needless_pass_by_value, reason = "most callers have the values at hand")]
fn expect<T: PartialEq + fmt::Debug>(what: &str, found: T, expected: T) -> Outcome {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what}: expected {expected:?}, found {found:?}"))
}
