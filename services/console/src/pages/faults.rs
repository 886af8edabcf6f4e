//! `/faults`: what is on, beginning and ending.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use futures::future::join_all;
use incidents::Status;
use incidents::control::{Error, Faults, Kind, Latency, Spec};
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::page::{Place, page};
use crate::sources::Sources;
use crate::view::faults::{Entered, OfService, active, form};

/// The longest that a fault may be on by itself: a day.
const MOST_MINUTES: f64 = 1_440.0;

pub(crate) async fn get(State(console): State<Arc<Console>>) -> Markup {
    shown(&console, &Entered::default(), None).await
}

/// Begins what was entered, or tells what was wrong with it.
pub(crate) async fn begin(
    State(console): State<Arc<Console>>,
    Form(entered): Form<Entered>,
) -> Response {
    match begun(&console.sources, &entered).await {
        Ok(()) => Redirect::to("/faults").into_response(),
        Err(problem) => refused(&console, &entered, &problem).await,
    }
}

/// Which fault of which service, all of that service's, or all there are.
#[derive(Deserialize)]
pub(crate) struct Ended {
    service: Option<String>,
    id: Option<u64>,
}

pub(crate) async fn end(
    State(console): State<Arc<Console>>,
    Form(Ended { service, id }): Form<Ended>,
) -> Response {
    match ended(&console.sources, service.as_deref(), id).await {
        Ok(()) => Redirect::to("/faults").into_response(),
        Err(problem) => refused(&console, &Entered::default(), &problem).await,
    }
}

async fn refused(console: &Console, entered: &Entered, problem: &str) -> Response {
    let page = shown(console, entered, Some(problem)).await;
    (StatusCode::UNPROCESSABLE_ENTITY, page).into_response()
}

/// The faults of each service, and the form, with what was entered and what was wrong with it.
async fn shown(console: &Console, entered: &Entered, problem: Option<&str>) -> Markup {
    let switches = match &console.sources.faults {
        Some(all) => switches(console, all, entered, problem).await,
        None => html! {
            p.missing {
                "Faults cannot be switched: the console has no " code { "ADMIN_TOKEN" } ". The services "
                "and the console must be started with the same one."
            }
        },
    };
    let content = html! {
        h1 { "Faults" }
        p.lead {
            "Have a service do worse on purpose while it runs, then find out how that looks in "
            a href="/" { "traces" } ", " a href="/services" { "figures" } " and logs."
        }
        (switches)
    };
    page(console, Place::Faults, "Faults", &content)
}

async fn switches(
    console: &Console,
    all: &[Faults],
    entered: &Entered,
    problem: Option<&str>,
) -> Markup {
    let token = &console.token;
    let listed = all.iter().map(|faults| async move {
        let listed = faults.list().await.map_err(|error| error.to_string());
        OfService { service: faults.service(), faults: listed }
    });
    let known = operations(&console.sources, all);
    let (listed, operations) = futures::join!(join_all(listed), known);
    let services: Vec<_> = all.iter().map(Faults::service).collect();
    let status = console.incidents.as_ref().map(|incidents| incidents.state().status);
    let is_incident = matches!(status, Some(Status::Begun | Status::Open));
    html! {
        div.columns {
            section aria-labelledby="begin" {
                h2 #begin { "Begin a fault" }
                (form(&services, &operations, entered, problem, token))
            }
            section aria-labelledby="active" {
                h2 #active { "What is on" }
                (active(&listed, is_incident, token))
            }
        }
    }
}

/// What services were asked for so far, to choose from; whatever else there is can be typed.
pub(crate) async fn operations(sources: &Sources, all: &[Faults]) -> Vec<String> {
    let known = all.iter().map(|faults| sources.storage.operations(faults.service()));
    let mut names: Vec<_> =
        join_all(known).await.into_iter().flat_map(Result::unwrap_or_default).collect();
    // Those of servers: a route or a method of gRPC.
    names.retain(|name| name.contains('/'));
    names.sort_unstable();
    names.dedup();
    names
}

async fn begun(sources: &Sources, entered: &Entered) -> Result<(), String> {
    let faults = of_service(sources, &entered.service)?;
    faults.begin(&spec(entered)?).await.map(drop).map_err(|error| error.to_string())
}

/// Ends a service's fault, all of its own, or, without a service, all.
async fn ended(sources: &Sources, service: Option<&str>, id: Option<u64>) -> Result<(), String> {
    let told = |error: Error| error.to_string();
    match (service, id) {
        (Some(service), Some(id)) => of_service(sources, service)?.end(id).await.map_err(told),
        (Some(service), None) => of_service(sources, service)?.end_all().await.map_err(told),
        (None, Some(id)) => Err(format!("service: it is missing, which has fault {id}")),
        (None, None) => {
            let all = sources.faults.iter().flatten().map(Faults::end_all);
            let failed = join_all(all).await.into_iter().filter_map(Result::err).map(told);
            let failed: Vec<_> = failed.collect();
            if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
        }
    }
}

