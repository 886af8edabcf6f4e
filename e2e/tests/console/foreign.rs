//! Another page, and a name that somebody else has for this machine, have no say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, ensure};
use axum::Router;
use axum::response::Html;
use axum::routing::get;
use e2e::NativeLab;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::browser::{Browser, Look};

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// The rate that somebody else wants.
const WANTED: &str = "99";

const OTHER: &str = "<!doctype html><title>other</title><link rel=icon href=data:,>";

/// A page of somebody else's, and how often that was asked for anything but the page.
struct Other {
    url: String,
    asked: Arc<AtomicU32>,
}

impl Other {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("serving another page")?;
        let url = format!("http://{}", listener.local_addr()?);
        let asked = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&asked);
        let router =
            Router::new().route("/", get(async || Html(OTHER))).fallback(async move || {
                count.fetch_add(1, Ordering::Relaxed);
            });
        tokio::spawn(async { axum::serve(listener, router).await });
        Ok(Self { url, asked })
    }
}

pub async fn has_no_say(lab: &NativeLab, browser: &mut Browser) -> anyhow::Result<()> {
    browser.set(Look::ANY).await?;
    let other = Other::start().await?;
    let is_unchanged = async || {
        let load = e2e::ask::ask(&lab.url("LOAD_PORT"), &[]).await?;
        ensure!(load["rate"] == 5.0, "the load was changed: {}", load["rate"]);
        anyhow::Ok(())
    };
    asks_in_vain(browser, &other.url).await.context("another page")?;
    is_unchanged().await?;
    let rebound = browser.console.replace("127.0.0.1", "rebound.example");
    asks_in_vain(browser, &rebound).await.context("another name")?;
    is_unchanged().await?;
    posts_in_vain(browser, &other.url).await?;
    is_unchanged().await?;
    is_not_framed(browser, &other.url).await?;
    runs_nothing(browser, &other).await.context("what gets into a page")?;
    leads_nowhere_else(browser).await?;
    browser.heard().await.map(drop)
}

/// From this page, by scripts, even with the token.
async fn asks_in_vain(browser: &Browser, from: &str) -> anyhow::Result<()> {
    let token = e2e::ask::ask(&format!("{}/api/token", browser.console), &[]).await?;
    let token = token["token"].as_str().context("reading the token")?.to_owned();
    browser.open_url(&format!("{from}/")).await?;
    let script = format!(
        "const done = arguments[0], console = '{0}', own = location.origin;
        const form = new URLSearchParams({{ token: '{token}', rate: '{WANTED}', mix: '' }});
        const asked = [
            fetch(console + '/api/token').then((it) => it.text()),
            fetch(console + '/load').then((it) => it.text()),
            fetch(console + '/load', {{ method: 'POST', mode: 'no-cors', body: form }}).then((it) => it.text()),
            fetch(console + '/load', {{ method: 'POST', headers: {{ 'x-console-token': '{token}' }}, body: form }}).then((it) => it.text()),
            fetch(own + '/api/token').then(async (it) => it.ok ? await it.text() : ''),
            fetch(own + '/load', {{ method: 'POST', body: form }}).then(async (it) => it.ok ? await it.text() : ''),
        ];
        Promise.allSettled(asked).then((all) => done(all.map((it) => it.value ?? '')))",
        browser.console
    );
    let told: Vec<String> = browser.ask_later(&script).await?;
    ensure!(told.len() == 6 && told.iter().all(String::is_empty), "it is told {told:?}");
    Ok(())
}

/// From another page, by a form, even with the token.
async fn posts_in_vain(browser: &Browser, from: &str) -> anyhow::Result<()> {
    let token = e2e::ask::ask(&format!("{}/api/token", browser.console), &[]).await?;
    for (path, fields) in [
        ("/load", vec![("rate", WANTED), ("mix", "")]),
        ("/faults", vec![("service", "app-a"), ("kind", "error")]),
        ("/doctor", Vec::new()),
        ("/incidents/run", vec![("fast", "1")]),
        ("/send", vec![("service", "app-a"), ("endpoint", "GET /")]),
    ] {
        browser.open_url(&format!("{from}/")).await?;
        let script = "const [url, token, fields] = arguments;
            const form = document.createElement('form');
            form.method = 'post';
            form.action = url;
            for (const [name, value] of [['token', token], ...fields]) {
                form.append(Object.assign(document.createElement('input'), { name, value }));
            }
            document.body.append(form);
            form.submit()";
        let url = format!("{}{path}", browser.console);
        let arguments = vec![url.into(), token["token"].clone(), serde_json::to_value(&fields)?];
        browser.ask::<Value>(script, arguments).await?;
        let refused = e2e::eventually("another page's form is refused", async || {
            let script = "return document.body.innerText";
            let text = browser.ask::<String>(script, Vec::new()).await.unwrap_or_default();
            Ok(text.contains("another page has no say here").then_some(()))
        });
        refused.await.with_context(|| format!("posting to {path}"))?;
    }
    Ok(())
}

