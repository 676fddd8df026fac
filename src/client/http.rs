//! One request over HTTP.

use crate::address::is_own;
use crate::settings::{ClientSettings, seconds};
use crate::trouble::{Trouble, clean, words_of_body};
use crate::{ClientError, retry};
use std::io::{self, BufReader, Read};
use std::sync::Arc;
use std::time::SystemTime;
use ureq::http::Response;
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, Timeout};

/// Most of an error's body that is read, bytes.
const LONGEST_ERROR: u64 = 64 << 10;

/// A server, and how requests get there.
pub(crate) struct Wire {
    agent: Agent,
    base: String,
    key: Option<String>,
    largest: u64,
    request_seconds: f64,
}

/// An answer with a good status.
pub(crate) struct Answer {
    /// What the server says it is; empty if it does not.
    pub kind: String,
    /// The body, up to the largest that is read.
    pub body: BufReader<Bounded>,
}

impl Wire {
    /// # Errors
    /// No API key where the settings say, or one that is no header.
    pub fn new(settings: &ClientSettings, base: String) -> Result<Wire, ClientError> {
        let key = settings.key_variable.as_deref().map(api_key).transpose()?;
        let agent = agent(settings, &base);
        Ok(Wire { agent, base, key, largest: settings.largest_reply, request_seconds: settings.request_seconds })
    }

    pub fn get(&self, path: &str) -> Result<Answer, Trouble> {
        let request = self.agent.get(format!("{}{path}", self.base));
        let request = match &self.key {
            Some(key) => request.header("Authorization", format!("Bearer {key}")),
            None => request,
        };
        self.sorted(request.call())
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Result<Answer, Trouble> {
        let request = self.agent.post(format!("{}{path}", self.base)).content_type("application/json");
        let request = match &self.key {
            Some(key) => request.header("Authorization", format!("Bearer {key}")),
            None => request,
        };
        self.sorted(request.send(body))
    }

    fn sorted(&self, result: Result<Response<Body>, ureq::Error>) -> Result<Answer, Trouble> {
        let response = result.map_err(|error| self.trouble(error))?;
        let status = response.status().as_u16();
        let header = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let (kind, after) = (header("content-type").unwrap_or_default(), header("retry-after"));
        let after = after.and_then(|header| retry::asked(&header, SystemTime::now()));
        let reader = response.into_body().into_reader();
        if !(200..300).contains(&status) {
            let mut body = Vec::new();
            // Words that do not come are none; the status counts.
            let _ = reader.take(LONGEST_ERROR).read_to_end(&mut body);
            return Err(Trouble::of_status(status, &words_of_body(&body), after).without(self.key.as_deref()));
        }
        let bounded = Bounded::of(Box::new(reader), self.largest);
        Ok(Answer { kind: clean(&kind), body: BufReader::new(bounded) })
    }

    /// What an error of reading the body means.
    pub fn read_trouble(&self, error: io::Error) -> Trouble {
        if error.kind() == io::ErrorKind::FileTooLarge {
            let reason = format!("the answer is longer than {} bytes; raise `largest_reply`", self.largest);
            return Trouble::failed(reason);
        }
        self.trouble(ureq::Error::from(error))
    }

    fn trouble(&self, error: ureq::Error) -> Trouble {
        let base = &self.base;
        match error {
            ureq::Error::Timeout(Timeout::Connect | Timeout::Resolve) => {
                Trouble::passing(format!("{base} cannot be reached in time; is the server running there?"))
            }
            ureq::Error::Timeout(_) => {
                let seconds = self.request_seconds;
                Trouble::failed(format!("no answer of {base} within {seconds} s; raise `request_seconds`"))
            }
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Trouble::passing(format!("{base} takes no connections; is the server running there?"))
            }
            ureq::Error::Io(_)
            | ureq::Error::Protocol(_)
            | ureq::Error::ConnectionFailed
            | ureq::Error::BodyStalled => {
                Trouble::passing(format!("the connection to {base} broke: {}", clean(&error.to_string())))
            }
            ureq::Error::HostNotFound => Trouble::failed(format!("{base}: there is no such host")),
            error => Trouble::failed(format!("{base}: {}", clean(&error.to_string()))),
        }
    }
}

fn api_key(variable: &str) -> Result<String, ClientError> {
    let wrong = |reason| ClientError::Key { variable: variable.to_owned(), reason };
    let key = std::env::var(variable).map_err(|_| wrong("it is not set; put the server's API key there"))?;
    let key = key.trim();
    match key {
        "" => Err(wrong("it is empty; put the server's API key there")),
        key if key.bytes().all(|byte| byte.is_ascii_graphic()) => Ok(key.to_owned()),
        _ => Err(wrong("an API key has letters, digits and signs only")),
    }
}

fn agent(settings: &ClientSettings, base: &str) -> Agent {
    // The system's own certificates: a firm's proxy is trusted there and nowhere else.
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::PlatformVerifier)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .https_only(base.starts_with("https://"))
        .http_status_as_error(false)
        .user_agent(concat!("longlab/", env!("CARGO_PKG_VERSION")))
        // A request goes where it was sent, with its key, and nowhere else.
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(settings.concurrency)
        .max_idle_connections_per_host(settings.concurrency)
        .timeout_connect(Some(seconds(settings.connect_seconds)))
        .timeout_global(Some(seconds(settings.request_seconds)));
    if is_own(base) { config.proxy(None).build().into() } else { config.build().into() }
}

/// Reads so many bytes; more are an error.
pub(crate) struct Bounded {
    inner: Box<dyn Read + Send>,
    left: u64,
}

impl Bounded {
    pub fn of(inner: Box<dyn Read + Send>, left: u64) -> Bounded {
        Bounded { inner, left }
    }
}

impl Read for Bounded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.left = self.left.checked_sub(count as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        Ok(count)
    }
}
