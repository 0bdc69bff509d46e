//! How orders ended, by what a person would call it. The demo means to show every one of
//! these: one that never happened was not proven.

use super::books::Book;
use super::sagas::Fact;
use banyan_sdk::api::{Reason, ReasonCode, SagaStatus};

const COMPLETED: &str = "completed";
const DECLINED_402: &str = "undone: the balance did not cover it (402)";
const DECLINED_200: &str = "undone: the card was declined (a 200 that says no)";
const OUT_OF_STOCK: &str = "undone: out of stock";
const NOT_APPROVED: &str = "undone: not approved, or nobody answered";
const NO_CARRIER: &str = "undone: no carrier goes there";
const SHIPPING_BUSY: &str = "undone: shipping stayed busy (503)";
const LOST: &str = "undone: every answer was lost, it may have happened";
const AWAY: &str = "undone: a service was away";
const OTHER: &str = "undone: another reason";
const UNDONE_PAYMENTS: &str = "payments refunded among those undone";

/// What must have happened at least once. The rest depends on what was killed.
const EXPECTED: [&str; 9] = [
    COMPLETED,
    DECLINED_402,
    DECLINED_200,
    OUT_OF_STOCK,
    NOT_APPROVED,
    NO_CARRIER,
    SHIPPING_BUSY,
    LOST,
    UNDONE_PAYMENTS,
];

/// Counts by outcome, the expected ones always among them.
pub(super) fn count(sagas: &[Fact], books: &[Book]) -> Vec<(&'static str, usize)> {
    let mut counts: Vec<(&'static str, usize)> =
        EXPECTED.iter().map(|outcome| (*outcome, 0)).collect();
    let orders = sagas.iter().filter(|saga| !saga.is_child);
    for outcome in orders.filter_map(outcome) {
        match counts.iter_mut().find(|(known, _)| *known == outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((outcome, 1)),
        }
    }
    let refunds = books.iter().flat_map(|book| &book.rows);
    let refunds = refunds.filter(|row| row.entry == "refunded").count();
    for (outcome, count) in &mut counts {
        if *outcome == UNDONE_PAYMENTS {
            *count = refunds;
        }
    }
    counts
}

/// The expected outcomes that no order had.
pub(super) fn never_seen(counts: &[(&'static str, usize)]) -> Vec<&'static str> {
    let none = counts
        .iter()
        .filter(|(outcome, count)| *count == 0 && EXPECTED.contains(outcome));
    none.map(|(outcome, _)| *outcome).collect()
}

fn outcome(saga: &Fact) -> Option<&'static str> {
    match (&saga.status, &saga.reason) {
        (SagaStatus::Completed, _) => Some(COMPLETED),
        (SagaStatus::Compensated, Some(reason)) => Some(undone(reason)),
        _ => None,
    }
}

fn undone(reason: &Reason) -> &'static str {
    let step = reason.step.as_deref().unwrap_or("");
    let step = step.rsplit('.').next().unwrap_or(step);
    let cause = reason.detail.get("cause").and_then(|cause| cause.as_str());
    match (&reason.code, step) {
        (ReasonCode::Refused, "payment") if cause == Some("refused_when") => DECLINED_200,
        (ReasonCode::Refused, "payment") => DECLINED_402,
        (ReasonCode::Refused, "stock") => OUT_OF_STOCK,
        (ReasonCode::Refused, "approval") => NOT_APPROVED,
        (ReasonCode::Refused, "shipment" | "courier") => NO_CARRIER,
        (ReasonCode::Unknown, "shipment" | "courier") => SHIPPING_BUSY,
        (ReasonCode::Unknown, _) => LOST,
        (ReasonCode::NotSent, _) => AWAY,
        _ => OTHER,
    }
}
