//! The incident that is under way, what was answered, and the forms.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use incidents::{
    Affected, Cause, Compared, Figures, Marked, SCENARIOS, Shown, Solution, State, Status, Wish,
};
use maud::{Markup, html};

use super::form::Field;
use super::link;
use super::text::{long, short};
use super::wide::wide;

/// How many times are linked to.
const MOST_TIMES: u32 = 10;

/// What the page has besides the incident.
pub(crate) struct Form<'a> {
    /// What the answer's form has.
    pub entered: &'a Wish,
    /// Why the last thing that was asked for was not done.
    pub problem: Option<&'a str>,
    /// The time of day, which answers are in.
    pub now: &'a str,
    /// That can be at fault.
    pub services: &'a [&'a str],
    /// To choose from; another one can be typed.
    pub operations: &'a [String],
    pub token: &'a Markup,
}

/// All of the page but its frame.
pub(crate) fn incidents(state: &State, form: &Form<'_>) -> Markup {
    let is_under_way = matches!(state.status, Status::Begun | Status::Open);
    html! {
        p.lead {
            "Something goes wrong in the lab, on purpose. Or nothing does, and it is a false alarm. Find "
            "out what, where, since when and for whom, as somebody would who is called at night: by "
            "what traces, figures and log lines tell."
        }
        @if let Some(problem) = form.problem { p.problem role="alert" { (long(problem)) } }
        @match &state.incident {
            Some(incident) => {
                (under_way(state.status, incident, form.now))
                @if let Some(solution) = &incident.solution { (known(solution)) }
                @if let Some(marked) = &incident.marked { (marking(marked, incident)) }
                @if incident.solution.is_none() {
                    div.sides {
                        (steps(incident))
                        (answer(incident, form))
                    }
                }
                (others(incident, is_under_way, form.token))
            },
            None => (how_it_goes()),
        }
        @if !is_under_way { (begin(form.token)) }
    }
}

fn under_way(status: Status, incident: &Shown, now: &str) -> Markup {
    let Shown { story, began, normal_until, ready, ready_in, tries, problem, .. } = incident;
    html! {
        section aria-labelledby="incident" {
            h2 #incident { "The incident" }
            p.story { (story) }
            @if let Some(problem) = problem { p.problem { (long(problem)) } }
            dl.facts {
                // A `dd` that is a status is no value of the list any more.
                div { dt { "State" } dd { span role="status" { (stands(status, *ready_in)) } } }
                div { dt { "Began" } dd { time { (began) } } }
                div { dt { "All is well until at least" } dd { time { (normal_until) } } }
                div { dt { "Can be answered from" } dd { time { (ready) } } }
                div { dt { "Now" } dd { time { (now) } } }
                div { dt { "Answers so far" } dd { (tries) } }
            }
            @if !incident.hints.is_empty() {
                h3 { "Hints" }
                ol { @for hint in &incident.hints { li { (hint) } } }
            }
        }
    }
}

fn stands(status: Status, ready_in: u64) -> String {
    match status {
        Status::Begun => format!("under way; there is enough to see in {ready_in} s"),
        Status::Open => "under way; waiting for your answer".to_owned(),
        Status::Answered => "answered".to_owned(),
        Status::Revealed => "revealed".to_owned(),
        Status::Stopped => {
            "stopped; it can still be answered if there was enough to see".to_owned()
        }
        Status::Over => "over; it can still be answered".to_owned(),
        Status::Failed => "ended by itself: the lab did not do as it must".to_owned(),
        Status::Idle => "none".to_owned(),
    }
}

