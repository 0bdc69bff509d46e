//! What the audit says of a verb that is asked of a saga. It goes with the records that the verb
//! leads to; one that leads to none leaves no trace.

use crate::operations::Deed;
use banyan_core::Timestamp;
use banyan_core::saga::{Ask, Asked, Input, Saga};
use banyan_store::{AuditRow, Standing};
use serde_json::{Value as Json, json};

/// The row of a verb, if the input is one: the saga is as it was before.
pub(super) fn asked(input: &Input, saga: &Saga, now: Timestamp) -> Option<Box<AuditRow>> {
    let Input::Asked(asked) = input else {
        return None;
    };
    let Asked {
        what,
        reason,
        actor,
        operation,
        ..
    } = &**asked;
    Some(Box::new(AuditRow {
        at: now,
        actor: actor.clone(),
        verb: what.verb().as_str().to_owned(),
        saga: Some(saga.id),
        name: Some(saga.plan.definition.name.clone()),
        operation: *operation,
        reason: reason.clone(),
        before: Some(standing(saga)),
        after: None,
        detail: detail(what),
    }))
}

/// The same once the verb was taken, without what would tell a secret of the saga.
pub(super) fn taken(row: Box<AuditRow>, saga: &Saga) -> AuditRow {
    let mut row = AuditRow {
        after: Some(standing(saga)),
        ..*row
    };
    saga.mask_words(&mut row.detail);
    let mut reason = Json::String(row.reason);
    saga.mask_words(&mut reason);
    row.reason = reason.as_str().unwrap_or_default().to_owned();
    row
}

fn standing(saga: &Saga) -> Standing {
    Standing {
        status: saga.status(),
        seq: saga.seq,
    }
}

/// What else a verb was told.
fn detail(what: &Ask) -> Json {
    arguments(&match what {
        Ask::Cancel => Deed::Cancel,
        Ask::Undo => Deed::Undo,
        Ask::Abandon => Deed::Abandon,
        Ask::Retry(retry) => Deed::Retry(retry.clone()),
        Ask::Settle(settle) => Deed::Settle(settle.clone()),
        Ask::Move { plan, .. } => Deed::Move {
            version: plan.definition.version,
        },
        Ask::Note { text, owner } => Deed::Note {
            text: text.clone(),
            owner: owner.clone(),
        },
    })
}

/// What a deed was told, beside its reason; null when nothing. A body and a result may hold
/// anything, and stand in the journal: here it is said that there was one.
pub(crate) fn arguments(deed: &Deed) -> Json {
    match deed {
        Deed::Cancel | Deed::Undo | Deed::Abandon => Json::Null,
        Deed::Retry(retry) => json!({
            "step": retry.step,
            "leg": retry.leg,
            "edited_body": retry.body.is_some(),
        }),
        Deed::Settle(settle) => json!({
            "step": settle.step,
            "leg": settle.leg,
            "as": settle.settlement,
            "with_result": settle.result.is_some(),
            "evidence": settle.evidence,
        }),
        Deed::Move { version } => json!({ "version": version }),
        Deed::Note { text, owner } => json!({ "text": text, "owner": owner }),
    }
}