async fn is_not_framed(browser: &Browser, from: &str) -> anyhow::Result<()> {
    browser.open_url(&format!("{from}/")).await?;
    browser.heard().await?;
    let script = format!(
        "const done = arguments[0], frame = document.createElement('iframe');
        frame.src = '{}/';
        frame.onload = () => done('');
        document.body.append(frame)",
        browser.console
    );
    browser.ask_later::<String>(&script).await?;
    let entries = browser.heard().await?.entries;
    let is_refused =
        |entry: &String| entry.contains("frame-ancestors") || entry.contains("X-Frame");
    ensure!(entries.iter().any(is_refused), "the console is shown in a frame: {entries:?}");
    Ok(())
}

/// A script, a style, an image and a form that stand on one of the console's pages all the same.
async fn runs_nothing(browser: &Browser, other: &Other) -> anyhow::Result<()> {
    for path in ["/", "/search", "/services", "/faults", "/load", "/incidents", "/doctor", "/none"]
    {
        let answer = e2e::http().get(format!("{}{path}", browser.console)).send().await?;
        let policy = answer.headers().get("content-security-policy");
        let policy = policy.and_then(|policy| policy.to_str().ok());
        ensure!(policy == Some(POLICY), "the policy of {path} is {policy:?}");
    }
    browser.open("/").await?;
    // By its own page, before.
    other.asked.store(0, Ordering::Relaxed);
    let script = format!(
        "const done = arguments[0], add = (name, more) => {{
            const it = Object.assign(document.createElement(name), more);
            document.body.append(it);
            return it;
        }};
        add('script', {{ textContent: 'window.struck = 1' }});
        add('script', {{ src: '{0}/script.js' }});
        add('img', {{ src: '{0}/image.png' }});
        add('link', {{ rel: 'stylesheet', href: '{0}/style.css' }});
        add('iframe', {{ src: '{0}/frame' }});
        add('base', {{ href: '{0}/' }});
        add('div', {{ id: 'styled', innerHTML: '<style>#styled {{ color: rgb(1, 2, 3) }}</style>' }});
        const inline = add('button', {{}});
        inline.setAttribute('onclick', 'window.struck = 1');
        inline.click();
        const form = add('form', {{ method: 'post', action: '{0}/form' }});
        form.submit();
        const asked = fetch('{0}/fetch', {{ mode: 'no-cors' }}).then(() => 'asked', () => '');
        const colour = getComputedStyle(document.querySelector('#styled')).color;
        asked.then((asked) => done([String(window.struck), asked, colour, document.baseURI]))",
        other.url
    );
    let told: [String; 4] = browser.ask_later(&script).await?;
    let expected = format!("{}/", browser.console);
    ensure!(told[0] == "undefined" && told[1].is_empty(), "something was run: {told:?}");
    ensure!(told[2] != "rgb(1, 2, 3)" && told[3] == expected, "something holds: {told:?}");
    let asked = other.asked.load(Ordering::Relaxed);
    ensure!(asked == 0, "somebody else was asked {asked} times");
    Ok(())
}

/// No answer leads away from the console.
async fn leads_nowhere_else(browser: &Browser) -> anyhow::Result<()> {
    let client = Client::builder().no_proxy().redirect(Policy::none()).build()?;
    let token = e2e::ask::ask(&format!("{}/api/token", browser.console), &[]).await?;
    let token = token["token"].as_str().context("reading the token")?;
    for path in [
        "//other.example",
        "//other.example/%2e%2e",
        "/%5cother.example",
        "/trace///other.example",
        "/debug?id=//other.example&at=1",
        "/search?next=//other.example",
        "/?next=//other.example&url=//other.example",
    ] {
        let answer = client.get(format!("{}{path}", browser.console)).send().await?;
        let to = answer.headers().get("location");
        ensure!(to.is_none(), "{path} leads to {to:?}");
        let again = answer.headers().get("refresh").and_then(|it| it.to_str().ok());
        let is_own = again.is_none_or(|again| again.starts_with("1; url=/debug?id=%2F%2Fother"));
        ensure!(is_own, "{path} leads to {again:?}");
    }
    for (path, body, expected) in [
        ("/send", "service=//other.example&endpoint=GET+/", StatusCode::BAD_REQUEST),
        ("/send", "service=app-a&endpoint=GET+//other.example", StatusCode::BAD_REQUEST),
        ("/send", "service=app-a&endpoint=GET+/&debug_id=//other.example", StatusCode::SEE_OTHER),
        ("/faults/end", "service=//other.example", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let request = client.post(format!("{}{path}", browser.console));
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.body(format!("token={token}&{body}")).send().await?;
        ensure!(answer.status() == expected, "{path} with {body}: {}", answer.status());
        let to = answer.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("/");
        ensure!(to.starts_with('/') && !to.starts_with("//"), "{path} with {body} leads to {to}");
    }
    Ok(())
}
