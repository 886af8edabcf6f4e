//! Questions that only the newest contract has (jaeger-idl v0.14.0), as Jaeger would send them.

use spoor_proto::expression::expression::Term;
use spoor_proto::expression::{AttributeReference, Call, Expression, FieldReference, Scalar};
use spoor_proto::storage::{
    FindTraceIDsRequest, Pagination, SpanQueryParameters, SpanSortOrder, TraceQueryParameters,
};

use anyhow::{Result, ensure};
use spoor_proto::storage::trace_reader_client::TraceReaderClient;
use tonic::transport::Channel;

use crate::questions::LIMIT;
use crate::truth::{Search, Structured};

/// The page that is asked for beside the first.
pub const LATER_PAGE: usize = 10;

/// The filter of a search by a service and what only a filter can ask.
pub fn filter(search: &Search) -> Call {
    let service = equals(field("resource", "service"), search.service);
    let Some(structured) = search.structured else { return service };
    let other = match structured {
        Structured::Regex(key, [one, other]) => {
            call("regex", [term(attribute(key)), term(text(&format!("({one}|{other})")))])
        }
        Structured::Not(key, value) => call("not", [nested(equals(attribute(key), value))]),
        Structured::AtLeast(key, least) => {
            let value = Scalar { value: least.to_string(), r#type: "int".to_owned() };
            call("gte", [term(attribute(key)), term(Term::Scalar(value))])
        }
    };
    call("and", [nested(service), nested(other)])
}

/// All spans of a trace.
pub fn spans_of_trace(id: &[u8; 16], search: &TraceQueryParameters) -> SpanQueryParameters {
    let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    spans(equals(field("span", "traceID"), &id), 1_000, Vec::new(), search)
}

/// The slowest spans of a service.
pub fn slowest(search: &Search, parameters: &TraceQueryParameters) -> SpanQueryParameters {
    let expression = Some(term(field("span", "duration")));
    let order = SpanSortOrder { expression, direction: "desc".to_owned() };
    spans(filter(search), LIMIT as u32, vec![order], parameters)
}

fn spans(
    filter: Call,
    page_size: u32,
    order_by: Vec<SpanSortOrder>,
    times: &TraceQueryParameters,
) -> SpanQueryParameters {
    SpanQueryParameters {
        start_time_min: times.start_time_min,
        start_time_max: times.start_time_max,
        filter: Some(filter),
        pagination: Some(Pagination { page_size, page_token: String::new() }),
        order_by,
    }
}

/// The query for the page with this number.
pub async fn at_page(
    channel: &Channel,
    mut query: TraceQueryParameters,
    number: usize,
) -> Result<TraceQueryParameters> {
    let mut reader = TraceReaderClient::new(channel.clone());
    let mut page = Pagination { page_size: LIMIT as u32, page_token: String::new() };
    for before in 1..=number {
        query.pagination = Some(page.clone());
        if before < number {
            let request = FindTraceIDsRequest { query: Some(query.clone()) };
            page.page_token = reader.find_trace_i_ds(request).await?.into_inner().next_page_token;
            ensure!(!page.page_token.is_empty(), "there are only {before} pages");
        }
    }
    Ok(query)
}

fn call<const N: usize>(op: &str, args: [Expression; N]) -> Call {
    Call { op: op.to_owned(), args: args.into() }
}

fn equals(of: Term, value: &str) -> Call {
    call("eq", [term(of), term(text(value))])
}

fn nested(of: Call) -> Expression {
    term(Term::Call(of))
}

fn term(term: Term) -> Expression {
    Expression { term: Some(term) }
}

fn field(level: &str, name: &str) -> Term {
    Term::Field(FieldReference { name: name.to_owned(), level: level.to_owned() })
}

fn attribute(key: &str) -> Term {
    Term::Attr(AttributeReference { key: key.to_owned(), level: "span".to_owned() })
}

fn text(value: &str) -> Term {
    Term::Scalar(Scalar { value: value.to_owned(), r#type: "string".to_owned() })
}