fn of_service<'a>(sources: &'a Sources, service: &str) -> Result<&'a Faults, String> {
    let mut all = sources.faults.iter().flatten();
    all.find(|faults| faults.service() == service)
        .ok_or_else(|| format!("service: there is no {service}"))
}

/// What the form says, as far as it can be read; whether it makes sense, the service knows.
fn spec(entered: &Entered) -> Result<Spec, String> {
    let text = |text: &str| Some(text.trim()).filter(|it| !it.is_empty()).map(str::to_owned);
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == entered.kind);
    let ms = || number("milliseconds", &entered.ms);
    let latency = match &*entered.distribution {
        "" => None,
        "constant" => Some(Latency::Constant { ms: ms()? }),
        "exponential" => Some(Latency::Exponential { mean_ms: ms()? }),
        "uniform" => {
            Some(Latency::Uniform { min_ms: ms()?, max_ms: number("at most", &entered.max_ms)? })
        }
        other => return Err(format!("distribution: there is no {other}")),
    };
    Ok(Spec {
        version: text(&entered.version),
        operation: text(&entered.operation),
        tier: text(&entered.tier),
        ratio: number("ratio", &entered.ratio)?,
        seed: number("seed", &entered.seed)?,
        until: text(&entered.minutes).map(|minutes| until(&minutes)).transpose()?,
        latency,
        ..Spec::new(kind.ok_or_else(|| format!("kind: there is no {}", entered.kind))?)
    })
}

fn number<T: std::str::FromStr>(name: &str, text: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{name}: {text:?} is no such number"))
}

/// In so many minutes, as RFC 3339 has it.
fn until(minutes: &str) -> Result<String, String> {
    let length: f64 = number("minutes", minutes)?;
    if !(length > 0.0 && length <= MOST_MINUTES) {
        return Err(format!("minutes: {minutes} is not above 0 up to {MOST_MINUTES}"));
    }
    let end = SystemTime::now() + Duration::from_secs_f64(60.0 * length);
    Ok(humantime::format_rfc3339_millis(end).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(kind: &str) -> Entered {
        Entered { kind: kind.to_owned(), ..Entered::default() }
    }

    #[test]
    fn what_is_left_empty_is_left_out() {
        assert_eq!(spec(&entered("cache_off")), Ok(Spec::new(Kind::CacheOff)));
        for kind in Kind::ALL {
            assert_eq!(spec(&entered(kind.name())).map(|spec| spec.kind), Ok(kind));
        }
    }

    #[test]
    fn what_was_entered_is_what_the_service_is_asked_for() {
        let [operation, tier] = ["POST /payments", "gold"].map(str::to_owned);
        let entered = Entered {
            operation: format!(" {operation} "),
            tier: tier.clone(),
            ratio: "0.2".to_owned(),
            seed: "7".to_owned(),
            distribution: "uniform".to_owned(),
            ms: "100".to_owned(),
            max_ms: "300".to_owned(),
            ..entered("latency")
        };
        let expected = Spec {
            operation: Some(operation),
            tier: Some(tier),
            ratio: 0.2,
            seed: 7,
            latency: Some(Latency::Uniform { min_ms: 100, max_ms: 300 }),
            ..Spec::new(Kind::Latency)
        };
        assert_eq!(spec(&entered), Ok(expected));
    }

    #[test]
    fn a_fault_for_some_minutes_ends_after_them() {
        let entered = Entered { minutes: "1.5".to_owned(), ..entered("cache_off") };
        let until = spec(&entered).unwrap().until.unwrap();
        let until = humantime::parse_rfc3339(&until).unwrap();
        let left = until.duration_since(SystemTime::now()).unwrap().as_secs_f64();
        assert!((60.0..=90.0).contains(&left), "{left}");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_field() {
        let with = |change: fn(&mut Entered)| {
            let mut entered = entered("latency");
            change(&mut entered);
            spec(&entered).unwrap_err()
        };
        for (problem, expected) in [
            (with(|it| it.kind = "<b>".to_owned()), "kind: there is no <b>"),
            (with(|it| it.ratio = "half".to_owned()), "ratio: \"half\" is no such number"),
            (with(|it| it.seed = "-1".to_owned()), "seed: \"-1\" is no such number"),
            (with(|it| it.distribution = "zipf".to_owned()), "distribution: there is no zipf"),
            (
                with(|it| it.distribution = "constant".to_owned()),
                "milliseconds: \"\" is no such number",
            ),
            (with(|it| it.minutes = "NaN".to_owned()), "minutes: NaN is not above 0 up to 1440"),
            (with(|it| it.minutes = "1e9".to_owned()), "minutes: 1e9 is not above 0 up to 1440"),
        ] {
            assert_eq!(problem, expected);
        }
    }
}