/// Where to look first, and then.
fn steps(incident: &Shown) -> Markup {
    let Shown { shop, order, .. } = incident;
    let orders = [("service", *shop), ("operation", "POST /orders"), ("limit", "50")];
    let search = |more: &[(&str, &str)]| {
        let last = [("within", "5m")];
        format!("/search{}", link::query(&[&last[..], more].concat()))
    };
    let before = |time: SystemTime| {
        let until = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
        search(&[&orders[..], &[("until", &*until)]].concat())
    };
    let late = |more| search(&[&orders[..], &[more]].concat());
    let send = link::query(&[("service", shop), ("endpoint", "POST /orders")]);
    let tiers = ["bronze", "silver", "gold"]
        .map(|tier| (tier, search(&[("attributes", &format!("app.customer.tier={tier}"))])));
    let times = times(incident);
    html! {
        section aria-labelledby="steps" {
            h2 #steps { "Where to look" }
            ol.steps {
                li {
                    strong { "Know what is normal. " } (order) " "
                    a href={ "/" (send) } { "Send an order" } ", and look at its trace. Or take one of the "
                    a href=[times.first().map(|time| before(*time))] { "early orders" }
                    ", of when nothing was wrong yet."
                }
                li {
                    strong { "See what has changed. " } "How often is each operation asked, how often "
                    "does it fail, how long does it take " a href="/services?minutes=1" { "in the last minute" }
                    ", and " a href="/services?minutes=5" { "in five" } "? How often does it ask others, and its "
                    "database? Then look at the "
                    a href=(late(("", ""))) { "late orders" } ": those that "
                    a href=(late(("errors", "1"))) { "failed" } ", and those that "
                    a href=(late(("min", "100ms"))) { "took long" } "."
                }
                li {
                    strong { "Lay early traces beside late ones. " } "What is in these and not in those: an "
                    "error, a long bar, more spans than before, a call with nothing below it? Take "
                    "several of each, of customers of each tier and with several items: not everybody "
                    "need be affected, nor every order."
                }
                li {
                    strong { "Go down to where it begins. " } "Who asks somebody that fails, fails; who "
                    "waits for somebody slow, is slow. The lowest SERVER span that has changed by itself "
                    "names the service and the operation."
                }
                li {
                    strong { "For whom? " } "Spans below an order have the customer's tier, in the attribute "
                    code { "app.customer.tier" } ". Is it the same with "
                    @for (at, (tier, found)) in tiers.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href=(found) { (tier) }
                    }
                    "?"
                }
                li {
                    strong { "Since when? " } "Look at the orders shortly before "
                    @for (at, time) in times.iter().enumerate() {
                        @if at > 0 { ", " }
                        a href=(before(*time)) { (time_of_day(&rfc3339(*time))) }
                    }
                    ". When the first trace that has it began, in UTC, is your answer."
                }
                li {
                    strong { "Nothing found? " } "Something that was as rare or as frequent from the start "
                    "on is no part of it. If all is as it was, answer " code { "nothing" } "."
                }
            }
        }
    }
}

/// From when all is well for sure to when it can be answered, about as far apart as an answer may be
/// off.
fn times(incident: &Shown) -> Vec<SystemTime> {
    let read = |text: &str| humantime::parse_rfc3339(text).unwrap_or(UNIX_EPOCH);
    let (first, last) = (read(&incident.normal_until), read(&incident.ready));
    let step = Duration::from_secs(incident.tolerance.max(1));
    let all = (0..=MOST_TIMES).map(|count| first + step * count);
    all.take_while(|time| *time <= last).collect()
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn answer(incident: &Shown, form: &Form<'_>) -> Markup {
    let Form { entered, services, operations, token, .. } = form;
    let causes = Cause::ALL.map(|it| (it.name(), format!("{it}: {}", it.meaning())));
    let causes = causes.iter().map(|(name, text)| (*name, text.as_str()));
    let affected = Affected::ALL.map(|it| (it.name(), it.name()));
    let services = services.iter().map(|it| (*it, *it));
    let none = || [("", "choose one")].into_iter();
    let since = format!(
        "in UTC, such as {}; up to {} s off counts as right",
        time_of_day(&incident.ready),
        incident.tolerance
    );
    let field = |name, label, hint, value| Field { name, label, hint, value };
    html! {
        section aria-labelledby="answer" {
            h2 #answer { "Your answer" }
            form method="post" action="/incidents/answer" {
                (token)
                (field("cause", "What is wrong?", "with nothing, all else stays empty", &entered.cause)
                    .choice(none().chain(causes)))
                (field("service", "In which service?", "", &entered.service)
                    .choice(none().chain(services)))
                (field("operation", "In which operation?", "the name of its SERVER span",
                    &entered.operation).proposed(operations))
                (field("since", "Since when?", &since, &entered.since).line())
                (field("affected", "For whom?", "customers of one tier alone, or everyone",
                    &entered.affected).choice(none().chain(affected)))
                button.primary type="submit" { "Answer" }
            }
            p.hint {
                "Each field is marked for itself, with the figures that show why. Answer as often as you "
                "like: it ends with the right one."
            }
        }
    }
}

/// `20:15:30` of `2030-01-31T20:15:30Z`.
fn time_of_day(rfc3339: &str) -> &str {
    rfc3339.split_once('T').map_or(rfc3339, |(_, time)| time.trim_end_matches('Z'))
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
        @if incident.solution.is_none() || is_under_way {
            section aria-labelledby="stuck" {
                h2 #stuck { "Stuck?" }
                div.buttons {
                    @if incident.solution.is_none() {
                        @if hints < all { (button("hint", format!("Give me a hint ({} of {all})", hints + 1))) }
                        (button("reveal", "Tell me what it is, and end it".to_owned()))
                    }
                    @if is_under_way { (button("stop", "End it untold".to_owned())) }
                }
            }
        }
    }
}

