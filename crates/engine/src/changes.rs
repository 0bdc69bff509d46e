//! What the audit says of changes of definitions and services: who, why, and how it was before
//! and after.
//!
//! The row goes with the change it tells of. How a definition or a service stood is said as the
//! API shows it: never where a credential is found, let alone the credential.

use crate::request::By;
use banyan_core::{Json, Timestamp};
use banyan_outbound::Settings;
use banyan_store::{AuditRow, Change, DefinitionRow, ServiceRow};
use serde_json::json;
use std::sync::Arc;

/// What was done to a definition or a service.
pub(crate) struct Act<'d> {
    /// What.
    pub(crate) verb: &'d str,
    /// To which.
    pub(crate) name: &'d str,
    /// How it was; null when it was not there.
    pub(crate) before: Json,
    /// How it is; null when it is gone.
    pub(crate) after: Json,
    /// What else there is to know; an object, or null.
    pub(crate) detail: Json,
}

impl Act<'_> {
    /// The change, with its row.
    pub(crate) fn told(self, change: Change, by: By, at: Timestamp) -> Change {
        let mut detail = match self.detail {
            Json::Object(members) => members,
            _ => serde_json::Map::new(),
        };
        detail.insert("before".to_owned(), self.before);
        detail.insert("after".to_owned(), self.after);
        Change::Audited {
            change: Box::new(change),
            row: Box::new(AuditRow {
                at,
                actor: by.actor,
                verb: self.verb.to_owned(),
                saga: None,
                name: Some(self.name.to_owned()),
                operation: None,
                reason: by.reason,
                before: None,
                after: None,
                detail: Json::Object(detail),
            }),
        }
    }
}

/// How a definition stands, of which these are the versions.
pub(crate) fn definition(versions: &[Arc<DefinitionRow>]) -> Json {
    let Some(any) = versions.first() else {
        return Json::Null;
    };
    let active = versions.iter().find(|row| row.active);
    standing(active.map(|row| row.version), any.refusal.as_deref())
}

/// The same, once another version is active, or the brake is another.
pub(crate) fn standing(active: Option<u32>, refusal: Option<&str>) -> Json {
    json!({ "active_version": active, "accepting": refusal.is_none(), "refusal": refusal })
}

/// How a service stands.
pub(crate) fn service(row: &ServiceRow) -> Json {
    let pause = row.paused.as_ref();
    // Settings that a newer or an older build wrote may not be read: what is known is told.
    let settings = Settings::read(&row.settings).ok();
    let settings = settings.as_ref();
    json!({
        "instances": settings.map_or(&[][..], |settings| &settings.instances),
        "keys_kept": settings.map_or(banyan_outbound::KEYS_KEPT_DEFAULT, |settings| settings.keys_kept),
        "timeout": settings.and_then(|settings| settings.timeout),
        "auth": settings.and_then(|settings| settings.auth.as_ref()).map(banyan_outbound::Auth::kind),
        "paused": pause.is_some(),
        "pause_reason": pause.map(|pause| &pause.reason),
        "paused_by": pause.map(|pause| &pause.by),
        "paused_since": pause.map(|pause| pause.since.to_string()),
    })
}

/// The names of the settings that a change of a service changes. What they say is not told: it
/// may name where a credential is found.
pub(crate) fn changed(before: &Json, after: &Json) -> Vec<String> {
    let none = serde_json::Map::new();
    let before = before.as_object().unwrap_or(&none);
    let after = after.as_object().unwrap_or(&none);
    let names = before.keys().chain(after.keys());
    let differs = |name: &&String| before.get(*name) != after.get(*name);
    let mut names: Vec<String> = names.filter(differs).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}
