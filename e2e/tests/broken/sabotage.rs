//! What is changed in a lab to break it.

use e2e::{Changes, NativeLab, SERVICES};

/// One change.
#[derive(Default)]
pub struct Sabotage {
    environment: Vec<String>,
    arguments: Option<(&'static str, String)>,
}

impl Sabotage {
    /// Sets a variable of one part, told as `PART:NAME=VALUE`.
    pub fn variable(setting: &str) -> Self {
        Self { environment: vec![setting.to_owned()], ..Self::default() }
    }

    /// Sets a variable of each service, told as `NAME=VALUE`.
    pub fn each_service(setting: &str) -> Self {
        Self {
            environment: SERVICES.map(|(service, _)| format!("{service}:{setting}")).to_vec(),
            ..Self::default()
        }
    }

    /// Puts a part's clock so much off, as libfaketime writes it: `+90s`.
    pub fn clock(part: &str, offset: &str) -> Self {
        let variables = [
            // The loader itself knows what `$LIB` is.
            "LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1",
            &format!("FAKETIME={offset}"),
            // Timeouts go on as ever.
            "FAKETIME_DONT_FAKE_MONOTONIC=1",
        ];
        Self {
            environment: variables.map(|variable| format!("{part}:{variable}")).to_vec(),
            ..Self::default()
        }
    }

    /// Sets values in the Collector's configuration, each told as `path::to::key: value`.
    pub fn collector(settings: &[&str]) -> Self {
        Self::yaml("collector", settings)
    }

    /// Sets a value in Jaeger's settings for reading metrics, told as `key: value`.
    pub fn jaeger_metrics(setting: &str) -> Self {
        let path = "extensions::jaeger_storage::metric_backends::prometheus::prometheus";
        Self::yaml("jaeger", &[&format!("{path}::{setting}")])
    }

    /// Changes Prometheus' files by a shell's `commands` before it starts: `$flags` is the file of
    /// its arguments, `$targets` that of what it scrapes.
    pub fn prometheus(commands: &str) -> Self {
        let files = r#"flags=${1#@}; targets=$(dirname "$flags")/targets.yml"#;
        // A substitution that prints nothing is no word.
        let words = format!(r#"$({files}; {commands}) "$@""#);
        Self { arguments: Some(("prometheus", words)), ..Self::default() }
    }

    fn yaml(part: &'static str, settings: &[&str]) -> Self {
        let words = settings.iter().map(|setting| format!(" '--config=yaml:{setting}'"));
        let words = format!(r#""$@"{}"#, words.collect::<String>());
        Self { arguments: Some((part, words)), ..Self::default() }
    }

    /// Starts the whole lab with this change.
    pub async fn lab(&self) -> anyhow::Result<NativeLab> {
        let arguments = self.arguments.as_ref().map(|(part, words)| (*part, words.as_str()));
        let arguments = arguments.as_slice();
        NativeLab::up(Changes { environment: &self.environment, arguments, ..Changes::default() })
            .await
    }
}
