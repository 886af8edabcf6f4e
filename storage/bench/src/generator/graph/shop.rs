//! The shop's services. Names and routes are in the forms that the HTTP, RPC and messaging
//! conventions ask for; own work of hundreds of microseconds to a few milliseconds and fan-outs
//! of two to eight are what such services have.

use super::stores::{
    CARRIER_RATES, CARRIER_TRACKING, CHARGE, INSERT_ENTRY, INSERT_LINE, INSERT_ORDER,
    INSERT_SESSION, ORDER, ORDERS_OF_USER, PRODUCT, PRODUCTS_BY_ID, PRODUCTS_OF_CATEGORY,
    RESERVE_STOCK, SEARCH_PRODUCTS, SEND_MAIL, SESSION, STOCK_OF_PRODUCT, STOCK_PAGE, SUGGEST,
    UPDATE_USER, USER,
};
use super::{Action, Endpoint, External, Language, Protocol, Service, Statement, Step, Times};

/// Where traces begin, the most frequent first: visitors' pages, the apps' API, and what
/// happens by itself.
pub const ENTRIES: &[(&str, &str)] = &[
    ("storefront", "GET /"),
    ("storefront", "GET /product/{id}"),
    ("gateway", "GET /v1/products/{id}"),
    // A load balancer's probe, which sampling often forgets to leave out.
    ("gateway", "GET /healthz"),
    ("gateway", "GET /v1/search"),
    ("storefront", "GET /cart"),
    ("gateway", "POST /v1/cart/items"),
    ("storefront", "GET /search"),
    ("gateway", "GET /v1/products"),
    ("storefront", "POST /cart/items"),
    ("gateway", "GET /v1/recommendations"),
    ("gateway", "GET /v1/cart"),
    ("storefront", "GET /category/{slug}"),
    ("gateway", "POST /v1/sessions"),
    ("gateway", "POST /v1/checkout"),
    ("storefront", "POST /checkout"),
    ("gateway", "GET /v1/orders"),
    ("storefront", "GET /static/{file}"),
    ("gateway", "GET /v1/orders/{id}"),
    ("gateway", "GET /v1/shipping/quotes"),
    ("storefront", "GET /account"),
    ("gateway", "DELETE /v1/cart/items/{id}"),
    ("storefront", "GET /orders/{id}"),
    ("gateway", "PUT /v1/profile"),
    ("shipping", "poll-carriers"),
    ("inventory", "reindex"),
];

const fn step(action: Action) -> Step {
    Step { action, probability: 1.0, times: Times::Once, along: false }
}

const fn call(service: &'static str, endpoint: &'static str) -> Step {
    step(Action::Call(service, endpoint))
}

const fn query(statement: &'static Statement) -> Step {
    step(Action::Query(statement))
}

const fn cache(command: &'static str, key: &'static str) -> Step {
    step(Action::Cache(command, key))
}

const fn external(api: &'static External) -> Step {
    step(Action::External(api))
}

const fn publish(topic: &'static str) -> Step {
    step(Action::Publish(topic))
}

const fn work(function: &'static str) -> Step {
    step(Action::Work(function))
}

impl Step {
    const fn sometimes(self, probability: f64) -> Self {
        Self { probability, ..self }
    }

    const fn few(self) -> Self {
        Self { times: Times::Few, ..self }
    }

    const fn many(self) -> Self {
        Self { times: Times::Many, ..self }
    }

    const fn along(self) -> Self {
        Self { along: true, ..self }
    }
}

const fn http(name: &'static str, work: f64, steps: &'static [Step]) -> Endpoint {
    Endpoint { protocol: Protocol::Http, name, work, steps }
}

const fn grpc(name: &'static str, work: f64, steps: &'static [Step]) -> Endpoint {
    Endpoint { protocol: Protocol::Grpc, name, work, steps }
}

const fn consumer(topic: &'static str, work: f64, steps: &'static [Step]) -> Endpoint {
    Endpoint { protocol: Protocol::Kafka, name: topic, work, steps }
}

const fn job(name: &'static str, work: f64, steps: &'static [Step]) -> Endpoint {
    Endpoint { protocol: Protocol::Job, name, work, steps }
}

