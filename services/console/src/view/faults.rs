//! The faults that are on, and the form that begins another.

use incidents::control::{Fault, Kind, Latency, Spec};
use maud::{Markup, html};
use serde::Deserialize;

use super::figure::percent;
use super::form::{self, Field};
use super::text::{long, short};
use crate::guard::Token;

/// What each kind does, as docs/faults.md has it.
fn what(kind: Kind) -> &'static str {
    match kind {
        Kind::Error => "an operation fails before it does anything",
        Kind::Latency => "an operation waits before it does anything",
        Kind::SlowDatabase => "each statement takes longer",
        Kind::CacheOff => "no price is found in the cache",
        Kind::NPlusOne => "stock is read by a statement for each item",
        Kind::RetryStorm => "a payment that fails is tried up to 10 times at once",
        Kind::LostContext => "a request is answered as if it came without context",
        Kind::BadRelease => "an operation fails in one version",
    }
}

/// The form's fields, as they were entered.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Entered {
    pub service: String,
    pub kind: String,
    pub operation: String,
    pub version: String,
    pub tier: String,
    pub ratio: String,
    pub seed: String,
    pub minutes: String,
    pub distribution: String,
    pub ms: String,
    pub max_ms: String,
}

impl Default for Entered {
    fn default() -> Self {
        let [ratio, seed] = ["1", "0"].map(str::to_owned);
        Self {
            ratio,
            seed,
            service: String::new(),
            kind: String::new(),
            operation: String::new(),
            version: String::new(),
            tier: String::new(),
            minutes: String::new(),
            distribution: String::new(),
            ms: String::new(),
            max_ms: String::new(),
        }
    }
}

/// What a service told of its faults.
pub(crate) struct OfService<'a> {
    pub service: &'a str,
    pub faults: Result<Vec<Fault>, String>,
}

