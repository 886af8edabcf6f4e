//! What a server wants sampled.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::trace::{SpanKind, TraceId};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, ShouldSample};

use super::limiter::Limiter;
use crate::sampling_api::{PerOperationSamplingStrategies, SamplingStrategyResponse};

/// Operations that have a lower bound of their own, beside those that the server names: a span's
/// name should not hold what varies, but some do.
const MAX_OPERATIONS: usize = 2_000;

/// The attributes of a trace's first span that tell why it was sampled. Jaeger's adaptive sampling
/// counts only traces that have them.
const TYPE: &str = "sampler.type";
const PARAMETER: &str = "sampler.param";

#[derive(Debug)]
pub(super) enum Strategy {
    /// A part of the traces.
    Probability(f64),
    /// So many traces a second.
    Rate(Arc<Limiter>),
    /// By the name of the first span.
    Operations(Operations),
}

#[derive(Debug)]
pub(super) struct Operations {
    default: f64,
    /// Traces a second.
    lower_bound: f64,
    probabilities: HashMap<String, f64>,
    lower_bounds: Mutex<HashMap<String, Arc<Limiter>>>,
}

impl Strategy {
    /// The attributes of the trace's first span, if it is sampled.
    pub fn sample(&self, trace_id: TraceId, operation: &str) -> Option<[KeyValue; 2]> {
        match self {
            Self::Probability(probability) => probable(*probability, trace_id),
            Self::Rate(limiter) => limited(limiter, "ratelimiting"),
            Self::Operations(operations) => operations.sample(trace_id, operation),
        }
    }

    /// Goes on with what is left of those rates that are the same in the strategy before.
    pub fn follow(&mut self, before: &Self) {
        match (self, before) {
            (Self::Rate(limiter), Self::Rate(before))
                if limiter.per_second() == before.per_second() =>
            {
                *limiter = before.clone();
            }
            (Self::Operations(operations), Self::Operations(before))
                if operations.lower_bound == before.lower_bound =>
            {
                operations.lower_bounds = Mutex::new(before.lower_bounds_of(operations));
            }
            _ => {}
        }
    }
}

impl Operations {
    /// The limiters; if there are many, those alone of operations that these others name.
    fn lower_bounds_of(&self, others: &Self) -> HashMap<String, Arc<Limiter>> {
        let bounds = self.lower_bounds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut bounds = bounds.clone();
        if bounds.len() > MAX_OPERATIONS {
            bounds.retain(|operation, _| others.probabilities.contains_key(operation));
        }
        bounds
    }

    fn sample(&self, trace_id: TraceId, operation: &str) -> Option<[KeyValue; 2]> {
        let probability = self.probabilities.get(operation).copied().unwrap_or(self.default);
        let lower_bound = self.lower_bound_of(operation);
        // Those that are sampled anyway count for the bound.
        let least = lower_bound.and_then(|limiter| limited(&limiter, "lowerbound"));
        probable(probability, trace_id).or(least)
    }

    fn lower_bound_of(&self, operation: &str) -> Option<Arc<Limiter>> {
        let mut bounds = self.lower_bounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = bounds.get(operation) {
            return Some(limiter.clone());
        }
        if bounds.len() >= MAX_OPERATIONS && !self.probabilities.contains_key(operation) {
            return None;
        }
        let limiter = Arc::new(Limiter::new(self.lower_bound));
        bounds.insert(operation.to_owned(), limiter.clone());
        Some(limiter)
    }
}

fn probable(probability: f64, trace_id: TraceId) -> Option<[KeyValue; 2]> {
    let sampler = Sampler::TraceIdRatioBased(probability);
    let result = sampler.should_sample(None, trace_id, "", &SpanKind::Internal, &[], &[]);
    let is_sampled = result.decision == SamplingDecision::RecordAndSample;
    is_sampled.then(|| attributes("probabilistic", probability))
}

fn limited(limiter: &Limiter, kind: &'static str) -> Option<[KeyValue; 2]> {
    limiter.allows(Instant::now()).then(|| attributes(kind, limiter.per_second()))
}

fn attributes(kind: &'static str, parameter: f64) -> [KeyValue; 2] {
    [KeyValue::new(TYPE, kind), KeyValue::new(PARAMETER, parameter)]
}

