//! What is known of services between calls: settings, pauses, roads that are misconfigured.
//!
//! Values in, values out: no clock, no I/O, no lock. A blocked road lets one call through each
//! time a probe is due, after 30 s, then twice as long, up to 5 min; a good answer opens it,
//! and so does a change or a resume of its service.

use super::road::{Block, Paused, RoadKey};
use crate::limits::ROADS_MAX;
use crate::settings::{KEYS_KEPT_DEFAULT, Settings};
use banyan_core::Timestamp;
use banyan_core::saga::{Misconfigured, ParkCause, ParkCode, Road};
use banyan_core::time::Duration;
use std::collections::BTreeMap;

/// All services.
#[derive(Debug, Default)]
pub struct State {
    services: BTreeMap<String, Service>,
}

/// One service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) settings: Settings,
    pub(super) paused: Option<Paused>,
    pub(super) whole: Option<Block>,
    pub(super) roads: Vec<(RoadKey, Block)>,
}

/// A probe that is due: the next call on this road is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The service.
    pub service: String,
    /// The road; none when the whole service is blocked.
    pub road: Option<RoadKey>,
}

/// May a call go out on a road?
#[derive(Debug, PartialEq)]
pub(super) enum Look {
    /// It may.
    Open,
    /// One may, as the probe.
    Probe,
    /// It may not.
    Closed(ParkCause),
}

impl State {
    /// Registers a service, or changes it. All its roads are open then; a pause stays.
    pub fn put(&mut self, name: &str, settings: Settings) {
        let paused = self.services.remove(name).and_then(|known| known.paused);
        let service = Service {
            settings,
            paused,
            whole: None,
            roads: Vec::new(),
        };
        self.services.insert(name.to_owned(), service);
    }

    /// Forgets a service; false when there is none of that name.
    pub fn remove(&mut self, name: &str) -> bool {
        self.services.remove(name).is_some()
    }

    /// Pauses a service; one that is paused already stays so, with the new reason. False when
    /// there is none of that name.
    pub fn pause(&mut self, name: &str, reason: &str, now: Timestamp) -> bool {
        let Some(service) = self.services.get_mut(name) else {
            return false;
        };
        let since = service.paused.as_ref().map_or(now, |paused| paused.since);
        service.paused = Some(Paused {
            reason: reason.to_owned(),
            since,
        });
        true
    }

    /// Resumes a service and opens all its roads; false when there is none of that name.
    pub fn resume(&mut self, name: &str) -> bool {
        let Some(service) = self.services.get_mut(name) else {
            return false;
        };
        service.paused = None;
        service.whole = None;
        service.roads.clear();
        true
    }

    /// Blocks the road, or the service, that an answer said is misconfigured. False when it
    /// was blocked already (its next probe stays as it is), or the service is gone.
    pub fn mark_misconfigured(
        &mut self,
        answer: &Misconfigured,
        definition: &str,
        version: u32,
        now: Timestamp,
    ) -> bool {
        let Some(service) = self.services.get_mut(&answer.service) else {
            return false;
        };
        let Misconfigured {
            step, leg, message, ..
        } = answer;
        let road = Road {
            service: &answer.service,
            definition,
            version,
            step,
            leg: *leg,
        };
        if let Some((_, known)) = service.roads.iter_mut().find(|(key, _)| key.is(&road))
            && !answer.whole_service
        {
            known.message.clone_from(message);
            return false;
        }
        if answer.whole_service || service.roads.len() >= ROADS_MAX {
            return service.block(message, now);
        }
        let key = RoadKey {
            definition: definition.to_owned(),
            version,
            step: step.clone(),
            leg: *leg,
        };
        service.roads.push((key, Block::new(message, now)));
        true
    }

    /// Blocks a whole service, whose calls cannot be made. False when it was blocked already,
    /// or is gone.
    pub fn mark_unusable(&mut self, name: &str, message: &str, now: Timestamp) -> bool {
        self.services
            .get_mut(name)
            .is_some_and(|service| service.block(message, now))
    }

