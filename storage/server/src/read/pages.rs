//! Pages of a search (Jaeger RFC 0014): how large one is, where it begins, and the token of the
//! next one, which goes with the same query alone.

mod token;

use spoor_proto::storage::Pagination;
use spoor_store::filter::{Constant, Filter};
use spoor_store::{SpanOrder, Tenant, TimeRange};
use tonic::Status;
use xxhash_rust::xxh3::xxh3_128;

pub(super) use token::Cursor;

/// The most elements of a page, if `max_search_depth` is not less: so many trace ids fit into one
/// message.
const MOST: usize = 10_000;

/// One page of the answer to a query.
#[derive(Clone, Debug)]
pub(super) struct Page {
    /// The greatest number of its elements.
    pub(super) size: usize,
    /// What its token is bound to.
    query: Vec<u8>,
}

impl Page {
    /// The page that is asked for, and behind which place it begins.
    pub(super) fn of<C: Cursor>(
        asked: &Pagination,
        most: usize,
        query: &Asked<'_>,
    ) -> Result<(Self, Option<C>), Status> {
        let size = usize::try_from(asked.page_size).unwrap_or(usize::MAX).min(most).min(MOST);
        if size == 0 {
            return Err(Status::invalid_argument("the pagination's page_size is 0"));
        }
        let page = Self { size, query: query.fingerprint() };
        let after = match asked.page_token.as_str() {
            "" => None,
            token => {
                let place = token::decode(&page.query, token);
                Some(place.map_err(|error| Status::invalid_argument(error.to_string()))?)
            }
        };
        Ok((page, after))
    }

    /// The token of the page behind this element.
    pub(super) fn token(&self, last: &impl Cursor) -> String {
        token::encode(&self.query, last)
    }
}

/// What a page is of. Its size is not part of it.
pub(super) struct Asked<'q> {
    pub(super) tenant: &'q Tenant,
    pub(super) filter: &'q Filter,
    pub(super) start: TimeRange,
    /// In which order, if it is of spans.
    pub(super) order: Option<SpanOrder>,
}

impl Asked<'_> {
    /// The same for two spellings of one query.
    fn fingerprint(&self) -> Vec<u8> {
        let Self { tenant, filter, start, order } = self;
        let name = tenant.name();
        let (min, max, filter) = (start.min, start.max, canonical(filter));
        let text = format!("{}:{name} {min}-{max} {order:?} {filter}", name.len());
        xxh3_128(text.as_bytes()).to_be_bytes().into()
    }
}

/// A hash of a filter, the same in whichever order stand what it takes in any order. Of what is
/// inside it takes the hashes: text would grow with each level that it stands in.
fn canonical(filter: &Filter) -> u128 {
    let all = |filters: &[Filter]| sorted(filters.iter().map(canonical));
    let values = |values: &[Constant]| sorted(values.iter().map(|it| hash(&format!("{it:?}"))));
    hash(&match filter {
        Filter::And(filters) => format!("and{:?}", all(filters)),
        Filter::Or(filters) => format!("or{:?}", all(filters)),
        Filter::Not(filter) => format!("not({})", canonical(filter)),
        Filter::Some(collection, filter) => format!("some({collection:?}, {})", canonical(filter)),
        Filter::In(operand, list) => format!("in({operand:?}, {:?})", values(list)),
        Filter::NotIn(operand, list) => format!("not_in({operand:?}, {:?})", values(list)),
        Filter::Fulltext(attribute, words) => {
            format!("fulltext({attribute:?}, {:?})", sorted(words.iter().map(|word| hash(word))))
        }
        other => format!("{other:?}"),
    })
}

fn hash(text: &str) -> u128 {
    xxh3_128(text.as_bytes())
}

fn sorted(parts: impl Iterator<Item = u128>) -> Vec<u128> {
    let mut parts: Vec<_> = parts.collect();
    parts.sort_unstable();
    parts
}

#[cfg(test)]
mod tests;
