//! A request's path and query, percent-encoded part by part, so that no value can change which
//! call is made.

use std::fmt::Write;

/// A path with its query.
///
/// ```
/// use banyan_sdk::Target;
/// let target = Target::new(["v1", "definitions", "a/b"]).query("limit", "5");
/// assert_eq!(target.as_str(), "/v1/definitions/a%2Fb?limit=5");
/// ```
#[derive(Clone, Debug)]
pub struct Target {
    text: String,
    queried: bool,
}

impl Target {
    /// A path of these segments.
    pub fn new<'a>(segments: impl IntoIterator<Item = &'a str>) -> Target {
        let mut text = String::new();
        for segment in segments {
            text.push('/');
            encode(segment, &mut text);
        }
        Target {
            text,
            queried: false,
        }
    }

    /// With one more query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Target {
        self.text.push(if self.queried { '&' } else { '?' });
        self.queried = true;
        encode(name, &mut self.text);
        self.text.push('=');
        encode(value, &mut self.text);
        self
    }

    /// As written in a request line.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

fn encode(text: &str, out: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}
