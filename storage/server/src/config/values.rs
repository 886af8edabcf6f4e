//! The texts of values.

use std::time::Duration;

use bytesize::ByteSize;
use serde::{Deserialize, Deserializer, de};
use telemetry::LogFormat;
use tracing_subscriber::filter::Targets;

use super::{Durability, Engine};

pub(super) fn engine<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Engine, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "memory" => Ok(Engine::Memory),
        "embedded" => Ok(Engine::Embedded),
        other => Err(expected("\"memory\" or \"embedded\"", other)),
    }
}

pub(super) fn durability<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Durability, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "sync" => Ok(Durability::Sync),
        "async" => Ok(Durability::Async),
        other => Err(expected("\"sync\" or \"async\"", other)),
    }
}

fn expected<E: de::Error>(expected: &str, found: &str) -> E {
    de::Error::custom(format!("expected {expected}, found {found:?}"))
}

pub(super) fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    ByteSize::deserialize(deserializer)
        .ok()
        .and_then(|size| usize::try_from(size.0).ok())
        .ok_or_else(|| de::Error::custom("expected a number of bytes, such as \"16MiB\""))
}

pub(super) fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    humantime_serde::deserialize(deserializer)
        .map_err(|_| de::Error::custom("expected a duration, such as \"30s\""))
}

pub(super) fn log_format<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<LogFormat, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(|error| de::Error::custom(format!("{error}, found {name:?}")))
}

pub(super) fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
}
