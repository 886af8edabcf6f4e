//! Incidents of the demo system: what goes wrong, when and for whom, what that shows in telemetry,
//! and whether an answer is right.
//!
//! [`Incidents`] runs one at a time, with faults and load that it switches as anybody could by
//! [`control`]. It marks an answer by what it began itself, and shows why by the spans that the
//! storage server has. Whoever looks for the cause has no more than those spans either: a blind
//! incident tells nothing of itself but how long to look.

pub mod control;

mod answer;
mod dice;
mod engine;
mod mark;
mod pace;
mod scenario;

pub use answer::{Affected, Answer, Cause, Invalid, Wish};
pub use engine::{Incidents, Lab, Refusal, Run, Shown, Solution, State, Status};
pub use mark::{Compared, Field, Figures, Marked};
pub use pace::Pace;
pub use scenario::{SCENARIOS, Scenario};
