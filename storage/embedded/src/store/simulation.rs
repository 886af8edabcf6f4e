//! What tests do to a store, and ask it, that nobody else does.

use std::sync::Arc;

use spoor_store::WriteError;

use super::EmbeddedStore;

impl EmbeddedStore {
    /// Begins to write to segments what is in none yet.
    ///
    /// # Errors
    /// When a log cannot be begun.
    pub async fn freeze(&self) -> Result<(), WriteError> {
        for tenant in self.shared.all() {
            tenant.freeze().await?;
        }
        Ok(())
    }

    /// Waits until all that was written is in segments, and nothing is left to be merged.
    ///
    /// # Errors
    /// When a log cannot be begun, or a segment cannot be made.
    pub async fn settle(&self) -> Result<(), WriteError> {
        for tenant in self.shared.all() {
            tenant.freeze().await?;
            let waiting = Arc::clone(&tenant);
            let waited = tokio::task::spawn_blocking(move || waiting.wait_until_idle()).await;
            waited.map_err(|error| WriteError::Unavailable(error.to_string()))??;
        }
        Ok(())
    }

    /// The memory of the spans that are in no segment yet, in bytes.
    pub fn head_memory(&self) -> usize {
        self.shared.holdings().head_bytes as usize
    }

    /// The memory that is granted to queries at present, in bytes.
    pub fn read_memory(&self) -> usize {
        self.shared.reads.granted()
    }
}
