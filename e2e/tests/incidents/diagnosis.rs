//! What a person does who is told that something may be wrong, as a program: it reads the spans of
//! the time, and knows nothing of what can happen but the words of an answer.
//!
//! Each operation has signs, such as how many statements it repeats. A sign that rises at some time
//! and stays there is a suspect. One that is explained by a suspect below it is an effect.

mod change;
mod signs;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use traces::{Span, Storage, Trace, Window};

use change::Change;
use signs::{Key, Seen, Series, Sign};

/// What may not be whole: the last of what is on its way, and the first, when all is cold.
const ON_ITS_WAY: Duration = Duration::from_secs(5);
const COLD: Duration = Duration::from_secs(3);
/// More than any incident has.
const MOST: usize = 400_000;
/// Effects come with their cause.
const TOGETHER: f64 = 6.0;

/// What is wrong.
#[derive(Clone, Debug)]
pub struct Diagnosis {
    pub service: String,
    pub operation: String,
    pub cause: &'static str,
    pub since: SystemTime,
    pub affected: String,
    /// Why, for whoever reads a test that fails.
    pub why: String,
}

struct Suspect {
    key: Key,
    change: Change,
}

/// Looks into everything since an incident began; `None` where nothing is wrong.
pub async fn diagnose(
    storage: &Storage,
    began: SystemTime,
) -> Result<Option<Diagnosis>, traces::Error> {
    let window = Window { start: began + COLD, end: SystemTime::now() - ON_ITS_WAY };
    let spans = storage.spans(window, None, MOST).await?;
    let traces = together(spans);
    let seen = Seen::of(&traces, began, window.end);
    let mut suspects: Vec<Suspect> = seen.series.iter().filter_map(suspect).collect();
    suspects.retain(|suspect| !is_the_machine(suspect, &seen));
    let of_all = suspects.iter().map(|it| format!("{:?} {:?}", it.key, it.change));
    let why = of_all.collect::<Vec<_>>().join("\n");
    let causes =
        suspects.iter().filter(|it| !suspects.iter().any(|other| explains(other, it, &seen)));
    let strongest = causes.max_by(|one, other| one.change.z.total_cmp(&other.change.z));
    Ok(strongest.map(|Suspect { key, change }| Diagnosis {
        service: key.service.clone(),
        operation: key.operation.clone(),
        cause: key.sign.cause(),
        since: began + Duration::from_secs_f64(change.at),
        affected: affected(key, change, &seen),
        why,
    }))
}

fn together(spans: Vec<Span>) -> Vec<Trace> {
    let mut by_trace = std::collections::HashMap::<String, Vec<Span>>::new();
    for span in spans {
        by_trace.entry(span.trace_id.clone()).or_default().push(span);
    }
    by_trace.into_values().map(Trace::of).collect()
}

/// The sign of everyone's requests or, if it is lost among these, of one tier's.
fn suspect((key, series): (&Key, &Series)) -> Option<Suspect> {
    // What there never was before is no chance when it is there.
    let [of_all, of_tier] = if key.sign.is_normal() { [6.0, 4.5] } else { [3.5, 3.5] };
    let all = Change::find(&series.values(None), of_all, key.sign);
    let of_tiers = ["bronze", "silver", "gold"].into_iter();
    let find = |it| Change::find(&series.values(Some(it)), of_tier, key.sign);
    let of_tiers = of_tiers.filter_map(find);
    let change = all.into_iter().chain(of_tiers).max_by(|one, other| one.z.total_cmp(&other.z))?;
    Some(Suspect { key: key.clone(), change })
}

/// Whether everything takes longer at that time, whoever does it.
fn is_the_machine(suspect: &Suspect, seen: &Seen) -> bool {
    if !matches!(suspect.key.sign, Sign::OwnTime | Sign::StatementTime) {
        return false;
    }
    let others = seen
        .series
        .iter()
        .filter(|(key, _)| key.sign == suspect.key.sign && key.service != suspect.key.service);
    let mut factors: Vec<f64> =
        others.filter_map(|(_, it)| change::factor(&it.values(None), suspect.change.at)).collect();
    factors.sort_by(f64::total_cmp);
    let usual = factors.get(factors.len() / 2).copied().unwrap_or(1.0);
    suspect.change.factor() < 2.0 * usual
}

/// Whether `effect` is what `cause` leads to.
fn explains(cause: &Suspect, effect: &Suspect, seen: &Seen) -> bool {
    if cause.key == effect.key || (cause.change.at - effect.change.at).abs() > TOGETHER {
        return false;
    }
    let is_same_place =
        (&cause.key.service, &cause.key.operation) == (&effect.key.service, &effect.key.operation);
    match (cause.key.sign, effect.key.sign) {
        // Who waits for a database's connection waits in no statement.
        (Sign::StatementTime, Sign::OwnTime) => cause.key.service == effect.key.service,
        (Sign::Repeated | Sign::Missed, Sign::OwnTime) if is_same_place => true,
        // Between tries there are pauses, and after the last one there is no more to do.
        (Sign::Resent, Sign::OwnTime) if is_same_place => true,
        (Sign::OwnErrors, Sign::OwnTime) if is_same_place => true,
        _ => !is_same_place && seen.asks(&effect.key, &cause.key),
    }
}

/// Those tiers for which the sign rises about as much as for the one for which it does most.
fn affected(key: &Key, change: &Change, seen: &Seen) -> String {
    // What has lost its context has lost the tier: who asked still knows it.
    let series = match key.sign {
        Sign::Rootless => &seen.lost_calls,
        _ => &seen.series[key],
    };
    let rises = ["bronze", "silver", "gold"].map(|tier| {
        let rise = change::rise(&series.values(Some(tier)), change.at, key.sign);
        (tier, rise.unwrap_or_default())
    });
    let most = rises.iter().map(|(_, rise)| *rise).fold(0.0, f64::max);
    let risen: BTreeSet<_> =
        rises.iter().filter(|(_, rise)| *rise >= most / 2.0).map(|(tier, _)| *tier).collect();
    match risen.iter().next() {
        Some(tier) if risen.len() == 1 => (*tier).to_owned(),
        _ => "everyone".to_owned(),
    }
}
