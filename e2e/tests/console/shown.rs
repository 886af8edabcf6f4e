//! What a page shows is what the parts answer to whoever asks them.

pub mod figures;
pub mod headers;
pub mod logs;
pub mod memory;
pub mod waterfall;
