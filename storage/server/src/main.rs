//! spoor.
fn main() {}
