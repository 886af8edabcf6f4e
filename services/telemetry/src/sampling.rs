//! Which traces are kept: `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`.

mod debugged;
mod remote;

use opentelemetry_sdk::trace::{ParentBasedSampler, Sampler, ShouldSample};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::InitError;
use crate::environment::{Lookup, unexpected};
use debugged::UnlessDebugged;
use remote::Remote;

const SAMPLER: &str = "OTEL_TRACES_SAMPLER";
const ARGUMENT: &str = "OTEL_TRACES_SAMPLER_ARG";

/// What decides about a trace.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sampling {
    /// Whether a span with a parent follows that.
    follows_parent: bool,
    root: Root,
}

#[derive(Clone, Debug, PartialEq)]
enum Root {
    AlwaysOn,
    AlwaysOff,
    Ratio(f64),
    Remote(remote::Server),
}

impl Default for Sampling {
    fn default() -> Self {
        Self { follows_parent: true, root: Root::AlwaysOn }
    }
}

impl Sampling {
    pub fn from_environment(lookup: Lookup<'_>) -> Result<Self, InitError> {
        let Some(value) = lookup(SAMPLER) else { return Ok(Self::default()) };
        let (follows_parent, name) = match value.strip_prefix("parentbased_") {
            Some(name) => (true, name),
            None => (false, value.as_str()),
        };
        let root = match name {
            "always_on" => Root::AlwaysOn,
            "always_off" => Root::AlwaysOff,
            "traceidratio" => Root::Ratio(ratio(lookup)?),
            "jaeger_remote" => Root::Remote(remote::Server::from_environment(lookup)?),
            _ => {
                return Err(unexpected(
                    SAMPLER,
                    &value,
                    "always_on, always_off, traceidratio or jaeger_remote, alone or after \
                     parentbased_",
                ));
            }
        };
        Ok(Self { follows_parent, root })
    }

    /// Whether [`Self::build`] needs a runtime.
    pub fn is_remote(&self) -> bool {
        matches!(self.root, Root::Remote(_))
    }

    /// The sampler of this service. One that asks a server does so on `runtime`, until that ends, and
    /// from when there is a subscriber `installed` to hear what it tells.
    /// `is_debuggable` tells whether a request may be the one that somebody debugs.
    pub fn build(
        &self,
        service_name: &str,
        is_debuggable: bool,
        runtime: Option<&Handle>,
        installed: oneshot::Receiver<()>,
    ) -> Box<dyn ShouldSample> {
        let root: Box<dyn ShouldSample> = match &self.root {
            Root::AlwaysOn => Box::new(Sampler::AlwaysOn),
            Root::AlwaysOff => Box::new(Sampler::AlwaysOff),
            Root::Ratio(ratio) => Box::new(Sampler::TraceIdRatioBased(*ratio)),
            Root::Remote(server) => {
                let runtime = runtime.expect("it is remote");
                Box::new(Remote::start(server, service_name, runtime, installed))
            }
        };
        // `Sampler::ParentBased` takes the decision of the root alone, without its attributes.
        let sampler: Box<dyn ShouldSample> =
            if self.follows_parent { Box::new(ParentBasedSampler::new(root)) } else { root };
        if is_debuggable { Box::new(UnlessDebugged(sampler)) } else { sampler }
    }
}

fn ratio(lookup: Lookup<'_>) -> Result<f64, InitError> {
    // It counts as 1 where it is left out.
    let Some(value) = lookup(ARGUMENT) else { return Ok(1.0) };
    read_ratio(&value).ok_or_else(|| unexpected(ARGUMENT, &value, "a number from 0 to 1"))
}

fn read_ratio(value: &str) -> Option<f64> {
    value.trim().parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sampler: &str, argument: Option<&str>) -> Result<Sampling, String> {
        let lookup = |name: &str| match name {
            SAMPLER => Some(sampler.to_owned()),
            ARGUMENT => argument.map(str::to_owned),
            _ => None,
        };
        Sampling::from_environment(&lookup).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sampler_is_read_by_its_name() {
        assert_eq!(Sampling::from_environment(&|_| None).unwrap(), Sampling::default());
        for (name, argument, root) in [
            ("always_on", None, Root::AlwaysOn),
            ("always_off", Some("not read"), Root::AlwaysOff),
            ("traceidratio", Some(" 0.25"), Root::Ratio(0.25)),
            ("traceidratio", None, Root::Ratio(1.0)),
            ("jaeger_remote", None, Root::Remote(remote::Server::default())),
        ] {
            for (prefix, follows_parent) in [("", false), ("parentbased_", true)] {
                let sampling = Sampling { follows_parent, root: root.clone() };
                assert_eq!(read(&format!("{prefix}{name}"), argument), Ok(sampling));
            }
        }
    }

    #[test]
    fn what_cannot_be_followed_is_an_error_that_names_it() {
        for sampler in ["xray", "parentbased_", "parentbased_parentbased_always_on", "ALWAYS_ON"] {
            let error = read(sampler, None).unwrap_err();
            assert!(error.contains(SAMPLER) && error.contains(sampler), "{error}");
        }
        for ratio in ["half", "1.5", "-1", "NaN"] {
            let error = read("traceidratio", Some(ratio)).unwrap_err();
            assert!(error.contains(ARGUMENT) && error.contains(ratio), "{error}");
        }
    }
}
