//! Payments: a bank that is busy now and then, and a customer of it who tries again.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tracing::{Span, info, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::chance::chance;
use crate::database::Statement;
use crate::error::Error;
use crate::faults::{self, Kind};
use crate::orders::check_id;
use crate::peers::Peers;
use crate::routes::App;

/// Of as many tries the bank is too busy for one.
const BUSY: f64 = 0.1;
const TRIES: u32 = 3;
/// Before the second try; before each further one twice as long.
const BACKOFF: Duration = Duration::from_millis(50);
/// Tries in a retry storm, one right after the other.
const STORM_TRIES: u32 = 10;

// Asking again for the same order is another try of the same payment.
const TRY: Statement = Statement::new(
    "INSERT",
    "payments",
    "INSERT INTO payments (order_id, amount, currency, tries) VALUES (?1, ?2, ?3, 1) \
     ON CONFLICT (order_id) DO UPDATE SET tries = tries + 1 RETURNING tries",
);

/// What `POST /payments` is asked.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Payment {
    pub order: String,
    pub customer: u32,
    /// In minor units of the currency.
    pub amount: i64,
    /// The code of ISO 4217.
    pub currency: String,
}

/// `POST /payments`. Whether the bank is busy is told by seed, customer, amount and try alone.
pub(crate) async fn take(
    State(app): State<Arc<App>>,
    request: Result<Json<Payment>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Error> {
    let Json(payment) = request.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    let Payment { order, customer, amount, currency } = payment;
    check_id(&order)?;
    check_money(amount, &currency)?;
    let span = Span::current();
    span.set_attribute("app.order.id", order.clone());
    span.set_attribute("app.order.amount", amount);
    span.set_attribute("app.order.currency", currency.clone());

    let mut transaction = app.database.begin().await?;
    let tries = transaction.query(&TRY, (&order, amount, &currency), |row| row.get("tries"));
    let tries: Vec<u32> = tries.await?;
    transaction.commit()?;
    let tries = tries.into_iter().next().unwrap_or(1);
    if is_busy(app.payment_seed, customer, amount, tries) {
        return Err(Error::Busy("the bank is busy".to_owned()));
    }
    info!(%order, amount, %currency, "payment taken");
    Ok((StatusCode::CREATED, Json(json!({ "service": app.name, "order": order }))))
}

fn check_money(amount: i64, currency: &str) -> Result<(), Error> {
    if amount < 0 {
        return Err(Error::BadRequest(format!("an amount of {amount} is below nothing")));
    }
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Err(Error::BadRequest("expected a currency's code of 3 letters".to_owned()));
    }
    Ok(())
}

fn is_busy(seed: u64, customer: u32, amount: i64, tries: u32) -> bool {
    let payment = (u64::from(customer) << 40) ^ (amount.cast_unsigned() << 8) ^ u64::from(tries);
    chance(seed, payment) < BUSY
}

/// Has the second target take the payment, and returns after how many tries it did.
pub(crate) async fn pay(peers: &Peers, payment: &Payment) -> Result<u32, Error> {
    let (most, mut wait) = match faults::strikes(Kind::RetryStorm) {
        true => (STORM_TRIES, Duration::ZERO),
        false => (TRIES, BACKOFF),
    };
    for tries in 1.. {
        let paid = peers.ask::<Value>(
            Method::POST,
            &peers.target_two,
            "/payments",
            Some(json!(payment)),
            tries - 1,
        );
        match paid.await {
            Ok(_) => return Ok(tries),
            Err(error) if tries == most || !is_worth_another_try(&error) => return Err(error),
            Err(error) => {
                warn!(reason = %error, wait_ms = wait.as_millis() as i64, "trying the payment again");
            }
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
    unreachable!("the last try returns")
}

/// Not if the bank has understood, and refused.
fn is_worth_another_try(error: &Error) -> bool {
    let Error::Upstream { status, .. } = error else { return false };
    status.is_none_or(|status| status.is_server_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bank_is_busy_now_and_then_and_for_the_same_payment_always() {
        let busy: Vec<bool> = (0..10_000).map(|it| is_busy(1, it, 716, 1)).collect();
        assert!((900..1_100).contains(&busy.iter().filter(|busy| **busy).count()));
        assert!((0..10_000).all(|it| is_busy(1, it, 716, 1) == busy[it as usize]));
        let again: Vec<bool> = (0..10_000).map(|it| is_busy(1, it, 716, 2)).collect();
        assert_ne!(again, busy, "another try is another chance");
    }
}
