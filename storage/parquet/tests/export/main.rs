//! Stores of the real engine, exported by the real program.

mod damage;
mod docs;
mod files;
mod readers;
mod spans;
mod store;
