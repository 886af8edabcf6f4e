//! What a fault is to do and where, as JSON tells it.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::latency::Latency;
use super::{MAX_FAULTS, Scope};
use crate::chance::chance;
use crate::grpc::QUOTE;
use crate::routes::{OPERATIONS, PLACE};
use crate::tier::Tier;

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// An operation fails before it does anything.
    Error,
    /// An operation waits before it does anything.
    Latency,
    /// A statement of the database takes longer, and has the others wait: it has one connection.
    SlowDatabase,
    /// A price is not in the cache.
    CacheOff,
    /// What is in stock is read item by item.
    NPlusOne,
    /// A payment that failed is tried again more often, and at once.
    RetryStorm,
    /// A request is answered as if it came without trace and baggage.
    LostContext,
    /// An operation fails in one version of a service.
    BadRelease,
}

impl Kind {
    /// Those of [`OPERATIONS`] that it can strike.
    fn operations(self) -> &'static [&'static str] {
        match self {
            Self::Error | Self::Latency | Self::LostContext | Self::BadRelease => &OPERATIONS,
            Self::SlowDatabase => &[
                "GET /prices/{sku}",
                "POST /reservations",
                "DELETE /reservations/{order}",
                "POST /shipments",
                "POST /payments",
            ],
            Self::CacheOff => &[QUOTE],
            Self::NPlusOne => &["POST /reservations"],
            Self::RetryStorm => &[PLACE],
        }
    }
}

/// A fault and its scope: what is left out is everywhere, always, and for everyone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Spec {
    pub kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// `service.version` of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// One of [`Kind::operations`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// Of what is in the scope, this part is struck: above 0, and at most 1.
    pub ratio: f64,
    /// Tells which part.
    pub seed: u64,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "rfc3339")]
    pub until: Option<SystemTime>,
    /// Of the kinds that take longer, and only of these.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Whether it is to be found out: nobody is told what it is, nor when it begins and ends.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

fn rfc3339<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    let time = time.map(|time| humantime::format_rfc3339(time).to_string());
    time.serialize(serializer)
}

/// A field, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Invalid {
    field: String,
    reason: String,
}

impl Invalid {
    fn new(field: &str, reason: impl fmt::Display) -> Self {
        Self { field: field.to_owned(), reason: reason.to_string() }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, reason } = self;
        // One line, whatever somebody wrote.
        f.write_str(&format!("{field}: {reason}").replace(char::is_control, " "))
    }
}

/// Those of an array's faults that are ones of this service; none of nothing, as an empty variable is
/// one that is not set.
pub(crate) fn read_all(
    text: &str,
    service: &str,
    version: Option<&str>,
) -> Result<Vec<Spec>, Invalid> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let faults: Vec<Value> =
        serde_json::from_str(text).map_err(|error| Invalid::new("expected an array", error))?;
    let mut faults = faults.into_iter().map(Spec::read).collect::<Result<Vec<_>, _>>()?;
    // Another's, or over when the service starts again.
    faults.retain(|fault| fault.idle_at(service, version).is_none());
    if faults.len() > MAX_FAULTS {
        let reason = format!("{} of {service} are more than {MAX_FAULTS}", faults.len());
        return Err(Invalid::new("faults", reason));
    }
    Ok(faults)
}

impl Spec {
    /// Field by field, so that an error can name the one that is wrong.
    pub fn read(fault: Value) -> Result<Self, Invalid> {
        let Value::Object(mut fields) = fault else {
            return Err(Invalid::new("fault", "expected an object"));
        };
        let kind = take(&mut fields, "kind")?;
        let until: Option<String> = take(&mut fields, "until")?;
        let until = until.map(|time| humantime::parse_rfc3339(&time)).transpose();
        let spec = Self {
            kind: kind.ok_or_else(|| Invalid::new("kind", "it is missing"))?,
            service: take(&mut fields, "service")?,
            version: take(&mut fields, "version")?,
            operation: take(&mut fields, "operation")?,
            tier: take(&mut fields, "tier")?,
            ratio: take(&mut fields, "ratio")?.unwrap_or(1.0),
            seed: take(&mut fields, "seed")?.unwrap_or(0),
            until: until.map_err(|error| Invalid::new("until", error))?,
            latency: take(&mut fields, "latency")?,
            hidden: take(&mut fields, "hidden")?.unwrap_or(false),
        };
        if let Some(name) = fields.keys().next() {
            return Err(Invalid::new(name, "there is no such field"));
        }
        spec.check()?;
        Ok(spec)
    }

    /// Refuses what reads well and makes no sense.
    fn check(&self) -> Result<(), Invalid> {
        if !(self.ratio > 0.0 && self.ratio <= 1.0) {
            return Err(Invalid::new("ratio", format!("{} is not above 0 up to 1", self.ratio)));
        }
        let operations = self.kind.operations();
        if let Some(operation) = &self.operation
            && !operations.contains(&operation.as_str())
        {
            let reason = format!("{operation} is none of {}", operations.join(", "));
            return Err(Invalid::new("operation", reason));
        }
        let is_slow = matches!(self.kind, Kind::Latency | Kind::SlowDatabase);
        let problem = match &self.latency {
            Some(latency) if is_slow => latency.problem(),
            Some(_) => Some("this kind has none".to_owned()),
            None => is_slow.then(|| "it is missing".to_owned()),
        };
        if let Some(problem) = problem {
            return Err(Invalid::new("latency", problem));
        }
        if self.kind == Kind::BadRelease && self.version.is_none() {
            return Err(Invalid::new("version", "it is missing"));
        }
        let is_of_orders = self.operation.as_deref() == Some(PLACE);
        if self.kind == Kind::LostContext && self.tier.is_some() && is_of_orders {
            let reason = format!("that of {PLACE} is in the order, which is read later");
            return Err(Invalid::new("tier", reason));
        }
        Ok(())
    }

    /// Why the fault can never strike in this service, if it cannot.
    pub fn idle_at(&self, service: &str, version: Option<&str>) -> Option<String> {
        if self.service.as_deref().is_some_and(|it| it != service) {
            return Some(format!("service: this is {service}"));
        }
        if self.version.is_some() && self.version.as_deref() != version {
            let own = version.unwrap_or("one that tells none");
            return Some(format!("version: this is {own}"));
        }
        self.is_over().then(|| "until: it is over".to_owned())
    }

    pub fn is_over(&self) -> bool {
        self.until.is_some_and(|until| until <= SystemTime::now())
    }

    /// Whether this is of the fault's kind, and in its scope.
    pub fn covers(&self, kind: Kind, scope: &Scope) -> bool {
        self.kind == kind
            && self.operation.as_ref().is_none_or(|it| *it == scope.operation)
            && (self.tier.is_none() || self.tier == scope.tier)
    }

    /// Whether the fault strikes the so manieth that it could.
    pub fn strikes(&self, number: u64) -> bool {
        chance(self.seed, number) < self.ratio
    }

    /// How much longer that one takes.
    pub fn delay(&self, number: u64) -> Duration {
        // Chance of its own: what a low ratio strikes would otherwise always be short.
        let part = chance(!self.seed, number);
        self.latency.as_ref().map(|latency| latency.quantile(part)).unwrap_or_default()
    }
}

fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, Invalid> {
    let value = fields.remove(name).map(serde_json::from_value).transpose();
    value.map_err(|error| Invalid::new(name, error))
}

#[cfg(test)]
mod tests;