const SESSION_OF_VISITOR: Step = call("identity", "GET /sessions/{id}");
const GET_PRODUCT: Step = call("catalog", "shop.catalog.v1.CatalogService/GetProduct");
const LIST_PRODUCTS: Step = call("catalog", "shop.catalog.v1.CatalogService/ListProducts");
const RECOMMENDATIONS: Step =
    call("recommendation", "shop.recommendation.v1.RecommendationService/ListRecommendations");
const ADS: Step = call("ads", "shop.ads.v1.AdService/GetAds");
const CONVERT: Step = call("pricing", "shop.pricing.v1.PricingService/Convert");
const GET_CART: Step = call("cart", "shop.cart.v1.CartService/GetCart");
const ADD_ITEM: Step = call("cart", "shop.cart.v1.CartService/AddItem");
const GET_STOCK: Step = call("inventory", "shop.inventory.v1.InventoryService/GetStock");
const PLACE_ORDER: Step = call("checkout", "shop.checkout.v1.CheckoutService/PlaceOrder");
const QUOTE_SHIPPING: Step = call("shipping", "POST /quotes");

pub const SERVICES: &[Service] = &[
    Service {
        name: "storefront",
        language: Language::Node,
        replicas: 4,
        port: 8080,
        endpoints: &[
            http(
                "GET /",
                1_800.0,
                &[
                    SESSION_OF_VISITOR.sometimes(0.8),
                    LIST_PRODUCTS,
                    RECOMMENDATIONS.along(),
                    ADS.along(),
                    CONVERT.few(),
                    GET_CART.sometimes(0.4),
                    work("renderPage"),
                ],
            ),
            http(
                "GET /product/{id}",
                1_500.0,
                &[
                    SESSION_OF_VISITOR.sometimes(0.8),
                    GET_PRODUCT,
                    GET_STOCK.along(),
                    RECOMMENDATIONS.along(),
                    ADS.along(),
                    CONVERT,
                    GET_CART.sometimes(0.4),
                    work("renderPage"),
                ],
            ),
            http(
                "GET /category/{slug}",
                1_700.0,
                &[LIST_PRODUCTS, ADS.along(), CONVERT.few(), work("renderPage")],
            ),
            http(
                "GET /search",
                1_600.0,
                &[call("search", "GET /query"), CONVERT.few(), work("renderPage")],
            ),
            http(
                "GET /cart",
                1_400.0,
                &[
                    SESSION_OF_VISITOR,
                    GET_CART,
                    GET_PRODUCT.few(),
                    CONVERT,
                    QUOTE_SHIPPING.sometimes(0.5),
                    work("renderPage"),
                ],
            ),
            http("POST /cart/items", 800.0, &[SESSION_OF_VISITOR, GET_PRODUCT, ADD_ITEM]),
            http("POST /checkout", 1_200.0, &[SESSION_OF_VISITOR, PLACE_ORDER, work("renderPage")]),
            http(
                "GET /account",
                1_300.0,
                &[
                    call("identity", "GET /users/{id}"),
                    call("checkout", "shop.checkout.v1.CheckoutService/ListOrders"),
                    work("renderPage"),
                ],
            ),
            http(
                "GET /orders/{id}",
                1_300.0,
                &[
                    SESSION_OF_VISITOR,
                    call("checkout", "shop.checkout.v1.CheckoutService/GetOrder"),
                    call("shipping", "GET /shipments/{id}").sometimes(0.7),
                    work("renderPage"),
                ],
            ),
            http("GET /static/{file}", 250.0, &[]),
        ],
    },
    Service {
        name: "gateway",
        language: Language::Go,
        replicas: 4,
        port: 8443,
        endpoints: &[
            http("GET /healthz", 40.0, &[]),
            http(
                "GET /v1/products/{id}",
                300.0,
                &[GET_PRODUCT, GET_STOCK.along(), CONVERT.sometimes(0.6)],
            ),
            http("GET /v1/products", 350.0, &[LIST_PRODUCTS, CONVERT.few()]),
            http("GET /v1/search", 300.0, &[call("search", "GET /query"), CONVERT.few()]),
            http("GET /v1/recommendations", 280.0, &[RECOMMENDATIONS, CONVERT.few()]),
            http("GET /v1/cart", 260.0, &[SESSION_OF_VISITOR, GET_CART, GET_PRODUCT.few()]),
            http("POST /v1/cart/items", 300.0, &[SESSION_OF_VISITOR, GET_PRODUCT, ADD_ITEM]),
            http(
                "DELETE /v1/cart/items/{id}",
                260.0,
                &[SESSION_OF_VISITOR, call("cart", "shop.cart.v1.CartService/RemoveItem")],
            ),
            http("POST /v1/checkout", 400.0, &[SESSION_OF_VISITOR, PLACE_ORDER]),
            http(
                "GET /v1/orders",
                260.0,
                &[
                    SESSION_OF_VISITOR,
                    call("checkout", "shop.checkout.v1.CheckoutService/ListOrders"),
                ],
            ),
            http(
                "GET /v1/orders/{id}",
                260.0,
                &[
                    SESSION_OF_VISITOR,
                    call("checkout", "shop.checkout.v1.CheckoutService/GetOrder"),
                    call("shipping", "GET /shipments/{id}").sometimes(0.7),
                ],
            ),
            http("POST /v1/sessions", 300.0, &[call("identity", "POST /sessions")]),
            http("PUT /v1/profile", 280.0, &[call("identity", "PUT /users/{id}")]),
            http("GET /v1/shipping/quotes", 260.0, &[QUOTE_SHIPPING]),
        ],
    },
    Service {
        name: "catalog",
        language: Language::Go,
        replicas: 4,
        port: 50051,
        endpoints: &[
            grpc(
                "shop.catalog.v1.CatalogService/GetProduct",
                150.0,
                &[cache("GET", "product"), query(&PRODUCT).sometimes(0.45)],
            ),
            grpc(
                "shop.catalog.v1.CatalogService/ListProducts",
                500.0,
                &[query(&PRODUCTS_OF_CATEGORY)],
            ),
            grpc("shop.catalog.v1.CatalogService/GetProducts", 300.0, &[query(&PRODUCTS_BY_ID)]),
        ],
    },
    Service {
        name: "search",
        language: Language::Java,
        replicas: 3,
        port: 8080,
        endpoints: &[http(
            "GET /query",
            1_200.0,
            &[
                work("QueryParser.parse"),
                query(&SEARCH_PRODUCTS),
                query(&SUGGEST).along().sometimes(0.3),
                call("catalog", "shop.catalog.v1.CatalogService/GetProducts"),
            ],
        )],
    },
    Service {
        name: "cart",
        language: Language::Dotnet,
        replicas: 3,
        port: 50052,
        endpoints: &[
            grpc("shop.cart.v1.CartService/GetCart", 180.0, &[cache("HGETALL", "cart")]),
            grpc(
                "shop.cart.v1.CartService/AddItem",
                220.0,
                &[cache("HINCRBY", "cart"), cache("EXPIRE", "cart")],
            ),
            grpc("shop.cart.v1.CartService/RemoveItem", 200.0, &[cache("HDEL", "cart")]),
            grpc("shop.cart.v1.CartService/EmptyCart", 160.0, &[cache("DEL", "cart")]),
        ],
    },
    Service {
        name: "checkout",
        language: Language::Go,
        replicas: 3,
        port: 50053,
        endpoints: &[
            grpc(
                "shop.checkout.v1.CheckoutService/PlaceOrder",
                900.0,
                &[
                    GET_CART,
                    work("prepareOrderItems"),
                    GET_PRODUCT.few(),
                    CONVERT.few(),
                    QUOTE_SHIPPING,
                    call("inventory", "shop.inventory.v1.InventoryService/Reserve").few(),
                    call("payment", "shop.payment.v1.PaymentService/Charge"),
                    query(&INSERT_ORDER),
                    query(&INSERT_LINE).few(),
                    call("shipping", "POST /shipments"),
                    call("cart", "shop.cart.v1.CartService/EmptyCart"),
                    publish("orders"),
                ],
            ),
            grpc("shop.checkout.v1.CheckoutService/GetOrder", 200.0, &[query(&ORDER)]),
            grpc("shop.checkout.v1.CheckoutService/ListOrders", 300.0, &[query(&ORDERS_OF_USER)]),
        ],
    },
    Service {
        name: "payment",
        language: Language::Node,
        replicas: 2,
        port: 50054,
        endpoints: &[grpc(
            "shop.payment.v1.PaymentService/Charge",
            900.0,
            &[work("validateCard"), external(&CHARGE)],
        )],
    },
    Service {
        name: "pricing",
        language: Language::Rust,
        replicas: 3,
        port: 50055,
        endpoints: &[grpc(
            "shop.pricing.v1.PricingService/Convert",
            60.0,
            &[cache("GET", "rate").sometimes(0.3)],
        )],
    },
    Service {
        name: "inventory",
        language: Language::Java,
        replicas: 3,
        port: 50056,
        endpoints: &[
            grpc("shop.inventory.v1.InventoryService/GetStock", 350.0, &[query(&STOCK_OF_PRODUCT)]),
            grpc(
                "shop.inventory.v1.InventoryService/Reserve",
                450.0,
                &[query(&STOCK_OF_PRODUCT), query(&RESERVE_STOCK)],
            ),
            job("reindex", 5_000.0, &[query(&STOCK_PAGE).many(), publish("stock")]),
        ],
    },
    Service {
        name: "shipping",
        language: Language::Rust,
        replicas: 2,
        port: 8081,
        endpoints: &[
            http("POST /quotes", 120.0, &[external(&CARRIER_RATES).sometimes(0.25)]),
            http("POST /shipments", 150.0, &[work("assign_tracking_number")]),
            http("GET /shipments/{id}", 110.0, &[external(&CARRIER_TRACKING)]),
            job("poll-carriers", 2_000.0, &[external(&CARRIER_TRACKING).few()]),
        ],
    },
    Service {
        name: "recommendation",
        language: Language::Python,
        replicas: 3,
        port: 50057,
        endpoints: &[grpc(
            "shop.recommendation.v1.RecommendationService/ListRecommendations",
            1_900.0,
            &[
                cache("MGET", "features"),
                work("rank_candidates"),
                call("catalog", "shop.catalog.v1.CatalogService/GetProducts").sometimes(0.7),
            ],
        )],
    },
    Service {
        name: "ads",
        language: Language::Java,
        replicas: 2,
        port: 50058,
        endpoints: &[grpc(
            "shop.ads.v1.AdService/GetAds",
            400.0,
            &[work("AdSelector.selectByContext").sometimes(0.5)],
        )],
    },
    Service {
        name: "identity",
        language: Language::Java,
        replicas: 3,
        port: 8082,
        endpoints: &[
            http(
                "GET /sessions/{id}",
                300.0,
                &[cache("GET", "session"), query(&SESSION).sometimes(0.15)],
            ),
            http(
                "POST /sessions",
                900.0,
                &[
                    query(&USER),
                    // Deliberately slow, as hashing a password is.
                    work("PasswordEncoder.matches"),
                    query(&INSERT_SESSION),
                    cache("SETEX", "session"),
                ],
            ),
            http("GET /users/{id}", 350.0, &[query(&USER)]),
            http("PUT /users/{id}", 500.0, &[query(&USER), query(&UPDATE_USER)]),
        ],
    },
    Service {
        name: "notification",
        language: Language::Python,
        replicas: 2,
        port: 8083,
        endpoints: &[consumer("orders", 2_500.0, &[work("render_template"), external(&SEND_MAIL)])],
    },
    Service {
        name: "accounting",
        language: Language::Dotnet,
        replicas: 2,
        port: 8084,
        endpoints: &[consumer("orders", 700.0, &[query(&INSERT_ENTRY).few()])],
    },
    Service {
        name: "fraud",
        language: Language::Java,
        replicas: 2,
        port: 8085,
        endpoints: &[
            consumer("orders", 1_500.0, &[work("RiskModel.score"), cache("INCR", "velocity")]),
            consumer("stock", 300.0, &[]),
        ],
    },
];
