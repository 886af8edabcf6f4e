use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Status;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;

use super::attributes::{Attributes, text};
use crate::keys;

/// The status that the attributes tell, without those that say nothing else: that of the tag
/// `error`, or else of OpenTelemetry's, or else of HTTP's.
pub(super) fn take(attributes: &mut Attributes, kind: SpanKind) -> Status {
    let failed = attributes.get(keys::ERROR) == Some(&Value::BoolValue(true));
    let mut status = None;
    if failed {
        attributes.take(keys::ERROR);
        let message = take_description(attributes).unwrap_or_else(|| http_message(attributes));
        status = Some((StatusCode::Error, message));
    }
    if let Some(code) = attributes.take(keys::STATUS_CODE) {
        if status.is_none() {
            let code = match text(&code) {
                code if code.eq_ignore_ascii_case(keys::OK_CODE) => StatusCode::Ok,
                code if code.eq_ignore_ascii_case(keys::ERROR_CODE) => StatusCode::Error,
                _ => StatusCode::Unset,
            };
            status = Some((code, take_description(attributes).unwrap_or_default()));
        }
    } else if status.is_none() && has_failed_by_http(attributes, kind) {
        status = Some((StatusCode::Error, http_message(attributes)));
    }
    let (code, message) = status.unwrap_or_default();
    Status { code: code.into(), message }
}

fn take_description(attributes: &mut Attributes) -> Option<String> {
    let description = attributes.take(keys::STATUS_DESCRIPTION)?;
    Some(text(&description).to_owned())
}

fn http_message(attributes: &Attributes) -> String {
    attributes.get(keys::HTTP_STATUS_MESSAGE).map(text).unwrap_or_default().to_owned()
}

fn has_failed_by_http(attributes: &Attributes, kind: SpanKind) -> bool {
    let code = match attributes.get(keys::HTTP_STATUS_CODE) {
        Some(Value::IntValue(code)) => *code,
        Some(Value::StringValue(code)) => match code.parse() {
            Ok(code) => code,
            Err(_) => return false,
        },
        _ => return false,
    };
    match (code, kind) {
        // It is the client's failure.
        (400..500, SpanKind::Server) => false,
        _ => !(100..399).contains(&code),
    }
}
