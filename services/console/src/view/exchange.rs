//! A request that was sent from here, and its answer.

use maud::{Markup, html};

use super::figure::duration;
use super::text::{long, short};
use super::wide::wide;
use crate::send::{Answer, Context, Exchange};

/// The request and the answer, side by side.
pub(crate) fn exchange(exchange: &Exchange) -> Markup {
    let Exchange { request, took, answer, .. } = exchange;
    let url = request.url.clone();
    html! {
        section.exchange aria-labelledby="request" {
            h2 #request { "Request and answer" }
            div.sides {
                div {
                    h3 { "Sent to " (short(&request.service)) }
                    p.call { code { (request.method) " " (short(&url)) } }
                    (headers("Headers of the request", &request.headers))
                    @if let Some(body) = &request.body { pre tabindex="0" { code { (long(body)) } } }
                    p.hint { (told(&request.context)) }
                }
                div {
                    @match answer {
                        Ok(answer) => (answered(answer, took.as_nanos() as f64)),
                        Err(reason) => {
                            h3 { "No answer" }
                            p.problem { (long(reason)) ", after " (duration(took.as_nanos() as f64)) }
                        }
                    }
                }
            }
        }
    }
}

fn answered(answer: &Answer, took: f64) -> Markup {
    html! {
        h3 { "Answer" }
        p.call.error[!answer.status.starts_with(['1', '2', '3'])] {
            code { (short(&answer.status)) } " after " (duration(took))
        }
        (headers("Headers of the answer", &answer.headers))
        @if !answer.body.is_empty() { pre tabindex="0" { code { (long(&answer.body)) } } }
        @if answer.cut { p.hint { "There is more of it." } }
    }
}

fn headers<N: AsRef<str>>(caption: &str, headers: &[(N, String)]) -> Markup {
    html! {
        @if !headers.is_empty() {
            (wide(caption, html! {
                table.pairs {
                    caption.aside { (caption) }
                    thead { tr { th scope="col" { "header" } th scope="col" { "value" } } }
                    tbody {
                        @for (name, value) in headers {
                            tr { th scope="row" { (short(name.as_ref())) } td { (long(value)) } }
                        }
                    }
                }
            }))
        }
    }
}

fn told(context: &Context) -> Markup {
    html! {
        @match context {
            Context::Own { sampled: true, .. } => {
                "The trace is this page's: it is the parent of the first span, and sends no span itself."
            },
            Context::Own { sampled: false, .. } => {
                "The request says that it is not sampled: services that follow their caller keep no span of it."
            },
            Context::Debug(_) => {
                "Without a parent, and with a debug id: the service begins the trace, and keeps it whatever its sampler says. The id is an attribute of the first span."
            }
        }
    }
}