/// Those of each service, with a button for each and one for all. Of hidden ones only that there are
/// some is told: where is to be found out while there is an incident.
pub(crate) fn active(services: &[OfService<'_>], is_incident: bool, token: &Token) -> Markup {
    let mut all = services.iter().filter_map(|of| of.faults.as_ref().ok()).flatten();
    let hidden = all.any(|fault| fault.hidden);
    html! {
        @if hidden {
            p {
                "There are hidden ones, too: "
                @if is_incident { "an incident is under way, and is to be found out." }
                @else { "no incident of this console's is under way, and none begins until all are ended." }
            }
        }
        @for OfService { service, faults } in services {
            h3 { (short(service)) }
            @match faults {
                Err(reason) => p.missing { (long(reason)) },
                Ok(faults) => (of_service(service, faults, token)),
            }
        }
        form method="post" action="/faults/end" {
            (form::token(token))
            button type="submit" { "End all faults of all services" }
        }
    }
}

fn of_service(service: &str, faults: &[Fault], token: &Token) -> Markup {
    let told: Vec<_> =
        faults.iter().filter_map(|fault| Some((fault.id, fault.spec.as_ref()?))).collect();
    html! {
        @if told.is_empty() { p { @if faults.is_empty() { "No fault." } @else { "No fault that is told of." } } }
        ul.faults {
            @for (id, spec) in &told {
                li {
                    p { (sentence(spec)) }
                    form method="post" action="/faults/end" {
                        (form::token(token))
                        input type="hidden" name="service" value=(service);
                        input type="hidden" name="id" value=(id);
                        button type="submit" { "End fault " (id) " of " (short(service)) }
                    }
                }
            }
        }
    }
}

/// What the fault does, where, for whom, how often and until when.
fn sentence(spec: &Spec) -> Markup {
    html! {
        strong { (spec.kind) } ": " (what(spec.kind))
        @if let Some(latency) = &spec.latency { ", " (longer(latency)) }
        @if let Some(operation) = &spec.operation { ", in " (short(operation)) }
        @if let Some(version) = &spec.version { ", of version " (short(version)) }
        @if let Some(tier) = &spec.tier { ", for " (short(tier)) " customers" }
        @if spec.ratio < 1.0 { ", " (percent(spec.ratio)) " of them by seed " (spec.seed) }
        @if let Some(until) = &spec.until { ", until " (short(until)) }
    }
}

fn longer(latency: &Latency) -> String {
    match latency {
        Latency::Constant { ms } => format!("{ms} ms longer"),
        Latency::Uniform { min_ms, max_ms } => format!("{min_ms} to {max_ms} ms longer"),
        Latency::Exponential { mean_ms } => format!("{mean_ms} ms longer on average"),
    }
}

/// The form, with what was entered before and, of it, what was wrong.
pub(crate) fn form(
    services: &[&str],
    operations: &[String],
    entered: &Entered,
    problem: Option<&str>,
    token: &Token,
) -> Markup {
    let kinds = Kind::ALL.map(|kind| (kind.name(), format!("{kind}: {}", what(kind))));
    let kinds = kinds.iter().map(|(name, text)| (*name, text.as_str()));
    let services = services.iter().map(|service| (*service, *service));
    let tiers = [("", "everyone"), ("bronze", "bronze"), ("silver", "silver"), ("gold", "gold")];
    let distributions = [
        ("", "none"),
        ("constant", "constant"),
        ("uniform", "uniform"),
        ("exponential", "exponential"),
    ];
    let field = |name, label, hint, value| Field { name, label, hint, value };
    html! {
        form.fault method="post" action="/faults" {
            (form::token(token))
            @if let Some(problem) = problem { p.problem role="alert" { (long(problem)) } }
            (field("service", "Service", "", &entered.service).choice(services))
            (field("kind", "Kind", "", &entered.kind).choice(kinds))
            (field("operation", "Operation", "the name of a SERVER span; empty for all", &entered.operation).proposed(operations))
            (field("version", "Version", "of the service; bad_release needs it", &entered.version).line())
            (field("tier", "Customers", "", &entered.tier).choice(tiers))
            (field("ratio", "Ratio", "which part of what could be struck is: above 0, up to 1", &entered.ratio).line())
            (field("seed", "Seed", "which of these", &entered.seed).line())
            (field("minutes", "Minutes", "after which it ends; empty: when it is ended", &entered.minutes).line())
            fieldset {
                legend { "How much longer it takes: latency and slow_database need it" }
                (field("distribution", "Distribution", "", &entered.distribution).choice(distributions))
                (field("ms", "Milliseconds", "always, at least, or on average", &entered.ms).line())
                (field("max_ms", "At most", "milliseconds, if uniform", &entered.max_ms).line())
            }
            button.primary type="submit" { "Begin the fault" }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(id: u64, spec: Option<Spec>) -> Fault {
        Fault { id, hidden: spec.is_none(), spec }
    }

    fn page(faults: Result<Vec<Fault>, String>) -> String {
        active(&[OfService { service: "app-c", faults }], true, &Token::new()).into_string()
    }

    #[test]
    fn a_fault_is_told_with_its_scope_and_can_be_ended() {
        let spec = Spec {
            operation: Some("POST /<b>".to_owned()),
            tier: Some("gold".to_owned()),
            ratio: 0.25,
            seed: 7,
            latency: Some(Latency::Uniform { min_ms: 100, max_ms: 300 }),
            ..Spec::new(Kind::Latency)
        };
        let page = page(Ok(vec![fault(3, Some(spec))]));
        for expected in [
            "100 to 300 ms longer",
            "POST /&lt;b&gt;",
            "25 % of them by seed 7",
            "name=\"id\" value=\"3\"",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert!(!page.contains("<b>"), "{page}");
    }

    #[test]
    fn of_a_hidden_fault_nobody_is_told_where_it_is() {
        let page = page(Ok(vec![fault(3, None)]));
        assert!(page.contains("There are hidden ones"), "{page}");
        assert!(
            page.contains("No fault that is told of.") && !page.contains("value=\"3\""),
            "{page}"
        );
    }

    #[test]
    fn a_service_that_does_not_answer_says_so_in_its_place() {
        let page = page(Err("listing the faults of app-c: <refused>".to_owned()));
        assert!(page.contains("of app-c: &lt;refused&gt;"), "{page}");
    }

    #[test]
    fn what_was_refused_is_still_in_the_form_with_the_reason() {
        let entered = Entered {
            kind: "slow_database".to_owned(),
            ratio: "\"><script>".to_owned(),
            ..Entered::default()
        };
        let page =
            form(&["app-a"], &[], &entered, Some("ratio: <no>"), &Token::new()).into_string();
        for expected in [
            "value=\"&quot;&gt;&lt;script&gt;\"",
            "<option value=\"slow_database\" selected>",
            "ratio: &lt;no&gt;",
        ] {
            assert!(page.contains(expected), "{expected} in {page}");
        }
        assert!(!page.contains("<script>"), "{page}");
    }
}
