//! The idle connections of one instance: last in, first out, bounded in number and age.
//!
//! A connection is here only between calls. One that was closed or has spoken meanwhile is
//! dropped when it is taken, not used.

use crate::clock;
use crate::limits::{IDLE_AGE_MAX, IDLE_MAX};
use crate::link::Link;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::time::Instant;

/// The idle connections of one instance, oldest first.
#[derive(Default)]
pub(crate) struct Pool(Mutex<VecDeque<Idle>>);

struct Idle {
    link: Link,
    since: Instant,
}

impl Pool {
    /// The youngest idle connection that can be used.
    pub(crate) async fn take(&self) -> Option<Link> {
        loop {
            let mut idle = self.lock().pop_back()?;
            if idle.since.elapsed() < IDLE_AGE_MAX && idle.link.is_ready().await {
                return Some(idle.link);
            }
        }
    }

    /// Keeps a connection whose answer was read to its end, if it can be used again.
    pub(crate) async fn keep(&self, mut link: Link) {
        if !link.is_ready().await {
            return;
        }
        let mut idle = self.lock();
        let displaced = if idle.len() < IDLE_MAX {
            None
        } else {
            idle.pop_front()
        };
        idle.push_back(Idle {
            link,
            since: clock::now(),
        });
        // Closing a socket is a system call: not under the lock.
        drop(idle);
        drop(displaced);
    }

    /// Closes what has been idle for too long.
    pub(crate) fn sweep(&self) {
        let now = clock::now();
        let mut idle = self.lock();
        let is_old = |idle: &Idle| now.saturating_duration_since(idle.since) >= IDLE_AGE_MAX;
        let count = idle.iter().take_while(|idle| is_old(idle)).count();
        let old: Vec<Idle> = idle.drain(..count).collect();
        drop(idle);
        drop(old);
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.lock().len()
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        // Nothing that can panic runs under the lock, and a queue is whole after every step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::link::Stream;
    use tokio::net::{TcpListener, TcpStream};

    async fn links(count: usize) -> (Vec<Link>, Vec<TcpStream>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (mut links, mut servers) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let client = TcpStream::connect(listener.local_addr().unwrap())
                .await
                .unwrap();
            servers.push(listener.accept().await.unwrap().0);
            links.push(Link::new(Stream::Plain(client)).await.unwrap());
        }
        (links, servers)
    }

    #[tokio::test]
    async fn the_youngest_is_taken_first_and_the_old_are_closed() {
        let pool = Pool::default();
        let (links, _servers) = links(4).await;
        let mut links = links.into_iter();
        tokio::time::pause();
        for link in links.by_ref().take(2) {
            pool.keep(link).await;
        }
        tokio::time::advance(IDLE_AGE_MAX / 2).await;
        for link in links {
            pool.keep(link).await;
        }
        assert!(pool.take().await.is_some());
        tokio::time::advance(IDLE_AGE_MAX / 2).await;
        assert_eq!(pool.len(), 3);
        pool.sweep();
        assert_eq!(pool.len(), 1, "the two oldest are gone");
        tokio::time::advance(IDLE_AGE_MAX / 2).await;
        assert!(pool.take().await.is_none(), "none is used past its age");
        assert_eq!(pool.len(), 0);
    }
}
