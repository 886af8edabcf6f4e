//! The console's pages in the whole native lab: what they show is what Loki, Prometheus and the
//! services tell whoever asks them, and what is switched on them is switched.

use std::collections::BTreeSet;

use anyhow::{Context, ensure};
use e2e::ask::now;
use e2e::{Changes, NativeLab, eventually, http, memory};
use serde_json::Value;

const MIB: f64 = 1024.0 * 1024.0;
/// Seconds: what the page's rate covers.
const OVER: f64 = 60.0;

#[tokio::test]
#[ignore = "needs Go; run by .ci/run"]
async fn pages_show_what_the_parts_tell_and_switch_what_they_offer() {
    let lab = NativeLab::up(Changes { load: Some("5"), ..Changes::default() }).await.unwrap();
    rest(&lab).unwrap();
    logs(&lab).await.unwrap();
    figures(&lab).await.unwrap();
    faults(&lab).await.unwrap();
    load(&lab).await.unwrap();
    doctor(&lab).await.unwrap();
}

/// Before anybody looks at a page, it takes little memory.
fn rest(lab: &NativeLab) -> anyhow::Result<()> {
    let memory = memory(lab.id())?;
    let console = memory.get("console").context("finding the console's process")? / MIB;
    println!("the console at rest: {console:.1} MiB");
    ensure!(console < 32.0, "the console takes {console:.1} MiB at rest");
    Ok(())
}

