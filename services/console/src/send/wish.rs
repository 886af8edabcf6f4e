//! A request as a form asks for it.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Context, Request};
use crate::config::Service;

/// What can be asked of a service, and what it is good for.
pub(crate) const ENDPOINTS: [(&str, &str); 9] = [
    ("GET /chain", "a request through all services, over HTTP and gRPC"),
    ("POST /orders", "an order: prices, stock, a payment, a queue"),
    ("GET /items/{id}", "a route template as the span's name"),
    ("GET /cpu_task", "counts primes"),
    ("GET /io_task", "waits"),
    ("GET /random_sleep", "waits up to a second"),
    ("GET /random_status", "status codes: half of them good"),
    ("GET /error_test", "always fails"),
    ("GET /", "says hello"),
];

/// Entries and bytes of baggage that W3C has everybody take.
const MAX_ENTRIES: usize = 64;
const MAX_BAGGAGE: usize = 8_192;
/// Services cut a longer one.
const MAX_DEBUG_ID: usize = 256;

/// All but what a value of W3C's baggage may have in it; and `%`, which begins what is encoded.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b',').add(b';').add(b'\\').add(b'%');

/// The form's fields, as they were entered.
#[derive(Clone, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Wish {
    pub service: String,
    pub endpoint: String,
    /// Number of an item.
    pub item: String,
    /// Primes below it are counted.
    pub limit: String,
    pub customer: String,
    /// Number and quantity, one a line.
    pub items: String,
    pub debug_id: String,
    /// `key=value`, one a line.
    pub baggage: String,
    /// `yes` or `no`.
    pub sampled: String,
}

impl Default for Wish {
    fn default() -> Self {
        let empty = String::new;
        Self {
            service: empty(),
            endpoint: ENDPOINTS[0].0.to_owned(),
            item: "7".to_owned(),
            limit: empty(),
            customer: empty(),
            items: empty(),
            debug_id: empty(),
            baggage: empty(),
            sampled: "yes".to_owned(),
        }
    }
}

impl Wish {
    /// The request, with a trace of its own unless it has a debug id; or what is wrong with the form.
    pub fn request(&self, services: &[Service]) -> Result<Request, String> {
        let service = services.iter().find(|it| it.name == self.service);
        let service = service.ok_or_else(|| format!("service: there is no {}", self.service))?;
        let endpoint = ENDPOINTS.iter().find(|(name, _)| *name == self.endpoint);
        let (endpoint, _) =
            endpoint.ok_or_else(|| format!("endpoint: there is no {}", self.endpoint))?;
        let (path, body) = match *endpoint {
            "POST /orders" => ("/orders".to_owned(), self.order()?),
            "GET /items/{id}" => {
                let item = number("item", &self.item)?.ok_or("item: expected its number")?;
                (format!("/items/{item}"), None)
            }
            "GET /cpu_task" => match number("limit", &self.limit)? {
                Some(limit) => (format!("/cpu_task?limit={limit}"), None),
                None => ("/cpu_task".to_owned(), None),
            },
            other => (other.trim_start_matches("GET ").to_owned(), None),
        };
        let method = if endpoint.starts_with("POST ") { Method::POST } else { Method::GET };
        let context = self.context()?;
        let mut headers = vec![match &context {
            Context::Debug(id) => ("jaeger-debug-id", id.clone()),
            Context::Own { trace_id, span_id, sampled } => {
                let flags = u8::from(*sampled);
                ("traceparent", format!("00-{trace_id}-{span_id}-{flags:02x}"))
            }
        }];
        headers.extend(self.baggage()?.map(|baggage| ("baggage", baggage)));
        if body.is_some() {
            headers.push(("content-type", "application/json".to_owned()));
        }
        Ok(Request {
            service: service.name.clone(),
            url: format!("{}{path}", service.url),
            method,
            path,
            headers,
            body: body.map(|body| body.to_string()),
            context,
        })
    }

    fn context(&self) -> Result<Context, String> {
        let id = self.debug_id.trim();
        if id.is_empty() {
            return Ok(Context::Own {
                trace_id: format!("{:032x}", rand::random::<u128>().max(1)),
                span_id: format!("{:016x}", rand::random::<u64>().max(1)),
                sampled: self.sampled != "no",
            });
        }
        // What a header can hold.
        if id.len() > MAX_DEBUG_ID || !id.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
            let expected = format!("expected up to {MAX_DEBUG_ID} printable characters of ASCII");
            return Err(format!("debug id: {expected}"));
        }
        Ok(Context::Debug(id.to_owned()))
    }

    /// The customer and the items; nothing if the service is to choose both.
    fn order(&self) -> Result<Option<Value>, String> {
        let mut order = json!({});
        if let Some(customer) = number("customer", &self.customer)? {
            order["customer"] = customer.into();
        }
        let mut items = Vec::new();
        for line in self.items.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut words = line.split_whitespace();
            let (sku, quantity, more) = (words.next(), words.next(), words.next());
            let (None, Some(sku)) = (more, number("items", sku.unwrap_or_default())?) else {
                return Err(format!("items: expected a number and a quantity, found {line:?}"));
            };
            let quantity = number("items", quantity.unwrap_or("1"))?;
            items.push(json!({ "sku": sku, "quantity": quantity }));
        }
        if !items.is_empty() {
            order["items"] = items.into();
        }
        Ok(Some(order).filter(|order| *order != json!({})))
    }

    /// The header.
    fn baggage(&self) -> Result<Option<String>, String> {
        let mut entries = Vec::new();
        for line in self.baggage.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let entry = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
            let Some((key, value)) = entry.filter(|(key, _)| is_token(key)) else {
                return Err(format!("baggage: expected key=value, found {line:?}"));
            };
            entries.push(format!("{key}={}", utf8_percent_encode(value, ENCODED)));
        }
        let header = entries.join(",");
        if entries.len() > MAX_ENTRIES || header.len() > MAX_BAGGAGE {
            let most = format!("{MAX_ENTRIES} entries and {MAX_BAGGAGE} bytes");
            return Err(format!("baggage: expected at most {most}"));
        }
        Ok((!header.is_empty()).then_some(header))
    }
}

