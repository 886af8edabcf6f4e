//! What an order costs: the price list, and quotes from it through a cache.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use reqwest::StatusCode;
use serde::{Deserialize, Serialize};
use tonic::{Request, Response, Status};
use tracing::{Span, info, instrument};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::database::Statement;
use crate::error::Error;
use crate::faults::{self, Kind, Scope};
use crate::grpc::{QUOTE, status};
use crate::orders::check;
use crate::routes::App;
use crate::stock::Item;
use crate::tasks::pricing_server::Pricing;
use crate::tasks::{QuoteRequest, QuoteResponse};
use crate::tier::Tier;

const PRICE: Statement =
    Statement::new("SELECT", "prices", "SELECT amount, currency FROM prices WHERE sku = ?1");

/// What one unit of an item costs.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Price {
    /// In minor units of the currency.
    pub amount: i64,
    /// The code of ISO 4217.
    pub currency: String,
}

/// `GET /prices/{sku}`.
pub(crate) async fn price(
    State(app): State<Arc<App>>,
    sku: Result<Path<u32>, PathRejection>,
) -> Result<Json<Price>, Error> {
    let Path(sku) = sku.map_err(|rejection| Error::BadRequest(rejection.body_text()))?;
    let mut transaction = app.database.begin().await?;
    let found = transaction.query(&PRICE, [sku], |row| {
        Ok(Price { amount: row.get("amount")?, currency: row.get("currency")? })
    });
    let price = found.await?.into_iter().next();
    price.map(Json).ok_or_else(|| Error::NotFound(format!("nobody sells item {sku}")))
}

#[tonic::async_trait]
impl Pricing for App {
    async fn quote(
        &self,
        request: Request<QuoteRequest>,
    ) -> Result<Response<QuoteResponse>, Status> {
        let span = Span::current();
        let tier = Tier::in_baggage(&span.context());
        tier.inspect(|tier| tier.record(&span));
        let scope = Scope { operation: QUOTE.to_owned(), tier };
        let quote = self.faults.during(scope, self.quoted(request.into_inner())).await;
        quote.map(Response::new).map_err(|error| status(&error))
    }
}

impl App {
    async fn quoted(&self, request: QuoteRequest) -> Result<QuoteResponse, Error> {
        let items: Vec<Item> = request.items.into_iter().map(Item::from).collect();
        check(&items)?;
        let mut quote = QuoteResponse::default();
        for item in items {
            let price = self.price_of(item.sku).await?;
            quote.amount += price.amount * i64::from(item.quantity);
            quote.currency = price.currency;
        }
        // The rounding is in the customer's favour.
        let discount = Tier::of(request.customer).discount_percent();
        quote.amount = quote.amount * (100 - discount) / 100;

        let span = Span::current();
        span.set_attribute("app.order.amount", quote.amount);
        span.set_attribute("app.order.currency", quote.currency.clone());
        info!(amount = quote.amount, currency = %quote.currency, "order priced");
        Ok(quote)
    }

    /// The price, from the cache if it is there.
    #[instrument(name = "get_price", skip_all)]
    async fn price_of(&self, sku: u32) -> Result<Price, Error> {
        let is_off = faults::strikes(Kind::CacheOff);
        let cached = if is_off { None } else { self.prices.get(sku) };
        let span = Span::current();
        span.set_attribute("app.item.sku", i64::from(sku));
        span.set_attribute("app.cache.hit", cached.is_some());
        if let Some(price) = cached {
            return Ok(price);
        }
        let path = format!("/prices/{sku}");
        let asked = self.peers.get::<Price>(&self.peers.target_one, &path).await;
        let price = asked.map_err(|error| match error {
            Error::Upstream { status: Some(StatusCode::NOT_FOUND), .. } => {
                Error::NotFound(format!("nobody sells item {sku}"))
            }
            error => error,
        });
        let price = price.inspect_err(|error| error.mark(&span))?;
        self.prices.insert(sku, price.clone());
        Ok(price)
    }
}