impl TryFrom<&SamplingStrategyResponse> for Strategy {
    type Error = &'static str;

    fn try_from(response: &SamplingStrategyResponse) -> Result<Self, Self::Error> {
        if let Some(strategies) = &response.operation_sampling {
            Ok(Self::Operations(strategies.into()))
        } else if let Some(rate) = &response.rate_limiting_sampling {
            Ok(Self::Rate(Arc::new(Limiter::new(rate.max_traces_per_second.into()))))
        } else if let Some(probability) = &response.probabilistic_sampling {
            Ok(Self::Probability(ratio(probability.sampling_rate)))
        } else {
            Err("the answer has no strategy")
        }
    }
}

impl From<&PerOperationSamplingStrategies> for Operations {
    fn from(strategies: &PerOperationSamplingStrategies) -> Self {
        let probabilities = strategies.per_operation_strategies.iter().filter_map(|strategy| {
            let probability = strategy.probabilistic_sampling.as_ref()?.sampling_rate;
            Some((strategy.operation.clone(), ratio(probability)))
        });
        Self {
            default: ratio(strategies.default_sampling_probability),
            lower_bound: strategies.default_lower_bound_traces_per_second,
            probabilities: probabilities.collect(),
            lower_bounds: Mutex::default(),
        }
    }
}

