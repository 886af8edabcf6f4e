//! Whether Grafana's provisioned data sources answer, as the anonymous viewer has them.
//!
//! No Grafana can be had where this was written: it was never run against one.

use serde_json::Value;

use super::api::{Failure, Reason, grafana};
use super::finding::{Finding, Verdict};
use super::lab::Lab;
use super::span_metrics::CALLS;

/// How much of the whole time an answer may take.
const SHARE: f64 = 0.4;

/// Asks the data source with this uid a question that has an answer in a lab under load.
pub async fn examine(lab: &Lab<'_>, uid: &str) -> Verdict {
    let (path, query, list): (&str, &[(&str, &str)], &str) = match uid {
        "jaeger" => ("api/v3/services", &[], "/services"),
        "prometheus" => ("api/v1/query", &[("query", CALLS)], "/data/result"),
        _ => ("loki/api/v1/label/service_name/values", &[], "/data"),
    };
    let answered = async || {
        let answer: Value = grafana::proxy(lab, uid, path, query).await.map_err(Lack::Answer)?;
        let count = answer.pointer(list).and_then(Value::as_array).map_or(0, Vec::len);
        if count > 0 { Ok(count) } else { Err(Lack::Data) }
    };
    let awaited = format!("Grafana's data source {uid}");
    match lab.poll(&awaited, lab.within(SHARE), answered).await {
        Ok(count) => Ok(format!("data source {uid} answers /{path} with {count} entries")),
        Err(Lack::Answer(failure)) => Err(explain(&failure, uid)),
        Err(Lack::Data) => Err(empty(uid, path)),
    }
}

enum Lack {
    Answer(Failure),
    Data,
}

fn empty(uid: &str, path: &str) -> Finding {
    Finding::new(
        format!("data source {uid} answers /{path} without data"),
        format!("grafana's data source {uid} is another {uid} than the lab's"),
        format!("the url of data source {uid} must be that of the lab's {uid}"),
    )
}

fn explain(failure: &Failure, uid: &str) -> Finding {
    let status = match &failure.reason {
        Reason::Refusal(status, _) => status.as_u16(),
        _ => return failure.clone().into(),
    };
    let (cause, fix) = match status {
        401 | 403 => (
            "grafana has no anonymous viewer".to_owned(),
            "set GF_AUTH_ANONYMOUS_ENABLED=true of grafana".to_owned(),
        ),
        404 => (
            format!("grafana has no data source with the uid {uid}"),
            format!("the provisioned data source must have uid: {uid}"),
        ),
        _ => (
            format!("grafana does not reach {uid}: grafana -> {uid} is broken"),
            format!("the url of data source {uid} must be that of the lab's {uid}"),
        ),
    };
    Finding::new(failure.to_string(), cause, fix)
}

#[cfg(test)]
pub mod tests {
    use reqwest::StatusCode;

    use super::*;

    pub fn findings() -> Vec<Finding> {
        let refused = |status| Reason::Refusal(status, String::new());
        let refused = |status| Failure { question: String::new(), reason: refused(status) };
        let explain = |status| explain(&refused(status), "UID");
        vec![
            empty("UID", ""),
            explain(StatusCode::FORBIDDEN),
            explain(StatusCode::NOT_FOUND),
            explain(StatusCode::BAD_GATEWAY),
        ]
    }

    #[test]
    fn a_refusal_tells_what_is_provisioned_otherwise() {
        for (status, expected) in [
            (StatusCode::FORBIDDEN, "no anonymous viewer"),
            (StatusCode::NOT_FOUND, "no data source with the uid loki"),
            (StatusCode::BAD_GATEWAY, "grafana -> loki is broken"),
        ] {
            let reason = Reason::Refusal(status, String::new());
            let finding = explain(&Failure { question: String::new(), reason }, "loki");
            assert!(finding.cause.contains(expected), "{finding:?}");
        }
    }
}
