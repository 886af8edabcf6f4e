//! In words: why a field of an answer is right or wrong.

use std::time::{Duration, SystemTime};

use super::figures::twentieths;
use super::{Case, Compared, Field, Figures, Named, Truth};
use crate::answer::{Affected, Cause};

/// A change of a share, or of a factor, that is worth a word.
const SHARE: f64 = 0.05;
const FACTOR: f64 = 1.3;

/// Of the answer that nothing is wrong.
pub(super) fn nothing(right: bool) -> Field {
    let why = match right {
        true => "no figure of an order changed in this time: what fails now and then did so before",
        false => {
            "something did change: a figure of one operation is another one than at the start, for \
             everyone or for one tier"
        }
    };
    let answered = Cause::Nothing.to_string();
    Field { field: "cause", answered, right, why: why.to_owned() }
}

/// What telemetry has of the operation that was named.
pub(super) struct Seen<'a> {
    /// For everyone, and for each tier.
    pub compared: &'a [Compared],
    /// The same where tiers are told.
    pub tiers: &'a [Compared],
    /// Close to the time that was named.
    pub near: &'a Compared,
}

/// Of any other answer.
pub(super) fn fields(
    named: &Named<'_>,
    since: SystemTime,
    truth: Option<&Truth>,
    case: &Case,
    seen: &Seen<'_>,
) -> Vec<Field> {
    let Seen { compared, tiers, near } = *seen;
    let is = |is: fn(&Truth, &Named<'_>) -> bool| truth.is_some_and(|truth| is(truth, named));
    let is_service = is(|truth, named| truth.service == named.service);
    let is_operation = is_service && is(|truth, named| truth.operation == named.operation);
    let is_cause = is(|truth, named| truth.cause == named.cause);
    let is_affected = is(|truth, named| truth.affected == named.affected);
    let whole = compared.iter().find(|it| it.is_of(Affected::Everyone)).unwrap_or(near);
    let told = whole.told(named.cause);
    let effect = effect(whole);

    let field = |field, answered: &str, right, why: String| Field {
        field,
        answered: answered.to_owned(),
        right,
        why,
    };
    vec![
        field(
            "service",
            named.service,
            is_service,
            match (is_service, is_operation) {
                (true, true) => format!("this is where it goes wrong; {told}"),
                (true, false) => "this is where it goes wrong, in another operation".to_owned(),
                (false, _) => effect.clone(),
            },
        ),
        field(
            "operation",
            named.operation,
            is_operation,
            match (is_operation, is_service) {
                (true, _) => format!("this is what goes wrong; {told}"),
                (false, true) => effect,
                (false, false) => "of another service".to_owned(),
            },
        ),
        field(
            "cause",
            named.cause.name(),
            is_cause,
            match is_cause {
                true if is_operation => told,
                true => "it is, of another operation".to_owned(),
                false if whole.shows(named.cause) => format!(
                    "{told}. That did change, but it is what something else leads to: which figure of \
                 the spans below, or of those who ask, changed at the same time?"
                ),
                false => format!("{told}. That is no change"),
            },
        ),
        when(named, since, case, near),
        field(
            "affected",
            named.affected.name(),
            is_affected,
            match is_operation {
                true => whose(named.cause, tiers),
                false => format!("of the operation that was named, {}", whose(named.cause, tiers)),
            },
        ),
    ]
}

/// What becomes of an operation that is not to blame.
fn effect(compared: &Compared) -> String {
    let Compared { service, operation, before, since, .. } = compared;
    if before.requests + since.requests == 0 {
        return format!("no request for {operation} at {service} is among the spans of this time");
    }
    let below = since.errors - since.own_errors;
    let explained = (below / since.errors.max(0.001)).clamp(0.0, 1.0);
    let [told_before, told] = [before, since].map(Figures::coarse);
    if since.errors - before.errors >= SHARE && explained >= 0.5 {
        return format!(
            "it fails for {:.0} % of its requests, before for {:.0} %, but {:.0} % of its errors have \
             an error below: it fails since what it asks does",
            100.0 * told.errors,
            100.0 * told_before.errors,
            100.0 * twentieths(explained)
        );
    }
    let ms = |it: Option<f64>| format!("{:.1} ms", it.unwrap_or_default());
    type Whole = fn(&Figures) -> [Option<f64>; 2];
    let whole_and_own: [(&str, Whole); 2] = [
        ("half", |it| [it.p50_ms, it.own_ms]),
        // Of what strikes some alone the half knows nothing.
        ("95 %", |it| [it.p95_ms, it.own_p95_ms]),
    ];
    for (share, of) in whole_and_own {
        let ([whole_before, own_before], [whole, own]) = (of(before), of(since));
        let others = |whole: Option<f64>, own: Option<f64>| Some(whole? - own?);
        let is_of_others = grew(others(whole_before, own_before), others(whole, own));
        if grew(whole_before, whole) && is_of_others && !grew(own_before, own) {
            let ([whole_before, own_before], [whole, own]) = (of(&told_before), of(&told));
            return format!(
                "{share} of its requests take up to {}, before {}, but its own time is up to {}, \
                 before {}: it takes longer since what it asks does",
                ms(whole),
                ms(whole_before),
                ms(own),
                ms(own_before)
            );
        }
    }
    if grew(before.per_second, since.per_second) {
        return format!(
            "it is asked {:.1} times a second, before {:.1} times, and answers as ever: {}. What has \
             its callers ask more often?",
            told.per_second.unwrap_or_default(),
            told_before.per_second.unwrap_or_default(),
            compared.told(Cause::Errors)
        );
    }
    if since.lost_calls - before.lost_calls >= SHARE {
        return "it asks as ever, but somebody whom it asks goes on in another trace".to_owned();
    }
    if since.tries - before.tries >= 0.2 {
        return format!(
            "{}: something that it asks makes it do so",
            compared.told(Cause::RetryStorm)
        );
    }
    let [errors, slow, statements] = [Cause::Nothing, Cause::Slow, Cause::NPlusOne];
    let told = [errors, slow, statements].map(|cause| compared.told(cause)).join("; ");
    format!("nothing that is worth a word changed here: {told}")
}

fn grew(before: Option<f64>, since: Option<f64>) -> bool {
    match (before, since) {
        (Some(before), Some(since)) => since >= FACTOR * before,
        _ => false,
    }
}

fn when(named: &Named<'_>, since: SystemTime, case: &Case, near: &Compared) -> Field {
    let Case { onset, tolerance, .. } = *case;
    let off = onset.duration_since(since).unwrap_or_else(|later| later.duration());
    let right = case.truth.is_some() && off <= tolerance;
    let within = tolerance.as_secs();
    let told = near.told(named.cause);
    let why = match right {
        true => format!("it began {} away, of up to {within} s that count as right", round(off)),
        false => format!(
            "nothing began within {within} s of that time, up to which it would count as right: in the \
             {within} s before and since, {told}"
        ),
    };
    let answered = humantime::format_rfc3339_seconds(since).to_string();
    Field { field: "since", answered, right, why }
}

fn round(time: Duration) -> String {
    format!("{} s", time.as_secs_f64().round())
}

/// The figure of the cause for each tier.
fn whose(cause: Cause, compared: &[Compared]) -> String {
    let tiers = compared.iter().filter(|it| !it.is_of(Affected::Everyone));
    let told = tiers.map(|it| format!("{}: {}", it.customers, it.told(cause)));
    told.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::super::Figures;
    use super::*;

    fn compared(customers: Affected, before: Figures, since: Figures) -> Compared {
        Compared {
            service: "app-a".to_owned(),
            operation: "POST /orders".to_owned(),
            customers,
            before,
            since,
            telling: Vec::new(),
        }
    }

    fn figures(change: impl FnOnce(&mut Figures)) -> Figures {
        let mut figures = Figures {
            requests: 100,
            per_second: Some(10.0),
            p50_ms: Some(20.0),
            p95_ms: Some(40.0),
            own_ms: Some(5.0),
            own_p95_ms: Some(9.0),
            tries: 1.0,
            ..Figures::default()
        };
        change(&mut figures);
        figures
    }

    fn effect_of(change: impl FnOnce(&mut Figures)) -> String {
        effect(&compared(Affected::Everyone, figures(|_| {}), figures(change)))
    }

    #[test]
    fn an_operation_that_is_not_to_blame_is_told_what_becomes_of_it() {
        for (told, expected) in [
            (
                effect_of(|it| (it.errors, it.own_errors) = (0.4, 0.0)),
                "it fails for 40 % of its requests, before for 0 %, but 100 % of its errors have an \
                 error below: it fails since what it asks does",
            ),
            (
                effect_of(|it| it.p50_ms = Some(220.0)),
                "half of its requests take up to 220.0 ms, before 20.0 ms, but its own time is up \
                 to 5.0 ms, before 5.0 ms: it takes longer since what it asks does",
            ),
            (
                effect_of(|it| it.p95_ms = Some(220.0)),
                "95 % of its requests take up to 220.0 ms, before 40.0 ms, but its own time",
            ),
            (
                effect_of(|it| it.per_second = Some(30.0)),
                "it is asked 30.0 times a second, before 10.0 times, and answers as ever",
            ),
            (effect_of(|it| it.lost_calls = 0.7), "it asks as ever, but somebody whom it asks"),
            (effect_of(|it| it.tries = 2.0), "tries a request: 1.0 before, 2.0 since"),
            (effect_of(|_| {}), "nothing that is worth a word changed here: failed: 0 % before"),
            (
                effect(&compared(Affected::Everyone, Figures::default(), Figures::default())),
                "no request for POST /orders at app-a is among the spans",
            ),
        ] {
            assert!(told.starts_with(expected), "{told}");
        }
    }

    fn marked(cause: Cause, affected: Affected, seconds: u64, truth: Option<&Truth>) -> Vec<Field> {
        let failing = || figures(|it| (it.errors, it.own_errors) = (0.5, 0.5));
        let all = [
            compared(Affected::Everyone, figures(|_| {}), failing()),
            compared(Affected::Bronze, figures(|_| {}), figures(|_| {})),
            compared(Affected::Gold, figures(|_| {}), failing()),
        ];
        let case = Case {
            truth: truth.cloned(),
            shop: "app-a",
            settled: UNIX_EPOCH,
            onset: UNIX_EPOCH + Duration::from_secs(100),
            end: UNIX_EPOCH + Duration::from_secs(200),
            tolerance: Duration::from_secs(30),
        };
        let named = Named { service: "app-a", operation: "POST /orders", cause, affected };
        let seen = Seen { compared: &all, tiers: &all, near: &all[0] };
        fields(&named, UNIX_EPOCH + Duration::from_secs(seconds), truth, &case, &seen)
    }

    fn truth() -> Truth {
        Truth {
            service: "app-a",
            operation: "POST /orders",
            cause: Cause::Errors,
            affected: Affected::Gold,
        }
    }

    fn verdicts(fields: &[Field]) -> Vec<bool> {
        fields.iter().map(|field| field.right).collect()
    }

    #[test]
    fn each_field_is_marked_for_itself() {
        let right = marked(Cause::Errors, Affected::Gold, 130, Some(&truth()));
        assert_eq!(verdicts(&right), [true; 5]);
        assert!(right[0].why.contains("failed by themselves: 0 % before, 50 % since"));
        let late = marked(Cause::Errors, Affected::Gold, 131, Some(&truth()));
        assert_eq!(verdicts(&late), [true, true, true, false, true]);
        assert!(late[3].why.starts_with("nothing began within 30 s of"), "{}", late[3].why);
        let everyone = marked(Cause::Slow, Affected::Everyone, 100, Some(&truth()));
        assert_eq!(verdicts(&everyone), [true, true, false, true, false]);
        assert!(everyone[2].why.ends_with("That is no change"), "{}", everyone[2].why);
        let by_tier = "bronze: median time of its own: 5.0 ms before, 5.0 ms since; gold: ";
        assert!(everyone[4].why.starts_with(by_tier), "{}", everyone[4].why);
    }

    #[test]
    fn of_a_false_alarm_no_field_is_right_and_each_is_refused_as_of_any_other_incident() {
        let other = Truth { service: "app-b", operation: "POST /payments", ..truth() };
        let whys = |fields: &[Field]| fields.iter().map(|it| it.why.clone()).collect::<Vec<_>>();
        for cause in Cause::ALL.into_iter().filter(|it| *it != other.cause) {
            let refused = marked(cause, Affected::Silver, 10, Some(&other));
            let nothing = marked(cause, Affected::Silver, 10, None);
            assert_eq!((verdicts(&refused), verdicts(&nothing)), (vec![false; 5], vec![false; 5]));
            assert_eq!(whys(&refused), whys(&nothing), "{cause}");
        }
        assert_eq!(verdicts(&marked(Cause::Errors, Affected::Gold, 100, None)), [false; 5]);
    }

    #[test]
    fn no_reason_tells_what_would_be_right() {
        let other = Truth {
            service: "app-d",
            operation: "GET /prices/{sku}",
            cause: Cause::Cache,
            affected: Affected::Silver,
        };
        let fields = marked(Cause::Errors, Affected::Gold, 10, Some(&other));
        assert_eq!(verdicts(&fields), [false; 5]);
        for Field { why, .. } in fields {
            for told in ["app-d", "prices", "cache", "silver", "1970-01-01T00:01:40"] {
                assert!(!why.contains(told), "{told} in {why}");
            }
        }
    }
}
