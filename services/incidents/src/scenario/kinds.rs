//! What goes wrong in each scenario, and what telemetry shows of it.

use super::{Begin, QUOTE, Shop, Trouble};
use crate::answer::{Affected, Cause};
use crate::control::{Kind, Latency, Spec};
use crate::dice::Dice;
use crate::pace::Pace;

const ORDERS: &str = "POST /orders";
const PAYMENTS: &str = "POST /payments";
const RESERVATIONS: &str = "POST /reservations";
const PRICES: &str = "GET /prices/{sku}";

/// Where a fault strikes, and for whom.
struct Place {
    service: &'static str,
    operation: &'static str,
    affected: Affected,
}

impl Place {
    fn fault(&self, kind: Kind, change: impl FnOnce(&mut Spec)) -> Begin {
        let mut spec = Spec::new(kind);
        spec.operation = Some(self.operation.to_owned());
        spec.tier = self.affected.tier().map(str::to_owned);
        change(&mut spec);
        Begin { service: self.service, spec }
    }

    fn trouble(self, cause: Cause, begin: Begin, hints: [String; 2], text: &str) -> Trouble {
        let Self { service, operation, affected } = self;
        let whose = match affected {
            Affected::Everyone => "everyone's requests".to_owned(),
            tier => format!("the requests of {tier} customers alone"),
        };
        let explanation = format!("At {service}, {operation}: {text} So it was for {whose}.");
        Trouble {
            before: Vec::new(),
            begin: vec![begin],
            service,
            operation,
            cause,
            affected,
            hints,
            explanation,
        }
    }
}

/// Everyone as often as all tiers together.
fn whoever(dice: &mut Dice) -> Affected {
    use Affected::{Bronze, Everyone, Gold, Silver};
    dice.pick(&[Everyone, Everyone, Everyone, Bronze, Silver, Gold])
}

/// Of gold customers there are too few to tell a change that is small.
fn whoever_there_are_many_of(dice: &mut Dice) -> Affected {
    use Affected::{Bronze, Everyone, Silver};
    dice.pick(&[Everyone, Everyone, Bronze, Silver])
}

fn percent(dice: &mut Dice, least: u64, most: u64) -> f64 {
    dice.between(least, most) as f64 / 100.0
}

pub(super) fn failing_payments(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let place = Place { service: shop.payments(), operation: PAYMENTS, affected: whoever(dice) };
    let ratio = percent(dice, 55, 90);
    let begin = place.fault(Kind::Error, |spec| spec.ratio = ratio);
    let hints = [
        "An error is told by everyone above it. Look for the lowest span of a failed order that is \
         an error: nothing below it is."
            .to_owned(),
        format!(
            "Compare the errors of {PAYMENTS} before and since, tier by tier, with the tenth for \
             which the bank is always busy."
        ),
    ];
    let text = format!(
        "{:.0} % of what the fault was for failed before it did anything. The spans are errors with \
         an exception and without a statement below, unlike those of a busy bank, which have made \
         theirs. The shop failed only since its payments did: all of its errors have an error below. \
         It tries a payment up to three times, so that fewer orders failed than payments.",
        ratio * 100.0
    );
    place.trouble(Cause::Errors, begin, hints, &text)
}

pub(super) fn failing_prices(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let affected = whoever_there_are_many_of(dice);
    let place = Place { service: shop.price_list(), operation: PRICES, affected };
    let ratio = percent(dice, 40, 80);
    let begin = place.fault(Kind::Error, |spec| spec.ratio = ratio);
    let hints = [
        "Some orders never meet it: what they need was at hand. Follow those that fail down to the \
         last span."
            .to_owned(),
        format!("{QUOTE} fails, but does it fail by itself? Look at what it asks {PRICES} for."),
    ];
    let text = format!(
        "{:.0} % of what the fault was for failed. Orders whose prices were in the cache of {} did \
         not, and the errors of {QUOTE} there, and of the shop, all have an error below.",
        ratio * 100.0,
        shop.prices()
    );
    place.trouble(Cause::Errors, begin, hints, &text)
}

pub(super) fn slow_prices(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let affected = whoever(dice);
    let (service, operation) = dice.pick(&[(shop.prices(), QUOTE), (shop.price_list(), PRICES)]);
    let place = Place { service, operation, affected };
    let min_ms = dice.between(120, 250);
    let latency = Latency::Uniform { min_ms, max_ms: min_ms + 100 };
    let begin = place.fault(Kind::Latency, |spec| spec.latency = Some(latency));
    let hints = [
        "Take a slow order, and follow its critical path: in which span does the time pass while no \
         span below it runs?"
            .to_owned(),
        format!("Compare the time that {QUOTE} and {PRICES} take themselves, before and since."),
    ];
    let text = format!(
        "each request waited {min_ms} to {} ms before it did anything. That is time of the SERVER \
         span that none below it explains; those above took longer only since they waited for it.",
        min_ms + 100
    );
    place.trouble(Cause::Slow, begin, hints, &text)
}

