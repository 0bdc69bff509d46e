//! The services that are registered, shared by everyone who calls them.
//!
//! [`State`] holds what is decided, this module adds the lock, the credentials and the
//! connections. No lock is held across a wait or a read of a file, and no clock is read: every
//! moment is given. The registry is in memory only; who registers a service stores its settings.

mod road;
mod state;
mod view;

pub use road::{Block, Paused, RoadKey};
pub use state::{Due, State};
pub use view::{BlockedRoad, InstanceView, ServiceView};

use crate::limits::IN_FLIGHT_MAX;
use crate::settings::Settings;
use crate::target::Target;
use banyan_core::Timestamp;
use banyan_core::saga::{Misconfigured, ParkCause, Road, Services};
use banyan_core::time::Duration;
use state::Look;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio::sync::Semaphore;

/// The registered services with their live state.
#[derive(Default)]
pub struct Registry {
    inner: RwLock<Inner>,
}

#[derive(Default)]
struct Inner {
    state: State,
    /// Of every service that can be called: one that cannot is blocked in the state.
    targets: HashMap<String, Arc<Target>>,
    /// A permit for each call in flight. They outlive a change of the service, so that calls
    /// under its settings of before count as well.
    slots: HashMap<String, Arc<Semaphore>>,
}

impl Registry {
    /// A registry without services.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Registers a service, or changes it: all its roads are open then, a pause stays. One
    /// whose credential or authorities cannot be read is registered too, and blocked until
    /// they can; the words say why. Reads files: not to be called where waiting is dear.
    ///
    /// # Errors
    /// The words. The service is registered nevertheless.
    pub fn put(&self, name: &str, settings: Settings, now: Timestamp) -> Result<(), String> {
        let target = Target::new(&settings);
        let mut inner = self.write();
        inner.state.put(name, settings);
        let slots = || Arc::new(Semaphore::new(IN_FLIGHT_MAX));
        inner.slots.entry(name.to_owned()).or_insert_with(slots);
        inner.install(name, target, now)
    }

    /// Forgets a service; false when there is none of that name.
    pub fn remove(&self, name: &str) -> bool {
        let mut inner = self.write();
        let target = inner.targets.remove(name);
        inner.slots.remove(name);
        let known = inner.state.remove(name);
        // Its connections close outside the lock.
        drop(inner);
        drop(target);
        known
    }

    /// Pauses a service: its steps park. False when there is none of that name.
    pub fn pause(&self, name: &str, reason: &str, now: Timestamp) -> bool {
        self.write().state.pause(name, reason, now)
    }

    /// Resumes a service, reads its credential anew and opens all its roads. False when there
    /// is none of that name. Reads files.
    pub fn resume(&self, name: &str, now: Timestamp) -> bool {
        let Some((settings, renewed)) = self.renewed(name) else {
            return false;
        };
        let mut inner = self.write();
        let known = inner.state.resume(name);
        // Why it cannot be called, if it cannot, stands in its state.
        if inner.state.is_set_so(name, &settings) {
            let _ = inner.install(name, renewed, now);
        }
        known
    }

    /// Blocks the road, or the service, that an answer said is misconfigured. True when that
    /// is news.
    pub fn mark_misconfigured(
        &self,
        answer: &Misconfigured,
        definition: &str,
        version: u32,
        now: Timestamp,
    ) -> bool {
        let news = self
            .write()
            .state
            .mark_misconfigured(answer, definition, version, now);
        if news {
            let Misconfigured {
                service,
                step,
                whole_service,
                message,
                ..
            } = answer;
            tracing::warn!(
                service,
                step,
                whole_service,
                cause = message,
                "a service is misconfigured"
            );
        }
        news
    }

    /// A call on this road was answered as it should be. True when that opened something:
    /// then those parked for the service may ask again.
    pub fn mark_answered(&self, road: &Road<'_>) -> bool {
        // Nearly every answer finds nothing blocked, and readers do not wait for each other.
        let nothing_blocked = self
            .read()
            .state
            .get(road.service)
            .is_none_or(|service| service.whole.is_none() && service.roads.is_empty());
        !nothing_blocked && self.write().state.mark_answered(road)
    }

    /// The probes that are due by now. For each, one call of that road is let through by
    /// [`Services::admit`]: whoever drives sagas wakes one that is parked there. A service
    /// whose credential still cannot be read is not among them. Reads files.
    pub fn probe_due(&self, now: Timestamp) -> Vec<Due> {
        if self.next_probe_at().is_none() {
            return Vec::new();
        }
        let mut due = self.write().state.probe_due(now);
        due.retain(|due| due.road.is_some() || self.renew(&due.service));
        due
    }

