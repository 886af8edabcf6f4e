//! What is in stock: kept for an order, given back, or shipped.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{Span, info};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::database::{Statement, Transaction};
use crate::error::Error;
use crate::faults::{self, Kind};
use crate::orders::{check, check_id};
use crate::routes::App;
use crate::tasks::OrderItem;

/// An item of an order.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Item {
    /// Its number.
    pub sku: u32,
    pub quantity: u32,
}

impl From<OrderItem> for Item {
    fn from(OrderItem { sku, quantity }: OrderItem) -> Self {
        Self { sku, quantity }
    }
}

/// What `POST /reservations` is asked.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Reservation {
    pub order: String,
    pub items: Vec<Item>,
}

/// What `POST /shipments` is asked.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Shipment {
    pub order: String,
}

// A list of items is one value, so that a statement has the same text for any number of them.
const AVAILABLE: Statement = Statement::new(
    "SELECT",
    "stock",
    "SELECT sku, available FROM stock \
     WHERE sku IN (SELECT value ->> 'sku' FROM json_each(?1))",
);
const TAKE: Statement = Statement::new(
    "UPDATE",
    "stock",
    "UPDATE stock SET available = available - (item.value ->> 'quantity') \
     FROM json_each(?1) AS item WHERE sku = item.value ->> 'sku'",
);
// No more than there were at first: meanwhile it may have been restocked.
const GIVE_BACK: Statement = Statement::new(
    "UPDATE",
    "stock",
    "UPDATE stock SET available = min(100, available + (item.value ->> 'quantity')) \
     FROM json_each(?1) AS item WHERE sku = item.value ->> 'sku'",
);
const RESERVE: Statement = Statement::new(
    "INSERT",
    "reservations",
    "INSERT INTO reservations (order_id, items) VALUES (?1, ?2)",
);
const RELEASE: Statement = Statement::new(
    "DELETE",
    "reservations",
    "DELETE FROM reservations WHERE order_id = ?1 AND shipped = 0 RETURNING items",
);
const SHIP: Statement = Statement::new(
    "UPDATE",
    "reservations",
    "UPDATE reservations SET shipped = 1 WHERE order_id = ?1",
);

/// `POST /reservations`: all of the items, or, as a conflict, none.
pub(crate) async fn reserve(
    State(app): State<Arc<App>>,
    request: Result<Json<Reservation>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let Json(Reservation { order, items }) =
        request.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    check_id(&order)?;
    check(&items)?;
    let span = Span::current();
    span.set_attribute("app.order.id", order.clone());
    span.set_attribute("app.order.item_count", items.len() as i64);

    let mut transaction = app.database.begin().await?;
    let available = available(&mut transaction, &items).await?;
    for Item { sku, quantity } in &items {
        let left = available.get(sku).copied().unwrap_or_default();
        if left < *quantity {
            return Err(Error::Conflict(format!("of item {sku} there are only {left}")));
        }
    }
    let items = json!(items).to_string();
    transaction.execute(&TAKE, [&items]).await?;
    transaction.execute(&RESERVE, [&order, &items]).await?;
    transaction.commit()?;
    info!(%order, "stock reserved");
    Ok((StatusCode::CREATED, Json(json!({ "service": app.name, "order": order }))))
}

/// How many there are of each item.
async fn available(
    transaction: &mut Transaction,
    items: &[Item],
) -> Result<HashMap<u32, u32>, Error> {
    let mut available = HashMap::new();
    let at_once = if faults::strikes(Kind::NPlusOne) { 1 } else { items.len().max(1) };
    for items in items.chunks(at_once) {
        let rows = transaction.query(&AVAILABLE, [json!(items).to_string()], |row| {
            Ok((row.get("sku")?, row.get("available")?))
        });
        let rows: Vec<(u32, u32)> = rows.await?;
        available.extend(rows);
    }
    Ok(available)
}

/// `DELETE /reservations/{order}`: gives the items back.
pub(crate) async fn release(
    State(app): State<Arc<App>>,
    Path(order): Path<String>,
) -> Result<Json<Value>, Error> {
    check_id(&order)?;
    Span::current().set_attribute("app.order.id", order.clone());
    let mut transaction = app.database.begin().await?;
    let released = transaction.query(&RELEASE, [&order], |row| row.get::<_, String>("items"));
    let released = released.await?;
    let [items] = released.as_slice() else { return Err(unknown(&order)) };
    transaction.execute(&GIVE_BACK, [items]).await?;
    transaction.commit()?;
    info!(%order, "stock released");
    Ok(Json(json!({ "service": app.name, "order": order })))
}

/// `POST /shipments`: what was reserved is gone for good.
pub(crate) async fn ship(
    State(app): State<Arc<App>>,
    request: Result<Json<Shipment>, JsonRejection>,
) -> Result<Json<Value>, Error> {
    let Json(Shipment { order }) =
        request.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    check_id(&order)?;
    Span::current().set_attribute("app.order.id", order.clone());
    let mut transaction = app.database.begin().await?;
    if transaction.execute(&SHIP, [&order]).await? == 0 {
        return Err(unknown(&order));
    }
    transaction.commit()?;
    info!(%order, "order shipped");
    Ok(Json(json!({ "service": app.name, "order": order })))
}

fn unknown(order: &str) -> Error {
    Error::NotFound(format!("nothing is reserved for order {order}"))
}