pub(super) fn slow_database(dice: &mut Dice, shop: Shop, pace: &Pace) -> Trouble {
    let (service, operation, statements) =
        dice.pick(&[(shop.stock(), RESERVATIONS, 3.0), (shop.payments(), PAYMENTS, 1.2)]);
    let place = Place { service, operation, affected: Affected::Everyone };
    // One statement has the next wait: together they must leave time to spare.
    let share = percent(dice, 40, 55);
    let ms = (1_000.0 * share / (pace.orders() * statements)) as u64;
    let begin = place.fault(Kind::SlowDatabase, |spec| {
        spec.latency = Some(Latency::Constant { ms });
    });
    let hints = [
        "A database is a CLIENT span like any other. Compare how long those of each service take."
            .to_owned(),
        format!(
            "Look at the statements below {operation} at {service}. Others at that service wait \
             without a statement that is slow: there is one connection."
        ),
    ];
    let text = format!(
        "each statement took {ms} ms longer. Whatever else asked that database had to wait for its \
         one connection, customers of every tier among them, but its own statements were as ever."
    );
    place.trouble(Cause::SlowDatabase, begin, hints, &text)
}

pub(super) fn cache_lost(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let affected = whoever_there_are_many_of(dice);
    let place = Place { service: shop.prices(), operation: QUOTE, affected };
    let begin = place.fault(Kind::CacheOff, |_| {});
    let hints = [
        format!(
            "{PRICES} at {} is asked more often, and answers as ever. Who asks, and why?",
            shop.price_list()
        ),
        format!("How many of the lookups below {QUOTE} find what they look for (`app.cache.hit`)?"),
    ];
    let text = format!(
        "no lookup found a price in the cache any more: `app.cache.hit` was false, and each \
         `get_price` asked {}, which had the more requests, and is not to blame for them.",
        shop.price_list()
    );
    place.trouble(Cause::Cache, begin, hints, &text)
}

pub(super) fn n_plus_one(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let affected = whoever(dice);
    let place = Place { service: shop.stock(), operation: RESERVATIONS, affected };
    let begin = place.fault(Kind::NPlusOne, |_| {});
    let hints = [
        "No duration tells it. Count the spans below each operation, in orders of several items."
            .to_owned(),
        format!("Compare an early and a late {RESERVATIONS} of an order of three items."),
    ];
    let text = "stock was read by a statement for each item of an order, not by one for all: as many \
                `SELECT stock` as `app.order.item_count`, of one row each.";
    place.trouble(Cause::NPlusOne, begin, hints, text)
}

pub(super) fn retry_storm(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let affected = whoever(dice);
    let place = Place { service: shop.name(), operation: ORDERS, affected };
    let begin = place.fault(Kind::RetryStorm, |_| {});
    // The bank's trouble, which makes the shop try again, is there from the start.
    let mut bank = Spec::new(Kind::Error);
    bank.operation = Some(PAYMENTS.to_owned());
    bank.ratio = percent(dice, 70, 80);
    let hints = [
        format!(
            "{PAYMENTS} fails as often as at the start, of so many requests. But how many are there \
             for each order?"
        ),
        "Look at `http.request.resend_count` of the CLIENT spans of an order, and at the time from \
         one to the next."
            .to_owned(),
    ];
    let text = format!(
        "a payment that failed was tried up to ten times, one try right after the other, not three \
         times with pauses. {PAYMENTS} at {} was asked far more often, and failed for the same share \
         of that as before: it is where it hurts, and not where it comes from.",
        shop.payments()
    );
    let trouble = place.trouble(Cause::RetryStorm, begin, hints, &text);
    Trouble { before: vec![Begin { service: shop.payments(), spec: bank }], ..trouble }
}

pub(super) fn lost_context(dice: &mut Dice, shop: Shop, _: &Pace) -> Trouble {
    let affected = whoever(dice);
    let (service, operation) = dice.pick(&[
        (shop.stock(), RESERVATIONS),
        (shop.payments(), PAYMENTS),
        (shop.prices(), QUOTE),
    ]);
    let place = Place { service, operation, affected };
    let ratio = percent(dice, 70, 100);
    let begin = place.fault(Kind::LostContext, |spec| spec.ratio = ratio);
    let hints = [
        "Count the services of an early order's trace and of a late one's. Which CLIENT span has \
         nothing below?"
            .to_owned(),
        format!(
            "Search {operation} at {service} for spans without a parent. Whether the caller sent a \
             `traceparent` is among the attributes of its CLIENT span."
        ),
    ];
    let text = "requests were answered as if they had come without context: the SERVER span began \
                another trace, without `app.customer.tier`, and the caller's CLIENT span, which did \
                send a `traceparent`, had nothing below. For whom is told by the caller's trace.";
    place.trouble(Cause::LostContext, begin, hints, text)
}
