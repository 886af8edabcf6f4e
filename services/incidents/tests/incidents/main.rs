//! Incidents, and the clients that they switch a lab with, in a lab of stand-ins.

mod control;
mod engine;
mod lab;
