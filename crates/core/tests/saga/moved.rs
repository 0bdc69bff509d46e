//! Moves at any moment of any run: a world may move its saga to another version once, in the
//! middle of whatever happens.

use crate::script::Driver;
use crate::world::World;
use banyan_core::saga::{Ask, Input, ObstacleCode, Plan, Rejection};
use std::sync::Arc;

/// What became of a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Moved {
    /// It was made.
    Made,
    /// Something of this kind stood in its way.
    NotSafe(ObstacleCode),
    /// The saga turns back, or is over.
    NotNow,
}

impl World {
    /// Moves the saga once that many turns are over, if it is to be moved.
    pub(crate) fn move_if_due(&mut self, turn: usize, driver: &mut Driver) {
        let Some((_, plan)) = self.moves_at.take_if(|(due, _)| turn >= *due) else {
            return;
        };
        driver.plans.push(Arc::clone(&plan));
        let before = (driver.saga.seq, sent(driver));
        let said = driver.handle(to(&plan));
        let moved = match said {
            Ok(replayed) => {
                assert!(!replayed, "{}", driver.saga.draw());
                assert_eq!(driver.saga.plan.definition.hash, plan.definition.hash);
                // What is on its way stays the very same (I-14).
                let after = sent(driver);
                assert!(before.1.iter().all(|call| after.contains(call)));
                self.keeps_tombstones(&plan);
                Moved::Made
            }
            Err(Rejection::NotSafe { obstacles, .. }) => Moved::NotSafe(obstacles[0].code),
            Err(Rejection::NotAllowedNow { .. }) => Moved::NotNow,
            Err(other) => panic!("{other}\n{}", driver.saga.draw()),
        };
        if moved != Moved::Made {
            assert_eq!(driver.saga.seq, before.0, "nothing was recorded");
        }
        self.moved = Some(moved);
    }
}

/// What services see of the calls that are on their way.
fn sent(driver: &Driver) -> Vec<String> {
    let pending = driver.saga.pending().into_iter();
    let seen = pending.map(|call| {
        let request = &call.request;
        let (key, body) = (&request.key, &request.body);
        let (service, method, target) = (&request.service, request.method, &request.target);
        format!("{service} {method:?} {target} {key} {body:?}")
    });
    seen.collect()
}

fn to(plan: &Arc<Plan>) -> Input {
    let (plan, children) = (Arc::clone(plan), Default::default());
    Input::asked(Ask::Move { plan, children }, "a mend", "someone")
}
