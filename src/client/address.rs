//! Where a server is.

use crate::ClientError;
use ureq::http::Uri;

/// The address that paths such as `/models` are put after: with `/v1` where it has no version, without a slash at its end.
///
/// # Errors
/// No scheme or host, another scheme than http and https, a user name, or a query.
pub(crate) fn base(url: &str) -> Result<String, ClientError> {
    let wrong = |reason| ClientError::Address { url: format!(" `{url}`"), reason };
    let uri: Uri = url.trim().parse().map_err(|_| wrong("write it as http://127.0.0.1:8000/v1"))?;
    let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(wrong("it must begin with http:// or https://"));
    };
    if authority.as_str().contains('@') {
        let reason =
            "it has a user name in it; put the key into an environment variable and name that in `key_variable`";
        return Err(ClientError::Address { url: String::new(), reason });
    }
    if uri.query().is_some() {
        return Err(wrong("it must end before the `?`"));
    }
    let path = uri.path().trim_end_matches('/');
    let path =
        ["/chat/completions", "/completions", "/models"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(path);
    let version = if path.split('/').any(is_version) { "" } else { "/v1" };
    Ok(format!("{scheme}://{}{path}{version}", authority.as_str().to_lowercase()))
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v').is_some_and(|rest| rest.starts_with(|letter: char| letter.is_ascii_digit()))
}

/// Whether an address is one of this machine's own, which no proxy leads to.
pub(crate) fn is_own(base: &str) -> bool {
    let host = base.parse::<Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    host == "localhost" || host == "[::1]" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_added_where_there_is_none() {
        for (url, expected) in [
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v1"),
            ("http://127.0.0.1:8000/", "http://127.0.0.1:8000/v1"),
            (" http://Host:8000/v1/ ", "http://host:8000/v1"),
            ("https://host/v1/chat/completions", "https://host/v1"),
            ("https://host/openai/v1", "https://host/openai/v1"),
            ("https://host/v1beta/openai/", "https://host/v1beta/openai"),
            ("https://host/proxy", "https://host/proxy/v1"),
        ] {
            assert_eq!(base(url).unwrap(), expected, "{url}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_secrets_are_not_repeated() {
        for url in
            ["", "host:8000", "127.0.0.1:8000/v1", "ftp://host", "http://", "http://a b/", "http://host/v1?key=1"]
        {
            assert!(matches!(base(url), Err(ClientError::Address { .. })), "{url}");
        }
        let error = base("http://anna:hidden@host/v1").unwrap_err().to_string();
        assert!(error.contains("key_variable") && !error.contains("hidden"), "{error}");
    }

    #[test]
    fn this_machine_is_known_by_its_names() {
        assert!(is_own("http://127.0.0.1:8000/v1") && is_own("http://localhost/v1") && is_own("http://[::1]:80/v1"));
        assert!(!is_own("http://10.0.0.1/v1") && !is_own("https://localhost.example/v1"));
    }
}
