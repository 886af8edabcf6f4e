//! One module a page.

pub(crate) mod debug;
pub(crate) mod doctor;
pub(crate) mod faults;
pub(crate) mod home;
pub(crate) mod incidents;
pub(crate) mod load;
pub(crate) mod search;
pub(crate) mod services;
pub(crate) mod trace;
