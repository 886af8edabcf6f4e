use super::{Attributes, address_of};
use crate::generator::graph::{Language, Statement};
use crate::generator::random::{Random, mix};
use crate::generator::values::{Visit, product_id, user_id};
use crate::generator::world::Pod;

/// The span of a statement; `rows` is how many it gave, if it succeeded.
pub fn query(statement: &Statement, rows: Option<i64>, pod: &Pod) -> Attributes {
    let database = statement.database;
    let mut attributes = Attributes::default();
    attributes
        .text("db.system.name", database.system)
        .text("db.namespace", database.namespace)
        .text("db.operation.name", statement.operation)
        .text("db.collection.name", statement.collection)
        .text("db.query.text", statement.text)
        .text("db.query.summary", format!("{} {}", statement.operation, statement.collection))
        .text("server.address", database.host)
        .int("server.port", database.port.into())
        .text("network.peer.address", address_of(database.host))
        .int("network.peer.port", database.port.into());
    match (rows, pod.language()) {
        (Some(rows), Language::Go | Language::Dotnet) if rows > 0 => {
            attributes.int("db.response.returned_rows", rows);
        }
        (None, _) => {
            // What PostgreSQL calls a deadlock.
            attributes.text("db.response.status_code", "40P01");
        }
        _ => {}
    }
    match pod.language() {
        Language::Java => {
            attributes.text("db.client.connection.pool.name", "HikariPool-1");
        }
        Language::Dotnet => {
            attributes.int("db.operation.batch.size", 2);
        }
        _ => {}
    }
    attributes
}

/// The span of a command to Redis.
pub fn cache(
    command: &str,
    key: &str,
    pod: &Pod,
    visit: &Visit,
    random: &mut Random,
) -> Attributes {
    let host = if key == "cart" { "cart-redis" } else { "shared-redis" };
    // Some libraries show the key by default, others a placeholder.
    let shown = match pod.language() {
        Language::Dotnet => format!("{key}:{}", user_id(visit.user)),
        Language::Rust => format!("{key}:{}:{}", "EUR", visit.currency),
        Language::Go => format!("{key}:{}", product_id(visit.product)),
        Language::Java | Language::Node | Language::Python => "?".to_owned(),
    };
    let mut attributes = Attributes::default();
    attributes
        .text("db.system.name", "redis")
        .text("db.namespace", "0")
        .text("db.operation.name", command)
        .text("db.query.text", format!("{command} {shown}"))
        .text("server.address", host)
        .int("server.port", 6379)
        .text("network.peer.address", address_of(&format!("{host}-{}", mix(&shown, 0) % 3)))
        .int("network.peer.port", 6379);
    match pod.language() {
        Language::Python => {
            attributes.int("db.operation.batch.size", 1 + random.below(12) as i64);
        }
        // redisotel tells where it was called.
        Language::Go => {
            attributes
                .text("code.function.name", "store.(*Cache).Get")
                .text("code.file.path", "/src/internal/store/cache.go")
                .int("code.line.number", 64);
        }
        _ => {}
    }
    attributes
}
