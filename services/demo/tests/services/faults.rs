//! Faults that are switched: each changes what it claims, as its spans tell, and nothing else.

mod lab;
mod of_operations;
mod of_orders;
mod when;
