//! Retention: sagas go some time after their end, their start keys some time later, and so do
//! the audit and the operations over many sagas that are over.
//!
//! A pass walks the sagas that have been at rest for long, by the order of their acceptance, and
//! removes those that are past their keeping, few at a time; between two batches it rests for
//! longer than the last one took, so that sagas that run never wait for it. What a pass leaves
//! behind, for whatever reason, the next one finds again: nothing is remembered. What may not go
//! yet (a child before its parent, an end that is still to be told) the store refuses.

use crate::error::Refusal;
use crate::handle::Engine;
use crate::shared::Shared;
use crate::writer::{Committer, Verdict};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_store::{Applied, Change, Ended, EndedQuery, Purged, ReadError, Reader};
use std::sync::Arc;
use std::time::Duration;

/// Sagas looked at in one read, at rest or not: some milliseconds.
const LOOK: usize = 512;
/// Sagas removed in one commit: few enough that a start in the same commit does not feel them.
const BATCH: usize = 64;
/// After a batch it rests for so many times what the batch took, but not longer than this.
const REST: u32 = 2;
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What a pass did.
#[derive(Default)]
struct Pass {
    purged: u64,
    refused: u64,
    forgotten: u64,
    operations: u64,
    told: u64,
}

/// Why a pass ended before its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error("the store cannot write now: {0}")]
    Write(String),
}

impl Engine {
    /// What is left of a saga that was purged; none when there is none, or its start key is
    /// forgotten too.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn purged(&self, id: Id) -> Result<Option<Purged>, Refusal> {
        self.query(move |reader| reader.purged(id)).await
    }
}

/// One pass after another, until the engine ends.
pub(crate) async fn run(shared: Arc<Shared>, committer: Committer) {
    loop {
        let begun = shared.now();
        let mut pass = Pass::default();
        let ended = pass.run(&shared, &committer, begun).await;
        let Pass {
            purged,
            refused,
            forgotten,
            operations,
            told,
        } = pass;
        let run = ended.is_ok().then_some(begun);
        shared.figures.retention(purged, forgotten, run);
        let took_ms = shared.now().since(begun);
        match ended {
            Err(error) => tracing::warn!(
                purged,
                forgotten,
                %error,
                "what is past its keeping could not all be removed"
            ),
            Ok(()) if purged + forgotten + operations + told > 0 => tracing::info!(
                purged,
                refused,
                forgotten,
                operations,
                audit_rows = told,
                took_ms,
                "what was past its keeping was removed"
            ),
            Ok(()) => tracing::debug!(refused, took_ms, "nothing is past its keeping"),
        }
        let every = u64::try_from(shared.config.purge_every.as_millis()).unwrap_or(u64::MAX);
        let next = begun.plus(banyan_core::time::Duration::from_millis(every));
        shared.clock.sleep_until(next).await;
    }
}

impl Pass {
    async fn run(
        &mut self,
        shared: &Shared,
        committer: &Committer,
        now: Timestamp,
    ) -> Result<(), Broken> {
        self.purge(shared, committer, now).await?;
        self.forget(shared, committer, now).await?;
        // Operations first: one that is open holds its rows of the audit.
        let operations = self.forget_operations(shared, committer, now).await;
        let audit = self.forget_audit(shared, committer, now).await;
        operations.and(audit)
    }

    async fn purge(
        &mut self,
        shared: &Shared,
        committer: &Committer,
        now: Timestamp,
    ) -> Result<(), Broken> {
        let until = before(now, shared.shortest_keep());
        let mut after = None;
        loop {
            let begun = shared.now();
            let query = EndedQuery {
                after,
                until,
                look: LOOK,
            };
            let page = read(shared, move |reader| reader.ended(&query)).await?;
            rest(shared, begun).await;
            let due = page.ended.iter().filter(|one| shared.is_past(one, now));
            let due: Vec<Change> = due.map(|one| Change::Purge { id: one.id }).collect();
            for batch in due.chunks(BATCH) {
                let (done, refused) = commit(shared, committer, batch).await?;
                self.purged += done;
                self.refused += refused;
            }
            match page.next {
                None => return Ok(()),
                next => after = next,
            }
        }
    }

