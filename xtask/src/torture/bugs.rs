//! Planted bugs: what a server that breaks its promises would look like from outside. They act
//! on the wire between the server and its services, or between it and its clients; the checker
//! must find each.

use super::ledger::{Call, Event, Leg};
use super::services::{World, pause};
use std::sync::Arc;
use std::time::Duration;

/// One planted bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A do goes out twice, the second time under a fresh key.
    DoTwice,
    /// An undo is taken for done and never sent.
    UndoDropped,
    /// An undo is sent after those that must follow it.
    UndoTooLate,
    /// A repeat carries other bytes under the same key.
    BodyChanged,
    /// A start is acknowledged and lost.
    StartLost,
}

impl Bug {
    /// All of them.
    pub(crate) const ALL: [Bug; 5] = [
        Bug::DoTwice,
        Bug::UndoDropped,
        Bug::UndoTooLate,
        Bug::BodyChanged,
        Bug::StartLost,
    ];

    /// The invariant that the checker must find broken.
    pub(crate) const fn breaks(self) -> &'static str {
        match self {
            Bug::DoTwice => "I-10",
            Bug::UndoDropped => "I-11",
            Bug::UndoTooLate => "I-18",
            Bug::BodyChanged => "I-14",
            Bug::StartLost => "I-1",
        }
    }

    /// Acts on a call before a service sees it; true when the service must not see it, and the
    /// server is told that all is well.
    pub(crate) async fn swallows(self, call: &mut Call, world: &Arc<World>) -> bool {
        let chosen = call.saga.bytes().map(u64::from).sum::<u64>() % 4 == 0;
        match (self, call.leg) {
            (Bug::DoTwice, Leg::Do) if chosen && call.step == "order" => {
                let mut second = call.clone();
                second.key.push_str("-again");
                second.effect = second.key.clone();
                world.ledger.arrived(&second, None);
                world.ledger.act(&second);
                false
            }
            (Bug::UndoDropped, Leg::Undo) => chosen,
            (Bug::UndoTooLate, Leg::Undo) if chosen && call.step != "order" => {
                tokio::spawn(undo_later(call.clone(), Arc::clone(world)));
                true
            }
            (Bug::BodyChanged, Leg::Do) if call.attempt > 1 => {
                call.body_hash[0] ^= 1;
                false
            }
            _ => false,
        }
    }
}

/// Brings an undo long enough after its time for the undo of an earlier step to be here first.
async fn undo_later(call: Call, world: Arc<World>) {
    pause(Duration::from_millis(400)).await;
    world.ledger.arrived(&call, None);
    world.ledger.undo(&call);
    world.ledger.note(Event::AnsweredDone(call));
}
