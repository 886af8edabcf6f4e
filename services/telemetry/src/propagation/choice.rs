//! Which propagators there are to be: `OTEL_PROPAGATORS`.

use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};

use super::baggage::W3cBaggage;
use super::jaeger::Jaeger;
use super::w3c::TraceContext;
use crate::InitError;
use crate::environment::{Lookup, unexpected};

const VARIABLE: &str = "OTEL_PROPAGATORS";
const EXPECTED: &str = "a list of tracecontext, baggage and jaeger, or none";

/// The propagators, in order: of two that find a parent the later one is followed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Propagators(Vec<Propagator>);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Propagator {
    TraceContext,
    Baggage,
    Jaeger,
}

impl Default for Propagators {
    fn default() -> Self {
        Self(vec![Propagator::TraceContext, Propagator::Baggage])
    }
}

impl Propagators {
    pub fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let Some(value) = lookup(VARIABLE) else { return Ok(Self::default()) };
        if value.trim() == "none" {
            return Ok(Self(Vec::new()));
        }
        let mut propagators = Vec::new();
        for name in value.split(',') {
            let propagator = match name.trim() {
                "tracecontext" => Propagator::TraceContext,
                "baggage" => Propagator::Baggage,
                "jaeger" => Propagator::Jaeger,
                _ => return Err(unexpected(VARIABLE, &value, EXPECTED)),
            };
            // One that is named twice is one, says the specification.
            if !propagators.contains(&propagator) {
                propagators.push(propagator);
            }
        }
        Ok(Self(propagators))
    }

    /// Whether a request may be the one that somebody debugs.
    pub fn include_jaeger(&self) -> bool {
        self.0.contains(&Propagator::Jaeger)
    }

    pub fn build(&self) -> TextMapCompositePropagator {
        TextMapCompositePropagator::new(self.0.iter().map(Propagator::build).collect())
    }
}

impl Propagator {
    fn build(&self) -> Box<dyn TextMapPropagator + Send + Sync> {
        match self {
            Self::TraceContext => Box::new(TraceContext::default()),
            Self::Baggage => Box::new(W3cBaggage),
            Self::Jaeger => Box::new(Jaeger),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Result<Propagators, String> {
        let lookup = |name: &str| (name == VARIABLE).then(|| value.to_owned());
        Propagators::from_environment(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn they_are_in_the_order_of_their_names() {
        use Propagator::{Baggage, Jaeger, TraceContext};
        assert_eq!(Propagators::from_environment(&|_| None).unwrap(), Propagators::default());
        for (value, expected) in [
            ("tracecontext,baggage", vec![TraceContext, Baggage]),
            (" jaeger , tracecontext", vec![Jaeger, TraceContext]),
            ("jaeger,baggage,jaeger", vec![Jaeger, Baggage]),
            ("none", vec![]),
        ] {
            assert_eq!(read(value), Ok(Propagators(expected)));
        }
    }

    #[test]
    fn one_that_is_not_known_is_an_error_that_names_all() {
        for value in ["b3", "tracecontext,b3multi", "tracecontext,", "none,jaeger", "Jaeger"] {
            let error = read(value).unwrap_err();
            assert!(
                error.contains(VARIABLE) && error.contains(value) && error.contains("jaeger"),
                "{error}"
            );
        }
    }
}