/// None of an empty field.
fn number(field: &str, text: &str) -> Result<Option<u32>, String> {
    let text = text.trim();
    let read = |it: &str| it.parse().map_err(|_| format!("{field}: {it:?} is no such number"));
    (!text.is_empty()).then(|| read(text)).transpose()
}

/// As RFC 9110 has it.
fn is_token(text: &str) -> bool {
    let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(is_of_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn services() -> [Service; 2] {
        ["app-a", "app-b"].map(|name| Service {
            name: name.to_owned(),
            url: format!("http://{name}:8000"),
            admin: String::new(),
        })
    }

    fn wish(endpoint: &str) -> Wish {
        let [service, endpoint] = ["app-b", endpoint].map(str::to_owned);
        Wish { service, endpoint, ..Wish::default() }
    }

    fn request(wish: &Wish) -> Request {
        wish.request(&services()).unwrap()
    }

    fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
        let found = request.headers.iter().find(|(it, _)| *it == name);
        found.map(|(_, value)| value.as_str())
    }

    #[test]
    fn every_endpoint_is_a_request_in_a_trace_of_its_own() {
        for (endpoint, _) in ENDPOINTS {
            let request = request(&wish(endpoint));
            let (method, path) = endpoint.split_once(' ').unwrap();
            assert_eq!(request.method, method);
            assert_eq!(request.path, path.replace("{id}", "7"));
            assert_eq!(request.url, format!("http://app-b:8000{}", request.path));
            let Context::Own { trace_id, span_id, sampled: true } = &request.context else {
                panic!("{request:?}")
            };
            let expected = format!("00-{trace_id}-{span_id}-01");
            assert_eq!(header(&request, "traceparent"), Some(&*expected));
            assert_eq!((trace_id.len(), span_id.len(), &request.body), (32, 16, &None));
        }
    }

    #[test]
    fn an_unsampled_request_says_so() {
        let request = request(&Wish { sampled: "no".to_owned(), ..wish("GET /") });
        assert!(header(&request, "traceparent").unwrap().ends_with("-00"));
    }

    #[test]
    fn a_debug_id_has_the_service_begin_the_trace() {
        let request = request(&Wish { debug_id: " ticket 17 ".to_owned(), ..wish("GET /") });
        assert_eq!(request.headers, [("jaeger-debug-id", "ticket 17".to_owned())]);
        assert_eq!(request.context, Context::Debug("ticket 17".to_owned()));
    }

    #[test]
    fn an_order_is_what_was_entered() {
        let wish = Wish {
            customer: "12".to_owned(),
            items: " 901 2\r\n\n902 ".to_owned(),
            ..wish("POST /orders")
        };
        let request = request(&wish);
        let body: Value = serde_json::from_str(request.body.as_ref().unwrap()).unwrap();
        let items = json!([{ "sku": 901, "quantity": 2 }, { "sku": 902, "quantity": 1 }]);
        assert_eq!(body, json!({ "customer": 12, "items": items }));
        assert_eq!(header(&request, "content-type"), Some("application/json"));
    }

    #[test]
    fn baggage_is_encoded_as_w3c_has_it() {
        let baggage = "user.id = 7\r\ntier=gold, \"é\"; 50%\n".to_owned();
        let request = request(&Wish { baggage, ..wish("GET /") });
        let expected = "user.id=7,tier=gold%2C%20%22%C3%A9%22%3B%2050%25";
        assert_eq!(header(&request, "baggage"), Some(expected));
    }

    #[test]
    fn what_makes_no_sense_is_told_by_its_field() {
        let with = |endpoint: &str, change: fn(&mut Wish)| {
            let mut wish = wish(endpoint);
            change(&mut wish);
            wish.request(&services()).unwrap_err()
        };
        for (problem, expected) in [
            (with("GET /", |it| it.service = "evil.example".to_owned()), "service: "),
            (with("GET /", |it| it.endpoint = "GET //evil".to_owned()), "endpoint: "),
            (with("GET /items/{id}", |it| it.item = "../x".to_owned()), "item: "),
            (with("GET /items/{id}", |it| it.item = String::new()), "item: "),
            (with("GET /cpu_task", |it| it.limit = "1&x".to_owned()), "limit: "),
            (with("POST /orders", |it| it.customer = "me".to_owned()), "customer: "),
            (with("POST /orders", |it| it.items = "901 2 3".to_owned()), "items: "),
            (with("GET /", |it| it.debug_id = "é".to_owned()), "debug id: "),
            (with("GET /", |it| it.debug_id = "a\r\nb: c".to_owned()), "debug id: "),
            (with("GET /", |it| it.debug_id = "x".repeat(257)), "debug id: "),
            (with("GET /", |it| it.baggage = "no value".to_owned()), "baggage: "),
            (with("GET /", |it| it.baggage = "a b=c".to_owned()), "baggage: "),
            (with("GET /", |it| it.baggage = format!("k={}", "é".repeat(3_000))), "baggage: "),
        ] {
            assert!(problem.starts_with(expected), "{problem}");
        }
    }
}
