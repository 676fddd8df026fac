//! Errors as OpenAI's API gives them.

use crate::lm::chat::ChatError;
use crate::lm::engine::{Failure, Refusal, TalkError};
use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// An answer that says why there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub status: StatusCode,
    pub message: String,
    /// Field of the request that is at fault.
    pub param: Option<String>,
    pub code: Option<&'static str>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, message: message.into(), param: None, code: None }
    }

    /// A field that cannot be as it is.
    pub(super) fn field(name: &str, message: impl Into<String>) -> ApiError {
        ApiError { param: Some(name.to_owned()), ..ApiError::new(StatusCode::BAD_REQUEST, message) }
    }

    pub(super) fn code(self, code: &'static str) -> ApiError {
        ApiError { code: Some(code), ..self }
    }

    /// The body, which is also what a stream says that breaks off.
    pub(super) fn body(&self) -> Value {
        let kind = match self.status {
            StatusCode::TOO_MANY_REQUESTS => "rate_limit_error",
            status if status.is_server_error() => "server_error",
            _ => "invalid_request_error",
        };
        json!({"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}})
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        match self.status {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
            }
            StatusCode::UNAUTHORIZED => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            // What else the client may be sending is not read.
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::REQUEST_TIMEOUT => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> ApiError {
        let message = refusal.to_string();
        match refusal {
            Refusal::Full { .. } => ApiError::new(StatusCode::TOO_MANY_REQUESTS, message).code("queue_full"),
            Refusal::Closed => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).code("stopping"),
            Refusal::Long { .. } => ApiError::new(StatusCode::BAD_REQUEST, message).code("context_length_exceeded"),
            Refusal::Empty | Refusal::Token { .. } => ApiError::field("prompt", message),
            Refusal::Setting { name, .. } => ApiError::field(name, message),
        }
    }
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> ApiError {
        let status = match failure {
            Failure::Late => StatusCode::GATEWAY_TIMEOUT,
            Failure::Stopped => StatusCode::SERVICE_UNAVAILABLE,
            Failure::NotFinite { .. } | Failure::Text { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        };
        ApiError::new(status, failure.to_string())
    }
}

impl From<TalkError> for ApiError {
    fn from(error: TalkError) -> ApiError {
        let message = error.to_string();
        match error {
            TalkError::Refused(refusal) => refusal.into(),
            TalkError::Failed(failure) => failure.into(),
            TalkError::NoTemplate => ApiError::new(StatusCode::BAD_REQUEST, message + "; use /v1/completions"),
            TalkError::Chat(ChatError::Refused { .. } | ChatError::Message { .. }) => {
                ApiError::field("messages", message)
            }
            _ => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, message),
        }
    }
}