/// A trace's page has every line that Loki has of it, and says whose they are.
async fn logs(lab: &NativeLab) -> anyhow::Result<()> {
    let chain = format!("{}/chain", lab.url("APP_A_PORT"));
    let answer: Value = http().get(&chain).send().await?.json().await?;
    let id = answer["trace_id"].as_str().context("finding the trace's id")?.to_owned();
    let logql = format!(r#"{{service_name=~".+"}} | trace_id="{id}""#);
    let services = ["app-a", "app-b", "app-c", "app-d"];
    let lines = eventually("Loki has the lines of all services", async || {
        let lines = lab.loki().lines(&logql, [now() - 600.0, now() + 1.0]).await?;
        let of: BTreeSet<_> = lines.iter().map(|line| &*line.labels["service_name"]).collect();
        Ok(services.iter().all(|service| of.contains(service)).then_some(lines))
    })
    .await?;
    let path = format!("/trace/{id}");
    let leads = |page: &str| {
        let led = |span: &str| {
            let [from, to] = [format!("#span-{span}\""), format!("id=\"span-{span}\"")];
            page.contains(&from) && page.contains(&to)
        };
        lines.iter().all(|line| led(&line.labels["span_id"]))
    };
    let page = eventually("each line leads to its span", async || {
        let page = page(lab, &path).await?;
        Ok(leads(&page).then_some(page))
    })
    .await?;
    ensure!(page.matches("<li class=\"line ").count() >= lines.len(), "lines are missing: {page}");
    let text = text(&page);
    ensure!(text.contains("of this trace, from Loki."), "{text}");
    for line in &lines {
        ensure!(text.contains(&line.text), "{line:?} is not in {text}");
    }
    Ok(())
}

/// The rate and the 95th percentile of an operation are those of Prometheus, asked before and after.
async fn figures(lab: &NativeLab) -> anyhow::Result<()> {
    let of = r#"service_name="app-a",span_name="GET /chain",span_kind="SPAN_KIND_SERVER""#;
    let rate = format!("sum(rate(traces_span_metrics_calls_total{{{of}}}[{OVER}s]))");
    let slow = format!(
        "histogram_quantile(0.95, sum by (le) \
         (rate(traces_span_metrics_duration_milliseconds_bucket{{{of}}}[{OVER}s])))"
    );
    let ask = async || {
        let [rate, slow] = [
            lab.prometheus().value(&rate, now()).await?,
            lab.prometheus().value(&slow, now()).await?,
        ];
        anyhow::Ok(rate.filter(|rate| *rate > 0.0).zip(slow))
    };
    let before = eventually("Prometheus knows app-a's rate", ask).await?;
    let page = page(lab, "/services?minutes=1").await?;
    let after = ask().await?.context("asking again")?;
    ensure!(text(&page).contains("Requests of 1 min, from Prometheus."), "{page}");
    let row = page.split("<tr>").find(|row| {
        let text = text(row);
        text.contains("app-a") && text.contains("GET /chain")
    });
    let row = text(row.with_context(|| format!("finding the row in {page}"))?);
    let words: Vec<_> = row.split_whitespace().collect();
    let shown =
        words.iter().find_map(|word| word.strip_suffix("/s")).context("finding the rate")?;
    is_between("rate", shown.parse()?, [before.0, after.0])?;
    // service, operation, rate, errors, p50, p95, p99: each duration is a number and its unit.
    let durations: Vec<f64> = words
        .windows(2)
        .filter_map(|pair| {
            let unit = match pair[1] {
                "µs" => 1e-3,
                "ms" => 1.0,
                "s" => 1e3,
                _ => return None,
            };
            Some(pair[0].parse::<f64>().ok()? * unit)
        })
        .collect();
    let p95 = *durations.get(1).with_context(|| format!("finding the percentile in {row}"))?;
    is_between("p95", p95, [before.1, after.1])
}

/// A fault that is begun on the page is the service's, and one that it refuses is in the form with the
/// reason.
async fn faults(lab: &NativeLab) -> anyhow::Result<()> {
    let output = lab.output();
    let admin =
        output.lines().find_map(|line| line.strip_prefix("Faults curl -H 'Authorization: "));
    let (bearer, _) = admin.and_then(|it| it.split_once('\'')).context("finding the token")?;
    let url = format!("{}/faults", lab.url("APP_C_ADMIN_PORT"));
    let listed = async || {
        let answer = http().get(&url).header("authorization", bearer).send().await?;
        anyhow::Ok(answer.json::<Value>().await?["faults"].clone())
    };
    let kind = [("service", "app-c"), ("kind", "latency"), ("operation", "POST /payments")];
    let form = [&kind[..], &[("seed", "7"), ("distribution", "constant"), ("ms", "150")]].concat();
    let (status, page) = post(lab, "/faults", &[&form[..], &[("ratio", "7<")]].concat()).await?;
    ensure!(status == 422 && text(&page).contains("ratio: "), "{status}: {page}");
    ensure!(page.contains("value=\"7&lt;\""), "what was entered is gone: {page}");
    let (status, page) = post(lab, "/faults", &[&form[..], &[("ratio", "7")]].concat()).await?;
    ensure!(status == 422 && text(&page).contains("7 is not above 0"), "{status}: {page}");
    ensure!(listed().await? == Value::Array(Vec::new()), "a refused fault is there");

    let (status, page) = post(lab, "/faults", &[&form[..], &[("ratio", "0.5")]].concat()).await?;
    ensure!(status == 200 && text(&page).contains("150 ms longer"), "{status}: {page}");
    let faults = listed().await?;
    ensure!(faults[0]["operation"] == "POST /payments" && faults[0]["ratio"] == 0.5, "{faults}");
    let id = faults[0]["id"].to_string();
    let (status, page) =
        post(lab, "/faults/end", &[("service", "app-c"), ("id", id.as_str())]).await?;
    ensure!(status == 200 && !text(&page).contains("150 ms longer"), "{status}: {page}");
    ensure!(listed().await? == Value::Array(Vec::new()), "an ended fault is there");
    Ok(())
}

/// Another rate holds, and what makes no sense changes nothing.
async fn load(lab: &NativeLab) -> anyhow::Result<()> {
    let set = async || {
        let answer = http().get(lab.url("LOAD_PORT")).send().await?;
        anyhow::Ok(answer.json::<Value>().await?["rate"].as_f64())
    };
    let (status, page) = post(lab, "/load", &[("rate", "7"), ("mix", "")]).await?;
    ensure!(status == 200 && page.contains("value=\"7\""), "{status}: {page}");
    ensure!(set().await? == Some(7.0), "the rate is another one");
    let (status, page) = post(lab, "/load", &[("rate", "3"), ("mix", "nonsense")]).await?;
    ensure!(status == 422 && text(&page).contains("expected [POST ]"), "{status}: {page}");
    ensure!(page.contains("value=\"nonsense\""), "what was entered is gone: {page}");
    ensure!(set().await? == Some(7.0), "half of a change was made");
    Ok(())
}

/// An examination that is started on the page ends with the doctor's table.
async fn doctor(lab: &NativeLab) -> anyhow::Result<()> {
    let (status, page) = post(lab, "/doctor", &[]).await?;
    ensure!(status == 200 && text(&page).contains("is under way"), "{status}: {page}");
    let page = eventually("the doctor has reported", async || {
        let page = self::page(lab, "/doctor").await?;
        Ok((!text(&page).contains("is under way")).then_some(page))
    })
    .await?;
    ensure!(text(&page).contains("Every link works."), "{}", text(&page));
    for link in ["app-a", "spoor", "spans", "logs", "span-metrics", "exemplars"] {
        ensure!(text(&page).contains(link), "{link} is not in {page}");
    }
    Ok(())
}

/// Sends a form from its page, with that page's token.
async fn post(
    lab: &NativeLab,
    path: &str,
    fields: &[(&str, &str)],
) -> anyhow::Result<(u16, String)> {
    let form = page(lab, path.trim_end_matches("/end")).await?;
    let token = form.split("name=\"token\" value=\"").nth(1).and_then(|it| it.split('"').next());
    let token = ("token", token.context("finding the token")?);
    // As forms are encoded, since reqwest does so only with a feature that nothing else needs.
    let url = reqwest::Url::parse_with_params("http://form", fields.iter().chain([&token]))?;
    let body = url.query().unwrap_or_default().to_owned();
    let request = http().post(format!("{}{path}", lab.url("CONSOLE_PORT"))).body(body);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let answer = request.send().await?;
    Ok((answer.status().as_u16(), answer.text().await?))
}

/// But for what rounding, and what came between, make of it.
fn is_between(name: &str, shown: f64, asked: [f64; 2]) -> anyhow::Result<()> {
    let [least, most] = [asked[0].min(asked[1]), asked[0].max(asked[1])];
    let is = (least * 0.95 - 0.01..=most * 1.05 + 0.01).contains(&shown);
    ensure!(is, "the page's {name} is {shown}, Prometheus' {asked:?}");
    Ok(())
}

async fn page(lab: &NativeLab, path: &str) -> anyhow::Result<String> {
    let answer = http().get(format!("{}{path}", lab.url("CONSOLE_PORT"))).send().await?;
    Ok(answer.error_for_status()?.text().await?)
}

/// What a page says, with a space in place of each tag.
fn text(page: &str) -> String {
    let mut text = String::new();
    for part in page.split('<') {
        text.push_str(part.split_once('>').map_or(part, |(_, text)| text));
        text.push(' ');
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, it)| text.replace(entity, it))
}
