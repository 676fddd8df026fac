//! What a request is known by.

use serde_json::{Map, Value};
use std::fmt;

/// BLAKE3 of a whole request: the server's identity, the model and every field.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestKey([u8; 32]);

impl RequestKey {
    /// The key of a request's body at a server. The order of fields does not matter.
    ///
    /// ```
    /// use longlab_client::RequestKey;
    /// use serde_json::json;
    /// let key = RequestKey::of("http://127.0.0.1:8000/v1", &json!({"model": "a", "seed": 1}));
    /// assert_eq!(key, RequestKey::of("http://127.0.0.1:8000/v1", &json!({"seed": 1, "model": "a"})));
    /// assert_ne!(key, RequestKey::of("http://127.0.0.1:8000/v1", &json!({"seed": 2, "model": "a"})));
    /// ```
    pub fn of(server: &str, body: &Value) -> RequestKey {
        let whole = Value::Array(vec![server.into(), sorted(body)]);
        let mut hash = blake3::Hasher::new();
        hash.update(b"longlab-client request 1\n").update(whole.to_string().as_bytes());
        RequestKey(*hash.finalize().as_bytes())
    }

    /// A key from its 64 digits.
    pub(super) fn parse(digits: &str) -> Option<RequestKey> {
        blake3::Hash::from_hex(digits).ok().map(|hash| RequestKey(*hash.as_bytes()))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// 64 hexadecimal digits.
impl fmt::Display for RequestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&blake3::Hash::from(self.0).to_hex())
    }
}

impl fmt::Debug for RequestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The same value with the fields of its objects in order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().map(|(name, value)| (name.clone(), sorted(value))).collect();
            fields.sort_by(|one, other| one.0.cmp(&other.0));
            Value::Object(Map::from_iter(fields))
        }
        plain => plain.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn server_and_nested_fields_count_and_their_order_does_not() {
        let one = RequestKey::of("a", &json!({"x": [{"p": 1, "q": "2"}], "y": null}));
        assert_eq!(one, RequestKey::of("a", &json!({"y": null, "x": [{"q": "2", "p": 1}]})));
        assert_ne!(one, RequestKey::of("b", &json!({"x": [{"p": 1, "q": "2"}], "y": null})));
        assert_ne!(one, RequestKey::of("a", &json!({"x": [{"p": 1, "q": 2}], "y": null})));
        assert_eq!(RequestKey::parse(&one.to_string()), Some(one));
        assert_eq!(RequestKey::parse("12"), None);
    }
}
