//! Mail between sagas, and the locks that come free: brought to the shard of whom they are for.
//!
//! A message stands in the store until its receiver has acted on it, and a granted lock until it
//! is taken; what is carried here is only the word that they are there. So nothing here waits
//! for room: what finds none is read from the store again, as everything is after a start.
//! Shards that write to one another can therefore never block each other.

use crate::error::Violation;
use crate::shard::{Mail, Message};
use crate::shared::Shared;
use banyan_core::id::Id;
use banyan_core::saga::{Failure, Start, Telling, refusal};
use banyan_store::{MessageKey, ReadError, Reader};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Pause before the store is read again after it could not be.
const AGAIN: Duration = Duration::from_secs(2);
/// The longest pause, reached when looks in a row come upon a receiver that cannot be loaded: it
/// may be damaged for good.
const AGAIN_MOST: Duration = Duration::from_secs(60);

/// One box for each shell.
pub(crate) struct Post {
    boxes: Vec<Letters>,
    limit: usize,
    missed: Notify,
    stumbled: Notify,
}

#[derive(Default)]
struct Letters {
    waiting: Mutex<VecDeque<Message>>,
    came: Notify,
}

impl Letters {
    // One push or drain: whole after every statement.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Message>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Post {
    /// Empty boxes, each for at most `limit` messages. The first look into the store is due.
    pub(crate) fn new(shells: u16, limit: usize) -> Post {
        let missed = Notify::new();
        missed.notify_one();
        Post {
            boxes: (0..shells.max(1)).map(|_| Letters::default()).collect(),
            limit: limit.max(1),
            missed,
            stumbled: Notify::new(),
        }
    }

    /// Puts a message into the box of a shell, or sees to it that it is read from the store.
    pub(crate) fn put(&self, shell: u16, message: Message) {
        let letters = &self.boxes[usize::from(shell)];
        let mut waiting = letters.lock();
        if waiting.len() < self.limit {
            waiting.push_back(message);
            drop(waiting);
            letters.came.notify_one();
        } else {
            drop(waiting);
            self.look();
        }
    }

    /// Takes what came for a shell, the oldest first.
    pub(crate) fn take(&self, shell: u16, most: usize, messages: &mut Vec<Message>) {
        let mut waiting = self.boxes[usize::from(shell)].lock();
        let count = most.min(waiting.len());
        messages.extend(waiting.drain(..count));
    }

    /// Waits until something came for a shell since it last waited here.
    pub(crate) async fn came(&self, shell: u16) {
        self.boxes[usize::from(shell)].came.notified().await;
    }

    /// The store holds mail that nobody was told of.
    pub(crate) fn look(&self) {
        self.missed.notify_one();
    }

    /// The store holds mail whose receiver could not be loaded: the same read right now would
    /// most likely fail again.
    pub(crate) fn look_later(&self) {
        self.stumbled.notify_one();
    }
}

impl Shared {
    /// A message was committed.
    pub(crate) fn post(&self, message: banyan_store::Message) {
        let shell = self.config.shell_of(message.to);
        self.post.put(shell, self.mail(message, false));
    }

    fn mail(&self, message: banyan_store::Message, swept: bool) -> Message {
        let start = self.child_start(&message).map(Box::new);
        Message::Mail(Box::new(Mail {
            message,
            start,
            swept,
        }))
    }

    /// The start of a child, if that is what the message is. One that may not begin says why.
    fn child_start(&self, message: &banyan_store::Message) -> Option<Start> {
        if message.kind != "start" {
            return None;
        }
        let Ok(Telling::Start(asked)) = Telling::from_parts(&message.kind, &message.body) else {
            return None;
        };
        let ready = self.catalogue.ready(&asked.definition, asked.version);
        let ready = match ready {
            Ok(ready) => ready,
            Err(error) => {
                tracing::error!(saga = %message.to, error, "a child cannot begin");
                return None;
            }
        };
        let (versions, refused) = match self.catalogue.family(&ready.plan) {
            Ok(family) => (family.versions, None),
            Err(problem) => {
                let refused = refusal("child_not_registered", problem.to_string());
                (BTreeMap::new(), Some(refused))
            }
        };
        let violations = ready.check_input(&asked.input);
        let refused = refused.or_else(|| invalid(&asked.definition, &violations));
        let plan = Arc::clone(&ready.plan);
        Some(asked.into_start(message.to, plan, versions, refused))
    }
}

