//! A store whose commits wait until they are let through.

use crate::world::World;
use banyan_engine::Config;
use banyan_store::memory::{MemoryWriter, Store};
use banyan_store::{Change, CommitError, Committed, Writer};
use std::sync::{Arc, Condvar, Mutex};
use tokio::sync::watch;

/// A world over such a store, with the way through open.
pub(crate) async fn gated(config: Config) -> (World, Arc<Turnstile>) {
    let store = Store::new("gated");
    let (inner, reader) = store.open();
    let gate = Arc::new(Turnstile::default());
    gate.set(true);
    let writer = Box::new(Gated {
        inner,
        gate: Arc::clone(&gate),
    });
    (World::around(store, writer, reader, config).await, gate)
}

struct Gated {
    inner: MemoryWriter,
    gate: Arc<Turnstile>,
}

/// Lets commits through, or holds them.
#[derive(Default)]
pub(crate) struct Turnstile {
    open: Mutex<bool>,
    changed: Condvar,
    pub(crate) waiting: watch::Sender<bool>,
}

impl Turnstile {
    pub(crate) fn set(&self, open: bool) {
        *self.open.lock().unwrap() = open;
        self.changed.notify_all();
    }
}

impl Writer for Gated {
    fn commit(&mut self, changes: &[Change]) -> Result<Committed, CommitError> {
        let mut open = self.gate.open.lock().unwrap();
        while !*open {
            self.gate.waiting.send_replace(true);
            open = self.gate.changed.wait(open).unwrap();
        }
        self.gate.waiting.send_replace(false);
        self.inner.commit(changes)
    }
}
