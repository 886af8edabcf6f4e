use http::{HeaderMap, header};
use tonic::Status;

use crate::config::TokenHash;

/// The metadata that Jaeger's query service puts its user's token into, as it is.
pub(crate) const BEARER_TOKEN: &str = "bearer.token";

/// Why a caller is not let in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    MissingToken,
    UnknownToken,
    RepeatedToken,
    MissingTenant,
    UnknownTenant,
    RepeatedTenant,
}

impl Refusal {
    /// For those who run the server.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::MissingToken => "missing_token",
            Self::UnknownToken => "unknown_token",
            Self::RepeatedToken => "repeated_token",
            Self::MissingTenant => "missing_tenant",
            Self::UnknownTenant => "unknown_tenant",
            Self::RepeatedTenant => "repeated_tenant",
        }
    }
}

/// The codes for tenants are those of Jaeger's own servers.
impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::MissingToken | Refusal::UnknownToken | Refusal::RepeatedToken => {
                Self::unauthenticated("the request needs one valid bearer token")
            }
            Refusal::MissingTenant => Self::unauthenticated("the request tells no tenant"),
            Refusal::UnknownTenant | Refusal::RepeatedTenant => {
                Self::permission_denied("the request needs one valid tenant")
            }
        }
    }
}

/// Checks that a request brings one of these tokens, and no other, if there are any.
pub(super) fn check_token(headers: &HeaderMap, tokens: &[TokenHash]) -> Result<(), Refusal> {
    if tokens.is_empty() {
        return Ok(());
    }
    let raw = headers.get_all(BEARER_TOKEN).iter().map(|value| Some(value.as_bytes()));
    let schemed = headers.get_all(header::AUTHORIZATION).iter();
    let mut given = raw.chain(schemed.map(|value| bearer(value.as_bytes())));
    let token = given.next().ok_or(Refusal::MissingToken)?;
    if given.next().is_some() {
        return Err(Refusal::RepeatedToken);
    }
    // An empty one is no secret, whatever the hashes are of.
    let token = token.filter(|token| !token.is_empty()).ok_or(Refusal::UnknownToken)?;
    let hash = TokenHash::of(token);
    // All are looked at, so that the time tells nothing.
    let known = tokens.iter().fold(false, |known, token| known | token.is(&hash));
    if known { Ok(()) } else { Err(Refusal::UnknownToken) }
}

/// The token of the scheme `Bearer` (RFC 6750, section 2.1), whose case is of no matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(b"Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
