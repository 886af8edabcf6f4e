//! The secret of who may switch faults.

use std::env::{VarError, var};

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use subtle::ConstantTimeEq;

/// No argument, since those are for everyone to see.
const VARIABLE: &str = "ADMIN_TOKEN";
const SCHEME: &[u8] = b"Bearer ";

#[derive(Clone)]
pub(crate) struct Token(String);

impl Token {
    /// None unless the variable is set.
    ///
    /// # Errors
    /// When it could not be sent in a header.
    pub fn from_environment() -> Result<Option<Self>, String> {
        match var(VARIABLE) {
            Ok(token) if token.is_empty() => Ok(None),
            Ok(token) if token.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(Some(Self(token))),
            Err(VarError::NotPresent) => Ok(None),
            Ok(_) | Err(VarError::NotUnicode(_)) => {
                Err(format!("{VARIABLE}: expected letters, digits and signs of ASCII alone"))
            }
        }
    }

    /// Whether the headers bring it, in a time that tells nothing of it but its length.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let (Some(value), None) = (given.next(), given.next()) else { return false };
        let Some((scheme, token)) = value.as_bytes().split_at_checked(SCHEME.len()) else {
            return false;
        };
        scheme.eq_ignore_ascii_case(SCHEME) && bool::from(token.ct_eq(self.0.as_bytes()))
    }
}