/// Looks again, after a pause, for mail whose receiver could not be loaded. Runs until the
/// engine ends.
pub(crate) async fn look_again(shared: Arc<Shared>) {
    let mut pause = AGAIN;
    let mut looked = shared.now();
    loop {
        shared.post.stumbled.notified().await;
        let quiet = Duration::from_millis(shared.now().since(looked));
        // What stumbles right behind a look stumbled over the same.
        pause = match quiet < AGAIN {
            true => (pause * 2).min(AGAIN_MOST),
            false => AGAIN,
        };
        shared.pause(pause).await;
        looked = shared.now();
        shared.post.look();
    }
}

/// Tells those of these sagas whose lock is free for them. Each has waited for long, so what
/// told it may have been lost (I-9).
pub(crate) async fn look_for_locks(shared: Arc<Shared>, ids: Vec<Id>) {
    let first = move |reader: &dyn Reader| -> Result<Vec<Id>, ReadError> {
        let mut free = Vec::new();
        for id in ids {
            let place = reader.lock(id)?;
            let is_free = place.is_some_and(|place| place.first == id && !place.holds);
            free.extend(is_free.then_some(id));
        }
        Ok(free)
    };
    match all(shared.read(first).await) {
        Some(free) => {
            for id in free {
                tracing::warn!(saga = %id, "I-9: its lock was free, and it had not been told");
                let shell = shared.config.shell_of(id);
                shared.post.put(shell, Message::Granted { id });
            }
        }
        None => shared.post.look_later(),
    }
}

/// Tells the shards of everything that the store holds for them: once at the start, and when
/// something found no room. Runs until the engine ends.
pub(crate) async fn run(shared: Arc<Shared>) {
    loop {
        shared.post.missed.notified().await;
        let read = messages(&shared).await && grants(&shared).await;
        if !read {
            shared.pause(AGAIN).await;
            shared.post.look();
        }
    }
}

/// Hands out all messages that are owed; false when they could not all be read.
async fn messages(shared: &Shared) -> bool {
    let limit = shared.config.page;
    let mut after: Option<(Id, MessageKey)> = None;
    loop {
        let Some(page) = all(shared
            .read(move |reader| reader.messages(after, limit))
            .await)
        else {
            return false;
        };
        let full = page.len() == limit;
        after = page.last().map(|last| (last.to, last.key()));
        for message in page {
            shared.gate.room().await;
            let to = message.to;
            shared.put(to, shared.mail(message, true)).await;
        }
        if !full {
            return true;
        }
    }
}

/// Tells all sagas that may take their lock; false when they could not all be read.
async fn grants(shared: &Shared) -> bool {
    let limit = shared.config.page;
    let mut after: Option<Id> = None;
    loop {
        let Some(page) = all(shared
            .read(move |reader| reader.granted(after, limit))
            .await)
        else {
            return false;
        };
        let full = page.len() == limit;
        after = page.last().copied();
        for id in page {
            shared.gate.room().await;
            shared.put(id, Message::Granted { id }).await;
        }
        if !full {
            return true;
        }
    }
}

/// Why a child with this input may not begin.
fn invalid(definition: &str, violations: &[Violation]) -> Option<Failure> {
    let first = violations.first()?;
    let place = match first.pointer.as_str() {
        "" => "the input".to_owned(),
        pointer => format!("the input at {pointer}"),
    };
    let more = match violations.len() {
        1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let message = format!(
        "{definition} does not take {place}: {}{more}",
        first.message
    );
    Some(refusal("invalid_input", message))
}

fn all<T>(read: Result<Result<T, banyan_store::ReadError>, crate::Refusal>) -> Option<T> {
    match read {
        Ok(Ok(page)) => Some(page),
        Ok(Err(error)) => {
            tracing::warn!(%error, "the mail between sagas cannot be read");
            None
        }
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::task::{Context, Waker};

    fn granted(number: u64) -> Message {
        let id = Id::new(1, number, 0);
        Message::Granted { id }
    }

    fn is_told(wait: impl Future<Output = ()>) -> bool {
        let mut wait = std::pin::pin!(wait);
        let mut context = Context::from_waker(Waker::noop());
        wait.as_mut().poll(&mut context).is_ready()
    }

    #[test]
    fn what_finds_no_room_is_read_from_the_store() {
        let post = Post::new(2, 2);
        assert!(is_told(post.missed.notified()), "the first look is due");
        for number in 0..2 {
            post.put(1, granted(number));
        }
        assert!(!is_told(post.missed.notified()));
        assert!(is_told(post.came(1)) && !is_told(post.came(0)));
        post.put(1, granted(2));
        assert!(is_told(post.missed.notified()));
        let mut taken = Vec::new();
        post.take(1, 1, &mut taken);
        post.take(1, 9, &mut taken);
        assert_eq!(taken.len(), 2, "what was there is kept");
    }
}
