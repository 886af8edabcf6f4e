//! `POST /orders`: one order through prices, stock, payment and a queue.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use tracing::{Instrument, Span, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::answer::in_trace;
use crate::error::Error;
use crate::faults::Scope;
use crate::payments::{Payment, pay};
use crate::peers::Peers;
use crate::queue::Place;
use crate::routes::{App, ITEMS, PLACE};
use crate::stock::{Item, Reservation};
use crate::tasks::{OrderItem, QuoteRequest, QuoteResponse};
use crate::tier::Tier;

const CUSTOMERS: u32 = 1_000;
/// Different items of one order.
const MAX_ITEMS: usize = 10;
/// Units of one item.
const MAX_QUANTITY: u32 = 100;
const ID_DIGITS: usize = 16;

/// An order as it is asked for. What is left out is chosen at random.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wish {
    customer: Option<u32>,
    items: Option<Vec<Item>>,
}

/// An order that makes sense.
struct Order {
    id: String,
    customer: u32,
    tier: Tier,
    items: Vec<Item>,
}

impl Order {
    fn read(body: &[u8]) -> Result<Self, Error> {
        let wish = if body.is_empty() { Ok(Wish::default()) } else { serde_json::from_slice(body) };
        let Wish { customer, items } =
            wish.map_err(|error| Error::BadRequest(format!("reading the order: {error}")))?;
        let customer = customer.unwrap_or_else(|| rand::random_range(1..=CUSTOMERS));
        if !(1..=CUSTOMERS).contains(&customer) {
            let reason = format!("no customer {customer}: there are 1 to {CUSTOMERS}");
            return Err(Error::BadRequest(reason));
        }
        let items = items.unwrap_or_else(any_items);
        check(&items)?;
        let id = format!("{:0ID_DIGITS$x}", rand::random::<u64>());
        Ok(Self { id, customer, tier: Tier::of(customer), items })
    }

    fn describe(&self, span: &Span) {
        let units: u32 = self.items.iter().map(|item| item.quantity).sum();
        span.set_attribute("app.order.id", self.id.clone());
        span.set_attribute("app.order.item_count", self.items.len() as i64);
        span.set_attribute("app.order.unit_count", i64::from(units));
        span.set_attribute("app.customer.id", i64::from(self.customer));
        self.tier.record(span);
    }

    fn quote_request(&self) -> QuoteRequest {
        let items = self
            .items
            .iter()
            .map(|Item { sku, quantity }| OrderItem { sku: *sku, quantity: *quantity });
        QuoteRequest { customer: self.customer, items: items.collect() }
    }
}

/// Refuses the id of an order that no shop of ours can have given: it is kept, and told in spans.
pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    if id.len() != ID_DIGITS || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let reason = format!("expected an order's id of {ID_DIGITS} hexadecimal digits");
        return Err(Error::BadRequest(reason));
    }
    Ok(())
}

/// Refuses what no order has.
pub(crate) fn check(items: &[Item]) -> Result<(), Error> {
    if !(1..=MAX_ITEMS).contains(&items.len()) {
        let reason = format!("{} items: an order has 1 to {MAX_ITEMS}", items.len());
        return Err(Error::BadRequest(reason));
    }
    let mut seen = HashSet::new();
    for Item { sku, quantity } in items {
        if !seen.insert(sku) {
            return Err(Error::BadRequest(format!("item {sku} is there twice")));
        }
        if !(1..=ITEMS).contains(sku) {
            return Err(Error::BadRequest(format!("no item {sku}: there are 1 to {ITEMS}")));
        }
        if !(1..=MAX_QUANTITY).contains(quantity) {
            let reason = format!("{quantity} of item {sku}: expected 1 to {MAX_QUANTITY}");
            return Err(Error::BadRequest(reason));
        }
    }
    Ok(())
}

/// One to three items, most of them of the few that everybody wants.
fn any_items() -> Vec<Item> {
    let skus: HashSet<u32> = (0..rand::random_range(1..=3))
        .map(|_| 1 + (f64::from(ITEMS) * rand::random::<f64>().powi(3)) as u32)
        .collect();
    skus.into_iter().map(|sku| Item { sku, quantity: rand::random_range(1..=3) }).collect()
}

/// Places an order: of the JSON in the body, or of anything at all if there is none.
pub(crate) async fn place(
    State(app): State<Arc<App>>,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let body = body.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    let order = Order::read(&body)?;
    let scope = Scope { operation: PLACE.to_owned(), tier: Some(order.tier) };
    let placed = app.faults.during(scope, place_order(&app, &order)).await;
    let Placed { amount, currency, payment_tries } = placed?;
    let answer = in_trace(json!({
        "service": app.name,
        "order": order.id,
        "customer": order.customer,
        "tier": order.tier,
        "items": order.items,
        "amount": amount,
        "currency": currency,
        "payment_tries": payment_tries,
    }));
    Ok((StatusCode::CREATED, answer))
}

struct Placed {
    amount: i64,
    currency: String,
    payment_tries: u32,
}

async fn place_order(app: &App, order: &Order) -> Result<Placed, Error> {
    // Before anything is paid.
    let queued = app.queue.reserve()?;
    let span = info_span!("place_order");
    order.describe(&span);
    // Every call below carries the tier. Fails only where telemetry is off.
    let _ = span.set_parent(order.tier.put(&Span::current().context()));
    let placing = async {
        let placed = carry_out(&app.peers, order, queued).await;
        if let Err(error) = &placed {
            error.mark(&Span::current());
        }
        placed
    };
    placing.instrument(span).await
}

async fn carry_out(peers: &Peers, order: &Order, queued: Place) -> Result<Placed, Error> {
    let span = Span::current();
    let QuoteResponse { amount, currency } = peers.quote(order.quote_request()).await?;
    span.set_attribute("app.order.amount", amount);
    span.set_attribute("app.order.currency", currency.clone());

    let reservation = json!(Reservation { order: order.id.clone(), items: order.items.clone() });
    let stock = &peers.target_one;
    let reserved =
        peers.ask::<Value>(Method::POST, stock, "/reservations", Some(reservation), 0).await;
    reserved.map_err(|error| match error {
        Error::Upstream { status: Some(StatusCode::CONFLICT), .. } => {
            Error::Conflict("an item is out of stock".to_owned())
        }
        error => error,
    })?;

    let payment = Payment {
        order: order.id.clone(),
        customer: order.customer,
        amount,
        currency: currency.clone(),
    };
    let payment_tries = match pay(peers, &payment).await {
        Ok(tries) => tries,
        Err(error) => {
            let path = format!("/reservations/{}", order.id);
            let released = peers.ask::<Value>(Method::DELETE, stock, &path, None, 0).await;
            released.inspect_err(Error::log).ok();
            return Err(error);
        }
    };
    span.set_attribute("app.payment.try_count", i64::from(payment_tries));
    queued.send(order.id.clone(), order.tier);
    info!(order = %order.id, amount, %currency, "order placed");
    Ok(Placed { amount, currency, payment_tries })
}
