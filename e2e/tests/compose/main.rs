//! The compose files, unchanged but without Grafana, on a real Docker engine.

mod base;
mod confined;
mod counting;
mod doctor;
mod export_modes;
mod full;
mod lab;
mod prometheus;
mod spm;
mod tier;
mod trace;
mod whole;
