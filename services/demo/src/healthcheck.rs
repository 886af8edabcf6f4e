//! `demo healthcheck`, for a container without a shell.

use std::time::Duration;

use reqwest::Url;

use crate::error::Error;

const TIMEOUT: Duration = Duration::from_secs(2);

/// Fails unless the service answers with a success.
pub(crate) async fn check(url: Url) -> Result<(), Error> {
    let call = format!("GET {url}");
    let failed = |error: reqwest::Error| Error::upstream(&call, &error.without_url());
    let client = reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().map_err(failed)?;
    let response = client.get(url).send().await.map_err(failed)?;
    response.error_for_status().map_err(failed)?;
    Ok(())
}
