//! The customer's tier, which travels with the order as baggage.

use std::str::FromStr;

use opentelemetry::baggage::{BaggageExt, KeyValueMetadata};
use opentelemetry::{Context, KeyValue};
use serde::{Deserialize, Serialize};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// The baggage entry, and the attribute that each service makes of it.
const TIER: &str = "app.customer.tier";

/// What a customer is worth.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tier {
    Bronze,
    Silver,
    Gold,
}

impl Tier {
    /// Of ten customers one is gold and three are silver.
    pub fn of(customer: u32) -> Self {
        match customer % 10 {
            0 => Self::Gold,
            3 | 6 | 9 => Self::Silver,
            _ => Self::Bronze,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::Bronze => "bronze",
            Self::Silver => "silver",
            Self::Gold => "gold",
        }
    }

    /// How much less an order costs.
    pub fn discount_percent(self) -> i64 {
        match self {
            Self::Bronze => 0,
            Self::Silver => 5,
            Self::Gold => 10,
        }
    }

    /// The tier that came with a request. What is no tier is none: an attribute is not for whatever
    /// a client sends.
    pub fn in_baggage(context: &Context) -> Option<Self> {
        context.baggage().get(TIER)?.as_str().parse().ok()
    }

    /// The context with the tier in its baggage.
    pub fn put(self, context: &Context) -> Context {
        let there = context.baggage().iter().map(|(name, (value, properties))| {
            KeyValueMetadata::new(name.clone(), value.clone(), properties.clone())
        });
        let tier: KeyValueMetadata = KeyValue::new(TIER, self.name()).into();
        context.with_baggage(there.chain([tier]))
    }

    pub fn record(self, span: &Span) {
        span.set_attribute(TIER, self.name());
    }
}

impl FromStr for Tier {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Bronze, Self::Silver, Self::Gold]
            .into_iter()
            .find(|tier| tier.name() == name)
            .ok_or(())
    }
}
