//! Parts of pages. What telemetry says is text in each of them (`text`).

pub(crate) mod doctor;
pub(crate) mod elsewhere;
pub(crate) mod exchange;
pub(crate) mod faults;
pub(crate) mod figure;
pub(crate) mod form;
pub(crate) mod found;
pub(crate) mod headers;
pub(crate) mod incidents;
pub(crate) mod link;
pub(crate) mod load;
pub(crate) mod logs;
pub(crate) mod red;
mod source;
pub(crate) mod span;
pub(crate) mod text;
pub(crate) mod topology;
pub(crate) mod waterfall;
mod wide;
