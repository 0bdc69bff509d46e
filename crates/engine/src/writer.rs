//! The one place that commits: a thread that owns the store's writer and puts everything that
//! waits into one commit. While many calls are under way, whose answers are about to come, it
//! waits a moment for more: a commit costs the same fsync whatever is in it.
//!
//! It guarantees that results come back to whom they belong, that what was refused for the
//! moment comes back whole, that every saga whose lock a commit freed is told, whoever's changes
//! freed it, and that nothing is committed after a commit whose fate is unknown.

use crate::clock::stopwatch;
use crate::gate::Gate;
use crate::life::Life;
use crate::metrics::Figures;
use banyan_core::id::Id;
use banyan_store::{Applied, Change, CommitError, Committed, Writer};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long a commit waits for more at a time, and how often at most.
const PAUSE: Duration = Duration::from_micros(50);
const PAUSES: usize = 6;
/// It waits while the calls in flight are so many times the changes that it has: a lone saga,
/// whose own answer is all there is to come, never waits.
const WORTH_WAITING: usize = 2;

/// What became of a batch.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It was committed: one result for each change. The changes come back to be dropped where
    /// they were made: memory that another thread frees costs both of them.
    Done(Vec<Applied>, Vec<Change>),
    /// It was not, and may be later: the changes, and what stands in the way.
    Unavailable(Vec<Change>, String),
}

enum Work {
    Commit(Vec<Change>, oneshot::Sender<Verdict>),
    End,
}

/// Tells a saga that its lock came free.
pub(crate) type Grant = Box<dyn Fn(Id) + Send>;

/// Hands batches to the writer's thread.
#[derive(Clone)]
pub(crate) struct Committer {
    work: mpsc::Sender<Work>,
}

impl Committer {
    /// Starts the writer's thread.
    pub(crate) fn start(
        writer: Box<dyn Writer>,
        queue: usize,
        commit_changes: usize,
        figures: Arc<Figures>,
        gate: Arc<Gate>,
        life: Arc<Life>,
        grant: Grant,
    ) -> std::io::Result<(Committer, std::thread::JoinHandle<()>)> {
        let (work, waiting) = mpsc::channel(queue.max(1));
        let mut desk = Desk {
            writer,
            commit_changes,
            figures,
            gate,
            life,
            grant,
        };
        let thread = std::thread::Builder::new()
            .name("banyan-writer".to_owned())
            .spawn(move || desk.run(waiting))?;
        Ok((Committer { work }, thread))
    }

    /// Commits a batch; none when the writer has ended.
    pub(crate) async fn commit(&self, changes: Vec<Change>) -> Option<Verdict> {
        let (reply, verdict) = oneshot::channel();
        self.work.send(Work::Commit(changes, reply)).await.ok()?;
        verdict.await.ok()
    }

    /// Ends the thread once everything before was committed.
    pub(crate) async fn end(&self) {
        // One that has ended already is what was wanted.
        let _ = self.work.send(Work::End).await;
    }
}

struct Desk {
    writer: Box<dyn Writer>,
    commit_changes: usize,
    figures: Arc<Figures>,
    gate: Arc<Gate>,
    life: Arc<Life>,
    /// Here and not with the verdicts: a verdict may be one that sagas mean nothing to, and who
    /// waits for it may be gone (I-8).
    grant: Grant,
}

/// What is committed at once.
struct Batch {
    changes: Vec<Change>,
    shares: Shares,
    /// Nothing comes after it.
    last: bool,
}

impl Batch {
    /// Takes what waits, as far as there is room.
    fn fill(&mut self, waiting: &mut mpsc::Receiver<Work>, room: usize) {
        while self.changes.len() < room && !self.last {
            match waiting.try_recv() {
                Ok(Work::Commit(changes, reply)) => {
                    self.shares.push((changes.len(), reply));
                    self.changes.extend(changes);
                }
                Ok(Work::End) => self.last = true,
                Err(_) => return,
            }
        }
    }
}

/// Whose changes stand in a commit, and how many.
type Shares = Vec<(usize, oneshot::Sender<Verdict>)>;

impl Desk {
    fn run(&mut self, mut waiting: mpsc::Receiver<Work>) {
        while let Some(Work::Commit(changes, reply)) = waiting.blocking_recv() {
            let mut batch = Batch {
                shares: vec![(changes.len(), reply)],
                changes,
                last: false,
            };
            self.gather(&mut batch, &mut waiting);
            if !self.commit(batch.changes, batch.shares) || batch.last {
                return;
            }
        }
    }

    /// Takes all that waits, and what comes meanwhile for as long as it is worth waiting.
    fn gather(&self, batch: &mut Batch, waiting: &mut mpsc::Receiver<Work>) {
        batch.fill(waiting, self.commit_changes);
        for _ in 0..PAUSES {
            let taken = batch.changes.len();
            let enough = taken.saturating_mul(WORTH_WAITING) >= self.gate.calls();
            if enough || batch.last || taken >= self.commit_changes {
                return;
            }
            std::thread::park_timeout(PAUSE);
            batch.fill(waiting, self.commit_changes);
            if batch.changes.len() == taken {
                return;
            }
        }
    }

    /// Commits and tells everybody; false when nothing may be committed any more.
    fn commit(&mut self, changes: Vec<Change>, shares: Shares) -> bool {
        let writer = &mut self.writer;
        let begun = stopwatch();
        // A panic leaves the fate of the commit open, as a lost reply does.
        let result = catch_unwind(AssertUnwindSafe(|| writer.commit(&changes)));
        let fatal = match result {
            Ok(Ok(Committed { applied, granted })) => {
                self.life.back();
                self.figures.committed(changes.len(), begun.elapsed());
                granted.into_iter().for_each(&self.grant);
                let mut applied = applied.into_iter();
                distribute(changes, shares, |share| {
                    Verdict::Done(applied.by_ref().take(share.len()).collect(), share)
                });
                return true;
            }
            Ok(Err(CommitError::Unavailable { message })) => {
                self.figures.unavailable();
                self.life.away(&message);
                tracing::warn!(cause = message, "the store cannot write now");
                distribute(changes, shares, |share| {
                    Verdict::Unavailable(share, message.clone())
                });
                return true;
            }
            Ok(Err(error @ (CommitError::Fenced | CommitError::Unknown { .. }))) => {
                error.to_string()
            }
            Err(_) => "the store's writer failed in the middle of a commit".to_owned(),
        };
        self.life.fatal(&fatal);
        false
    }
}

fn distribute(
    changes: Vec<Change>,
    shares: Shares,
    mut verdict: impl FnMut(Vec<Change>) -> Verdict,
) {
    let mut rest = changes.into_iter();
    for (count, reply) in shares {
        // Who no longer waits has been stopped.
        let _ = reply.send(verdict(rest.by_ref().take(count).collect()));
    }
}
