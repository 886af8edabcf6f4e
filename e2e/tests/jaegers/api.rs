use std::time::{SystemTime, UNIX_EPOCH};

use e2e::{eventually, http};
use reqwest::{RequestBuilder, StatusCode};
use serde_json::{Value, json};

use super::call::Call;

/// A Jaeger's HTTP API, as one of its users asks it.
#[derive(Clone)]
pub struct Api {
    url: String,
    headers: Vec<(&'static str, String)>,
}

impl Api {
    pub fn new(url: String) -> Self {
        Self { url, headers: Vec::new() }
    }

    /// The same as this user.
    pub fn by(&self, tenant: Option<&str>, token: Option<&str>) -> Self {
        let tenant = tenant.map(|tenant| ("x-tenant", tenant.to_owned()));
        let token = token.map(|token| ("authorization", format!("Bearer {token}")));
        Self { url: self.url.clone(), headers: tenant.into_iter().chain(token).collect() }
    }

    /// The status and the text of what is answered.
    pub async fn answer(&self, path: &str, parameters: &[(&str, &str)]) -> (StatusCode, String) {
        self.send(http().get(format!("{}/api/{path}", self.url)).query(parameters)).await
    }

    /// The same to the wish that a trace be archived.
    pub async fn archive(&self, call: Call) -> (StatusCode, String) {
        self.send(http().post(format!("{}/api/archive/{}", self.url, call.trace()))).await
    }

    async fn send(&self, mut request: RequestBuilder) -> (StatusCode, String) {
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.unwrap();
        (answer.status(), answer.text().await.unwrap())
    }

    /// The `data` of an answer.
    pub async fn get(&self, path: &str, parameters: &[(&str, &str)]) -> Value {
        let (status, text) = self.answer(path, parameters).await;
        assert!(status.is_success(), "{path} {parameters:?}: {status}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()["data"].take()
    }

    /// Asks until the answer is this one.
    pub async fn gives(&self, path: &str, parameters: &[(&str, &str)], expected: Value) {
        let condition = format!("{path} is {expected}");
        eventually(&condition, async || {
            Ok((self.get(path, parameters).await == expected).then_some(()))
        })
        .await
        .unwrap();
    }

    /// Finds a trace that was sent by all that there is to ask, and archives it. There is no other.
    pub async fn finds_and_archives(&self, call: Call) {
        let [front, back] = call.services();
        // What comes by a stream is there once it was written with others.
        self.gives("services", &[], json!([back, front])).await;
        let name = format!("call {back}");
        let operation = json!([{"name": name, "spanKind": "server"}]);
        self.gives("operations", &[("service", &back)], operation).await;
        let found = self.get("traces", &[("service", &back), ("operation", &name)]).await;
        assert_eq!(operations(&found), [&*name, &*format!("call {front}")]);
        self.reads(call).await;
        let link = json!([{"parent": front, "child": back, "callCount": 1}]);
        self.gives("dependencies", &[("endTs", &in_a_minute())], link).await;
        let (status, text) = self.archive(call).await;
        assert!(status.is_success(), "{status}: {text}");
    }

    /// Reads a trace by its id.
    pub async fn reads(&self, call: Call) {
        let read = self.get(&format!("traces/{}", call.trace()), &[]).await;
        let [front, back] = call.services();
        assert_eq!(operations(&read), [format!("call {back}"), format!("call {front}")]);
    }

    /// Has nothing but one trace, in the archive. What was archived by a stream may yet come.
    pub async fn has_it_in_the_archive_alone(&self, call: Call) {
        self.gives("services", &[], Value::Null).await;
        let path = format!("traces/{}", call.trace());
        eventually("the archive has it", async || {
            let spans = match self.answer(&path, &[]).await {
                (StatusCode::OK, text) => serde_json::from_str(&text)?,
                _ => Value::Null,
            };
            let count = spans["data"][0]["spans"].as_array().map_or(0, Vec::len);
            Ok((count == 2).then_some(()))
        })
        .await
        .unwrap();
        self.reads(call).await;
    }
}

/// The names of the operations of the traces found, sorted.
fn operations(traces: &Value) -> Vec<&str> {
    let traces = traces.as_array().unwrap().iter();
    let spans = traces.flat_map(|trace| trace["spans"].as_array().unwrap());
    let mut names: Vec<_> = spans.map(|span| span["operationName"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

pub fn in_a_minute() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    (now + 60_000).to_string()
}
