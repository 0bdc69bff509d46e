//! One road of a service, and what is remembered while it is blocked.

use crate::limits::{PROBE_FIRST, PROBE_MAX};
use banyan_core::Timestamp;
use banyan_core::saga::{Leg, Road};
use banyan_core::time::Duration;
use serde::Serialize;

/// A pause.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Paused {
    /// Why, in the words of who paused it.
    pub reason: String,
    /// Since when.
    #[serde(serialize_with = "rfc_3339")]
    pub since: Timestamp,
}

/// Which road of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoadKey {
    /// The definition's name.
    pub definition: String,
    /// Its version.
    pub version: u32,
    /// The step's path.
    pub step: String,
    /// The leg.
    pub leg: Leg,
}

/// That a road, or a service, is misconfigured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Block {
    /// What was answered, or what is wrong, in words.
    pub message: String,
    /// Since when.
    #[serde(serialize_with = "rfc_3339")]
    pub since: Timestamp,
    /// When it is probed next.
    #[serde(serialize_with = "rfc_3339")]
    pub next_probe_at: Timestamp,
    /// How far the next probe is from the one after it.
    #[serde(skip)]
    delay: Duration,
    /// The next call is let through as the probe.
    #[serde(skip)]
    pub(super) armed: bool,
    /// A probe was let through: the next good answer tells that the road is right. Answers to
    /// calls that had left before the block tell nothing of it.
    #[serde(skip)]
    pub(super) probing: bool,
}

impl RoadKey {
    pub(super) fn is(&self, road: &Road<'_>) -> bool {
        self.version == road.version
            && self.leg == road.leg
            && self.step == road.step
            && self.definition == road.definition
    }
}

impl Block {
    pub(super) fn new(message: &str, now: Timestamp) -> Block {
        Block {
            message: message.to_owned(),
            since: now,
            next_probe_at: now.plus(PROBE_FIRST),
            delay: PROBE_FIRST,
            armed: false,
            probing: false,
        }
    }

    /// It was asked again and is as wrong as before.
    pub(super) fn still(&mut self, message: &str) {
        message.clone_into(&mut self.message);
        self.probing = false;
    }

    /// Its probe leaves.
    pub(super) fn leaves(&mut self) {
        self.armed = false;
        self.probing = true;
    }

    /// Arms the probe if it is due, and sets when the one after it is.
    pub(super) fn arm(&mut self, now: Timestamp) -> bool {
        // No probe is further off than that, unless the clock was set back.
        let is_far = self.next_probe_at > now.plus(PROBE_MAX);
        if self.next_probe_at > now && !is_far {
            return false;
        }
        self.armed = true;
        self.delay = Duration::from_millis(self.delay.millis() * 2).min(PROBE_MAX);
        self.next_probe_at = now.plus(self.delay);
        true
    }
}

/// Moments are shown to people and programs as the API shows them.
fn rfc_3339<S: serde::Serializer>(moment: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(moment)
}
