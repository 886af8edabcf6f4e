//! Real Jaegers over spoor, by each protocol that there is between them, as the pages of
//! `docs/jaeger` have it: what they run is read from there.

mod api;
mod call;
mod certificates;
mod jaeger;
mod page;
mod remote_v1;
mod remote_v2;
mod secured;
mod sidecar;
mod store;