fn how_it_goes() -> Markup {
    html! {
        section aria-labelledby="how" {
            h2 #how { "How it goes" }
            ol.steps {
                li { "Begin one. The lab gets more traffic: orders at one of its services, the shop." }
                li { "For a minute or more all is well: that is what you compare with. Then something goes "
                    "wrong, or not. After four minutes there is enough to see." }
                li { "Look: this page then says where to begin. Hints are there for who is stuck." }
                li { "Answer: what is wrong, in which operation of which service, since when and for whom. "
                    "Every field is marked, and you are told why." }
            }
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
                (field("blind", "Blind", "nothing tells which one it is; otherwise its name does, and what \
                    somebody noticed of it", "1").check())
                details.more {
                    summary { "A certain one" }
                    (field("name", "Scenario", "", "").choice([("", "any")].into_iter().chain(scenarios)))
                    (field("seed", "Seed", "a number; of one scenario the same one is the same incident", "")
                        .line())
                    (field("fast", "Short", "for programs: it can be answered in half a minute", "").check())
                }
                button.primary type="submit" { "Begin" }
            }
            details.more {
                summary { "Which there are" }
                dl.facts.scenarios {
                    @for scenario in &SCENARIOS {
                        div { dt { (scenario.name) } dd { (scenario.story.replace("SHOP", "a service")) } }
                    }
                }
            }
        }
    }
}

