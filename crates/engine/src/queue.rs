//! Calls that wait for their turn, because as many are in flight as the engine allows: who looks
//! at such a saga is told so.
//!
//! Only a call that finds no room is written down, so that an ordinary one pays nothing.

use crate::handle::Engine;
use banyan_core::id::Id;
use banyan_core::saga::{Effect, Leg, Saga, Waiting, WaitingKind};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Call = (Id, String, Leg);

/// Calls that have not left. Bounded as the active sagas are.
#[derive(Debug, Default)]
pub(crate) struct Queue(Mutex<HashSet<Call>>);

/// A call in the queue; dropped, it is out of it.
pub(crate) struct Place<'a> {
    queue: &'a Queue,
    call: Call,
}

impl Queue {
    // One insertion, removal or look: whole after every statement.
    fn lock(&self) -> MutexGuard<'_, HashSet<Call>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call joins it.
    pub(crate) fn join(&self, id: Id, effect: &Effect) -> Place<'_> {
        let call = (id, effect.step.clone(), effect.leg);
        self.lock().insert(call.clone());
        Place { queue: self, call }
    }

    fn holds(&self, call: &Call) -> bool {
        self.lock().contains(call)
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
        if shared.queue.holds(&(id, waiting.step.clone(), leg)) {
            let most = shared.config.calls_in_flight;
            return waiting.at_capacity(&format!(
                "{most} calls are in flight, as many as this server makes at once"
            ));
        }
        let service = waiting.service.as_deref();
        match service.and_then(|name| shared.registry.view(name)) {
            Some(live) if live.is_full() => {
                let whose = format!(
                    "{} calls to it are in flight, as many as it may have, and this one is among them or waits for its turn",
                    live.in_flight
                );
                waiting.at_capacity(&whose)
            }
            Some(_) | None => waiting,
        }
    }
}
