//! What is read of an answer: what answers without end must not fill the memory.

use reqwest::Response;

/// The first so many bytes of the body, and whether there is more of it.
///
/// # Errors
/// When the connection breaks, or the client's deadline is over.
pub async fn body(mut answer: Response, most: usize) -> reqwest::Result<(Vec<u8>, bool)> {
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() > most {
            body.truncate(most);
            return Ok((body, true));
        }
    }
    Ok((body, false))
}
