//! What a saga did, line by line: its journal and its attempts.

use crate::{Json, LegName, Moment};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One record of a saga's journal. On the wire its own fields stand beside `seq`, `at` and
/// `type`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct JournalEntry {
    /// From 1, without a gap.
    pub seq: u64,
    /// When it was decided.
    pub at: Moment,
    /// What happened: `started`, `attempt_started`, `attempt_ended`, `completed`, …
    pub kind: String,
    /// The record's own fields as an object; null when it has none.
    pub data: Json,
}

type Fields = serde_json::Map<String, Json>;

impl From<JournalEntry> for Fields {
    fn from(entry: JournalEntry) -> Fields {
        let mut fields = Fields::new();
        fields.insert("seq".to_owned(), entry.seq.into());
        fields.insert("at".to_owned(), entry.at.to_string().into());
        fields.insert("type".to_owned(), entry.kind.into());
        if let Json::Object(data) = entry.data {
            fields.extend(data);
        }
        fields
    }
}

impl TryFrom<Fields> for JournalEntry {
    type Error = &'static str;

    fn try_from(mut fields: Fields) -> Result<JournalEntry, &'static str> {
        let mut take = |name| fields.remove(name);
        let seq = take("seq").and_then(|seq| seq.as_u64());
        let at = take("at").and_then(|at| at.as_str()?.parse().ok());
        let kind = take("type").and_then(|kind| kind.as_str().map(str::to_owned));
        match (seq, at, kind) {
            (Some(seq), Some(at), Some(kind)) => Ok(JournalEntry {
                seq,
                at,
                kind,
                data: match fields.is_empty() {
                    true => Json::Null,
                    false => Json::Object(fields),
                },
            }),
            _ => Err("a record of a journal has seq, at and type"),
        }
    }
}

impl utoipa::PartialSchema for JournalEntry {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Type};
        let plain = |kind: Type, what: &str| {
            ObjectBuilder::new()
                .schema_type(kind)
                .description(Some(what))
                .build()
        };
        let kinds = "What happened: `started`, `attempt_started`, `attempt_ended`, …";
        ObjectBuilder::new()
            .property("seq", plain(Type::Integer, "From 1, without a gap."))
            .property("at", Moment::schema())
            .property("type", plain(Type::String, kinds))
            .additional_properties(Some(AdditionalProperties::FreeForm(true)))
            .description(Some("One record of a saga's journal, with its own fields."))
            .into()
    }
}

impl ToSchema for JournalEntry {}

/// One try of one leg.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Attempt {
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: LegName,
    /// From 1, over all rounds of the leg.
    pub attempt: u32,
    /// The round; attempts of a round share one key.
    pub round: u32,
    /// The `Idempotency-Key` that it carried.
    pub idempotency_key: String,
    /// When its intent was stored.
    pub at: Moment,
    /// How long it took; null while it is in flight.
    pub took_ms: Option<u64>,
    /// Whether it left: false when it certainly did not, null while it is in flight.
    pub sent: Option<bool>,
    /// The HTTP status that came back.
    pub status: Option<u16>,
    /// What its answer meant: `done`, `refused`, `not_found`, `may_have`, `misconfigured`,
    /// `not_sent`, `held`; null while it is in flight.
    pub outcome: Option<String>,
    /// What happened, for people.
    pub message: Option<String>,
    /// The instance that was called.
    pub instance: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_entry_keeps_its_own_fields_digit_for_digit() {
        let text = r#"{"seq":3,"at":"2026-11-21T10:42:07.000Z","type":"set","result":1.10}"#;
        let entry: JournalEntry = serde_json::from_str(text).unwrap();
        assert_eq!((entry.seq, entry.kind.as_str()), (3, "set"));
        assert_eq!(serde_json::to_string(&entry).unwrap(), text);
        assert!(serde_json::from_str::<JournalEntry>(r#"{"seq":3}"#).is_err());
    }
}