/// The last answer.
fn marking(marked: &Marked, incident: &Shown) -> Markup {
    let Marked { right, tries, fields, figures, examples } = marked;
    let wrong = fields.iter().filter(|field| !field.right).count();
    html! {
        section aria-labelledby="marked" {
            h2 #marked { "Answer " (tries) ": " @if *right { "right" } @else { "not right yet" } }
            p.verdict.(if *right { "good" } else { "bad" }) role="status" {
                @if *right {
                    "That is what was wrong, or that nothing was. "
                    @match tries { 1 => "You needed one answer.", tries => { "You needed " (tries) " answers." } }
                } @else {
                    (wrong) " of " (fields.len()) @match fields.len() { 1 => " field is", _ => " fields are" }
                    " wrong. What is marked right stays right: change the rest, and answer again."
                }
            }
            (wide("The answer, field by field", html! {
                table.marks {
                    thead { tr {
                        @for name in ["field", "your answer", "mark", "why, by telemetry"] {
                            th scope="col" { (name) }
                        }
                    } }
                    tbody { @for field in fields { tr.amiss[!field.right] {
                        th scope="row" { (field.field) }
                        td { (short(&field.answered)) }
                        td {
                            @if field.right { span.tag.good { "✓ right" } }
                            @else { span.tag.error { "✗ wrong" } }
                        }
                        td { (long(&field.why)) }
                    } } }
                }
            }))
            (compared(figures, incident.solution.is_some()))
            @if !examples.is_empty() {
                p {
                    "Traces of it to look at:"
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
            p.story { (explanation) }
            dl.facts {
                div { dt { "Scenario" } dd { (name) ", seed " (seed) } }
                div { dt { "Cause" } dd { (cause.name()) ": " (cause.meaning()) } }
                @if let Some(service) = service { div { dt { "Service" } dd { (service) } } }
                @if let Some(operation) = operation { div { dt { "Operation" } dd { (operation) } } }
                @if let Some(since) = since { div { dt { "Since" } dd { time { (since) } } } }
                @if let Some(affected) = affected { div { dt { "For whom" } dd { (affected.name()) } } }
                @if let Some(shown) = solution.shown {
                    div { dt { "Shown by telemetry" } dd { @if shown { "yes" } @else { "no" } } }
                }
            }
            (compared(&solution.figures, true))
        }
    }
}

/// Each figure before and since, for everyone and for each tier.
fn compared(all: &[Compared], is_known: bool) -> Markup {
    const NAMES: [&str; 10] = [
        "a second",
        "failed",
        "by itself",
        "p50",
        "own p50",
        "statements",
        "time of one",
        "in the cache",
        "tries",
        "no parent",
    ];
    let Some(Compared { service, operation, .. }) = all.first() else { return html! {} };
    html! {
        h3 { (short(operation)) " of " (short(service)) ", before and since" }
        p.hint {
            "Of a request: " b { "by itself" } " it failed, with no error below; " b { "own" } " is the time "
            "in which it waited for nobody; " b { "statements" } " and " b { "tries" } " are how many it made."
            @if !is_known {
                " Before and since what is to be found out. Shares are rounded to 5 %, all else to two "
                "digits: exact ones would tell since when."
            }
        }
        (wide("Figures before and since", html! {
            table {
                thead { tr {
                    th scope="col" { "customers" }
                    th scope="col" { "time" }
                    @for name in NAMES { th scope="col" { (name) } }
                } }
                tbody { @for it in all {
                    @if it.is_telling() {
                        @for (time, figures) in [("before", &it.before), ("since", &it.since)] {
                            tr {
                                th scope="row" { (it.customers.name()) }
                                td { (time) }
                                @for text in row(figures) { td.number { (text) } }
                            }
                        }
                    } @else {
                        tr {
                            th scope="row" { (it.customers.name()) }
                            td colspan=(1 + NAMES.len()) { "too few requests to tell" }
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
        number(figures.per_second, ""),
        percent(figures.errors),
        percent(figures.own_errors),
        number(figures.p50_ms, " ms"),
        number(figures.own_ms, " ms"),
        number(Some(figures.statements), ""),
        number(figures.statement_ms, " ms"),
        figures.cache_hits.map_or_else(|| "–".to_owned(), percent),
        number(Some(figures.tries), ""),
        percent(figures.without_parent),
    ]
}

#[cfg(test)]
mod tests {
    use incidents::Field as Part;

    use super::*;

    fn incident(marked: Marked) -> State {
        let text = |text: &str| text.to_owned();
        let incident = Shown {
            name: None,
            seed: None,
            blind: true,
            fast: false,
            story: text("Somebody says <b>."),
            shop: "app-b",
            order: text("An order passes."),
            began: text("2030-01-31T20:10:00Z"),
            normal_until: text("2030-01-31T20:11:00Z"),
            ready: text("2030-01-31T20:14:00Z"),
            ready_in: 0,
            tolerance: 30,
            tries: marked.tries,
            marked: Some(marked),
            hints: Vec::new(),
            hints_in_all: 3,
            problem: None,
            solution: None,
        };
        State { status: Status::Open, incident: Some(incident) }
    }

    fn page(state: &State) -> String {
        let entered = Wish { operation: "\"><script>".to_owned(), ..Wish::default() };
        let form = Form {
            entered: &entered,
            problem: None,
            now: "2030-01-31T20:20:00Z",
            services: &["app-a"],
            operations: &["GET /<i>".to_owned()],
            token: &html! {},
        };
        incidents(state, &form).into_string()
    }

    fn marked(rights: [bool; 2]) -> Marked {
        let names = ["service", "cause"].into_iter().zip(rights);
        let part = |(field, right)| Part {
            field,
            answered: "<script>".to_owned(),
            right,
            why: format!("{field} <i>"),
        };
        Marked {
            right: rights == [true, true],
            tries: 2,
            fields: names.map(part).collect(),
            figures: Vec::new(),
            examples: vec!["4b".to_owned()],
        }
    }

    #[test]
    fn a_wrong_answer_is_told_field_by_field_with_what_to_do_next() {
        let page = page(&incident(marked([true, false])));
        for expected in [
            "Answer 2: not right yet",
            "1 of 2 fields are wrong. What is marked right stays right: change the rest",
            "✓ right",
            "✗ wrong",
            "cause &lt;i&gt;",
            "href=\"/trace/4b\"",
            "such as 20:14:00; up to 30 s off counts as right",
            "value=\"GET /&lt;i&gt;\"",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert_eq!(page.matches("<tr class=\"amiss\">").count(), 1, "{page}");
        assert!(!page.contains("<script>") && !page.contains("<i>") && !page.contains("<b>."));
    }

    #[test]
    fn a_right_answer_says_so_and_how_many_it_took() {
        let page = page(&incident(marked([true, true])));
        assert!(
            page.contains("Answer 2: right") && page.contains("You needed 2 answers."),
            "{page}"
        );
        assert!(!page.contains("✗ wrong"), "{page}");
    }

    #[test]
    fn of_what_has_ended_it_is_said_whether_it_can_be_answered() {
        let mut state = incident(marked([true, false]));
        for (status, expected) in [
            (Status::Begun, "under way; there is enough to see in 0 s"),
            (Status::Open, "waiting for your answer"),
            (Status::Over, "over; it can still be answered"),
            (Status::Stopped, "stopped; it can still be answered if there was enough to see"),
            (Status::Failed, "the lab did not do as it must"),
        ] {
            state.status = status;
            let page = page(&state);
            assert!(page.contains(expected), "{page}");
            let can_begin = page.contains("action=\"/incidents/run\"");
            assert_eq!(can_begin, !matches!(status, Status::Begun | Status::Open), "{expected}");
        }
    }
}
