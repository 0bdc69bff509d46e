//! `[notify]` of the configuration: where notices go, and how they are signed.

use banyan_core::Json;
use banyan_outbound::{Poster, Settings};
use serde_json::json;

/// Where notices go.
#[derive(Clone, Debug, PartialEq)]
pub struct Notify {
    settings: Settings,
}

impl Notify {
    /// Notices to this URL, signed with the secret that this refers to. The secret itself is
    /// read at the start.
    ///
    /// # Errors
    /// Every problem in words, which quote neither a secret nor a URL that may hold one.
    pub fn new(url: &str, secret: Option<&Json>) -> Result<Notify, String> {
        let mut settings = json!({ "instances": [url] });
        if let Some(secret) = secret {
            settings["auth"] = json!({ "hmac": secret });
        }
        let settings = Settings::read(&settings).map_err(|error| {
            let words = error.to_string();
            let words = words.replace("instances[0]", "url");
            let words = words.replace("auth.hmac", "secret");
            words.replace(
                "use auth, with a reference",
                "notices are signed with a secret instead",
            )
        })?;
        Ok(Notify { settings })
    }

    /// What posts to it; the secret is read.
    pub(crate) fn poster(&self) -> Result<Poster, String> {
        Poster::new(self.settings.clone())
    }
}
