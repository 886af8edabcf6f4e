//! What was found wrong, each with where it was.

use std::fmt::Display;

#[derive(Default)]
pub struct Findings(Vec<String>);

impl Findings {
    pub fn add(&mut self, place: impl Display, outcome: anyhow::Result<()>) {
        if let Err(error) = outcome {
            let finding = format!("{place}: {error:#}");
            eprintln!("found: {finding}");
            self.0.push(finding);
        }
    }

    pub fn are_none(&self) {
        assert!(self.0.is_empty(), "found {}:\n{}", self.0.len(), self.0.join("\n"));
    }
}
