//! What is asked for, and how often.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use reqwest::Method;
use serde::{Serialize, Serializer};

use crate::ports::Port;
use crate::ports::known::APPS;

/// Each path as often as it is asked for in one round. Their number and that of the services have
/// no common divisor, so that request n goes to service n and path n, both round and round, and
/// each service is asked for each path. `/items/{id}` is left to those who count exactly.
#[rustfmt::skip]
const PATHS: [&str; 15] = [
    "/chain", "/io_task", "/random_status",
    "/", "/chain", CPU_TASK,
    "/io_task", "/random_status", "/chain",
    "/random_sleep", "/", "/io_task",
    "/chain", "/random_status", "/error_test",
];
/// A tenth of what a service would do by itself, which is too much for a small machine.
const CPU_TASK: &str = "/cpu_task?limit=100000";

const FORM: &str = "expected [POST ][SERVICE]/PATH[:WEIGHT], with commas between them";
const POST: &str = "POST ";
/// The most that the weights may sum up to.
const MAX_ROUND: usize = 10_000;

/// Paths with their weights; by default those of [`PATHS`], in the same order always, so that it
/// can be counted on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Mix(Option<Vec<Entry>>);

#[derive(Clone, Debug, PartialEq)]
struct Entry {
    target: Target,
    weight: usize,
}

/// What one request asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// GET, or POST without a body.
    pub method: Method,
    /// One service alone, or each in turn.
    service: Option<Port>,
    path: Arc<str>,
}

impl Target {
    fn of_each(path: &str) -> Self {
        Self { method: Method::GET, service: None, path: path.into() }
    }

    pub fn path(&self) -> &str {
        &self.path
    }
}

/// As it is written in a mix.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.method == Method::POST { POST } else { "" };
        write!(f, "{method}{}{}", self.service.map_or("", |service| service.part), self.path)
    }
}

impl FromStr for Mix {
    type Err = String;

    /// An empty text is the default.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let entries = text.split(',').map(|entry| entry.trim().parse());
        let entries = entries.collect::<Result<Vec<Entry>, _>>()?;
        let sum = entries.iter().fold(0, |sum: usize, entry| sum.saturating_add(entry.weight));
        match sum <= MAX_ROUND {
            true => Ok(Self(Some(entries))),
            false => Err(format!("the weights sum up to more than {MAX_ROUND}")),
        }
    }
}

impl FromStr for Entry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (whole, weight) = match text.rsplit_once(':') {
            Some((whole, weight)) if weight.bytes().all(|byte| byte.is_ascii_digit()) => {
                let weight = weight.parse().ok().filter(|weight| *weight > 0);
                (whole, weight.ok_or_else(|| format!("{text}: a weight is a number from 1 on"))?)
            }
            _ => (text, 1),
        };
        let (method, place) = match whole.strip_prefix(POST) {
            Some(place) => (Method::POST, place),
            None => (Method::GET, whole),
        };
        let slash = place.find('/').ok_or(FORM)?;
        let (name, path) = place.split_at(slash);
        if path.contains(|it: char| it.is_whitespace() || it.is_control()) {
            return Err(format!("{text}: a path has no spaces"));
        }
        let known = APPS.iter().find(|service| service.part == name).copied();
        if known.is_none() && !name.is_empty() {
            return Err(format!("{text}: there is no service {name}"));
        }
        Ok(Self { target: Target { method, service: known, path: path.into() }, weight })
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.0.iter().flatten();
        let entries = entries.map(|Entry { target, weight }| format!("{target}:{weight}"));
        f.write_str(&entries.collect::<Vec<_>>().join(","))
    }
}

