//! What is known of services between calls: settings, pauses, roads that are misconfigured.
//!
//! Values in, values out: no clock, no I/O, no lock. A blocked road lets one call through each
//! time a probe is due, after 30 s, then twice as long, up to 5 min; a good answer to the probe
//! opens it, and so does a change or a resume of its service.
//!
//! A 401 blocks the whole service. Should another of its roads be answered well, the credential
//! is right, and the block is narrowed to the road that was refused, with its probes as they
//! were: so one road cannot hold up the others, nor be called again and again as they go on.

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
    /// The road whose answer blocked the whole.
    blamed: Option<RoadKey>,
    pub(super) roads: Vec<(RoadKey, Block)>,
}

/// A probe that is due: the next call on this road is let through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The service.
    pub service: String,
    /// The road; none when the whole service is blocked.
    pub road: Option<RoadKey>,
    /// Of a whole service: the road whose answer blocked it. Another one tells more.
    pub blamed: Option<RoadKey>,
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
            blamed: None,
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
        service.blamed = None;
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
        if let Some((_, known)) = service.roads.iter_mut().find(|(key, _)| key.is(&road)) {
            known.still(message);
            return false;
        }
        let key = RoadKey {
            definition: definition.to_owned(),
            version,
            step: step.clone(),
            leg: *leg,
        };
        if answer.whole_service {
            return service.block(message, Some(key), now);
        }
        if service.roads.len() >= ROADS_MAX {
            // It is the service that is wrong; its roads are learnt anew.
            service.roads.clear();
            return service.block(message, None, now);
        }
        service.roads.push((key, Block::new(message, now)));
        true
    }

    /// Blocks a whole service, whose calls cannot be made. False when it was blocked already,
    /// or is gone.
    pub fn mark_unusable(&mut self, name: &str, message: &str, now: Timestamp) -> bool {
        self.services
            .get_mut(name)
            .is_some_and(|service| service.block(message, None, now))
    }

    /// A call on this road was answered as it should be: the road is open if it was probed, and
    /// so is a service that was blocked as a whole if it was probed or another road was to
    /// blame. False when that opened nothing.
    pub fn mark_answered(&mut self, road: &Road<'_>) -> bool {
        let Some(service) = self.services.get_mut(road.service) else {
            return false;
        };
        let place = service.roads.iter().position(|(key, _)| key.is(road));
        let opened = match place {
            Some(place) if service.roads[place].1.probing => {
                service.roads.remove(place);
                true
            }
            // It left before the block.
            Some(_) => return false,
            None => false,
        };
        service.clear(road) || opened
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
                    blamed: service.blamed.clone(),
                });
            }
            for (key, block) in &mut service.roads {
                if block.arm(now) {
                    due.push(Due {
                        service: name.clone(),
                        road: Some(key.clone()),
                        blamed: None,
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
        blocks.for_each(Block::leaves);
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

    /// Whether a service has these settings still.
    pub(super) fn is_set_so(&self, name: &str, settings: &Settings) -> bool {
        let known = self.services.get(name);
        known.is_some_and(|known| known.settings == *settings)
    }

    pub(super) fn get(&self, name: &str) -> Option<&Service> {
        self.services.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Service)> {
        self.services.iter()
    }
}

impl Service {
    fn block(&mut self, message: &str, blamed: Option<RoadKey>, now: Timestamp) -> bool {
        if let Some(known) = &mut self.whole {
            known.still(message);
            return false;
        }
        self.whole = Some(Block::new(message, now));
        self.blamed = blamed;
        true
    }

    /// A road was answered well. True when that opened the whole service; the road that was to
    /// blame, if it is another one, stays blocked.
    fn clear(&mut self, road: &Road<'_>) -> bool {
        let other = self.blamed.as_ref().is_some_and(|blamed| !blamed.is(road));
        let opens = |whole: &mut Block| whole.probing || other;
        let Some(whole) = self.whole.take_if(opens) else {
            return false;
        };
        let blamed = self.blamed.take().filter(|_| other);
        if let Some(blamed) = blamed.filter(|_| self.roads.len() < ROADS_MAX) {
            self.roads.push((blamed, whole));
        }
        true
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
