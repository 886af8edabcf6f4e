//! A database of each service's own, whose statements are spans by the
//! [database conventions](https://opentelemetry.io/docs/specs/semconv/db/sql/).

use std::sync::Arc;

use opentelemetry::trace::Status;
use opentelemetry_semantic_conventions::attribute::{
    DB_COLLECTION_NAME, DB_NAMESPACE, DB_OPERATION_NAME, DB_QUERY_SUMMARY, DB_QUERY_TEXT,
    DB_RESPONSE_RETURNED_ROWS, DB_RESPONSE_STATUS_CODE, DB_SYSTEM_NAME, ERROR_TYPE,
};
use rusqlite::{Connection, Params, Row};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::error::Error;
use crate::faults::{self, Kind};

/// One SQL statement, its values left out.
pub(crate) struct Statement {
    operation: &'static str,
    collection: &'static str,
    text: &'static str,
}

impl Statement {
    /// `text` does `operation` to the table `collection`.
    pub const fn new(
        operation: &'static str,
        collection: &'static str,
        text: &'static str,
    ) -> Self {
        Self { operation, collection, text }
    }

    fn summary(&self) -> String {
        format!("{} {}", self.operation, self.collection)
    }

    fn span(&self) -> Span {
        let summary = self.summary();
        let span = info_span!("db.client", otel.name = summary, otel.kind = "client");
        span.set_attribute(DB_SYSTEM_NAME, "sqlite");
        // What SQLite calls the database of a connection.
        span.set_attribute(DB_NAMESPACE, "main");
        span.set_attribute(DB_OPERATION_NAME, self.operation);
        span.set_attribute(DB_COLLECTION_NAME, self.collection);
        span.set_attribute(DB_QUERY_SUMMARY, summary);
        span.set_attribute(DB_QUERY_TEXT, self.text);
        span
    }

    /// Marks the current span failed.
    fn failed(&self, cause: &rusqlite::Error) -> Error {
        let span = Span::current();
        if let Some(code) = cause.sqlite_error().map(|error| error.extended_code.to_string()) {
            span.set_attribute(DB_RESPONSE_STATUS_CODE, code.clone());
            span.set_attribute(ERROR_TYPE, code);
        } else {
            span.set_attribute(ERROR_TYPE, std::any::type_name::<rusqlite::Error>());
        }
        span.set_status(Status::error(cause.to_string()));
        Error::database(&self.summary(), cause)
    }
}

/// In memory: a statement takes microseconds, less than it would take to hand it to a thread.
#[derive(Clone, Debug)]
pub(crate) struct Database(Arc<Mutex<Connection>>);

impl Database {
    /// With what `schema` makes.
    pub fn open(schema: &str) -> Result<Self, Error> {
        let open = || {
            let connection = Connection::open_in_memory()?;
            connection.execute_batch(schema)?;
            Ok(connection)
        };
        let connection = open().map_err(|error| Error::database("opening it", &error))?;
        Ok(Self(Arc::new(Mutex::new(connection))))
    }

    /// Waits until no other is under way.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let connection = self.0.clone().lock_owned().await;
        execute(&connection, "BEGIN")?;
        Ok(Transaction { connection, is_open: true })
    }
}

/// Statements that take effect together. Dropped, none does.
pub(crate) struct Transaction {
    connection: OwnedMutexGuard<Connection>,
    is_open: bool,
}

impl Transaction {
    /// The rows of a statement that returns some.
    pub async fn query<T>(
        &mut self,
        statement: &Statement,
        values: impl Params,
        row: fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, Error> {
        let span = statement.span();
        faults::wait(Kind::SlowDatabase).await;
        span.in_scope(|| {
            let query = || {
                let mut prepared = self.connection.prepare_cached(statement.text)?;
                prepared.query_map(values, row)?.collect::<rusqlite::Result<Vec<T>>>()
            };
            let rows = query().map_err(|error| statement.failed(&error))?;
            span.set_attribute(DB_RESPONSE_RETURNED_ROWS, rows.len() as i64);
            Ok(rows)
        })
    }

    /// How many rows a statement that returns none has changed.
    pub async fn execute(
        &mut self,
        statement: &Statement,
        values: impl Params,
    ) -> Result<usize, Error> {
        let span = statement.span();
        faults::wait(Kind::SlowDatabase).await;
        span.in_scope(|| {
            let execute = || self.connection.prepare_cached(statement.text)?.execute(values);
            execute().map_err(|error| statement.failed(&error))
        })
    }

    pub fn commit(mut self) -> Result<(), Error> {
        execute(&self.connection, "COMMIT")?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        if self.is_open {
            // Fails only where the failure that led here has undone it all.
            let _ = execute(&self.connection, "ROLLBACK");
        }
    }
}

/// What is no statement of the service's, and no span.
fn execute(connection: &Connection, command: &str) -> Result<(), Error> {
    connection.execute_batch(command).map_err(|error| Error::database(command, &error))
}
