use super::Attributes;
use crate::generator::graph::{Endpoint, Protocol};
use crate::generator::random::{Random, mix};
use crate::generator::values::{CARDS, Visit, product_id, user_id};
use crate::generator::world::Pod;

/// What a team's own code adds to the span of an endpoint. The conventions reserve no names for
/// a business's own; the project's demonstration uses the prefix `app`.
pub fn of_endpoint(
    endpoint: &Endpoint,
    visit: &Visit,
    attributes: &mut Attributes,
    random: &mut Random,
) {
    let name = endpoint.name;
    // Visitors' requests at the edge, but not assets, which are served without a look at them.
    if name.starts_with("GET /v1") || matches!(name, "GET /" | "GET /cart" | "GET /account") {
        add_visitor(visit, attributes);
    }
    if endpoint.protocol == Protocol::Kafka {
        attributes.text("app.order.id", &visit.order).double("app.order.amount", visit.amount);
        return;
    }
    match name.rsplit('/').next().unwrap_or(name) {
        "GetProduct" | "GetStock" | "Reserve" => {
            attributes.text("app.product.id", product_id(visit.product));
        }
        "GetCart" | "AddItem" | "RemoveItem" | "EmptyCart" => {
            attributes.text("user.id", user_id(visit.user)).int("app.cart.items", visit.items);
        }
        "Convert" => {
            attributes.text("app.currency", visit.currency);
        }
        "PlaceOrder" => {
            attributes
                .text("user.id", user_id(visit.user))
                .text("app.order.id", &visit.order)
                .double("app.order.amount", visit.amount)
                .text("app.currency", visit.currency)
                .int("app.cart.items", visit.items)
                .bool("app.loyalty.member", visit.user.is_multiple_of(3));
        }
        "Charge" => {
            attributes
                .text("app.order.id", &visit.order)
                .double("app.order.amount", visit.amount)
                .text("app.payment.card_type", CARDS[(mix("card", visit.user) % 4) as usize]);
        }
        "quotes" | "shipments" => {
            // A rate by weight, in the currency's unit.
            let cost = (random.log_normal(780.0, 0.4)).round() / 100.0;
            attributes.double("app.shipping.cost", cost);
        }
        "checkout" | "items" => {
            add_visitor(visit, attributes);
            attributes.text("app.currency", visit.currency);
        }
        _ => {}
    }
}

/// A function's own span: where it is in the code.
pub fn of_function(function: &str, pod: &Pod, visit: &Visit) -> Attributes {
    let file = format!("src/{}", function.split('.').next().unwrap_or(function));
    let mut attributes = Attributes::default();
    attributes
        .text("code.function.name", format!("{}.{function}", pod.service().name))
        .text("code.file.path", file)
        .int("code.line.number", 10 + (mix(function, 1) % 300) as i64);
    match function {
        "renderPage" => {
            attributes.text("session.id", &visit.session).text("app.currency", visit.currency);
        }
        "prepareOrderItems" | "rank_candidates" => {
            attributes.int("app.cart.items", visit.items);
        }
        _ => {}
    }
    attributes
}

fn add_visitor(visit: &Visit, attributes: &mut Attributes) {
    attributes.text("session.id", &visit.session);
    if visit.is_signed_in {
        attributes
            .text("user.id", user_id(visit.user))
            .bool("app.loyalty.member", visit.user.is_multiple_of(3));
    }
}
