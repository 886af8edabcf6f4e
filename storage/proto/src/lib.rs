//! The wire contracts of the storage server: `jaeger.storage.v2`, `jaeger.expression.v1` and
//! `jaeger.api_v2` as of jaeger-idl v0.14.0, `jaeger.storage.v1` as of Jaeger v1.76.0, and OTLP's
//! `TraceService` over undecoded bytes.
//!
//! The code in `src/generated` is committed, so that a build needs no `protoc`. After a change to
//! a `.proto` file, `UPDATE_GENERATED=1 cargo test -p spoor-proto` writes it anew.

mod codec;
mod raw;
mod timestamp;

pub use raw::RawTraces;
pub use timestamp::timestamp;

#[allow(missing_docs, clippy::all)]
mod jaeger {
    pub mod api_v2 {
        include!("generated/jaeger.api_v2.rs");
    }
    pub mod storage {
        pub mod v1 {
            include!("generated/jaeger.storage.v1.rs");
        }
        pub mod v2 {
            include!("generated/jaeger.storage.v2.rs");
        }
    }
    pub mod expression {
        pub mod v1 {
            include!("generated/jaeger.expression.v1.rs");
        }
    }
}

/// Jaeger's span model before OTLP, which storage API v1 carries.
pub use jaeger::api_v2;
/// The structured filter's syntax tree.
pub use jaeger::expression::v1 as expression;
/// Storage API v1: span readers and writers, an archive's too.
pub use jaeger::storage::v1 as storage_v1;
/// Storage API v2: `TraceReader`, `DependencyReader` and `Capabilities`.
pub use jaeger::storage::v2 as storage;

/// OTLP's `TraceService`, whose request is [`RawTraces`].
#[allow(missing_docs, clippy::all)]
pub mod otlp {
    include!("generated/opentelemetry.proto.collector.trace.v1.rs");
}

/// An encoded `google.protobuf.FileDescriptorSet` of every service above and all they import.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/descriptors.bin");
