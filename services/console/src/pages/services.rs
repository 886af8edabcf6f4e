//! `/services`: how services do, and who calls whom.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::extract::{Query, State};
use maud::{Markup, html};
use serde::Deserialize;

use crate::Console;
use crate::page::{Place, page};
use crate::view::{red, topology};

/// The times that can be looked at.
const MINUTES: [u64; 3] = [1, 5, 15];
const DEFAULT: u64 = 5;

/// Of how many minutes.
#[derive(Deserialize)]
pub(crate) struct Asked {
    minutes: Option<String>,
}

/// Of the last minutes; of the default, if these are none to choose from.
pub(crate) async fn get(
    State(console): State<Arc<Console>>,
    Query(Asked { minutes }): Query<Asked>,
) -> Markup {
    let minutes = minutes.and_then(|minutes| minutes.parse().ok());
    let minutes = minutes.filter(|minutes| MINUTES.contains(minutes)).unwrap_or(DEFAULT);
    let over = Duration::from_secs(60 * minutes);
    let sources = &console.sources;
    let reds = sources.red(&[], SystemTime::now(), over);
    let (reds, calls) = futures::join!(reds, sources.topology(over));
    let content = html! {
        h1 { "Services" }
        nav.times aria-label="Time" {
            @for of in MINUTES {
                a href={ "/services?minutes=" (of) } aria-current=[(of == minutes).then_some("true")] {
                    "last " (of) " min"
                }
                " "
            }
        }
        (topology::of_services(&calls))
        (red::of_services(&reds))
    };
    page(&console, Place::Services, "Services", &content)
}
