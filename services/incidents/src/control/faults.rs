//! The faults of one service, as its admin endpoint has them.

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde::{Deserialize, Serialize};

use super::Error;

/// A service that is well answers at once.
const DEADLINE: Duration = Duration::from_secs(5);

/// A client of one service's admin endpoint.
#[derive(Clone)]
pub struct Faults {
    service: String,
    url: String,
    token: String,
    http: Client,
}

/// A fault that is there.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fault {
    /// By which it can be ended.
    pub id: u64,
    /// Of one that is hidden nothing else is told.
    #[serde(default)]
    pub hidden: bool,
    /// What it does.
    #[serde(flatten)]
    pub spec: Option<Spec>,
}

/// What a fault is to do, where, for whom and until when.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Spec {
    /// What happens.
    pub kind: Kind,
    /// `service.version` of the service; [`Kind::BadRelease`] needs it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The name of a SERVER span; without it everything that this kind can strike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The customer's: `bronze`, `silver` or `gold`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Which part of what could be struck is: above 0, up to 1.
    #[serde(default = "all")]
    pub ratio: f64,
    /// Which of these.
    #[serde(default)]
    pub seed: u64,
    /// The end, as RFC 3339 has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// How much longer it takes; for [`Kind::Latency`] and [`Kind::SlowDatabase`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Whether it is to be found out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hidden: bool,
}

fn all() -> f64 {
    1.0
}

impl Spec {
    /// One that strikes everything that it can.
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            version: None,
            operation: None,
            tier: None,
            ratio: all(),
            seed: 0,
            until: None,
            latency: None,
            hidden: false,
        }
    }
}

/// What happens.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "docs/faults.md says what each does")]
pub enum Kind {
    Error,
    Latency,
    SlowDatabase,
    CacheOff,
    NPlusOne,
    RetryStorm,
    LostContext,
    BadRelease,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Error,
        Self::Latency,
        Self::SlowDatabase,
        Self::CacheOff,
        Self::NPlusOne,
        Self::RetryStorm,
        Self::LostContext,
        Self::BadRelease,
    ];

    /// As it is written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Latency => "latency",
            Self::SlowDatabase => "slow_database",
            Self::CacheOff => "cache_off",
            Self::NPlusOne => "n_plus_one",
            Self::RetryStorm => "retry_storm",
            Self::LostContext => "lost_context",
            Self::BadRelease => "bad_release",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How much longer something takes.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(tag = "distribution", rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are milliseconds, and docs/faults.md has the rest")]
pub enum Latency {
    /// Always the same.
    Constant { ms: u64 },
    /// Anything between.
    Uniform { min_ms: u64, max_ms: u64 },
    /// Mostly little and sometimes much.
    Exponential { mean_ms: u64 },
}

impl Faults {
    /// Of the service that has its admin endpoint at `url`, such as `http://127.0.0.1:8100`.
    pub fn new(service: &str, url: &str, token: &str, http: Client) -> Self {
        Self { service: service.to_owned(), url: url.to_owned(), token: token.to_owned(), http }
    }

    /// Whose faults they are: its `service.name`.
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Those that are there.
    ///
    /// # Errors
    /// When the service does not answer, or refuses.
    pub async fn list(&self) -> Result<Vec<Fault>, Error> {
        #[derive(Deserialize)]
        struct Listed {
            faults: Vec<Fault>,
        }
        let asked = self.asked("listing the faults");
        let answer = self.send(&asked, self.request(Method::GET, "/faults")).await?;
        let Listed { faults } = Error::read(&asked, answer).await?;
        Ok(faults)
    }

    /// From here on there is this fault, too. Returns its id.
    ///
    /// # Errors
    /// When the service does not answer, or refuses.
    pub async fn begin(&self, spec: &Spec) -> Result<u64, Error> {
        #[derive(Deserialize)]
        struct Begun {
            id: u64,
        }
        let what = if spec.hidden { "hidden".to_owned() } else { spec.kind.to_string() };
        let asked = self.asked(&format!("beginning a fault, {what},"));
        let request = self.request(Method::POST, "/faults").json(spec);
        let answer = self.send(&asked, request).await?;
        let Begun { id } = Error::read(&asked, answer).await?;
        Ok(id)
    }

    /// Ends the fault of this id.
    ///
    /// # Errors
    /// When the service does not answer, or has none of this id.
    pub async fn end(&self, id: u64) -> Result<(), Error> {
        let asked = self.asked(&format!("ending fault {id}"));
        let request = self.request(Method::DELETE, &format!("/faults/{id}"));
        Error::check(&asked, self.send(&asked, request).await?).await.map(drop)
    }

    /// Ends all of them, the hidden ones too.
    ///
    /// # Errors
    /// When the service does not answer, or refuses.
    pub async fn end_all(&self) -> Result<(), Error> {
        let request = self.request(Method::DELETE, "/faults");
        let asked = self.asked("ending all faults");
        Error::check(&asked, self.send(&asked, request).await?).await.map(drop)
    }

    fn asked(&self, what: &str) -> String {
        format!("{what} of {} at {}", self.service, self.url)
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.url));
        request.bearer_auth(&self.token).timeout(DEADLINE)
    }

    async fn send(&self, asked: &str, request: RequestBuilder) -> Result<Response, Error> {
        request.send().await.map_err(|cause| Error::no_answer(asked, cause))
    }
}

/// Without the token.
impl fmt::Debug for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service, url, .. } = self;
        f.debug_struct("Faults").field("service", service).field("url", url).finish()
    }
}
