//! The values of the keys that tell callers apart.

use std::collections::BTreeSet;
use std::fmt;

use http::HeaderName;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Deserializer, de};
use spoor_embedded::Options;

use super::{Config, Engine};

/// The longest name of a tenant: its directory's is at most three times as long.
const MAX_TENANT_NAME: usize = 64;

/// The SHA-256 of a bearer token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of this token.
    pub fn of(token: &[u8]) -> Self {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, token).as_ref());
        Self(hash)
    }

    /// Whether they are the same, in a time that tells nothing of either.
    pub(crate) fn is(&self, other: &Self) -> bool {
        let differing = self.0.iter().zip(&other.0).fold(0, |all, (a, b)| all | (a ^ b));
        std::hint::black_box(differing) == 0
    }

    fn from_hex(text: &str) -> Option<Self> {
        let mut hash = [0; 32];
        let (digits, rest) = text.as_bytes().as_chunks::<2>();
        if digits.len() != hash.len() || !rest.is_empty() {
            return None;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|it| u8::try_from(it).ok());
        for (byte, [high, low]) in hash.iter_mut().zip(digits) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Some(Self(hash))
    }
}

/// Nothing of it is to be in a log.
impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash")
    }
}

/// Whether a tenant can have this name: 1 to 64 letters, digits, `-`, `_` and `.`, all ASCII.
pub(crate) fn is_tenant_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_TENANT_NAME).contains(&name.len()) && name.bytes().all(plain)
}

/// None if the text is empty.
pub(super) fn header<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<HeaderName>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    let taken = ["authorization", crate::identity::BEARER_TOKEN, "content-type", "te"];
    let name = text.parse::<HeaderName>().ok().filter(|name| {
        let name = name.as_str();
        // Those of gRPC itself, and of metadata that is no text.
        !(taken.contains(&name) || name.starts_with("grpc-") || name.ends_with("-bin"))
    });
    let reason = || de::Error::custom(format!("{text:?} can't be metadata that tells a tenant"));
    name.map(Some).ok_or_else(reason)
}

pub(super) fn tenants<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeSet<String>, D::Error> {
    let names = list(deserializer)?;
    if names.is_empty() {
        return Err(de::Error::custom(
            "expected a tenant's name: without the key there may be any",
        ));
    }
    match names.iter().find(|name| !is_tenant_name(name)) {
        None => Ok(names.into_iter().collect()),
        Some(name) => Err(de::Error::custom(format!(
            "expected names of 1 to {MAX_TENANT_NAME} letters, digits, -, _ and ., found {name:?}"
        ))),
    }
}

/// The error shows no value: it may be a token.
pub(super) fn hashes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<TokenHash>, D::Error> {
    let hashes = list(deserializer)?;
    if hashes.is_empty() {
        return Err(de::Error::custom("expected a token's hash: without the key anyone is let in"));
    }
    let hashes = hashes.iter().map(|hash| TokenHash::from_hex(hash)).collect::<Option<Vec<_>>>();
    let hashes = hashes.ok_or_else(|| {
        de::Error::custom("expected the SHA-256 of each token, as 64 hexadecimal digits")
    })?;
    // What a script makes whose variable is not set.
    if hashes.contains(&TokenHash::of(b"")) {
        let reason = "expected the SHA-256 of each token, found that of an empty text";
        return Err(de::Error::custom(reason));
    }
    Ok(hashes)
}

/// A list, or its elements in one text with commas between, as a variable and a flag have it.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Elements(Vec<String>),
        Text(String),
        // A text of digits, where texts have no quotes.
        Number(i64),
        Truth(bool),
    }
    let elements = |text: &str| match text {
        "" => Vec::new(),
        text => text.split(',').map(|element| element.trim().to_owned()).collect(),
    };
    match List::deserialize(deserializer) {
        Ok(List::Elements(all)) => Ok(all),
        Ok(List::Text(text)) => Ok(elements(&text)),
        Ok(List::Number(number)) => Ok(vec![number.to_string()]),
        Ok(List::Truth(truth)) => Ok(vec![truth.to_string()]),
        Err(_) => Err(de::Error::custom("expected a list of texts")),
    }
}

/// The key and the reason of the first of these values that can't be beside others.
pub(super) fn fault(config: &Config) -> Option<(&'static str, String)> {
    if config.tenant_header.is_none() && !config.tenants.is_empty() {
        return Some(("tenants", "it needs tenant_header".to_owned()));
    }
    let most = Options::default().tenants;
    if config.engine == Engine::Embedded && config.tenants.len() > most {
        let (given, reason) = (config.tenants.len(), "that the embedded engine keeps");
        return Some(("tenants", format!("{given} are more than the {most} {reason}")));
    }
    match (&config.tls_certificate, &config.tls_key, &config.tls_client_ca) {
        (Some(_), None, _) => Some(("tls_certificate", "it needs tls_key".to_owned())),
        (None, Some(_), _) => Some(("tls_key", "it needs tls_certificate".to_owned())),
        (None, None, Some(_)) => Some(("tls_client_ca", "it needs tls_certificate".to_owned())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_another_whichever_of_its_bits_is() {
        let hash = TokenHash::of(b"token");
        assert!(hash.is(&TokenHash::of(b"token")));
        for bit in 0..256 {
            let mut other = hash;
            other.0[bit / 8] ^= 1 << (bit % 8);
            assert!(!hash.is(&other) && !other.is(&hash), "bit {bit}");
        }
    }
}