/// What a server sends may be anything.
fn ratio(probability: f64) -> f64 {
    if probability.is_nan() { 0.0 } else { probability.clamp(0.0, 1.0) }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Probability(probability) => write!(f, "probability {probability}"),
            Self::Rate(limiter) => write!(f, "{} traces a second", limiter.per_second()),
            Self::Operations(Operations { default, lower_bound, probabilities, .. }) => {
                let mut probabilities: Vec<_> = probabilities.iter().collect();
                probabilities.sort_by_key(|(operation, _)| *operation);
                for (operation, probability) in probabilities {
                    write!(f, "{operation:?} with probability {probability}, ")?;
                }
                write!(f, "else {default}, at least {lower_bound} traces a second of each")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sampling_api::{
        OperationSamplingStrategy, ProbabilisticSamplingStrategy, RateLimitingSamplingStrategy,
    };

    fn probability(sampling_rate: f64) -> Option<ProbabilisticSamplingStrategy> {
        Some(ProbabilisticSamplingStrategy { sampling_rate })
    }

    fn operations(default: f64, lower_bound: f64, others: &[(&str, f64)]) -> Strategy {
        let strategies = others.iter().map(|(operation, rate)| OperationSamplingStrategy {
            operation: (*operation).to_owned(),
            probabilistic_sampling: probability(*rate),
        });
        let response = SamplingStrategyResponse {
            operation_sampling: Some(PerOperationSamplingStrategies {
                default_sampling_probability: default,
                default_lower_bound_traces_per_second: lower_bound,
                per_operation_strategies: strategies.collect(),
                default_upper_bound_traces_per_second: 0.0,
            }),
            // What Jaeger sends beside it, for clients that know no operations.
            probabilistic_sampling: probability(0.5),
            ..SamplingStrategyResponse::default()
        };
        Strategy::try_from(&response).unwrap()
    }

    fn rate(max_traces_per_second: i32) -> Strategy {
        let response = SamplingStrategyResponse {
            rate_limiting_sampling: Some(RateLimitingSamplingStrategy { max_traces_per_second }),
            ..SamplingStrategyResponse::default()
        };
        Strategy::try_from(&response).unwrap()
    }

    /// How many of 10,000 traces are sampled, and the types of those.
    fn sampled(strategy: &Strategy, operation: &str) -> (usize, Vec<String>) {
        let ids = (0..10_000_u128).map(|number| {
            // Ids are random where they count.
            TraceId::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835))
        });
        let sampled: Vec<_> = ids.filter_map(|id| strategy.sample(id, operation)).collect();
        let mut types: Vec<_> = sampled.iter().map(|it| it[0].value.to_string()).collect();
        types.sort();
        types.dedup();
        (sampled.len(), types)
    }

    #[test]
    fn an_operation_is_sampled_by_its_own_probability_or_else_by_the_default() {
        let strategy = operations(0.5, 0.0, &[("GET /all", 1.0), ("GET /none", 0.0)]);
        assert_eq!(sampled(&strategy, "GET /all"), (10_000, vec!["probabilistic".to_owned()]));
        assert_eq!(sampled(&strategy, "GET /none"), (0, vec![]));
        let (count, _) = sampled(&strategy, "GET /other");
        assert!((4_800..5_200).contains(&count), "{count}");
    }

    #[test]
    fn some_of_each_operation_are_sampled_however_improbable_it_is() {
        let strategy = operations(0.0, 0.001, &[("GET /known", 0.0)]);
        for operation in ["GET /known", "GET /other"] {
            assert_eq!(sampled(&strategy, operation), (1, vec!["lowerbound".to_owned()]));
        }
        let strategy = operations(1.0, 1000.0, &[]);
        assert_eq!(sampled(&strategy, "GET /").1, ["probabilistic"]);
    }

    #[test]
    fn names_without_end_take_no_memory_without_end() {
        let strategy = operations(0.0, 1.0, &[("GET /known", 0.0)]);
        for number in 0..MAX_OPERATIONS + 100 {
            strategy.sample(TraceId::from(1), &format!("GET /items/{number}"));
        }
        assert!(strategy.sample(TraceId::from(1), "GET /known").is_some());
        let Strategy::Operations(operations) = &strategy else { panic!("{strategy}") };
        assert_eq!(operations.lower_bounds.lock().unwrap().len(), MAX_OPERATIONS + 1);
    }

    #[test]
    fn a_strategy_that_changes_goes_on_with_what_is_left_of_a_rate_that_stays() {
        // None comes anew within this test, at one trace in some hours.
        let bounded = |other| operations(0.0, 0.0001, &[("GET /", 0.0), ("GET /other", other)]);
        for (strategies, kind, count) in [
            ([bounded(0.1), bounded(0.2), bounded(0.1)], "lowerbound", 1),
            ([rate(3), rate(3), rate(3)], "ratelimiting", 3),
            ([bounded(0.1), rate(3), rate(2)], "ratelimiting", 5),
        ] {
            let mut before: Option<Strategy> = None;
            let mut found = Vec::new();
            for mut strategy in strategies {
                before.iter().for_each(|before| strategy.follow(before));
                let sampled = (0..100).filter_map(|_| strategy.sample(TraceId::from(1), "GET /"));
                let kinds = sampled.map(|attributes| attributes[0].value.to_string());
                found.extend(kinds.filter(|it| it == kind));
                before = Some(strategy);
            }
            assert_eq!(found.len(), count, "{kind}");
        }
    }

    #[test]
    fn strategies_without_end_take_no_memory_without_end() {
        let mut followed = operations(0.0, 1.0, &[]);
        for round in 0..5 {
            let names: Vec<_> =
                (0..MAX_OPERATIONS).map(|it| format!("GET /{round}/{it}")).collect();
            let named: Vec<_> = names.iter().map(|name| (name.as_str(), 0.0)).collect();
            let mut strategy = operations(0.0, 1.0, &named);
            strategy.follow(&followed);
            names.iter().for_each(|name| drop(strategy.sample(TraceId::from(1), name)));
            followed = strategy;
        }
        let Strategy::Operations(operations) = &followed else { panic!("{followed}") };
        assert!(operations.lower_bounds.lock().unwrap().len() <= 2 * MAX_OPERATIONS);
    }

    #[test]
    fn a_rate_and_a_probability_are_for_all_operations() {
        let rate = rate(3);
        assert_eq!(rate.to_string(), "3 traces a second");
        assert_eq!(sampled(&rate, "GET /").1, ["ratelimiting"]);
        for (sent, followed) in [(0.25, 0.25), (7.0, 1.0), (-1.0, 0.0), (f64::NAN, 0.0)] {
            let response = SamplingStrategyResponse {
                probabilistic_sampling: probability(sent),
                ..SamplingStrategyResponse::default()
            };
            let strategy = Strategy::try_from(&response).unwrap();
            assert_eq!(strategy.to_string(), format!("probability {followed}"));
        }
    }

    #[test]
    fn an_answer_without_a_strategy_is_none() {
        assert!(Strategy::try_from(&SamplingStrategyResponse::default()).is_err());
    }
}
