//! What can be switched in a lab while it runs: the faults of its services, and its load.

mod body;
mod error;
mod faults;
mod load;

pub use body::body;
pub use error::Error;
pub use faults::{Fault, Faults, Kind, Latency, Spec};
pub use load::{Figures, Load, PathFigures, Percentiles, Shown};
