//! What the engine tells to those who listen, and what others tell through it.

use crate::error::Refusal;
use crate::feed::{ListenError, Listener, News, ServiceChange};
use crate::handle::Engine;
use crate::metrics::ServiceFigures;
use crate::pulse::Down;
use crate::shared::Shared;
use banyan_core::id::Id;
use banyan_core::{Json, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is wrong with a service. Both may hold at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ailment {
    /// Its roads that are misconfigured, in words; the first stands for the whole service when
    /// that is.
    pub misconfigured: Vec<String>,
    /// Nothing answers there.
    pub down: Option<Down>,
}

impl Engine {
    /// Listens to what changes, from now or from a place that an earlier listener had reached.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn listen(&self, after: Option<&str>) -> Result<Listener, ListenError> {
        self.shared().feed.listen(after)
    }

    /// Tells those who listen how an operation stands. `progress` is what its `GET` answers;
    /// only the last of it is kept.
    pub fn tell_operation(&self, id: &str, progress: Json) {
        self.shared().feed.operation(id, progress);
    }

    /// How an operation stood when it was last told; none when it was not told lately.
    pub fn operation_progress(&self, id: &str) -> Option<Arc<Json>> {
        self.shared().feed.progress(id)
    }

    /// Tells that a saga stalls, whenever it is found so anew.
    pub fn tell_stalled(&self, saga: Id, since: Timestamp, message: &str) {
        self.shared().feed.stalled(saga, since, message);
    }

    /// The services with which something is wrong now, by name.
    pub fn ailing(&self) -> BTreeMap<String, Ailment> {
        let shared = self.shared();
        let of = |live: banyan_outbound::ServiceView| {
            let whole = live.misconfigured.into_iter().map(|block| block.message);
            let roads = live.blocked_roads.into_iter().map(|road| {
                format!(
                    "{}.{}: {}",
                    road.road.step,
                    road.road.leg.as_str(),
                    road.block.message
                )
            });
            let ailment = Ailment {
                misconfigured: whole.chain(roads).collect(),
                down: shared.pulse.down(&live.name),
            };
            (live.name, ailment)
        };
        let all = shared.registry.views().into_iter().map(of);
        all.filter(|(_, ailment)| *ailment != Ailment::default())
            .collect()
    }

    /// How each registered service is, by name.
    pub(crate) fn service_figures(&self) -> BTreeMap<String, ServiceFigures> {
        let shared = self.shared();
        let of = |live: banyan_outbound::ServiceView| {
            let roads = live.blocked_roads.len() + usize::from(live.misconfigured.is_some());
            let figures = ServiceFigures {
                paused: live.paused.is_some(),
                misconfigured: roads as u64,
                down: shared.pulse.down(&live.name).is_some(),
            };
            (live.name, figures)
        };
        shared.registry.views().into_iter().map(of).collect()
    }

    /// Waits until this moment by the engine's clock.
    pub async fn sleep_until(&self, at: Timestamp) {
        self.shared().clock.sleep_until(at).await;
    }

    /// Every saga that is stuck, by pages, newest first: the ids below `after`.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn stuck_page(
        &self,
        after: Option<Id>,
        limit: usize,
    ) -> Result<crate::Page, Refusal> {
        let filter = banyan_store::Filter {
            status: vec![banyan_core::saga::Status::Stuck],
            ..banyan_store::Filter::default()
        };
        self.list(filter, after, limit).await
    }
}

impl Shared {
    /// Tells that a service is in another state.
    pub(crate) fn tell_service(&self, name: &str, change: ServiceChange) {
        self.feed.publish([News::Service {
            name: name.to_owned(),
            change,
        }]);
    }
}
