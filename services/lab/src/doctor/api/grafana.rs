//! Grafana's HTTP API, as the anonymous viewer has it.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Failure, ask_json};
use crate::doctor::lab::Lab;
use crate::ports::known::GRAFANA;

/// What it tells of its version, once its own database answers.
pub async fn version(lab: &Lab<'_>) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Health {
        database: String,
        #[serde(default)]
        version: String,
    }
    let question = "grafana for its health";
    let request = lab.client.get(&format!("{}/api/health", lab.url(GRAFANA)));
    let health: Health = ask_json(question, request).await?;
    match health.database.as_str() {
        "ok" => Ok(health.version),
        other => Err(Failure::nonsense(question, format!("its database is {other}"))),
    }
}

/// What the data source with this uid answers to a GET of `path`, by Grafana.
pub async fn proxy<T: DeserializeOwned>(
    lab: &Lab<'_>,
    uid: &str,
    path: &str,
    query: &[(&str, &str)],
) -> Result<T, Failure> {
    let url = format!("{}/api/datasources/proxy/uid/{uid}/{path}", lab.url(GRAFANA));
    let request = lab.client.get(&url).query(query);
    ask_json(&format!("grafana's data source {uid} for /{path}"), request).await
}
