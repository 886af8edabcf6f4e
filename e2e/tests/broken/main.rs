//! Breaks the whole native lab on purpose, one thing at a time: the doctor must name the broken
//! link and what was done to it, and nothing else.

mod full;
mod proxy;
mod sabotage;

use e2e::NativeLab;
use proxy::Proxy;
use sabotage::Sabotage;

/// A test of each breakage by its name: what is changed, the link that is broken by it, and words
/// of the cause.
macro_rules! breakages {
    ($ignored:literal; $($name:ident: $sabotage:expr => $link:literal, $cause:literal;)*) => {$(
        #[tokio::test]
        #[ignore = $ignored]
        async fn $name() -> anyhow::Result<()> {
            let lab = $sabotage.lab().await?;
            $crate::blames(&lab, &[], $link, $cause)
        }
    )*};
}
use breakages;

breakages! {
    "needs jaeger, collector, prometheus and loki; run by .ci/run";

    the_collector_sends_traces_elsewhere:
        Sabotage::variable("otel-collector:JAEGER_ENDPOINT=127.0.0.1:1")
        => "spans", "otel-collector -> jaeger is broken";

    prometheus_keeps_no_exemplars:
        Sabotage::prometheus(r#"sed -i /exemplar-storage/d "$flags""#)
        => "exemplars", "exemplar storage is off";
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs jaeger, collector, prometheus and loki; run by .ci/run"]
async fn the_context_is_lost_between_two_services_over_http() -> anyhow::Result<()> {
    loses_context("app-a:TARGET_ONE", "APP_B_PORT", "lost between app-a and app-b").await
}

/// Puts a proxy that drops trace context before the service that listens on `port` for whom
/// `variable` sends there.
async fn loses_context(variable: &str, port: &str, cause: &str) -> anyhow::Result<()> {
    let proxy = Proxy::start().await?;
    let lab = Sabotage::variable(&format!("{variable}={}", proxy.url())).lab().await?;
    proxy.forward_to(&lab.url(port))?;
    blames(&lab, &[], "spans", cause)
}

/// Runs the doctor, with `wrapper` before its command. It must fail with one broken link, which is
/// `link`, for a cause that has the words `cause`.
fn blames(lab: &NativeLab, wrapper: &[&str], link: &str, cause: &str) -> anyhow::Result<()> {
    let began = std::time::Instant::now();
    let (whole, report) = lab.doctor("60s", wrapper)?;
    assert!(!whole && report["ok"] == false, "the doctor finds nothing: {report:#}");
    let links = report["links"].as_array().map_or(&[][..], Vec::as_slice);
    let broken: Vec<_> = links.iter().filter(|link| link["status"] == "broken").collect();
    let told = broken.first().and_then(|first| first["cause"].as_str()).unwrap_or_default();
    assert!(
        broken.len() == 1 && broken[0]["link"] == link && told.contains(cause),
        "expected {link} to be broken alone, for a cause like {cause:?}: {report:#}"
    );
    println!("{link}: {told} ({:.0} s)", began.elapsed().as_secs_f64());
    Ok(())
}
