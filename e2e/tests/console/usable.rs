//! Whether a page can be used: by who has a small screen, no mouse, or has it read out.

use std::fs;

use anyhow::{Context, ensure};
use e2e::files::repository;
use serde_json::Value;
use thirtyfour::prelude::*;

use crate::browser::Browser;

/// What of a page cannot be used by who has it read out, axe-core finds.
const AXE: &str = "e2e/axe/node_modules/axe-core/axe.min.js";

/// It, with what runs it.
pub fn axe() -> anyhow::Result<String> {
    let installed = fs::read_to_string(repository().join(AXE));
    let axe = installed.with_context(|| format!("reading {AXE}: npm ci --prefix e2e/axe"))?;
    Ok(format!("{axe}\n{}", include_str!("scripts/axe.js")))
}

impl Browser {
    /// Checks the page that is shown, which stays as it is without its own scripts if it has none.
    pub async fn is_usable(&self) -> anyhow::Result<()> {
        self.has_place().await?;
        self.allow_scripts(true).await?;
        let is_usable = async {
            self.passes_axe().await?;
            self.is_operable_by_keys().await
        };
        let is_usable = is_usable.await;
        self.allow_scripts(self.look.scripts).await?;
        is_usable
    }

    /// Checks that it finds nothing that is more than minor.
    pub async fn passes_axe(&self) -> anyhow::Result<()> {
        let found: Vec<String> = self.ask_later(&self.axe).await.context("running axe")?;
        ensure!(found.is_empty(), "axe: {}", found.join("\n"));
        Ok(())
    }

    /// Checks that nothing is wider than the window, or cut off.
    pub async fn has_place(&self) -> anyhow::Result<()> {
        let found: Vec<String> = self.ask(include_str!("scripts/layout.js"), Vec::new()).await?;
        ensure!(found.is_empty(), "no place: {found:?}");
        Ok(())
    }

    /// Checks that the Tab key goes through all that can be operated, in the page's order, and that it is
    /// seen where it is.
    pub async fn is_operable_by_keys(&self) -> anyhow::Result<()> {
        let due: Vec<String> = self.ask(include_str!("scripts/focus.js"), Vec::new()).await?;
        let tabs = due.iter().fold(self.driver.action_chain(), |keys, _| keys.send_keys(Key::Tab));
        tabs.perform().await.context("pressing the Tab key")?;
        let came: Vec<String> = self.ask("return window.came", Vec::<Value>::new()).await?;
        let differs = due.iter().zip(&came).find(|(due, came)| due != came);
        ensure!(differs.is_none(), "the focus is to come to and comes to {differs:?}");
        ensure!(came.len() == due.len(), "the focus comes to {} of {}", came.len(), due.len());
        Ok(())
    }
}