    async fn forget(
        &mut self,
        shared: &Shared,
        committer: &Committer,
        now: Timestamp,
    ) -> Result<(), Broken> {
        let until = before(now, shared.config.key_retention);
        loop {
            let old = read(shared, move |reader| reader.purged_until(until, BATCH)).await?;
            let batch: Vec<Change> = old.into_iter().map(|id| Change::Forget { id }).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let (done, _) = commit(shared, committer, &batch).await?;
            self.forgotten += done;
            // Nobody else forgets keys: this cannot be, and must not go round for ever.
            if done == 0 {
                return Ok(());
            }
        }
    }
}

impl Pass {
    /// Operations that have been over for long. Ids are in the order in which they began, so
    /// that those which began later are not even read.
    async fn forget_operations(
        &mut self,
        shared: &Shared,
        committer: &Committer,
        now: Timestamp,
    ) -> Result<(), Broken> {
        let until = before(now, shared.config.keep_audit);
        let millis = u64::try_from(until.0).unwrap_or_default();
        let mut after = Id::new(millis.saturating_add(1), 0, 0);
        loop {
            let page = read(shared, move |reader| {
                reader.operations(false, Some(after), BATCH)
            });
            let page = page.await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            after = last.id;
            let batch: Vec<Change> = page
                .into_iter()
                .filter_map(|row| crate::operations::forgets(row, until))
                .collect();
            if !batch.is_empty() {
                self.operations += commit(shared, committer, &batch).await?.0;
            }
        }
    }

    async fn forget_audit(
        &mut self,
        shared: &Shared,
        committer: &Committer,
        now: Timestamp,
    ) -> Result<(), Broken> {
        let until = before(now, shared.config.keep_audit);
        loop {
            let old = read(shared, move |reader| reader.audit_until(until, BATCH)).await?;
            let forget = |number| Change::ForgetAudit { number };
            let batch: Vec<Change> = old.into_iter().map(forget).collect();
            if batch.is_empty() {
                return Ok(());
            }
            let (done, _) = commit(shared, committer, &batch).await?;
            self.told += done;
            // Nobody else removes rows: this cannot be, and must not go round for ever.
            if done == 0 {
                return Ok(());
            }
        }
    }
}

impl Shared {
    /// How long that saga is kept which is kept shortest.
    fn shortest_keep(&self) -> banyan_core::time::Duration {
        let server = self.config.keep.shortest();
        let said = self.catalogue.shortest_keep();
        said.map_or(server, |said| said.min(server))
    }

    /// Is this saga past its keeping?
    fn is_past(&self, saga: &Ended, now: Timestamp) -> bool {
        let said = self.catalogue.keep(&saga.definition, saga.version);
        let keep = said.unwrap_or_else(|| self.config.keep.of(saga.status));
        saga.ended_at.plus(keep) <= now
    }
}

fn before(now: Timestamp, by: banyan_core::time::Duration) -> Timestamp {
    let by = i64::try_from(by.millis()).unwrap_or(i64::MAX);
    Timestamp(now.0.saturating_sub(by))
}

async fn read<T: Send + 'static>(
    shared: &Shared,
    read: impl FnOnce(&dyn Reader) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Broken> {
    Ok(shared.read(read).await??)
}

/// Commits a batch, and rests; how many of it were done, and how many refused.
async fn commit(
    shared: &Shared,
    committer: &Committer,
    batch: &[Change],
) -> Result<(u64, u64), Broken> {
    let begun = shared.now();
    let applied = match committer.commit(batch.to_vec()).await {
        None => return Err(Refusal::ShuttingDown.into()),
        Some(Verdict::Unavailable(_, message)) => return Err(Broken::Write(message)),
        Some(Verdict::Done(applied, _)) => applied,
    };
    rest(shared, begun).await;
    let done = applied.iter().filter(|one| **one == Applied::Done);
    let done = done.count() as u64;
    Ok((done, batch.len() as u64 - done))
}

/// Rests for longer than what was begun then took.
async fn rest(shared: &Shared, begun: Timestamp) {
    let took = Duration::from_millis(shared.now().since(begun));
    shared.pause((took * REST).min(LONGEST_REST)).await;
}
