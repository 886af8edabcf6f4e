//! The names under which either model keeps what only the other has a field for: those of the
//! semantic conventions v1.16.0, of OpenTracing, and Jaeger's own.

pub(crate) const SERVICE_NAME: &str = "service.name";
/// The service of a resource without any attribute.
pub(crate) const NO_SERVICE: &str = "OTLPResourceNoServiceName";
pub(crate) const HOSTNAME: &str = "hostname";
pub(crate) const HOST_NAME: &str = "host.name";
pub(crate) const JAEGER_VERSION: &str = "jaeger.version";
pub(crate) const EXPORTER_VERSION: &str = "opencensus.exporterversion";

pub(crate) const SCOPE_NAME: &str = "otel.scope.name";
pub(crate) const SCOPE_VERSION: &str = "otel.scope.version";

pub(crate) const SPAN_KIND: &str = "span.kind";
pub(crate) const ERROR: &str = "error";
pub(crate) const STATUS_CODE: &str = "otel.status_code";
pub(crate) const STATUS_DESCRIPTION: &str = "otel.status_description";
pub(crate) const OK_CODE: &str = "OK";
pub(crate) const ERROR_CODE: &str = "ERROR";
pub(crate) const HTTP_STATUS_CODE: &str = "http.status_code";
pub(crate) const HTTP_STATUS_MESSAGE: &str = "http.status_message";
pub(crate) const TRACE_STATE: &str = "w3c.tracestate";
pub(crate) const WARNINGS: &str = "@jaeger@warnings";

pub(crate) const EVENT_NAME: &str = "event";

pub(crate) const REFERENCE_TYPE: &str = "opentracing.ref_type";
pub(crate) const CHILD_OF: &str = "child_of";
pub(crate) const FOLLOWS_FROM: &str = "follows_from";
