//! Tenants and tokens.

mod directories;
mod doors;
mod model;
mod refusals;
mod tenants;

use std::fmt::Write;

use ring::digest::{SHA256, digest};
use tonic::metadata::MetadataValue;
use tonic::service::Interceptor;
use tonic::{Request, Status};

/// A token's hash as the configuration has it.
pub fn sha256(token: &str) -> String {
    digest(&SHA256, token.as_bytes()).as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// Puts the same metadata into every request.
#[derive(Clone)]
struct Caller(Vec<(&'static str, String)>);

impl Interceptor for Caller {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (name, value) in &self.0 {
            request.metadata_mut().insert(*name, MetadataValue::try_from(value).unwrap());
        }
        Ok(request)
    }
}
