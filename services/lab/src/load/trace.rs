//! Which trace a request is in.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who begins the traces, and which are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Sample {
    /// The load, by a [W3C `traceparent`](https://www.w3.org/TR/trace-context/#traceparent-header)
    /// that says of this share of the requests that they are sampled. Samplers that follow their
    /// caller do so.
    Share(f64),
    /// The services, whose samplers decide. Only some of their answers tell the trace.
    Services,
}

impl FromStr for Sample {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse() {
            Ok(share) if (0.0..=1.0).contains(&share) => Ok(Self::Share(share)),
            _ if text == "services" => Ok(Self::Services),
            _ => Err("expected a number from 0 to 1, or services"),
        }
    }
}

/// The trace of a request, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// In hexadecimal.
    #[serde(rename = "trace_id")]
    pub id: Option<String>,
    /// Whether it is kept.
    pub sampled: Option<bool>,
}

impl Trace {
    /// One that no other request has: not even that of another run with the same seed, since
    /// what is kept of both would be one trace.
    pub fn begin(share: f64) -> Self {
        let id = format!("{:032x}", rand::random::<u128>().max(1));
        Self { id: Some(id), sampled: Some(rand::random::<f64>() < share) }
    }

    /// The header that hands it on, as if a span of the load's own were the parent.
    pub fn parent(&self) -> Option<String> {
        let span_id = rand::random::<u64>().max(1);
        let flags = u8::from(self.sampled == Some(true));
        Some(format!("00-{}-{span_id:016x}-{flags:02x}", self.id.as_ref()?))
    }

    /// The one that an answer's JSON tells, if it does.
    pub fn told(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }
}

/// As it is shown beside a request.
impl std::fmt::Display for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (&self.id, self.sampled) {
            (None, _) => f.write_str("trace not told"),
            (Some(id), Some(false)) => write!(f, "{id} not sampled"),
            (Some(id), _) => f.write_str(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_number_from_0_to_1_unless_the_services_decide() {
        assert_eq!("0.25".parse(), Ok(Sample::Share(0.25)));
        assert_eq!("services".parse(), Ok(Sample::Services));
        for text in ["", "1.5", "-1", "NaN", "all"] {
            assert!(text.parse::<Sample>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_parent_has_the_traces_id_and_whether_it_is_sampled() {
        for (share, flags, shown) in [(1.0, "01", ""), (0.0, "00", " not sampled")] {
            let trace = Trace::begin(share);
            let parent = trace.parent().unwrap();
            let id = trace.id.clone().unwrap();
            let fields: Vec<_> = parent.split('-').collect();
            assert_eq!((fields[0], fields[1], fields[3]), ("00", &*id, flags));
            assert_eq!((fields[1].len(), fields[2].len()), (32, 16));
            assert_eq!(trace.to_string(), format!("{id}{shown}"));
        }
    }

    #[test]
    fn an_answer_may_tell_its_trace_or_not() {
        let told = Trace::told(br#"{"service": "app-a", "trace_id": "4b", "sampled": false}"#);
        assert_eq!(told.to_string(), "4b not sampled");
        assert_eq!(Trace::told(br#"{"error": "!", "trace_id": "4b"}"#).to_string(), "4b");
        for body in [&b"{}"[..], b"", b"[1]", b"<p>"] {
            assert_eq!(Trace::told(body), Trace::default());
        }
    }
}
