//! Marking an answer: each field by what was begun, with the figures of telemetry that show why.
//!
//! What is wrong is explained by what the answer names, never by what it should have named: an
//! answer may be tried again. So a false alarm refuses it in the same words as any other incident.

mod evidence;
mod figures;
mod request;
#[cfg(test)]
mod tests;
mod why;

use std::time::{Duration, SystemTime};

use serde::Serialize;
use traces::Storage;

use crate::answer::{Affected, Answer, Cause};
use evidence::Evidence;
pub use figures::{Compared, Figures};

/// An answer, marked.
#[derive(Clone, Debug, Serialize)]
pub struct Marked {
    /// Whether all of it is.
    pub right: bool,
    /// How many answers there were to this incident, this one included.
    pub tries: u32,
    /// Field by field.
    pub fields: Vec<Field>,
    /// What the operation that was named did before and since, and what it did for each tier: shares
    /// to 5 %, all else to two digits.
    pub figures: Vec<Compared>,
    /// Traces to look at, as 32 hexadecimal digits.
    pub examples: Vec<String>,
}

/// One field of an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub field: &'static str,
    /// What was said.
    pub answered: String,
    /// Whether it is so.
    pub right: bool,
    /// Why, by what telemetry shows.
    pub why: String,
}

/// What goes wrong, and since when.
#[derive(Clone, Debug)]
pub(crate) struct Truth {
    pub service: &'static str,
    pub operation: &'static str,
    pub cause: Cause,
    pub affected: Affected,
}

/// Of which incident the answer is.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// None where nothing is wrong.
    pub truth: Option<Truth>,
    /// Where the orders are placed.
    pub shop: &'static str,
    /// The first time that counts as one before.
    pub settled: SystemTime,
    /// When it began, or would have.
    pub onset: SystemTime,
    /// The last time of which all spans are there.
    pub end: SystemTime,
    pub tolerance: Duration,
}

/// Marks the answer. `tries` counts it already.
///
/// # Errors
/// When the storage server does not answer.
pub(crate) async fn mark(
    answer: &Answer,
    case: &Case,
    storage: &Storage,
    tries: u32,
) -> Result<Marked, traces::Error> {
    let evidence = Evidence { case, storage };
    let (fields, compared) = match (answer, &case.truth) {
        (Answer::Nothing, None) => (vec![why::nothing(true)], evidence.of_shop().await?),
        (Answer::Nothing, Some(_)) => (vec![why::nothing(false)], Vec::new()),
        (Answer::Trouble { service, operation, cause, since, affected }, truth) => {
            let compared = evidence.of(service, operation).await?;
            let named = Named { service, operation, cause: *cause, affected: *affected };
            let near = evidence.around(service, operation, *since).await?;
            let tiers = evidence.of_tiers(*cause, &compared).await?;
            let seen = why::Seen { compared: &compared, tiers: &tiers, near: &near };
            (why::fields(&named, *since, truth.as_ref(), case, &seen), compared)
        }
    };
    let right = fields.iter().all(|field| field.right);
    let examples = compared.first().map(Compared::examples).unwrap_or_default();
    let figures = compared.into_iter().map(Compared::coarse).collect();
    Ok(Marked { right, tries, fields, figures, examples })
}

/// What the right answer's operation did, and whether telemetry shows what is said of it.
///
/// # Errors
/// When the storage server does not answer.
pub(crate) async fn shown(
    case: &Case,
    storage: &Storage,
) -> Result<(bool, Vec<Compared>), traces::Error> {
    let evidence = Evidence { case, storage };
    let Some(truth) = &case.truth else {
        let shop = evidence.of_shop().await?;
        // Of a tier there are too few to tell a change from chance.
        let whole = shop.iter().find(|it| it.is_of(Affected::Everyone));
        let is_unchanged = whole.is_some_and(|it| it.is_telling() && !it.is_changed());
        return Ok((is_unchanged, shop));
    };
    let compared = evidence.of(truth.service, truth.operation).await?;
    let tiers = evidence.of_tiers(truth.cause, &compared).await?;
    let is_shown = tiers.iter().any(|it| it.is_of(truth.affected) && it.shows(truth.cause));
    Ok((is_shown, compared))
}

/// What an answer names.
struct Named<'a> {
    service: &'a str,
    operation: &'a str,
    cause: Cause,
    affected: Affected,
}
