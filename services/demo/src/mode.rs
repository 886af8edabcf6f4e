//! `MODE`: where spans go and how, in a word that people know from an earlier lab.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::str::FromStr;

use reqwest::Url;

/// The words, each with the variable that tells the endpoint.
const MODES: [(&str, &str); 4] = [
    ("jaeger-grpc", "JAEGER_GRPC_ENDPOINT"),
    ("jaeger-http", "JAEGER_HTTP_ENDPOINT"),
    ("otel-collector-grpc", "OTEL_GRPC_ENDPOINT"),
    ("otel-collector-http", "OTEL_HTTP_ENDPOINT"),
];

/// A variable and its value.
pub(crate) type Variable = (&'static str, String);

/// What takes the spans, and by which protocol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mode {
    name: &'static str,
    endpoint: &'static str,
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = MODES.into_iter().find(|(name, _)| *name == text);
        let (name, endpoint) = known.ok_or_else(|| {
            let [first, second, third, last] = MODES.map(|(name, _)| name);
            format!("expected {first}, {second}, {third} or {last}")
        })?;
        Ok(Self { name, endpoint })
    }
}

impl Mode {
    /// What the mode is short for, without what is set already, and so wins.
    ///
    /// # Errors
    /// When the mode's own variable holds no endpoint.
    pub fn unset(self) -> Result<Vec<Variable>, String> {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let mut unset = self.variables(variable)?;
        unset.retain(|(name, _)| variable(name).is_none());
        Ok(unset)
    }

    /// The standard variables that the mode is short for; `lookup` reads its own.
    ///
    /// An endpoint may be as it was in the earlier lab: without a scheme over gRPC, and with the path
    /// of traces over HTTP. Jaeger takes neither logs nor metrics.
    fn variables(self, lookup: impl Fn(&str) -> Option<String>) -> Result<Vec<Variable>, String> {
        let protocol = if self.name.ends_with("http") { "http/protobuf" } else { "grpc" };
        let mut variables = vec![("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned())];
        if self.name.starts_with("jaeger") {
            variables.push(("OTEL_LOGS_EXPORTER", "none".to_owned()));
            variables.push(("OTEL_METRICS_EXPORTER", "none".to_owned()));
        }
        if let Some(endpoint) = lookup(self.endpoint) {
            let scheme = if endpoint.contains("://") { "" } else { "http://" };
            let base = endpoint.trim_end_matches('/').trim_end_matches("/v1/traces");
            let url = format!("{scheme}{base}");
            if !Url::parse(&url).is_ok_and(|url| url.scheme() == "http") {
                return Err(format!("{}: expected an http URL, not {endpoint:?}", self.endpoint));
            }
            variables.push(("OTEL_EXPORTER_OTLP_ENDPOINT", url));
        }
        Ok(variables)
    }
}

/// Becomes the same program anew with these variables: who reads the standard ones, the SDK among
/// them, reads them in the environment alone. Returns why it could not.
pub(crate) fn start_anew(variables: Vec<Variable>) -> io::Error {
    match std::env::current_exe() {
        Ok(program) => {
            Command::new(program).args(std::env::args_os().skip(1)).envs(variables).exec()
        }
        Err(error) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(mode: &str, own: &[(&str, &str)]) -> Result<Vec<Variable>, String> {
        let lookup = |name: &str| {
            own.iter().find(|(it, _)| *it == name).map(|(_, value)| (*value).to_owned())
        };
        mode.parse::<Mode>().unwrap().variables(lookup)
    }

    #[test]
    fn a_mode_is_a_protocol_an_endpoint_and_only_the_signals_that_are_taken() {
        let own = [
            ("JAEGER_GRPC_ENDPOINT", "jaeger:4317"),
            ("JAEGER_HTTP_ENDPOINT", "http://jaeger:4318/v1/traces"),
            ("OTEL_GRPC_ENDPOINT", "http://collector:4317"),
            ("OTEL_HTTP_ENDPOINT", "http://collector:4318/"),
        ];
        for (mode, protocol, endpoint, traces_alone) in [
            ("jaeger-grpc", "grpc", "http://jaeger:4317", true),
            ("jaeger-http", "http/protobuf", "http://jaeger:4318", true),
            ("otel-collector-grpc", "grpc", "http://collector:4317", false),
            ("otel-collector-http", "http/protobuf", "http://collector:4318", false),
        ] {
            let mut expected = vec![("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned())];
            if traces_alone {
                expected.push(("OTEL_LOGS_EXPORTER", "none".to_owned()));
                expected.push(("OTEL_METRICS_EXPORTER", "none".to_owned()));
            }
            expected.push(("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.to_owned()));
            assert_eq!(variables(mode, &own).unwrap(), expected, "{mode}");
        }
    }

    #[test]
    fn without_its_variable_a_mode_tells_no_endpoint() {
        let protocol = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned());
        assert_eq!(variables("otel-collector-grpc", &[]).unwrap(), [protocol]);
    }

    #[test]
    fn what_is_no_endpoint_is_refused_by_the_name_of_the_modes_own_variable() {
        for (mode, name, endpoint) in [
            ("jaeger-grpc", "JAEGER_GRPC_ENDPOINT", "https://jaeger:4317"),
            ("jaeger-http", "JAEGER_HTTP_ENDPOINT", "/v1/traces"),
            ("otel-collector-grpc", "OTEL_GRPC_ENDPOINT", "unix:///run/otel"),
            ("otel-collector-http", "OTEL_HTTP_ENDPOINT", "two words"),
        ] {
            let expected = format!("{name}: expected an http URL, not {endpoint:?}");
            assert_eq!(variables(mode, &[(name, endpoint)]), Err(expected));
        }
    }

    #[test]
    fn an_unknown_mode_is_told_all_that_are_known() {
        let error = "zipkin".parse::<Mode>().unwrap_err();
        assert!(MODES.iter().all(|(name, _)| error.contains(name)), "{error}");
    }
}
