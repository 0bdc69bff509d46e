//! The words of an operation as they are told: what would tell a secret of the sagas that it is
//! about is masked in them.
//!
//! Each saga masks for itself what its own journal says. An operation is told as a whole, in its
//! answers and in its row of the audit, so that its words are masked once, when it begins, by all
//! its sagas; of more than a thousand by some that lie evenly among them, as a preview asks them.
//! Bodies and results are not told at all.

use super::Deed;
use super::preview::LOOKED_AT;
use crate::error::Refusal;
use crate::handle::Engine;
use crate::shard::audit::arguments;
use banyan_core::Json;
use banyan_store::Item;
use serde::{Deserialize, Serialize};

/// What an operation says of itself, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Words {
    /// What its verb was told; null when nothing.
    pub(super) arguments: Json,
    /// Why.
    pub(super) reason: String,
}

impl Words {
    /// Unmasked.
    pub(super) fn of(deed: &Deed, reason: &str) -> Words {
        Words {
            arguments: arguments(deed),
            reason: reason.to_owned(),
        }
    }
}

impl Engine {
    /// The words of an operation over these sagas.
    pub(super) async fn words(
        &self,
        deed: &Deed,
        reason: &str,
        items: &[Item],
    ) -> Result<Words, Refusal> {
        let words = Words::of(deed, reason);
        if !self.shared().catalogue.has_secrets() {
            return Ok(words);
        }
        let mut told = Json::Array(vec![words.arguments, Json::String(words.reason)]);
        let step = items.len().div_ceil(LOOKED_AT).max(1);
        for item in items.iter().step_by(step) {
            // One that is gone or damaged shows nothing, and has nothing to be told by.
            if let Some(saga) = self.get(item.id).await.ok().flatten() {
                saga.mask_words(&mut told);
            }
        }
        let reason = told[1].as_str().unwrap_or_default().to_owned();
        let arguments = told[0].take();
        Ok(Words { arguments, reason })
    }
}
