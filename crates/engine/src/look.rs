//! Looks at sagas: what is committed, from memory where it is there, else from the store.

use crate::error::{LookError, Refusal};
use crate::handle::Engine;
use crate::metrics::Metrics;
use crate::request::{Child, Coming, Line, Page, Until};
use crate::shard::{Loaded, Message};
use banyan_core::id::Id;
use banyan_core::saga::{Entry, Saga};
use banyan_store::{Filter, ReadError, Reader, SagaRow, StartKey, TroubleQuery, Troubles};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;

impl Engine {
    /// Whom a caller's key belongs to.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn find(
        &self,
        namespace: &str,
        definition: &str,
        key: &str,
    ) -> Result<Option<StartKey>, Refusal> {
        let [namespace, definition, key] = [namespace, definition, key].map(str::to_owned);
        self.query(move |reader| reader.start_key(&namespace, &definition, &key))
            .await
    }

    /// A saga as it is now.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn get(&self, id: Id) -> Result<Option<Arc<Saga>>, LookError> {
        let shared = self.shared();
        // A shard that waits for its store answers late; what is on disk can be read meanwhile.
        if !shared.life.is_away() {
            let (reply, answer) = oneshot::channel();
            let asked = shared.door(id).try_send(Message::Get { id, reply });
            if asked.is_ok()
                && let Ok(Some(saga)) = answer.await
            {
                return Ok(Some(saga));
            }
        }
        self.stored(id).await
    }

    /// A saga as the store has it.
    async fn stored(&self, id: Id) -> Result<Option<Arc<Saga>>, LookError> {
        let loaded = self.shared().load(vec![id]).await.pop();
        match loaded {
            Some((_, Loaded::Found { saga, .. })) => Ok(Some(Arc::from(saga))),
            Some((_, Loaded::Failed(error))) => Err(error),
            Some((_, Loaded::Absent)) | None => Ok(None),
        }
    }

    /// The sagas that a saga runs, or ran, with how they stand now: what a parent at rest was
    /// told of them may be older.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn children(&self, saga: &Saga) -> Result<Vec<Child>, Refusal> {
        let mut children = Vec::new();
        saga.each_state(&mut |at, state| {
            children.extend(state.child.as_ref().map(|child| Child {
                id: child.id,
                definition: child.definition.clone(),
                path: at.path(),
                status: child.status,
            }));
        });
        if children.is_empty() {
            return Ok(children);
        }
        self.query(move |reader| {
            for child in &mut children {
                if let Some(row) = reader.row(child.id)? {
                    child.status = row.status;
                }
            }
            Ok(children)
        })
        .await
    }

    /// The line in which a saga stands before its lock; none when it waits for none.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn line(&self, saga: &Saga) -> Result<Option<Line>, Refusal> {
        if !saga.waits_for_lock() {
            return Ok(None);
        }
        let id = saga.id;
        self.query(move |reader| {
            let Some(place) = reader.lock(id)? else {
                return Ok(None);
            };
            let first = reader.row(place.first)?;
            Ok(first.filter(|_| place.first != id).map(|first| Line {
                ahead: place.ahead,
                first: place.first,
                status: first.status,
            }))
        })
        .await
    }

    /// A saga once that has come which is waited for, or as it is when the time is over.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn wait(
        &self,
        id: Id,
        until: Until,
        timeout: Duration,
    ) -> Result<Option<Arc<Saga>>, LookError> {
        let (now, at_once) = oneshot::channel();
        let (done, come) = oneshot::channel();
        let message = Message::Watch {
            id,
            until: until.clone(),
            now,
            done,
        };
        self.shared().offer(id, message)?;
        if let Ok(None) = at_once.await {
            // Not in memory: it may have come already. The watcher stands since before this.
            match self.stored(id).await? {
                None => return Ok(None),
                Some(saga) if until.holds(&saga) => return Ok(Some(saga)),
                Some(_) => {}
            }
        }
        self.come(Coming { id, come }, timeout).await
    }

    /// A saga once that has come which its start waits for, or as it is when the time is over.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn come(
        &self,
        coming: Coming,
        timeout: Duration,
    ) -> Result<Option<Arc<Saga>>, LookError> {
        let Coming { id, come } = coming;
        tokio::select! {
            Ok(saga) = come => Ok(Some(saga)),
            () = self.shared().pause(timeout) => self.get(id).await,
            () = self.shared().life.finish.cancelled() => self.get(id).await,
            () = self.shared().life.stop.cancelled() => self.get(id).await,
        }
    }

    /// Sagas by filter, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(
        &self,
        filter: Filter,
        after: Option<Id>,
        limit: usize,
    ) -> Result<Page, Refusal> {
        // One more than asked for tells whether there is a next page.
        let most = limit.saturating_add(1);
        let stalled = filter.stalled.then(|| self.shared().stalls.ids());
        let rows = self.query(move |reader| match stalled {
            Some(ids) => among(reader, ids, filter, after, most),
            None => reader.list(&filter, after, most),
        });
        let mut items = rows.await?;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = items.last().filter(|_| more).map(|row| row.id);
        Ok(Page { items, next })
    }

    /// What goes wrong with sagas, counted by cause.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn troubles(&self, query: TroubleQuery) -> Result<Troubles, Refusal> {
        self.query(move |reader| reader.troubles(&query)).await
    }

    /// A saga's journal, oldest first.
    ///
    /// # Errors
    /// See [`LookError`].
    pub async fn journal(&self, id: Id) -> Result<Option<Vec<Entry>>, LookError> {
        let stored = self.shared().read(move |reader| reader.load(id)).await?;
        let stored = stored.map_err(|error| LookError::read(id, error))?;
        Ok(stored.map(|stored| stored.journal))
    }

    /// Figures for dashboards. The counts over all sagas are read from the store.
    pub async fn metrics(&self) -> Metrics {
        let shared = self.shared();
        let counts = self
            .query(|reader| reader.counts())
            .await
            .unwrap_or_default();
        let (active, held) = (shared.gate.active(), shared.gate.held());
        Metrics {
            calls_in_flight: shared.gate.calls() as u64,
            active_sagas: active as u64,
            cached_sagas: held.saturating_sub(active) as u64,
            stuck_for_ms: counts
                .stuck_since
                .map_or(0, |since| self.now().since(since)),
            services: self.service_figures(),
            counts,
            stalled: shared.stalls.counts(),
            stall_looks: shared.stalls.looks(),
            ..shared.figures.read()
        }
    }

    pub(crate) async fn query<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Reader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Refusal> {
        self.shared()
            .read(read)
            .await?
            .map_err(|error| Refusal::Unavailable {
                message: error.to_string(),
            })
    }
}

/// The rows of these sagas that pass the rest of a filter. What cannot be read is left out.
pub(crate) fn among(
    reader: &dyn Reader,
    ids: Vec<Id>,
    filter: Filter,
    after: Option<Id>,
    limit: usize,
) -> Result<Vec<SagaRow>, ReadError> {
    let rest = Filter {
        stalled: false,
        ..filter
    };
    let mut rows = Vec::new();
    for id in ids {
        if rows.len() == limit {
            break;
        }
        if after.is_some_and(|after| id >= after) {
            continue;
        }
        match reader.row(id) {
            Ok(row) => rows.extend(row.filter(|row| rest.matches(row))),
            Err(ReadError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(rows)
}
