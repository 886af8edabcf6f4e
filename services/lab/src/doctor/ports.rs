//! Whether what leads a browser from one part to another leads to the port in use.
//!
//! That each port is its part's was seen when the parts answered.

use super::api::jaeger;
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use crate::addresses::Addresses;
use crate::ports::known::GRAFANA;
use crate::with::With;

/// Compares the links of Jaeger's UI with the port that Grafana is published on.
pub async fn examine(lab: &Lab<'_>) -> Verdict {
    if !(lab.has(With::Jaeger) && lab.has(With::Grafana)) {
        return Ok("each port is its part's".to_owned());
    }
    let page = jaeger::page(lab).await?;
    // A browser is outside, wherever the doctor is.
    let published = Addresses::published(|name| std::env::var(name).ok());
    let url = published.map(|addresses| addresses.url(GRAFANA)).unwrap_or_default();
    let port = url.rsplit(':').next().unwrap_or_default();
    judge(&linked_ports(&page), port)
}

/// The port of each link to Grafana's Explore in the page.
fn linked_ports(page: &str) -> Vec<String> {
    let page = page.replace(r"\/", "/");
    let hosts = page.match_indices("/explore").filter_map(|(at, _)| page[..at].rsplit("//").next());
    let port = |host: &str| host.split_once(':').map_or("80", |(_, port)| port).to_owned();
    hosts.map(port).collect()
}

fn judge(linked: &[String], port: &str) -> Verdict {
    let fix = "set that port in compose/jaeger/ui.json too, and `docker compose restart jaeger`";
    match linked.iter().find(|linked| *linked != port) {
        None if linked.is_empty() => Err(Finding::new(
            "jaeger's UI has no link to grafana",
            "jaeger's UI has no linkPatterns",
            "run jaeger with the ui.json of the grafana tier",
        )),
        None => Ok(format!("each port is its part's; jaeger's UI leads to grafana at {port}")),
        Some(other) => Err(Finding::new(
            format!("jaeger's UI leads to port {other}, grafana is published on {port}"),
            "grafana's port was moved, but not that of the links in jaeger's UI",
            fix,
        )),
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub fn findings() -> Vec<Finding> {
        [&[][..], &["80".to_owned()]].map(|linked| judge(linked, "3000").unwrap_err()).into()
    }

    const PAGE: &str = r#"JAEGER_CONFIG = {"linkPatterns":[{"type":"traces","text":"Logs",
        "url":"http://localhost:3000/explore?schemaVersion=1\u0026panes=%7B%7D"}]};"#;

    #[test]
    fn links_to_the_port_in_use_are_fine_and_others_are_not() {
        assert!(judge(&linked_ports(PAGE), "3000").is_ok());
        assert!(judge(&linked_ports(&PAGE.replace('/', r"\/")), "3000").is_ok());
        let moved = judge(&linked_ports(PAGE), "3100").unwrap_err();
        assert!(moved.evidence.contains("leads to port 3000"), "{moved:?}");
    }

    #[test]
    fn a_page_without_links_is_broken() {
        let none = judge(&linked_ports("JAEGER_CONFIG = DEFAULT_CONFIG;"), "3000").unwrap_err();
        assert!(none.cause.contains("no linkPatterns"), "{none:?}");
    }
}
