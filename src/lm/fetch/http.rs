//! One request.

use super::{FetchError, Settings};
use std::sync::Arc;
use std::time::Duration;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// What came of a request.
pub(super) enum Answer {
    /// A status that brings a body.
    Good(Response<Body>),
    /// Nothing yet: try again, after so long if the server says.
    Later { cause: String, after: Option<Duration> },
}

/// Makes a GET request, from byte `from` on if it is not 0. Redirections are followed, never from https to http.
///
/// # Errors
/// What no second try would change.
pub(super) fn get(url: &str, from: u64, token: Option<&str>, settings: &Settings) -> Result<Answer, FetchError> {
    let agent = agent(url, settings);
    let mut request = agent.get(url);
    if from > 0 {
        request = request.header("Range", format!("bytes={from}-"));
    }
    if let Some(token) = token {
        request = request.header("Authorization", format!("Bearer {token}"));
    }
    match request.call() {
        Ok(response) => sorted(response, url, from),
        Err(error) if passing(&error) => Ok(Answer::Later { cause: error.to_string(), after: None }),
        Err(error) => Err(FetchError::Network { url: url.to_owned(), reason: error.to_string() }),
    }
}

fn agent(url: &str, settings: &Settings) -> Agent {
    // The system's own certificates: a firm's proxy is trusted there and nowhere else.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    Agent::config_builder()
        .tls_config(tls)
        .https_only(url.starts_with("https://"))
        .http_status_as_error(false)
        .user_agent(concat!("longlab/", env!("CARGO_PKG_VERSION")))
        // Sizes and ranges are those of the file, not of some packing of it.
        .accept_encoding("identity")
        .timeout_connect(Some(settings.silence))
        .timeout_recv_response(Some(settings.silence))
        .timeout_per_read(Some(settings.silence))
        .build()
        .into()
}

fn sorted(response: Response<Body>, url: &str, from: u64) -> Result<Answer, FetchError> {
    let status = response.status().as_u16();
    let mend = match status {
        200..=299 => return Ok(Answer::Good(response)),
        // Not from the beginning, then.
        416 if from > 0 => return Ok(Answer::Good(response)),
        408 | 425 | 429 | 500..=599 => {
            let after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            return Ok(Answer::Later { cause: format!("status {status}"), after: after.map(Duration::from_secs) });
        }
        401 | 403 => "set HF_TOKEN to a token that may read it; some models ask one to accept their licence first",
        404 | 410 => "there is nothing under this name; is it written as the hub writes it?",
        _ => "the server does not give the file away",
    };
    Err(FetchError::Status { url: url.to_owned(), status, mend })
}

/// Whether a second try may go better.
fn passing(error: &ureq::Error) -> bool {
    matches!(
        error,
        ureq::Error::Io(_) | ureq::Error::Timeout(_) | ureq::Error::ConnectionFailed | ureq::Error::Protocol(_)
    )
}
