//! A service as people and programs see it: settings, pauses, blocked roads, instances.

use super::road::{Block, Paused, RoadKey};
use super::state::Service;
use crate::settings::Settings;
use crate::target::Target;
use serde::Serialize;
use std::sync::Arc;

/// A service as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceView {
    /// Its name.
    pub name: String,
    /// Its settings; secrets are references.
    pub settings: Settings,
    /// Its pause; none when it is not paused.
    pub paused: Option<Paused>,
    /// Why the whole service is blocked; none when it is not.
    pub misconfigured: Option<Block>,
    /// Its roads that are blocked.
    pub blocked_roads: Vec<BlockedRoad>,
    /// Calls in flight.
    pub in_flight: usize,
    /// Its instances.
    pub instances: Vec<InstanceView>,
}

/// A road that is misconfigured.
#[derive(Clone, Debug, Serialize)]
pub struct BlockedRoad {
    /// Which.
    #[serde(flatten)]
    pub road: RoadKey,
    /// Why, and when it is probed.
    #[serde(flatten)]
    pub block: Block,
}

/// An instance as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceView {
    /// Its URL.
    pub url: String,
    /// Idle connections to it.
    pub idle_connections: usize,
}

pub(super) fn view(
    name: &str,
    service: &Service,
    (target, in_flight): (Option<&Arc<Target>>, usize),
) -> ServiceView {
    let roads = service.roads.iter().cloned();
    let idle = |position: usize| {
        target
            .and_then(|target| target.instances.get(position))
            .map_or(0, |i| i.pool.len())
    };
    let urls = service.settings.instances.iter().enumerate();
    ServiceView {
        name: name.to_owned(),
        settings: service.settings.clone(),
        paused: service.paused.clone(),
        misconfigured: service.whole.clone(),
        blocked_roads: roads
            .map(|(road, block)| BlockedRoad { road, block })
            .collect(),
        in_flight,
        instances: urls
            .map(|(position, url)| InstanceView {
                url: url.clone(),
                idle_connections: idle(position),
            })
            .collect(),
    }
}
