//! The page of a trace, against what was written.

use super::stand::{Stand, text};
use super::telemetry::{chain, id};

#[tokio::test]
async fn a_trace_has_its_spans_in_order_with_their_times() {
    let stand = Stand::start().await;
    stand.write(chain(1)).await;
    let page = stand.page(&format!("/trace/{}", id(1))).await;
    assert_eq!(text(page.one("h1")), "app-a GET /1");
    let rows: Vec<_> = page.all("ol.rows > li").into_iter().map(text).collect();
    assert_eq!(rows.len(), 3);
    for (row, expected) in rows.iter().zip([
        ["app-a GET /1", "100.0 ms"],
        ["app-a GET /2", "60.0 ms"],
        ["app-b GET /3", "40.0 ms"],
    ]) {
        assert!(expected.iter().all(|it| row.contains(it)), "{row}");
    }
    assert!(rows[2].contains("error"), "{}", rows[2]);
    let bars = |attribute| page.each("ol.rows svg.bar rect:first-child", attribute);
    assert_eq!(bars("x"), ["0.000%", "10.000%", "20.000%"]);
    assert_eq!(bars("width"), ["100.000%", "60.000%", "40.000%"]);
    let critical = page.all("ol.rows rect.critical").len();
    assert_eq!(critical, 5, "before, between and after the calls");
    assert_eq!(text(page.one(".hop summary")), "app-a GET /2 → app-b GET /3 arrived as sent");
    let links = page.each("section.elsewhere a", "href");
    assert!(links.contains(&format!("http://127.0.0.1:16686/trace/{}", id(1))), "{links:?}");
    let sections = page.each("main section", "aria-labelledby");
    let expected = ["waterfall", "hops", "logs", "red", "topology", "elsewhere"];
    assert_eq!(sections, expected);
}

#[tokio::test]
async fn a_span_is_the_same_in_its_row_and_alone() {
    let stand = Stand::start().await;
    stand.write(chain(1)).await;
    let span = format!("{:016x}", 3);
    let trace = format!("/trace/{}", id(1));
    let page = stand.page(&format!("{trace}?span={span}")).await;
    let row = page.one(&format!("li#span-{span}"));
    assert_eq!(page.all("li.open").len(), 1);
    assert_eq!(page.all(&format!("li#span-{span} .detail")).len(), 1);
    let alone = stand.page(&format!("{trace}/span/{span}")).await;
    let (there, here) = (page.one(".detail"), alone.one(".detail"));
    assert_eq!(there.html(), here.html());
    for expected in [
        "SERVER",
        "no stock",
        "40.0 ms",
        "http.request.method string GET",
        "service.name string app-b",
    ] {
        assert!(text(row).contains(expected), "{expected} in {}", text(row));
    }
    // The link of an open row closes it.
    let close = page.one("li.open > a.line").attr("href").unwrap();
    assert_eq!(close, format!("{trace}#span-{span}"));
    let script = page.one("li.open > a.line").attr("data-span").unwrap();
    assert_eq!(script, format!("{trace}/span/{span}"));
}

#[tokio::test]
async fn what_is_chosen_stays_chosen_while_spans_are_looked_at() {
    let stand = Stand::start().await;
    stand.write(chain(1)).await;
    let trace = format!("/trace/{}", id(1));
    let page = stand.page(&format!("{trace}?errors=1&service=app-b")).await;
    let links = page.each("ol.rows a.line", "href");
    let span = format!("{:016x}", 3);
    assert_eq!(links, [format!("{trace}?span={span}&service=app-b&errors=1#span-{span}")]);
    assert_eq!(page.each("form.filter option[selected]", "value"), ["app-b"]);
    assert_eq!(page.all("form.filter input[checked]").len(), 1);
}