    /// When the next probe is due; none when nothing is blocked.
    pub fn next_probe_at(&self) -> Option<Timestamp> {
        self.read().state.next_probe_at()
    }

    /// One service as it is now.
    pub fn view(&self, name: &str) -> Option<ServiceView> {
        let inner = self.read();
        let service = inner.state.get(name)?;
        Some(view::view(name, service, inner.of(name)))
    }

    /// All services as they are now, by name.
    pub fn views(&self) -> Vec<ServiceView> {
        let inner = self.read();
        let one = |(name, service)| view::view(name, service, inner.of(name));
        inner
            .state
            .iter()
            .map(|(name, service)| (name.as_str(), service))
            .map(one)
            .collect()
    }

    /// Is there a service of this name?
    pub fn contains(&self, name: &str) -> bool {
        self.read().state.get(name).is_some()
    }

    /// What is called for a service; the error says why nothing is.
    pub(crate) fn target(&self, name: &str) -> Result<Arc<Target>, String> {
        let inner = self.read();
        let service = inner
            .state
            .get(name)
            .ok_or_else(|| state::unregistered(name))?;
        if let Some(paused) = &service.paused {
            return Err(state::paused_words(name, paused));
        }
        inner
            .targets
            .get(name)
            .cloned()
            .ok_or_else(|| match &service.whole {
                Some(block) => block.message.clone(),
                None => format!("the service {name} cannot be called"),
            })
    }

    /// Closes connections that have been idle for too long.
    pub(crate) fn sweep(&self) {
        let targets: Vec<Arc<Target>> = self.read().targets.values().cloned().collect();
        for instance in targets.iter().flat_map(|target| target.instances.iter()) {
            instance.pool.sweep();
        }
    }

    /// The permits of a service's calls; none when there is no service of that name.
    pub(crate) fn slots(&self, name: &str) -> Option<Arc<Semaphore>> {
        self.read().slots.get(name).cloned()
    }

    /// A target with the credential read anew, and the settings that it is of; none when there
    /// is no service of that name.
    fn renewed(&self, name: &str) -> Option<(Settings, Result<Target, String>)> {
        let (settings, known) = {
            let inner = self.read();
            (
                inner.state.get(name)?.settings.clone(),
                inner.targets.get(name).cloned(),
            )
        };
        let target = match known {
            Some(target) => target.renewed(&settings),
            None => Target::new(&settings),
        };
        Some((settings, target))
    }

    /// Reads a service's credential anew before its probe; false when it cannot be called.
    fn renew(&self, name: &str) -> bool {
        let Some((settings, renewed)) = self.renewed(name) else {
            return false;
        };
        let mut inner = self.write();
        if !inner.state.is_set_so(name, &settings) {
            // It was changed while its secret was read, and all its roads opened with that.
            return false;
        }
        match renewed {
            Ok(target) => {
                inner.targets.insert(name.to_owned(), Arc::new(target));
                true
            }
            Err(words) => {
                inner.state.disarm(name, &words);
                false
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inner> {
        // The state is whole after every one of its methods, so a panic elsewhere in a holder
        // leaves nothing half done.
        self.inner.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Inner> {
        self.inner.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What is called for a service, and how many calls of it are under way.
    fn of(&self, name: &str) -> (Option<&Arc<Target>>, usize) {
        let taken = |slots: &Arc<Semaphore>| IN_FLIGHT_MAX - slots.available_permits();
        let in_flight = self.slots.get(name).map_or(0, taken);
        (self.targets.get(name), in_flight)
    }

    fn install(
        &mut self,
        name: &str,
        target: Result<Target, String>,
        now: Timestamp,
    ) -> Result<(), String> {
        match target {
            Ok(target) => {
                self.targets.insert(name.to_owned(), Arc::new(target));
                Ok(())
            }
            Err(words) => {
                self.targets.remove(name);
                self.state.mark_unusable(name, &words, now);
                Err(words)
            }
        }
    }
}

impl Services for Registry {
    fn admit(&self, road: &Road<'_>) -> Result<(), ParkCause> {
        let look = self.read().state.look(road);
        match look {
            Look::Open => Ok(()),
            Look::Closed(cause) => Err(cause),
            Look::Probe => {
                let mut inner = self.write();
                if inner.state.take_probe(road) {
                    return Ok(());
                }
                // Another call took the probe, or the road changed between the two looks.
                match inner.state.look(road) {
                    Look::Open | Look::Probe => Ok(()),
                    Look::Closed(cause) => Err(cause),
                }
            }
        }
    }

    fn keys_kept(&self, service: &str) -> Duration {
        self.read().state.keys_kept(service)
    }
}
