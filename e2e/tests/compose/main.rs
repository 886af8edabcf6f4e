//! The compose files, unchanged but without Grafana, on a real Docker engine.

mod confined;
mod console;
mod counting;
mod doctor;
mod each_change;
mod exporter;
mod full;
mod kept;
mod lab;
mod prometheus;
mod spm;
mod tier;
mod trace;
mod traffic;
