//! `/search`: traces by what one of their spans has.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use serde::Deserialize;
use traces::{Filter, Level, Page, Window};

use crate::Console;
use crate::page::{Place, page, status};
use crate::view::form::Field;
use crate::view::text::{long, visible};
use crate::view::{found, link};

/// Times to look at, as `humantime` reads them.
const WITHIN: [(&str, &str); 6] = [
    ("5m", "the last 5 minutes"),
    ("15m", "the last 15 minutes"),
    ("1h", "the last hour"),
    ("6h", "the last 6 hours"),
    ("24h", "the last day"),
    ("168h", "the last week"),
];
const LIMITS: [(&str, &str); 4] = [("20", "20"), ("50", "50"), ("100", "100"), ("200", "200")];
/// Attributes at once.
const MOST: usize = 20;

/// The form's fields, as they were entered.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// One trace, whatever else is asked for.
    trace: String,
    service: String,
    operation: String,
    /// `key=value`, one a line.
    attributes: String,
    min: String,
    max: String,
    errors: String,
    within: String,
    limit: String,
    /// Milliseconds since the epoch: a next page is one of the same time as the first.
    until: String,
    /// Leads to the next page.
    next: String,
}

impl Default for Asked {
    fn default() -> Self {
        let empty = String::new;
        Self {
            trace: empty(),
            service: empty(),
            operation: empty(),
            attributes: empty(),
            min: empty(),
            max: empty(),
            errors: empty(),
            within: "1h".to_owned(),
            limit: "20".to_owned(),
            until: empty(),
            next: empty(),
        }
    }
}

/// What is asked of the storage server.
#[derive(Debug)]
struct Question {
    window: Window,
    filter: Option<Filter>,
    page: Page,
    until: u64,
}

impl Asked {
    /// Or what is wrong with it, by its field.
    fn question(&self, now: u64) -> Result<Question, String> {
        if !self.trace.trim().is_empty() {
            return Err("trace id: expected up to 32 hexadecimal digits".to_owned());
        }
        let until = match self.until.trim() {
            "" => now,
            until => until.parse().map_err(|_| format!("until: {until:?} is no time"))?,
        };
        let within = WITHIN.iter().find(|(within, _)| *within == self.within);
        let within = within.and_then(|(within, _)| length("time", within).transpose());
        let within =
            within.ok_or_else(|| format!("time: {:?} is none of these", self.within))??;
        let limit = LIMITS.iter().find(|(limit, _)| *limit == self.limit);
        let limit = limit.and_then(|(limit, _)| limit.parse().ok());
        let size = limit.ok_or_else(|| format!("limit: {:?} is none of these", self.limit))?;
        let end = UNIX_EPOCH.checked_add(Duration::from_millis(until));
        let end = end.ok_or_else(|| format!("until: {until} is too late"))?;
        let window = Window { start: end.checked_sub(within).unwrap_or(UNIX_EPOCH), end };
        let page = Page { size, token: self.next.clone() };
        Ok(Question { window, filter: self.filter()?, page, until })
    }

    fn filter(&self) -> Result<Option<Filter>, String> {
        let named = |name: &str| Some(name.trim().to_owned()).filter(|name| !name.is_empty());
        let mut all = Vec::new();
        all.extend(named(&self.service).map(|name| Filter::service(&name)));
        all.extend(named(&self.operation).map(|name| Filter::operation(&name)));
        all.extend((!self.errors.is_empty()).then(Filter::error));
        let nanoseconds = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let least = length("at least", &self.min)?;
        let most = length("at most", &self.max)?;
        if let (Some(least), Some(most)) = (least, most)
            && least > most
        {
            return Err("at least: it is longer than at most".to_owned());
        }
        all.extend(least.map(|it| Filter::at_least(nanoseconds(it))));
        all.extend(most.map(|it| Filter::at_most(nanoseconds(it))));
        let lines = self.attributes.lines().map(str::trim).filter(|line| !line.is_empty());
        for (place, line) in lines.enumerate() {
            let pair = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let Some((key, value)) = pair.filter(|(key, _)| !key.is_empty()) else {
                return Err(format!("attributes: expected key=value, found {line:?}"));
            };
            if place == MOST {
                return Err(format!("attributes: expected at most {MOST}"));
            }
            all.push(Filter::attribute(Level::Any, key, value));
        }
        Ok(Filter::all(all))
    }

    /// The page of the next results.
    fn after(&self, until: u64, next: &str) -> String {
        let until = until.to_string();
        let query = link::query(&[
            ("service", &self.service),
            ("operation", &self.operation),
            ("attributes", &self.attributes),
            ("min", &self.min),
            ("max", &self.max),
            ("errors", &self.errors),
            ("within", &self.within),
            ("limit", &self.limit),
            ("until", &until),
            ("next", next),
        ]);
        format!("/search{query}#results")
    }
}

