//! The incident that is under way, what was answered, and the forms.

use incidents::{
    Affected, Cause, Compared, Figures, Marked, SCENARIOS, Shown, Solution, State, Status, Wish,
};
use maud::{Markup, html};

use super::form::Field;
use super::link;
use super::text::{long, short};
use super::wide::wide;

/// All of the page but its frame. `entered` is what the answer's form has, and `problem` why the
/// last thing that was asked for was not done. `now` is the time of day, which answers are in.
pub(crate) fn incidents(
    state: &State,
    entered: &Wish,
    problem: Option<&str>,
    now: &str,
    token: &Markup,
) -> Markup {
    let is_under_way = matches!(state.status, Status::Begun | Status::Open);
    html! {
        p.lead {
            "Something goes wrong in the lab, for some customers or all, after some minutes of normal "
            "traffic. Or nothing does. Find out by telemetry what, where, since when and for whom: "
            a href="/search" { "search traces" } ", look at " a href="/services" { "figures" } " and logs, "
            a href="/" { "send a request" } "."
        }
        @if let Some(problem) = problem { p.problem role="alert" { (long(problem)) } }
        @if let Some(incident) = &state.incident {
            (under_way(state.status, incident, now))
            @if let Some(solution) = &incident.solution { (known(solution)) }
            @if let Some(marked) = &incident.marked { (marking(marked)) }
            @if incident.solution.is_none() { (answer(incident, entered, token)) }
            (others(incident, is_under_way, token))
        }
        @if !is_under_way { (begin(token)) }
    }
}

fn under_way(status: Status, incident: &Shown, now: &str) -> Markup {
    let Shown { story, began, ready, ready_in, tolerance, tries, problem, .. } = incident;
    html! {
        section aria-labelledby="incident" {
            h2 #incident { "The incident" }
            p.story { (story) }
            @if let Some(problem) = problem { p.missing { (long(problem)) } }
            dl {
                dt { "State" }
                dd role="status" {
                    @match status {
                        Status::Begun => {
                            "under way; there is enough to see in " (ready_in) " s"
                        },
                        Status::Open => "under way; waiting for an answer",
                        Status::Answered => "answered",
                        Status::Revealed => "revealed",
                        Status::Stopped => "stopped",
                        Status::Over => "over: nobody answered it in time",
                        Status::Failed => "ended by itself: the lab did not do as it must",
                        Status::Idle => "none",
                    }
                }
                dt { "Began" } dd { time { (began) } }
                dt { "Can be answered from" } dd { time { (ready) } }
                dt { "Now" } dd { time { (now) } }
                dt { "Answers so far" } dd { (tries) }
                dt { "Counts as the right time" } dd { "up to " (tolerance) " s off" }
            }
            @if !incident.hints.is_empty() {
                h3 { "Hints" }
                ol { @for hint in &incident.hints { li { (hint) } } }
            }
        }
    }
}

fn answer(incident: &Shown, entered: &Wish, token: &Markup) -> Markup {
    let causes = Cause::ALL.map(|it| (it.name(), format!("{it}: {}", it.meaning())));
    let causes = causes.iter().map(|(name, text)| (*name, text.as_str()));
    let affected = Affected::ALL.map(|it| (it.name(), it.name()));
    let since = format!("in UTC, such as {}", incident.ready);
    let field = |name, label, hint, value| Field { name, label, hint, value };
    html! {
        section aria-labelledby="answer" {
            h2 #answer { "What is wrong?" }
            form method="post" action="/incidents/answer" {
                (token)
                (field("cause", "Cause", "if it is nothing, there is nothing else to say", &entered.cause)
                    .choice(causes))
                (field("service", "Service", "such as app-a", &entered.service).line())
                (field("operation", "Operation", "the name of its SERVER span, such as GET /chain",
                    &entered.operation).line())
                (field("since", "Since", &since, &entered.since).line())
                (field("affected", "Customers affected", "", &entered.affected).choice(affected))
                button.primary type="submit" { "Answer" }
            }
        }
    }
}

fn others(incident: &Shown, is_under_way: bool, token: &Markup) -> Markup {
    let (hints, all) = (incident.hints.len(), incident.hints_in_all);
    let button = |action: &str, text: String| {
        html! {
            form method="post" action=(format!("/incidents/{action}")) {
                (token)
                button type="submit" { (text) }
            }
        }
    };
    html! {
        div.buttons {
            @if incident.solution.is_none() {
                @if hints < all { (button("hint", format!("A hint ({} of {all})", hints + 1))) }
                (button("reveal", "Reveal what it is".to_owned()))
            }
            @if is_under_way { (button("stop", "Stop it".to_owned())) }
        }
    }
}

