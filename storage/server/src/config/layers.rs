use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;

use toml::{Table, Value};

use super::{Config, ConfigError};

const PREFIX: &str = "SPOOR_";

/// The flags of `spoor serve`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Flags {
    /// A TOML file of configuration keys.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Where to serve gRPC, such as 127.0.0.1:17271.
    #[arg(long, value_name = "ADDRESS")]
    pub listen: Option<String>,
    /// Where to serve health and metrics over HTTP, such as 127.0.0.1:17272.
    #[arg(long, value_name = "ADDRESS")]
    pub admin_listen: Option<String>,
    /// Any configuration key, such as max_request_bytes=8MiB. May be given many times.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub settings: Vec<String>,
}

/// One key as one layer gives it.
struct Setting {
    key: String,
    value: Value,
    origin: String,
}

impl Config {
    /// Merges the file, then the environment, then the flags over the defaults.
    ///
    /// # Errors
    /// A key that is unknown, in whatever layer, or a value that can't be.
    pub fn load(
        flags: &Flags,
        environment: impl Iterator<Item = (OsString, OsString)>,
    ) -> Result<Self, ConfigError> {
        let mut settings = from_file(flags)?;
        settings.extend(from_environment(environment)?);
        settings.extend(from_flags(flags)?);
        let mut merged = Table::new();
        let mut origins = HashMap::new();
        for Setting { key, value, origin } in settings {
            // Alone first, so that the error is of this key, even if a later layer hides it.
            let alone = Table::from_iter([(key.clone(), value.clone())]);
            if let Err(error) = alone.try_into::<Self>() {
                let reason = error.message().replace('\n', " ");
                return Err(ConfigError::Setting { key, origin, reason });
            }
            merged.insert(key.clone(), value);
            origins.insert(key, origin);
        }
        let config: Self = merged.try_into().expect("each key was deserialized alone");
        match config.fault() {
            None => Ok(config),
            Some((key, reason)) => Err(ConfigError::Setting {
                key: key.to_owned(),
                origin: origins.remove(key).unwrap_or_else(|| "its default".to_owned()),
                reason,
            }),
        }
    }
}

fn from_file(flags: &Flags) -> Result<Vec<Setting>, ConfigError> {
    let Some(path) = &flags.config else {
        return Ok(Vec::new());
    };
    let fault = |reason| ConfigError::File { path: path.clone(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| fault(error.to_string()))?;
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = &text[..error.span().map_or(0, |span| span.start)];
        let line = before.matches('\n').count() + 1;
        fault(format!("line {line}: {}", error.message().replace('\n', " ")))
    })?;
    let origin = format!("the file {}", path.display());
    Ok(table
        .into_iter()
        .map(|(key, value)| Setting { key, value, origin: origin.clone() })
        .collect())
}

fn from_environment(
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<Setting>, ConfigError> {
    let mut settings = Vec::new();
    for (name, value) in environment {
        let Some(name) = name.to_str() else { continue };
        // Compose gives a variable that is not set an empty value.
        if value.is_empty() {
            continue;
        }
        let key = match name.strip_prefix(PREFIX) {
            Some(key) => key.to_ascii_lowercase(),
            None if name == "RUST_LOG" => "log".to_owned(),
            None => continue,
        };
        let origin = format!("the environment variable {name}");
        let Some(value) = value.to_str() else {
            let reason = "the value is not UTF-8".to_owned();
            return Err(ConfigError::Setting { key, origin, reason });
        };
        let setting = Setting { key, value: parse(value), origin };
        // Rust programs' usual variable comes below our own.
        if name.starts_with(PREFIX) {
            settings.push(setting);
        } else {
            settings.insert(0, setting);
        }
    }
    Ok(settings)
}

fn from_flags(flags: &Flags) -> Result<Vec<Setting>, ConfigError> {
    let named = [
        ("listen", "--listen", &flags.listen),
        ("admin_listen", "--admin-listen", &flags.admin_listen),
    ];
    let mut settings: Vec<_> = named
        .into_iter()
        .filter_map(|(key, flag, value)| Some((key, flag, value.as_ref()?)))
        .map(|(key, flag, value)| Setting {
            key: key.to_owned(),
            value: parse(value),
            origin: format!("the flag {flag}"),
        })
        .collect();
    for setting in &flags.settings {
        let origin = "the flag --set".to_owned();
        let Some((key, value)) = setting.split_once('=') else {
            let reason = "expected <key>=<value>".to_owned();
            return Err(ConfigError::Setting { key: setting.clone(), origin, reason });
        };
        settings.push(Setting { key: key.to_owned(), value: parse(value), origin });
    }
    Ok(settings)
}

/// The TOML value that a text without quotes stands for.
fn parse(text: &str) -> Value {
    if let Ok(truth) = text.parse() {
        Value::Boolean(truth)
    } else if let Ok(number) = text.parse::<i64>()
        // Not of the name 007.
        && number.to_string() == text
    {
        Value::Integer(number)
    } else {
        Value::String(text.to_owned())
    }
}
