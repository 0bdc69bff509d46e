//! The ledgers find bugs that are planted on purpose; otherwise they would prove nothing.

use crate::strikes::{MIXED, calls, strikes};
use crate::world::{Fault, World};
use banyan_core::planted::{Bug, plant};
use banyan_core::saga::Plan;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Whether services with ledgers can see this bug.
fn shows(bug: Bug) -> bool {
    match bug {
        Bug::UndoesForward
        | Bug::LostIsNotSent
        | Bug::FreshKeyPerAttempt
        | Bug::UnknownIsNotUndone
        | Bug::RetryWithoutWake => true,
        // Seen by who delivers answers out of order, by who commits, and by who sends replies,
        // and by who mends by hand.
        Bug::NoFence
        | Bug::AnswersBeforeCommit
        | Bug::LockNotHeld
        | Bug::UndoHeldUp
        | Bug::ReplyTakenTwice
        | Bug::LateReplyNotUndone
        | Bug::RetryUnderFreshKey
        | Bug::SettledUndoForgotten
        | Bug::OldYesBelieved => false,
    }
}

#[test]
fn every_planted_bug_that_shows_in_ledgers_is_found() {
    let plan = Plan::new(crate::script::definition(MIXED));
    for bug in Bug::ALL.into_iter().filter(|bug| shows(*bug)) {
        let mut found = 0;
        for call in calls(&plan.definition) {
            for fault in Fault::ALL {
                let mut world = World::new(strikes(&plan.definition, &call, fault, false));
                plant(Some(bug));
                let run = catch_unwind(AssertUnwindSafe(|| {
                    let driver = world.run(&plan, serde_json::json!({}), false);
                    world.verify(&driver);
                }));
                plant(None);
                found += u32::from(run.is_err());
            }
        }
        assert!(found > 0, "{bug:?} was not found");
    }
}