fn is_id(text: &str) -> bool {
    (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// None of an empty field.
fn length(field: &str, text: &str) -> Result<Option<Duration>, String> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let read = humantime::parse_duration(text);
    read.map(Some).map_err(|error| format!("{field}: {:?}: {error}", visible(text, 40)))
}

pub(crate) async fn search(
    State(console): State<Arc<Console>>,
    Query(asked): Query<Asked>,
) -> Response {
    let id = asked.trace.trim();
    if is_id(id) {
        return Redirect::to(&link::trace(id)).into_response();
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let question = asked.question(u64::try_from(now).unwrap_or(u64::MAX));
    let results = async {
        match question {
            Ok(question) => results(&console, &asked, question).await,
            Err(problem) => (StatusCode::BAD_REQUEST, problem_told(&problem)),
        }
    };
    let (form, (status, results)) = futures::join!(form(&console, &asked), results);
    let content = html! {
        h1 { "Search" }
        div.columns {
            section aria-labelledby="wanted" { h2 #wanted { "What to look for" } (form) }
            section aria-labelledby="results" { h2 #results tabindex="-1" { "Found" } (results) }
        }
    };
    (status, page(&console, Place::Search, "Search", &content)).into_response()
}

fn problem_told(problem: &str) -> Markup {
    html! { p.problem role="alert" { (long(problem)) } }
}

async fn results(console: &Console, asked: &Asked, question: Question) -> (StatusCode, Markup) {
    let Question { window, filter, page, until } = question;
    match console.sources.storage.summaries(window, filter, page).await {
        Ok(all) => (
            StatusCode::OK,
            html! {
                @if all.found.is_empty() {
                    p { @if asked.next.is_empty() { "There are none." } @else { "There are no more." } }
                } @else {
                    (found::table("Traces found, the latest first", &all.found, &console.sent))
                }
                nav.turn aria-label="Pages" {
                    @if !asked.next.is_empty() { a href=(asked.after(until, "")) { "first page" } " " }
                    @if !all.next.is_empty() { a href=(asked.after(until, &all.next)) rel="next" { "next page" } }
                }
            },
        ),
        // All else that is asked here makes sense.
        Err(error) if error.is_of_the_question() && !asked.next.is_empty() => (
            StatusCode::BAD_REQUEST,
            html! {
                (problem_told("next: these results have no such page"))
                p { a href=(asked.after(until, "")) { "first page" } }
            },
        ),
        Err(error) => (status(&error), problem_told(&error.to_string())),
    }
}

/// Names that are there are proposed; whatever else can be typed.
async fn form(console: &Console, asked: &Asked) -> Markup {
    let storage = &console.sources.storage;
    let operations = async {
        match asked.service.trim() {
            "" => Vec::new(),
            service => storage.operations(service).await.unwrap_or_default(),
        }
    };
    // An error is told by the results.
    let (services, operations) = futures::join!(storage.services(), operations);
    let services = services.unwrap_or_default();
    let field = |name, label, hint, value| Field { name, label, hint, value };
    html! {
        form.search method="get" action="/search" role="search" aria-label="Traces" {
            (field("trace", "Trace id", "leads to that trace, whatever is below", &asked.trace).line())
            (field("service", "Service", "", &asked.service).proposed(&services))
            (field("operation", "Operation", "the name of a span; those of a service are proposed once it was searched for", &asked.operation).proposed(&operations))
            (field("attributes", "Attributes", "key=value, one a line: of the span or of its resource", &asked.attributes).lines(3))
            div.pair {
                (field("min", "At least", "such as 50ms", &asked.min).line())
                (field("max", "At most", "such as 1s 500ms", &asked.max).line())
            }
            (field("errors", "errors only", "", &asked.errors).check())
            div.pair {
                (field("within", "Time", "", &asked.within).choice(WITHIN))
                (field("limit", "Limit", "", &asked.limit).choice(LIMITS))
            }
            button.primary type="submit" { "Search" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(change: impl FnOnce(&mut Asked)) -> Result<Question, String> {
        let mut asked = Asked::default();
        change(&mut asked);
        asked.question(10_000_000)
    }

    #[test]
    fn what_is_left_empty_is_not_asked_for() {
        let Question { window, filter, page, until } = asked(|_| {}).unwrap();
        assert!(filter.is_none());
        assert_eq!((page.size, until), (20, 10_000_000));
        let hour = Duration::from_secs(3_600);
        assert_eq!(window.end.duration_since(window.start).unwrap(), hour);
    }

    #[test]
    fn a_next_page_is_of_the_same_time() {
        let question = asked(|it| it.until = "9000000".to_owned()).unwrap();
        assert_eq!(question.window.end, UNIX_EPOCH + Duration::from_millis(9_000_000));
        let next = Asked::default().after(9_000_000, "a+b=");
        assert!(next.contains("until=9000000&next=a%2Bb%3D"), "{next}");
    }

    #[test]
    fn what_makes_no_sense_is_told_by_its_field() {
        for (problem, expected) in [
            (asked(|it| it.trace = "//evil.example".to_owned()), "trace id: "),
            (asked(|it| it.trace = "4b".repeat(17)), "trace id: "),
            (asked(|it| it.min = "long".to_owned()), "at least: "),
            (asked(|it| it.max = "5".to_owned()), "at most: "),
            (
                asked(|it| (it.min, it.max) = ("2s".to_owned(), "1s".to_owned())),
                "at least: it is longer",
            ),
            (asked(|it| it.attributes = "key".to_owned()), "attributes: "),
            (asked(|it| it.attributes = "a=b\n".repeat(21)), "attributes: expected at most"),
            (asked(|it| it.within = "1y".to_owned()), "time: "),
            (asked(|it| it.limit = "100000".to_owned()), "limit: "),
            (asked(|it| it.until = "now".to_owned()), "until: "),
        ] {
            let problem = problem.unwrap_err();
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