    /// A call on this road was answered as it should be: the road is open, and a service that
    /// was blocked as a whole is too. False when nothing was blocked.
    pub fn mark_answered(&mut self, road: &Road<'_>) -> bool {
        let Some(service) = self.services.get_mut(road.service) else {
            return false;
        };
        let blocked = service.roads.len();
        service.roads.retain(|(key, _)| !key.is(road));
        service.whole.take().is_some() || service.roads.len() < blocked
    }

    /// Arms the probes that are due by now, and names them.
    pub fn probe_due(&mut self, now: Timestamp) -> Vec<Due> {
        let mut due = Vec::new();
        // A paused service is not probed: nothing may go out to it.
        let running = self
            .services
            .iter_mut()
            .filter(|(_, service)| service.paused.is_none());
        for (name, service) in running {
            if service.whole.as_mut().is_some_and(|block| block.arm(now)) {
                due.push(Due {
                    service: name.clone(),
                    road: None,
                });
            }
            for (key, block) in &mut service.roads {
                if block.arm(now) {
                    due.push(Due {
                        service: name.clone(),
                        road: Some(key.clone()),
                    });
                }
            }
        }
        due
    }

    /// Takes back the probe of a whole service: it still cannot be called.
    pub(super) fn disarm(&mut self, name: &str, words: &str) {
        let whole = self
            .services
            .get_mut(name)
            .and_then(|service| service.whole.as_mut());
        if let Some(block) = whole {
            block.armed = false;
            block.message = words.to_owned();
        }
    }

    /// When the next probe is due; none when nothing is blocked.
    pub fn next_probe_at(&self) -> Option<Timestamp> {
        let running = self
            .services
            .values()
            .filter(|service| service.paused.is_none());
        running
            .flat_map(|service| {
                let roads = service.roads.iter().map(|(_, block)| block);
                service
                    .whole
                    .iter()
                    .chain(roads)
                    .map(|block| block.next_probe_at)
            })
            .min()
    }

    /// Takes the probe of this road; false when another call took it, or nothing is armed.
    pub fn take_probe(&mut self, road: &Road<'_>) -> bool {
        if self.look(road) != Look::Probe {
            return false;
        }
        let Some(service) = self.services.get_mut(road.service) else {
            return false;
        };
        let of_road = service.roads.iter_mut().find(|(key, _)| key.is(road));
        let blocks = of_road
            .map(|(_, block)| block)
            .into_iter()
            .chain(&mut service.whole);
        blocks.for_each(|block| block.armed = false);
        true
    }

    /// May a call go out on this road?
    pub(super) fn look(&self, road: &Road<'_>) -> Look {
        let Some(service) = self.services.get(road.service) else {
            let message = unregistered(road.service);
            return Look::Closed(ParkCause {
                code: ParkCode::Unavailable,
                message,
            });
        };
        if let Some(paused) = &service.paused {
            let message = paused_words(road.service, paused);
            return Look::Closed(ParkCause {
                code: ParkCode::Paused,
                message,
            });
        }
        let of_road = service.roads.iter().find(|(key, _)| key.is(road));
        let blocks = service.whole.iter().chain(of_road.map(|(_, block)| block));
        let mut look = Look::Open;
        for block in blocks {
            if !block.armed {
                let message = block.message.clone();
                return Look::Closed(ParkCause {
                    code: ParkCode::Misconfigured,
                    message,
                });
            }
            look = Look::Probe;
        }
        look
    }

    /// How long a service keeps keys; the default for one that is not registered.
    pub fn keys_kept(&self, name: &str) -> Duration {
        self.services
            .get(name)
            .map_or(KEYS_KEPT_DEFAULT, |service| service.settings.keys_kept)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter()
    }
}

impl Service {
    fn block(&mut self, message: &str, now: Timestamp) -> bool {
        // What is blocked as a whole has its credential to mend; its roads are learnt anew.
        self.roads.clear();
        match &mut self.whole {
            Some(known) => {
                known.message = message.to_owned();
                false
            }
            None => {
                self.whole = Some(Block::new(message, now));
                true
            }
        }
    }
}

pub(super) fn unregistered(name: &str) -> String {
    format!("the service {name} is not registered; register it with PUT /v1/services/{name}")
}

pub(super) fn paused_words(name: &str, paused: &Paused) -> String {
    match paused.reason.as_str() {
        "" => format!("the service {name} is paused"),
        reason => format!("the service {name} is paused: {reason}"),
    }
}
