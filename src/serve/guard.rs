//! Who may ask, and from where.

use super::error::ApiError;
use super::wire::Pace;
use super::{App, Settings};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;
use subtle::{Choice, ConstantTimeEq};

/// Hashes of the keys: their lengths do not show in the time of a comparison.
pub(super) struct Keys(Vec<[u8; 32]>);

impl Keys {
    pub(super) fn new(keys: &[String]) -> Keys {
        Keys(keys.iter().map(|key| *blake3::hash(key.as_bytes()).as_bytes()).collect())
    }

    /// Whether a key is one of them. All are compared, each to its end.
    fn know(&self, key: &[u8]) -> bool {
        let hash = blake3::hash(key);
        self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(hash.as_bytes())).into()
    }
}

/// Lets a request through to its answer, or says why not; counts it.
pub(super) async fn guard(
    State(app): State<Arc<App>>,
    ConnectInfo(pace): ConnectInfo<Pace>,
    request: Request,
    next: Next,
) -> Response {
    let _busy = pace.busy();
    let (path, origin) = (request.uri().path().to_owned(), allowed_origin(&app.settings, request.headers()));
    let mut response = if let Some(origin) = origin.as_ref().filter(|_| asks_leave(&request)) {
        leave(origin, request.headers())
    } else {
        match admit(&app, &request) {
            Ok(()) => next.run(request).await,
            Err(error) => error.into_response(),
        }
    };
    if let Some(origin) = origin {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if !app.settings.origins.is_empty() {
        response.headers_mut().append(header::VARY, HeaderValue::from_static("Origin"));
    }
    app.meters.count(&path, response.status());
    response
}

fn admit(app: &App, request: &Request) -> Result<(), ApiError> {
    let headers = request.headers();
    if app.keys.0.is_empty() {
        if app.settings.address.ip().is_loopback() && !names_this_machine(headers) {
            let message =
                "a server without keys on a loopback address answers to `localhost` and addresses alone; give it a key";
            return Err(ApiError::new(StatusCode::FORBIDDEN, message));
        }
    } else if request.uri().path() != "/health" && !app.keys.know(bearer(headers)) {
        let message = "a key is needed: Authorization: Bearer KEY";
        return Err(ApiError::new(StatusCode::UNAUTHORIZED, message).code("invalid_api_key"));
    }
    Ok(())
}

/// The key that a request brings; empty where there is none.
fn bearer(headers: &HeaderMap) -> &[u8] {
    let value = headers.get(header::AUTHORIZATION).map_or(&b""[..], HeaderValue::as_bytes);
    match value.split_at_checked(7) {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ => b"",
    }
}

/// Whether a request is meant for this machine by a name that no foreign page can have: one may let its own name point here.
fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST) else { return true };
    let Ok(host) = host.to_str() else { return false };
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(""),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
}

/// The origin of a request, where pages from there may read answers.
fn allowed_origin(settings: &Settings, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let all = settings.origins.iter().any(|known| known == "*");
    (all || settings.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())).then(|| origin.clone())
}

/// Whether a browser asks what a page may ask.
fn asks_leave(request: &Request) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn leave(origin: &HeaderValue, asked: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let mut say = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    say(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    say(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    let names = asked.get(header::ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let usual = HeaderValue::from_static("authorization, content-type");
    say(header::ACCESS_CONTROL_ALLOW_HEADERS, names.unwrap_or(usual));
    say(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(name: HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_whole_keys_are_known() {
        let keys = Keys::new(&["first".to_owned(), "second".to_owned()]);
        for (header, known) in [
            ("Bearer first", true),
            ("bearer  second ", true),
            ("Bearer firs", false),
            ("Bearer firstt", false),
            ("Bearer ", false),
            ("Basic first", false),
            ("first", false),
        ] {
            assert_eq!(keys.know(bearer(&with(header::AUTHORIZATION, header))), known, "{header}");
        }
        assert!(!keys.know(bearer(&HeaderMap::new())));
    }

    #[test]
    fn names_that_point_here_are_not_this_machine() {
        for (host, own) in [
            ("localhost:8000", true),
            ("LOCALHOST", true),
            ("127.0.0.1:8000", true),
            ("[::1]:8000", true),
            ("evil.example:8000", false),
            ("localhost.evil.example", false),
            ("", false),
        ] {
            assert_eq!(names_this_machine(&with(header::HOST, host)), own, "{host}");
        }
    }
}
