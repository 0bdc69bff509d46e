//! Calls that wait for their turn, because as many are in flight as their service or the engine
//! allows: who looks at such a saga is told so.
//!
//! Only a call that finds no room is written down, so that an ordinary one pays nothing.

use crate::handle::Engine;
use banyan_core::id::Id;
use banyan_core::saga::{Effect, Leg, Saga, Waiting, WaitingKind};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Call = (Id, String, Leg);

/// What a call waits for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Line {
    /// Room at its service.
    Service,
    /// Room at this server.
    Server,
}

/// Calls that have not left. Bounded as the active sagas are.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<HashMap<Call, Line>>);

/// A call in the queue; dropped, it is out of it.
pub(crate) struct Place<'a> {
    queue: &'a Queue,
    call: Call,
}

impl Queue {
    // One insertion, removal or look: whole after every statement.
    fn lock(&self) -> MutexGuard<'_, HashMap<Call, Line>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call joins it.
    pub(crate) fn join(&self, id: Id, effect: &Effect, line: Line) -> Place<'_> {
        let call = (id, effect.step.clone(), effect.leg);
        self.lock().insert(call.clone(), line);
        Place { queue: self, call }
    }

    fn line_of(&self, call: &Call) -> Option<Line> {
        self.lock().get(call).copied()
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.queue.lock().remove(&self.call);
    }
}

impl Engine {
    /// What a saga waits on, with what only the engine knows: calls that wait for their turn,
    /// and that it stalls.
    pub fn waiting_on(&self, saga: &Saga) -> Vec<Waiting> {
        let mut all: Vec<Waiting> = saga.waiting_on();
        all = all
            .into_iter()
            .map(|one| self.in_turn(saga.id, one))
            .collect();
        if let Some(stall) = self.stall(saga.id)
            && !all.is_empty()
        {
            let first = all.remove(0);
            all.insert(0, first.stalled(&stall.cause, stall.kind.help()));
        }
        all
    }

    fn in_turn(&self, id: Id, waiting: Waiting) -> Waiting {
        let is_call = matches!(waiting.kind, WaitingKind::Call | WaitingKind::Check);
        let Some(leg) = waiting.leg.filter(|_| is_call) else {
            return waiting;
        };
        let shared = self.shared();
        match shared.queue.line_of(&(id, waiting.step.clone(), leg)) {
            None => waiting,
            Some(Line::Service) => {
                waiting.at_capacity("as many calls to it are in flight as it may have at once")
            }
            Some(Line::Server) => {
                let most = shared.config.calls_in_flight;
                waiting.at_capacity(&format!(
                    "{most} calls are in flight, as many as this server makes at once"
                ))
            }
        }
    }
}
