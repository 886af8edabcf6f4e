//! Where metrics go, and those of export itself.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry::metrics::{Meter, MeterProvider};
use opentelemetry_otlp::MetricExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, InstrumentKind, PeriodicReader, SdkMeterProvider, Stream,
};
use opentelemetry_semantic_conventions::attribute::{ERROR_TYPE, OTEL_COMPONENT_TYPE};
use opentelemetry_semantic_conventions::metric as names;

use super::Ledger;
use super::console::Console;
use super::ledger::Counts;
use super::otlp::{over_grpc, over_http};
use super::queue::Counted;
use crate::InitError;
use crate::environment::{Export, Lookup, Otlp, Protocol, Settings};
use crate::subscriber::scope;

/// What the specification has for a reader before stdout.
const CONSOLE_INTERVAL: Duration = Duration::from_secs(10);

/// The provider of metrics, if they go anywhere, and the account of its exports, if there are any.
/// The accounts of the other signals are among the metrics.
pub(crate) fn metrics(
    settings: &Settings,
    lookup: Lookup<'_>,
    resource: &Resource,
    spans: Option<Arc<Ledger>>,
    log_records: Option<Arc<Ledger>>,
) -> Result<(Option<SdkMeterProvider>, Option<Arc<Ledger>>), InitError> {
    if settings.metrics == Export::default() {
        return Ok((None, None));
    }
    let mut provider = SdkMeterProvider::builder().with_resource(resource.clone());
    if let Some(aggregation) = settings.histograms.clone() {
        provider = provider.with_view(all_histograms(aggregation));
    }
    if settings.metrics.console {
        let mut reader = PeriodicReader::builder(Console::default());
        if lookup("OTEL_METRIC_EXPORT_INTERVAL").is_none() {
            reader = reader.with_interval(CONSOLE_INTERVAL);
        }
        provider = provider.with_reader(reader.build());
    }
    let mut ledger = None;
    if let Some(otlp) = settings.metrics.otlp {
        let account = Arc::new(Ledger::new("metrics", 0));
        let exporter = Counted { exporter: exporter(otlp, lookup)?, ledger: account.clone() };
        provider = provider.with_reader(PeriodicReader::builder(exporter).build());
        ledger = Some(account);
    }
    let provider = provider.build();
    let meter = provider.meter_with_scope(scope());
    for (names, account) in [(SPANS, spans), (LOG_RECORDS, log_records)] {
        if let Some(account) = account {
            names.observe(&meter, &account);
        }
    }
    Ok((Some(provider), ledger))
}

fn exporter(otlp: Otlp, lookup: Lookup<'_>) -> Result<MetricExporter, InitError> {
    let exporter = MetricExporter::builder();
    let built = match otlp.protocol {
        Protocol::Grpc => over_grpc(exporter.with_tonic(), otlp, lookup, "METRICS").build(),
        Protocol::Http => over_http(exporter.with_http(), otlp, lookup, "METRICS").build(),
    };
    built.map_err(InitError::Exporter)
}

fn all_histograms(aggregation: Aggregation) -> impl Fn(&Instrument) -> Option<Stream> {
    move |instrument| {
        let stream = Stream::builder().with_aggregation(aggregation.clone());
        (instrument.kind() == InstrumentKind::Histogram).then(|| stream.build().ok()).flatten()
    }
}

/// The names of an account's metrics: the semantic conventions' for an SDK's own.
struct Names {
    processor: &'static str,
    unit: &'static str,
    processed: &'static str,
    capacity: &'static str,
    waiting: &'static str,
    exported: &'static str,
    in_flight: &'static str,
}

/// One of a metric's, and which count it is.
type Series = (Vec<KeyValue>, fn(Counts) -> u64);

const SPANS: Names = Names {
    processor: "batching_span_processor",
    unit: "{span}",
    processed: names::OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
    capacity: names::OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
    waiting: names::OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
    exported: names::OTEL_SDK_EXPORTER_SPAN_EXPORTED,
    in_flight: names::OTEL_SDK_EXPORTER_SPAN_INFLIGHT,
};

const LOG_RECORDS: Names = Names {
    processor: "batching_log_processor",
    unit: "{log_record}",
    processed: names::OTEL_SDK_PROCESSOR_LOG_PROCESSED,
    capacity: names::OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
    waiting: names::OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
    exported: names::OTEL_SDK_EXPORTER_LOG_EXPORTED,
    in_flight: names::OTEL_SDK_EXPORTER_LOG_INFLIGHT,
};

impl Names {
    fn observe(&self, meter: &Meter, ledger: &Arc<Ledger>) {
        let processor = vec![KeyValue::new(OTEL_COMPONENT_TYPE, self.processor)];
        let mut full = processor.clone();
        full.push(KeyValue::new(ERROR_TYPE, "queue_full"));
        // The SDK hands on no reason that would be one of few.
        let failed = vec![KeyValue::new(ERROR_TYPE, "_OTHER")];

        let processed: [Series; 2] = [(processor.clone(), |it| it.handed), (full, |it| it.dropped)];
        self.count(meter, self.processed, ledger, processed);
        let exported: [Series; 2] = [(vec![], |it| it.exported), (failed, |it| it.failed)];
        self.count(meter, self.exported, ledger, exported);
        self.level(meter, self.waiting, ledger, processor.clone(), |_, it| it.waiting);
        self.level(meter, self.capacity, ledger, processor, |ledger, _| ledger.capacity as u64);
        self.level(meter, self.in_flight, ledger, vec![], |_, it| it.in_flight());
    }

    /// What ended well, and what did not.
    fn count(&self, meter: &Meter, name: &'static str, ledger: &Arc<Ledger>, series: [Series; 2]) {
        let ledger = ledger.clone();
        meter
            .u64_observable_counter(name)
            .with_unit(self.unit)
            .with_callback(move |observer| {
                let counts = ledger.counts();
                for (attributes, value) in &series {
                    observer.observe(value(counts), attributes);
                }
            })
            .build();
    }

    fn level(
        &self,
        meter: &Meter,
        name: &'static str,
        ledger: &Arc<Ledger>,
        attributes: Vec<KeyValue>,
        value: fn(&Ledger, Counts) -> u64,
    ) {
        let ledger = ledger.clone();
        meter
            .i64_observable_up_down_counter(name)
            .with_unit(self.unit)
            .with_callback(move |observer| {
                observer.observe(value(&ledger, ledger.counts()) as i64, &attributes);
            })
            .build();
    }
}