fn begin(token: &Markup) -> Markup {
    let scenarios = SCENARIOS.iter().map(|it| (it.name, it.name));
    let field = |name, label, hint, value| Field { name, label, hint, value };
    html! {
        section aria-labelledby="begin" {
            h2 #begin { "Begin one" }
            form method="post" action="/incidents/run" {
                (token)
                (field("name", "Scenario", "", "").choice([("", "any")].into_iter().chain(scenarios)))
                (field("seed", "Seed", "a number; the same one is the same incident", "").line())
                (field("blind", "Blind", "nothing tells which one it is", "1").check())
                (field("fast", "Short", "it can be answered in less than a minute, not in four", "")
                    .check())
                button.primary type="submit" { "Begin" }
            }
            dl {
                @for scenario in &SCENARIOS {
                    dt { (scenario.name) }
                    dd { (scenario.story.replace("SHOP", "a service")) }
                }
            }
        }
    }
}

/// The last answer.
fn marking(Marked { right, tries, fields, figures, examples }: &Marked) -> Markup {
    html! {
        section aria-labelledby="marked" {
            h2 #marked { "Answer " (tries) }
            p.verdict.(if *right { "well" } else { "failing" }) role="status" {
                @if *right { "Right." } @else { "Not right yet." }
            }
            (wide("The answer, field by field", html! {
                table {
                    thead { tr {
                        @for name in ["field", "answered", "verdict", "why"] { th scope="col" { (name) } }
                    } }
                    tbody { @for field in fields { tr {
                        th scope="row" { (field.field) }
                        td { (short(&field.answered)) }
                        td.(if field.right { "well" } else { "failing" }) {
                            @if field.right { "right" } @else { "wrong" }
                        }
                        td { (long(&field.why)) }
                    } } }
                }
            }))
            (compared(figures))
            @if !examples.is_empty() {
                p {
                    "Traces to look at:"
                    @for id in examples { " " a href=(link::trace(id)) { (short(id)) } }
                }
            }
        }
    }
}

fn known(solution: &Solution) -> Markup {
    let Solution { name, seed, cause, service, operation, since, affected, explanation, .. } =
        solution;
    html! {
        section aria-labelledby="solution" {
            h2 #solution { "What it was" }
            p { (explanation) }
            dl {
                dt { "Scenario" } dd { (name) ", seed " (seed) }
                dt { "Cause" } dd { (cause.name()) ": " (cause.meaning()) }
                @if let Some(service) = service { dt { "Service" } dd { (service) } }
                @if let Some(operation) = operation { dt { "Operation" } dd { (operation) } }
                @if let Some(since) = since { dt { "Since" } dd { time { (since) } } }
                @if let Some(affected) = affected { dt { "Affected" } dd { (affected.name()) } }
                @if let Some(shown) = solution.shown {
                    dt { "Shown by telemetry" } dd { @if shown { "yes" } @else { "no" } }
                }
            }
            (compared(&solution.figures))
        }
    }
}

/// Each figure before and since, for everyone and for each tier.
fn compared(all: &[Compared]) -> Markup {
    const NAMES: [&str; 10] = [
        "requests",
        "a second",
        "failed",
        "failed by themselves",
        "p50",
        "own time",
        "statements",
        "time of one",
        "found in the cache",
        "tries",
    ];
    let Some(Compared { service, operation, .. }) = all.first() else { return html! {} };
    html! {
        h3 { (short(operation)) " of " (short(service)) ", before and since" }
        (wide("Figures before and since", html! {
            table {
                thead { tr {
                    th scope="col" { "customers" }
                    th scope="col" { "time" }
                    @for name in NAMES { th scope="col" { (name) } }
                } }
                tbody { @for it in all {
                    @for (time, figures) in [("before", &it.before), ("since", &it.since)] {
                        tr {
                            th scope="row" { (it.customers.name()) }
                            td { (time) }
                            @for text in row(figures) { td.number { (text) } }
                        }
                    }
                } }
            }
        }))
    }
}

fn row(figures: &Figures) -> [String; 10] {
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    let number = |value: Option<f64>, unit: &str| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.1}{unit}"))
    };
    [
        figures.requests.to_string(),
        number(figures.per_second, ""),
        percent(figures.errors),
        percent(figures.own_errors),
        number(figures.p50_ms, " ms"),
        number(figures.own_ms, " ms"),
        number(Some(figures.statements), ""),
        number(figures.statement_ms, " ms"),
        figures.cache_hits.map_or_else(|| "–".to_owned(), percent),
        number(Some(figures.tries), ""),
    ]
}
