//! The attributes of spans, by what a span is about. Keys and the forms of values are those of
//! OpenTelemetry's semantic conventions 1.38; which of the optional ones are there is what the
//! languages' instrumentation libraries set by default.

mod app;
mod database;
mod http;
mod messaging;
mod rpc;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, ArrayValue, KeyValue};

use super::graph::Language;
use super::random::{Random, mix};
use super::world::Pod;

pub use app::{of_endpoint, of_function};
pub use database::{cache, query};
pub use http::{Exchange, client as http_client, external, server as http_server};
pub use messaging::{Message, consumed, produced};
pub use rpc::{client as rpc_client, server as rpc_server};

/// Attributes in the order in which they were set.
#[derive(Clone, Default)]
pub struct Attributes(Vec<KeyValue>);

impl Attributes {
    pub fn text(&mut self, key: &'static str, value: impl Into<String>) -> &mut Self {
        self.set(key, Value::StringValue(value.into()))
    }

    pub fn int(&mut self, key: &'static str, value: i64) -> &mut Self {
        self.set(key, Value::IntValue(value))
    }

    pub fn bool(&mut self, key: &'static str, value: bool) -> &mut Self {
        self.set(key, Value::BoolValue(value))
    }

    pub fn double(&mut self, key: &'static str, value: f64) -> &mut Self {
        self.set(key, Value::DoubleValue(value))
    }

    pub fn texts<'a>(
        &mut self,
        key: &'static str,
        values: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        let values = values
            .into_iter()
            .map(|value| AnyValue { value: Some(Value::StringValue(value.to_owned())) });
        self.set(key, Value::ArrayValue(ArrayValue { values: values.collect() }))
    }

    pub fn into_vec(self) -> Vec<KeyValue> {
        self.0
    }

    fn set(&mut self, key: &'static str, value: Value) -> &mut Self {
        self.0.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
        self
    }

    /// What an agent or a bridge adds to every span: the Java agent the thread, and
    /// `tracing-opentelemetry` also the place in the code and how long the span was entered.
    pub fn add_thread(&mut self, pod: &Pod, span_name: &str, duration: u64, random: &mut Random) {
        match pod.language() {
            Language::Java => {
                let thread = random.below(32) as i64;
                let pool =
                    if pod.service().port >= 50_000 { "grpc-default-executor" } else { "exec" };
                self.int("thread.id", 40 + thread).text("thread.name", format!("{pool}-{thread}"));
            }
            Language::Rust => {
                let line = 20 + (mix(span_name, 0) % 400) as i64;
                let busy = (duration as f64 * random.unit() * 0.4) as i64;
                // The function's own place wins: an SDK keeps no key twice.
                if self.0.iter().all(|attribute| attribute.key != "code.file.path") {
                    self.text("code.file.path", format!("src/{}.rs", pod.service().name))
                        .int("code.line.number", line);
                }
                self.int("thread.id", 2 + random.below(4) as i64)
                    .text("thread.name", "tokio-runtime-worker")
                    .int("busy_ns", busy)
                    .int("idle_ns", duration as i64 - busy);
            }
            Language::Dotnet | Language::Go | Language::Node | Language::Python => {}
        }
    }
}

/// The address of something that has no pod of ours, such as a database.
fn address_of(host: &str) -> String {
    let bits = mix(host, 1);
    format!("10.0.{}.{}", 100 + bits % 8, 4 + (bits >> 8) % 200)
}
