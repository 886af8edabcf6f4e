//! Traces as they are read back from the storage server, and what can be told of them.
//!
//! [`Storage`] finds and reads them as Jaeger does, by `jaeger.storage.v2`; a [`Filter`] says which.
//! A [`Trace`] knows who is below whom ([`Trace::rows`]), which spans the time went to
//! ([`Trace::critical_path`]) and where it went to none ([`Trace::gaps`]). Of many spans, [`Red`]
//! tells how their services did, and [`Topology`] who called whom.
//!
//! Whoever shows or judges a trace of the lab does so by this crate, so that all say the same. It
//! draws nothing and keeps nothing: each question is asked anew.
//!
//! # What can be counted on
//!
//! Any trace that can be stored can be read: parents may be missing or go round in a circle, clocks
//! may disagree, ids may be there twice, depth and width are bounded by nothing but the number of
//! spans. Nothing here takes longer than that number times its logarithm. Of a larger trace 50,000
//! spans are read, or 64 MiB, or a million values, and [`Trace::is_cut`] says so. Text comes as it was
//! sent: whoever shows it escapes it.
//!
//! ```
//! use traces::{Span, Trace};
//!
//! let span = |id: &str, parent_id: &str, start, end| Span {
//!     id: id.to_owned(),
//!     parent_id: parent_id.to_owned(),
//!     start,
//!     end,
//!     ..Span::default()
//! };
//! // By `Storage::trace` from a server.
//! let trace = Trace::of(vec![span("order", "", 0, 90), span("pay", "order", 20, 70)]);
//!
//! let rows = trace.rows();
//! assert_eq!((rows[1].span.id.as_str(), rows[1].depth), ("pay", 1));
//! let path = trace.critical_path();
//! let path: Vec<_> = path.iter().map(|it| (it.span.id.as_str(), it.duration())).collect();
//! assert_eq!(path, [("order", 20), ("pay", 50), ("order", 20)]);
//! ```

mod critical_path;
mod error;
mod filter;
mod red;
mod span;
mod storage;
mod topology;
mod trace;
mod tree;
mod value;
mod values;

pub use critical_path::Stretch;
pub use error::Error;
pub use filter::{Filter, Level};
pub use red::{Operation, Red, red};
pub use span::{Event, Link, Span, SpanKind, Status, kind_name};
pub use storage::{Found, Page, Storage, Summary, Window};
pub use topology::{Call, Topology};
pub use trace::Trace;
pub use tree::Row;
pub use value::{hex, text};
