//! The compose files, unchanged but without Grafana, on a real Docker engine.

mod base;
mod confined;
mod console;
mod counting;
mod doctor;
mod export_modes;
mod exporter;
mod full;
mod kept;
mod killed;
mod lab;
mod prometheus;
mod spm;
mod tier;
mod trace;
mod traffic;
mod whole;
