//! Every page, in each way that it is looked at.

use anyhow::ensure;

use crate::browser::Browser;
use crate::findings::Findings;

/// A page by its path, and its status.
pub struct Page {
    pub path: String,
    pub status: u64,
}

/// Traces that pages are of.
pub struct Traces {
    /// Sent from the console, with lines in Loki.
    pub sent: String,
    /// With an error.
    pub failed: String,
    /// Of more spans than a page has.
    pub large: String,
    pub hostile: String,
}

/// Those that show what is switched, or examined, just now.
pub fn with_switches() -> Vec<Page> {
    let paths = ["/faults", "/load", "/incidents", "/doctor"];
    paths.map(|path| Page { path: path.to_owned(), status: 200 }).into()
}

/// All others that can be asked for.
pub fn pages(Traces { sent, failed, large, hostile }: &Traces) -> Vec<Page> {
    let span = format!("{:016x}", 1);
    let none = "0".repeat(31) + "1";
    let found = [
        "/".to_owned(),
        "/?service=app-b&endpoint=POST+/orders&debug_id=x&baggage=a%3Db".to_owned(),
        "/search".to_owned(),
        "/search?service=app-a&operation=GET+/chain&errors=1&within=1h&limit=20".to_owned(),
        "/search?service=nobody".to_owned(),
        "/services".to_owned(),
        "/services?minutes=1".to_owned(),
        "/debug?id=nobody&at=1&looks=10".to_owned(),
        format!("/trace/{sent}"),
        format!("/trace/{failed}?errors=1"),
        format!("/trace/{large}?page=2"),
        format!("/trace/{hostile}?span={span}"),
        format!("/trace/{hostile}/span/{span}"),
    ];
    let wrong = [
        ("/none".to_owned(), 404),
        ("/search?min=x".to_owned(), 400),
        ("/trace/xyz".to_owned(), 400),
        (format!("/trace/{none}"), 404),
        (format!("/trace/{sent}/span/{none}"), 404),
    ];
    let found = found.map(|path| Page { path, status: 200 });
    found.into_iter().chain(wrong.map(|(path, status)| Page { path, status })).collect()
}

/// Looks at each of them.
pub async fn work(browser: &Browser, pages: &[Page], findings: &mut Findings) {
    for page in pages {
        let place = format!("{} {}", page.path, browser.look);
        findings.add(place, works(browser, page).await);
    }
}

async fn works(browser: &Browser, page: &Page) -> anyhow::Result<()> {
    browser.open(&page.path).await?;
    let heard = browser.heard().await?;
    heard.is_quiet(&browser.console)?;
    let status = heard.statuses.last();
    ensure!(status == Some(&page.status), "the status is {status:?}");
    browser.is_usable().await
}
