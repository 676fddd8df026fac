//! Why a try brought no answer.

use crate::ChatFailure;
use serde_json::Value;
use std::time::Duration;

/// Longest text of a server that is repeated in an error, characters.
const LONGEST_WORDS: usize = 400;

/// Why a try brought no answer, and whether another may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Another try may go better, after so long if the server says.
    Passing { reason: String, after: Option<Duration> },
    /// None will.
    Final(ChatFailure),
}

impl Trouble {
    /// The request is at fault.
    pub fn refused(reason: impl Into<String>) -> Trouble {
        Trouble::Final(ChatFailure::Refused { reason: reason.into() })
    }

    /// The server is at fault, and would be again.
    pub fn failed(reason: impl Into<String>) -> Trouble {
        Trouble::Final(ChatFailure::Failed { reason: reason.into() })
    }

    /// It may go better next time.
    pub fn passing(reason: impl Into<String>) -> Trouble {
        Trouble::Passing { reason: reason.into(), after: None }
    }

    /// What a status says that is not 2xx: 429 and 5xx may pass.
    pub fn of_status(status: u16, words: &str, after: Option<Duration>) -> Trouble {
        let words = if words.is_empty() { String::new() } else { format!(": {words}") };
        let mend = match status {
            429 | 500..=599 => return Trouble::Passing { reason: format!("status {status}{words}"), after },
            300..=399 => "; the server is elsewhere, give its new address",
            401 | 403 => "; name the environment variable with its API key in `key_variable`",
            404 => "; is the model named as the server names it, and is the address right?",
            413 => "; the prompt is too long for the server",
            _ => "",
        };
        Trouble::refused(format!("status {status}{words}{mend}"))
    }

    /// What an error says that came as a body of a good status, or amid a stream.
    pub fn of_report(report: &Value) -> Trouble {
        let status = ["code", "status"].iter().find_map(|name| {
            let number = report.get(name)?;
            number.as_u64().or_else(|| number.as_str()?.parse().ok())
        });
        let words = words(report);
        match status.and_then(|status| u16::try_from(status).ok()).filter(|status| (300..600).contains(status)) {
            Some(status) => Trouble::of_status(status, &words, None),
            None => Trouble::failed(format!("the server reports an error: {words}")),
        }
    }

    /// The same, with `secret` blotted out.
    pub fn without(self, secret: Option<&str>) -> Trouble {
        let blot = |reason: String| match secret {
            Some(secret) => reason.replace(secret, "***"),
            None => reason,
        };
        match self {
            Trouble::Passing { reason, after } => Trouble::Passing { reason: blot(reason), after },
            Trouble::Final(ChatFailure::Refused { reason }) => Trouble::refused(blot(reason)),
            Trouble::Final(ChatFailure::Failed { reason }) => Trouble::failed(blot(reason)),
            other => other,
        }
    }
}

/// What the body of an error says, in one line: its message, or its beginning.
pub(crate) fn words_of_body(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(report) => words(&report),
        Err(_) => clean(&String::from_utf8_lossy(body)),
    }
}

fn words(report: &Value) -> String {
    let inner = report.get("error").filter(|inner| !inner.is_null()).unwrap_or(report);
    let message = ["message", "detail"].iter().find_map(|name| inner.get(name));
    match message.unwrap_or(inner) {
        Value::String(words) => clean(words),
        other => clean(&other.to_string()),
    }
}

/// One line without control characters, which a terminal would obey.
pub(crate) fn clean(words: &str) -> String {
    let plain = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = words.trim().chars().map(plain).take(LONGEST_WORDS + 1).collect();
    if let Some((end, _)) = line.char_indices().nth(LONGEST_WORDS) {
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_429_and_5xx_may_pass() {
        for status in [429, 500, 502, 503, 504, 529] {
            assert!(matches!(Trouble::of_status(status, "", None), Trouble::Passing { .. }), "{status}");
        }
        for status in [301, 400, 401, 402, 403, 404, 408, 413, 422, 425] {
            let refused = matches!(Trouble::of_status(status, "", None), Trouble::Final(ChatFailure::Refused { .. }));
            assert!(refused, "{status}");
        }
    }

    #[test]
    fn errors_of_every_dialect_are_read() {
        for (body, expected) in [
            (r#"{"error":{"message":"no such model","type":"x"}}"#, "no such model"),
            (r#"{"error":"busy"}"#, "busy"),
            (r#"{"object":"error","message":"too long","code":400}"#, "too long"),
            (r#"{"detail":[{"msg":"field required"}]}"#, r#"[{"msg":"field required"}]"#),
            ("<html>\n\u{1b}[2Jnginx</html>", "<html>  [2Jnginx</html>"),
            ("", ""),
        ] {
            assert_eq!(words_of_body(body.as_bytes()), expected);
        }
        assert_eq!(words_of_body("é".repeat(5_000).as_bytes()).chars().count(), LONGEST_WORDS + 1);
    }

    #[test]
    fn a_report_amid_a_stream_is_judged_by_its_code() {
        assert!(matches!(Trouble::of_report(&json!({"code": 503, "message": "busy"})), Trouble::Passing { .. }));
        assert!(matches!(Trouble::of_report(&json!({"code": "429"})), Trouble::Passing { .. }));
        let refused = Trouble::of_report(&json!({"code": 400, "message": "too long"}));
        assert!(matches!(refused, Trouble::Final(ChatFailure::Refused { reason }) if reason.contains("too long")));
        let failed = Trouble::of_report(&json!({"code": "server_error", "message": "oh"}));
        assert!(matches!(failed, Trouble::Final(ChatFailure::Failed { reason }) if reason.contains("oh")));
    }

    #[test]
    fn a_key_that_the_server_repeats_is_blotted_out() {
        let trouble = Trouble::of_status(401, "wrong key sk-123", None).without(Some("sk-123"));
        assert!(matches!(trouble, Trouble::Final(ChatFailure::Refused { reason }) if reason.contains("wrong key ***")));
    }
}
