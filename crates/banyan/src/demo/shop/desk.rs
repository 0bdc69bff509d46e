//! The desk: one thread that owns a service's database and answers calls in the order they
//! come, all that wait in one transaction with one fsync. An answer leaves only after its
//! commit returned.

use super::call::{Call, Domain, Reply};
use super::database;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

/// Calls that may wait for the desk; past it callers wait to be let in.
const WAITING: usize = 256;
/// Calls answered in one transaction, so that the first does not wait for too many others.
const TOGETHER: usize = 64;

struct Job {
    call: Call,
    answer: oneshot::Sender<Option<Reply>>,
}

/// The way to a desk.
#[derive(Clone)]
pub(super) struct Desk {
    jobs: mpsc::Sender<Job>,
}

impl Desk {
    /// Has a call answered. `Err` when the desk is gone; `Ok(None)` when there is no such route.
    pub(super) async fn ask(&self, call: Call) -> Result<Option<Reply>, DeskGone> {
        let (answer, answered) = oneshot::channel();
        let job = Job { call, answer };
        self.jobs.send(job).await.map_err(|_| DeskGone)?;
        answered.await.map_err(|_| DeskGone)
    }
}

/// The database failed: whether the call took effect is not known.
#[derive(Debug)]
pub(super) struct DeskGone;

/// Opens the desk on a thread of its own. It ends with the last [`Desk`].
pub(super) fn open(mut database: Connection, domain: Box<dyn Domain>) -> Desk {
    let (jobs, mut inbox) = mpsc::channel::<Job>(WAITING);
    std::thread::spawn(move || {
        while let Some(first) = inbox.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < TOGETHER
                && let Ok(next) = inbox.try_recv()
            {
                batch.push(next);
            }
            // A batch that failed drops its answers: the callers see a lost connection, which
            // is the truth, since the commit may have happened.
            if let Err(error) = settle(&mut database, domain.as_ref(), batch) {
                eprintln!("the database failed: {error}");
            }
        }
    });
    Desk { jobs }
}

fn settle(database: &mut Connection, domain: &dyn Domain, batch: Vec<Job>) -> rusqlite::Result<()> {
    let mut transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut replies = Vec::with_capacity(batch.len());
    for job in &batch {
        let step = transaction.savepoint()?;
        let reply = match database::once(&step, domain, &job.call) {
            Ok(reply) => {
                step.commit()?;
                reply
            }
            Err(error) => {
                step.finish()?;
                let message = format!("nothing was done: {error}");
                Some(Reply::refused(500, "internal", message))
            }
        };
        replies.push(reply);
    }
    transaction.commit()?;
    for (job, reply) in batch.into_iter().zip(replies) {
        // A caller that went away meanwhile will ask again under its key.
        let _ = job.answer.send(reply);
    }
    Ok(())
}
