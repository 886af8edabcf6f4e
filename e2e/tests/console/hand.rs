//! What a person does on a page: with a mouse where there is room for one, else with keys alone.

use anyhow::{Context, ensure};
use e2e::eventually;
use thirtyfour::prelude::*;

use crate::browser::Browser;

/// From this width on there is a mouse.
const MOUSE: u32 = 1_000;

/// A button, a link or a summary with this text.
pub fn saying(text: &str) -> By {
    By::XPath(format!("//*[self::button or self::a or self::summary][normalize-space()='{text}']"))
}

impl Browser {
    pub async fn find(&self, selector: &str) -> anyhow::Result<WebElement> {
        self.driver.find(By::Css(selector)).await.with_context(|| format!("finding {selector}"))
    }

    pub async fn press(&self, by: By) -> anyhow::Result<()> {
        let pressing = || format!("pressing on {by:?}");
        let element = self.driver.find(by.clone()).await.with_context(pressing)?;
        let pressed = if self.look.width >= MOUSE {
            element.click().await
        } else {
            element.send_keys(Key::Enter).await
        };
        pressed.with_context(pressing)
    }

    /// The same, of what leads to another page.
    pub async fn leave(&self, by: By) -> anyhow::Result<()> {
        self.ask::<()>("window.isLeft = true", Vec::new()).await?;
        let condition = format!("{by:?} leads to another page");
        self.press(by).await?;
        eventually(&condition, async || {
            let script = "return !window.isLeft && document.readyState === 'complete'";
            Ok(self.ask::<bool>(script, Vec::new()).await.unwrap_or_default().then_some(()))
        })
        .await
    }

    /// Presses Enter on it.
    pub async fn key_on(&self, selector: &str) -> anyhow::Result<()> {
        let pressed = self.find(selector).await?.send_keys(Key::Enter).await;
        pressed.with_context(|| format!("pressing Enter on {selector}"))
    }

    /// Enters these values in the fields of these ids.
    pub async fn enter(&self, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        for (id, value) in fields {
            self.enter_one(id, value)
                .await
                .with_context(|| format!("entering {value:?} in {id}"))?;
        }
        Ok(())
    }

    async fn enter_one(&self, id: &str, value: &str) -> anyhow::Result<()> {
        let field = self.find(&format!("#{id}")).await?;
        match field.tag_name().await?.as_str() {
            "select" => {
                let option = format!("option[value={}]", serde_json::Value::from(value));
                field.find(By::Css(option)).await?.click().await?;
            }
            "input" if field.attr("type").await?.as_deref() == Some("checkbox") => {
                if field.is_selected().await? == value.is_empty() {
                    field.send_keys(Key::Space).await?;
                }
            }
            _ => {
                field.clear().await?;
                field.send_keys(value).await?;
            }
        }
        Ok(())
    }

    /// Checks that the fields of these ids have these values.
    pub async fn has_entered(&self, fields: &[(&str, &str)]) -> anyhow::Result<()> {
        for (id, value) in fields {
            let found = self.find(&format!("#{id}")).await?.prop("value").await?;
            ensure!(found.as_deref() == Some(value), "{id} has {found:?}, not {value:?}");
        }
        Ok(())
    }
}
