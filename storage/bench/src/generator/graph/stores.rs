//! The databases and foreign APIs behind the services.

use super::{Database, External, Statement};

const CATALOG: Database = postgres("catalog", "catalog-db");
const ORDERS: Database = postgres("orders", "orders-db");
const STOCK: Database = postgres("stock", "stock-db");
const IDENTITY: Database =
    Database { system: "mysql", namespace: "identity", host: "identity-db", port: 3306 };
const LEDGER: Database =
    Database { system: "microsoft.sql_server", namespace: "ledger", host: "ledger-db", port: 1433 };
const SEARCH: Database =
    Database { system: "elasticsearch", namespace: "shop-search", host: "search-es", port: 9200 };

const fn postgres(namespace: &'static str, host: &'static str) -> Database {
    Database { system: "postgresql", namespace, host, port: 5432 }
}

const fn statement(
    database: &'static Database,
    operation: &'static str,
    collection: &'static str,
    text: &'static str,
    latency: f64,
    rows: f64,
) -> Statement {
    Statement { database, operation, collection, text, latency, rows }
}

pub const PRODUCT: Statement = statement(
    &CATALOG,
    "SELECT",
    "products",
    "SELECT id, name, description, picture, price_cents, currency, categories FROM products \
     WHERE id = $1",
    900.0,
    1.0,
);
pub const PRODUCTS_OF_CATEGORY: Statement = statement(
    &CATALOG,
    "SELECT",
    "products",
    "SELECT id, name, picture, price_cents, currency FROM products WHERE categories @> $1 \
     AND deleted_at IS NULL ORDER BY rank DESC LIMIT $2 OFFSET $3",
    4_200.0,
    24.0,
);
pub const PRODUCTS_BY_ID: Statement = statement(
    &CATALOG,
    "SELECT",
    "products",
    "SELECT id, name, picture, price_cents, currency FROM products WHERE id = ANY($1)",
    1_600.0,
    5.0,
);
pub const SEARCH_PRODUCTS: Statement = statement(
    &SEARCH,
    "search",
    "products",
    "{\"query\":{\"bool\":{\"must\":[{\"multi_match\":{\"query\":\"?\",\"fields\":[\"name^3\",\
     \"description\"]}}],\"filter\":[{\"term\":{\"visible\":\"?\"}}]}},\"size\":\"?\"}",
    11_000.0,
    18.0,
);
pub const SUGGEST: Statement = statement(
    &SEARCH,
    "search",
    "suggestions",
    "{\"suggest\":{\"products\":{\"prefix\":\"?\",\"completion\":{\"field\":\"name_suggest\"}}}}",
    3_000.0,
    8.0,
);
pub const STOCK_OF_PRODUCT: Statement = statement(
    &STOCK,
    "SELECT",
    "stock_levels",
    "select s.warehouse_id, s.available, s.reserved from stock_levels s where s.product_id=?",
    1_100.0,
    3.0,
);
pub const RESERVE_STOCK: Statement = statement(
    &STOCK,
    "UPDATE",
    "stock_levels",
    "update stock_levels set available=available-?, reserved=reserved+?, version=version+1 \
     where product_id=? and warehouse_id=? and version=?",
    2_300.0,
    0.0,
);
pub const STOCK_PAGE: Statement = statement(
    &STOCK,
    "SELECT",
    "stock_levels",
    "select s.product_id, s.warehouse_id, s.available from stock_levels s \
     where s.product_id>? order by s.product_id limit ?",
    6_000.0,
    500.0,
);
pub const INSERT_ORDER: Statement = statement(
    &ORDERS,
    "INSERT",
    "orders",
    "INSERT INTO orders (id, user_id, currency, total_cents, shipping_cents, address, placed_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
    2_400.0,
    0.0,
);
pub const INSERT_LINE: Statement = statement(
    &ORDERS,
    "INSERT",
    "order_lines",
    "INSERT INTO order_lines (order_id, product_id, quantity, price_cents) \
     VALUES ($1, $2, $3, $4)",
    1_300.0,
    0.0,
);
pub const ORDER: Statement = statement(
    &ORDERS,
    "SELECT",
    "orders",
    "SELECT o.id, o.user_id, o.currency, o.total_cents, o.state, o.placed_at FROM orders o \
     WHERE o.id = $1",
    1_000.0,
    1.0,
);
pub const ORDERS_OF_USER: Statement = statement(
    &ORDERS,
    "SELECT",
    "orders",
    "SELECT o.id, o.currency, o.total_cents, o.state, o.placed_at FROM orders o \
     WHERE o.user_id = $1 ORDER BY o.placed_at DESC LIMIT $2",
    2_100.0,
    9.0,
);
pub const SESSION: Statement = statement(
    &IDENTITY,
    "SELECT",
    "sessions",
    "select s1_0.id,s1_0.user_id,s1_0.created_at,s1_0.expires_at from sessions s1_0 \
     where s1_0.id=?",
    700.0,
    1.0,
);
pub const INSERT_SESSION: Statement = statement(
    &IDENTITY,
    "INSERT",
    "sessions",
    "insert into sessions (created_at,expires_at,user_agent,user_id,id) values (?,?,?,?,?)",
    1_900.0,
    0.0,
);
pub const USER: Statement = statement(
    &IDENTITY,
    "SELECT",
    "users",
    "select u1_0.id,u1_0.email,u1_0.name,u1_0.password_hash,u1_0.locale,u1_0.loyalty_tier \
     from users u1_0 where u1_0.id=?",
    800.0,
    1.0,
);
pub const UPDATE_USER: Statement = statement(
    &IDENTITY,
    "UPDATE",
    "users",
    "update users set email=?,locale=?,name=?,updated_at=? where id=?",
    2_000.0,
    0.0,
);
pub const INSERT_ENTRY: Statement = statement(
    &LEDGER,
    "INSERT",
    "ledger_entries",
    "INSERT INTO [ledger_entries] ([order_id], [account], [amount], [currency], [booked_at]) \
     OUTPUT INSERTED.[id] VALUES (@p0, @p1, @p2, @p3, @p4)",
    2_800.0,
    1.0,
);

pub const CHARGE: External = External {
    method: "POST",
    host: "api.payments.example.com",
    path: "/v1/charges",
    latency: 180_000.0,
};
pub const SEND_MAIL: External = External {
    method: "POST",
    host: "api.mail.example.com",
    path: "/v3/mail/send",
    latency: 95_000.0,
};
pub const CARRIER_RATES: External = External {
    method: "GET",
    host: "rates.carrier.example.net",
    path: "/v2/rates",
    latency: 60_000.0,
};
pub const CARRIER_TRACKING: External = External {
    method: "GET",
    host: "track.carrier.example.net",
    path: "/v2/parcels",
    latency: 75_000.0,
};
