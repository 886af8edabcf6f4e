//! What every page keeps, for who looks at it and for who has it read out.

use std::collections::BTreeSet;

use super::stand::{Page, Stand, text};
use super::telemetry::{chain, id};

async fn pages() -> Vec<(String, Page)> {
    let stand = Stand::with(|config| config.admin_token = Some("secret".to_owned())).await;
    stand.write(chain(1)).await;
    let sent = stand.post("/send", "service=app-a&endpoint=GET+%2F").await;
    let trace = format!("/trace/{}", id(1));
    let paths = [
        "/",
        "/?debug_id=x",
        "/search",
        "/search?service=app-a&operation=x&errors=1",
        "/search?min=x",
        "/services",
        "/faults",
        "/load",
        "/incidents",
        "/doctor",
        "/none",
        "/trace/xyz",
        "/debug?id=x&at=1&looks=1",
        sent.location(),
        &trace,
        &format!("{trace}?span={:016x}", 3),
        &format!("{trace}?errors=1"),
        &format!("{trace}/span/{:016x}", 3),
    ];
    let mut pages = Vec::new();
    for path in paths {
        pages.push((path.to_owned(), stand.get(path).await.page()));
    }
    pages
}

#[tokio::test]
async fn every_page_is_html_that_parses_without_an_error() {
    for (path, Page(html)) in pages().await {
        assert!(html.errors.is_empty(), "{path}: {:?}", html.errors);
    }
}

#[tokio::test]
async fn every_page_has_one_heading_its_landmarks_and_a_way_past_the_navigation() {
    for (path, page) in pages().await {
        assert_eq!(page.one("html").attr("lang"), Some("en"), "{path}");
        assert!(!text(page.one("h1")).is_empty() && !text(page.one("title")).is_empty(), "{path}");
        page.one("body > header");
        page.one("body > main#main");
        assert_eq!(page.one("body > *:first-child").attr("href"), Some("#main"), "{path}");
        assert_eq!(page.all("header nav [aria-current=page]").len(), 1, "{path}");
        let mut level = 0;
        for heading in page.all("h1, h2, h3, h4, h5") {
            let next: usize = heading.value().name()[1..].parse().unwrap();
            assert!(next <= level + 1, "{path}: {} after h{level}", heading.html());
            level = next;
        }
        let names = page.each("nav, form[role], section", "aria-label");
        let unique: BTreeSet<_> = names.iter().collect();
        assert_eq!(unique.len(), names.len(), "{path}: {names:?}");
    }
}

#[tokio::test]
async fn every_control_has_a_label_and_every_table_its_headers() {
    for (path, page) in pages().await {
        let labels: BTreeSet<_> = page.each("label", "for").into_iter().collect();
        for control in page.all("input:not([type=hidden]), select, textarea") {
            let id = control.attr("id").unwrap_or_default();
            assert!(labels.contains(id), "{path}: {}", control.html());
        }
        for button in page.all("button, a") {
            let name = text(button);
            assert!(!name.is_empty(), "{path}: {}", button.html());
        }
        for table in page.all("table") {
            let header = scraper::Selector::parse("thead th[scope=col]").unwrap();
            assert!(table.select(&header).count() > 0, "{path}: {}", table.html());
        }
        assert!(page.all("th:not([scope])").is_empty(), "{path}");
        for drawing in page.all("svg") {
            let is_named =
                drawing.attr("role") == Some("img") && drawing.attr("aria-label").is_some();
            assert!(
                is_named || drawing.attr("aria-hidden") == Some("true"),
                "{path}: {}",
                drawing.html()
            );
        }
    }
}

#[tokio::test]
async fn every_id_is_on_a_page_once_and_there_if_it_is_named() {
    for (path, page) in pages().await {
        let all = page.each("[id]", "id");
        let ids: BTreeSet<_> = all.iter().map(String::as_str).collect();
        assert_eq!(ids.len(), all.len(), "{path}: {all:?}");
        for attribute in ["aria-labelledby", "aria-describedby", "list"] {
            for id in page.each(&format!("[{attribute}]"), attribute) {
                assert!(ids.contains(&*id), "{path}: {attribute}={id}");
            }
        }
        for link in page.each("a[href^='#']", "href") {
            assert!(ids.contains(&link[1..]), "{path}: {link}");
        }
    }
}

#[tokio::test]
async fn the_keyboard_goes_through_a_page_in_its_order() {
    for (path, page) in pages().await {
        let jumps = page.each("[tabindex]", "tabindex");
        assert!(jumps.iter().all(|it| it == "0" || it == "-1"), "{path}: {jumps:?}");
        assert!(page.all("[autofocus], [accesskey]").is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_page_has_no_style_or_script_of_its_own_and_loads_nothing_from_elsewhere() {
    for (path, page) in pages().await {
        assert!(
            page.all("style, iframe, object, embed, base, meta[http-equiv]").is_empty(),
            "{path}"
        );
        assert!(page.all("[style]").is_empty(), "{path}");
        for script in page.all("script") {
            assert!(text(script).is_empty() && script.attr("src").is_some(), "{path}");
        }
        let mut loaded = page.each("[src]", "src");
        loaded.extend(page.each("link", "href"));
        assert!(loaded.iter().all(|url| url.starts_with("/assets/")), "{path}: {loaded:?}");
        for element in page.all("*") {
            for (name, _) in element.value().attrs() {
                assert!(!name.starts_with("on"), "{path}: {}", element.html());
            }
        }
    }
}