impl Serialize for Mix {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The requests of a mix, one after the other without end.
pub struct Requests {
    /// Each path as often as its weight says.
    round: Vec<Target>,
    position: usize,
    /// How many had the choice among the services.
    of_each: usize,
    /// What decides about the order within a round; none keeps it.
    random: Option<StdRng>,
}

impl Requests {
    /// Each round of a mix that was given has every path as often as its weight says, in an order
    /// that the seed decides.
    pub fn new(mix: &Mix, seed: u64) -> Self {
        let (round, random) = match &mix.0 {
            None => (PATHS.map(Target::of_each).into(), None),
            Some(entries) => {
                let times = |entry: &Entry| std::iter::repeat_n(entry.target.clone(), entry.weight);
                let round = entries.iter().flat_map(times).collect();
                (round, Some(StdRng::seed_from_u64(seed)))
            }
        };
        Self { round, position: 0, of_each: 0, random }
    }
}

impl Iterator for Requests {
    type Item = (Port, Target);

    fn next(&mut self) -> Option<Self::Item> {
        if self.position == 0
            && let Some(random) = &mut self.random
        {
            self.round.shuffle(random);
        }
        let target = self.round.get(self.position)?.clone();
        self.position = (self.position + 1) % self.round.len();
        let service = target.service.unwrap_or_else(|| {
            self.of_each += 1;
            APPS[(self.of_each - 1) % APPS.len()]
        });
        Some((service, target))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn taken(mix: &str, seed: u64, count: usize) -> Vec<(&'static str, String)> {
        let requests = Requests::new(&mix.parse().unwrap(), seed);
        requests.take(count).map(|(service, target)| (service.part, target.to_string())).collect()
    }

    #[test]
    fn in_sixty_requests_each_service_gets_the_same_of_each_path() {
        let mut counts: HashMap<_, HashMap<_, u32>> = HashMap::new();
        for (service, path) in taken("", 0, 60) {
            *counts.entry(path).or_default().entry(service).or_default() += 1;
        }
        assert_eq!(counts.len(), 7);
        for (path, weight) in [("/chain", 4), ("/io_task", 3), ("/random_status", 3), ("/", 2)] {
            assert_eq!(counts[path].len(), APPS.len(), "{path}");
            assert!(counts[path].values().all(|count| *count == weight), "{path}");
        }
        for path in [CPU_TASK, "/random_sleep", "/error_test"] {
            assert_eq!(counts[path].len(), APPS.len(), "{path}");
        }
    }

    #[test]
    fn each_round_has_every_path_as_often_as_its_weight_says() {
        let mix = "/chain:3, /cpu_task?limit=10,app-b/items/7:2";
        for round in taken(mix, 7, 60).chunks(6) {
            let count = |path: &str| round.iter().filter(|(_, taken)| taken == path).count();
            assert_eq!([count("/chain"), count("/cpu_task?limit=10")], [3, 1]);
            assert_eq!(count("app-b/items/7"), 2);
        }
        for (service, path) in taken(mix, 7, 60) {
            assert!(service == "app-b" || !path.starts_with("app-b"));
        }
    }

    #[test]
    fn a_seed_decides_about_the_order() {
        let mix = "/chain:5,/io_task:5";
        assert_eq!(taken(mix, 1, 40), taken(mix, 1, 40));
        assert_ne!(taken(mix, 1, 40), taken(mix, 2, 40));
    }

    #[test]
    fn a_mix_is_written_as_it_is_read() {
        for (text, written) in [
            ("/a, app-c/b:2,POST app-d/at?t=10:30x", "/a:1,app-c/b:2,POST app-d/at?t=10:30x:1"),
            ("", ""),
        ] {
            let mix: Mix = text.parse().unwrap();
            assert_eq!(mix.to_string(), written);
            assert_eq!(written.parse(), Ok(mix));
        }
    }

    #[test]
    fn what_cannot_be_asked_for_is_refused_by_name() {
        for (text, problem) in [
            ("chain", FORM),
            ("/chain,", FORM),
            ("/chain:0", "/chain:0: a weight is a number from 1 on"),
            ("/chain:", "/chain:: a weight is a number from 1 on"),
            ("app-x/chain", "app-x/chain: there is no service app-x"),
            ("/a b", "/a b: a path has no spaces"),
            ("PUT /a", "PUT /a: there is no service PUT "),
            ("/a:9999,/b:2", "the weights sum up to more than 10000"),
        ] {
            assert_eq!(text.parse::<Mix>(), Err(problem.to_owned()), "{text}");
        }
    }
}
