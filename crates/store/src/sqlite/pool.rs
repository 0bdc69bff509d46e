//! A few connections for reading, lent out one at a time.

use crate::port::ReadError;
use rusqlite::Connection;
use std::ops::Deref;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// A read waits so long for a connection before it says that the store is busy.
const PATIENCE: Duration = Duration::from_secs(10);

/// The idle connections.
#[derive(Debug)]
pub(crate) struct Pool {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
}

impl Pool {
    pub(crate) fn new(connections: Vec<Connection>) -> Pool {
        Pool {
            idle: Mutex::new(connections),
            returned: Condvar::new(),
        }
    }

    /// Lends a connection; it comes back when dropped.
    ///
    /// # Errors
    /// `Unavailable` when all stay in use for too long.
    pub(crate) fn lend(&self) -> Result<Lent<'_>, ReadError> {
        // The list is whole at every instant, so a panic elsewhere does not spoil it.
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut idle, _) = self
            .returned
            .wait_timeout_while(idle, PATIENCE, |idle| idle.is_empty())
            .unwrap_or_else(PoisonError::into_inner);
        match idle.pop() {
            Some(connection) => Ok(Lent {
                pool: self,
                connection: Some(connection),
            }),
            None => Err(ReadError::Unavailable {
                message: "too many reads at once: try again, with narrower filters".to_owned(),
            }),
        }
    }
}

/// A connection on loan.
pub(crate) struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
}

impl Deref for Lent<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            // Only drop takes it.
            None => unreachable!("a lent connection was returned before its time"),
        }
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let mut idle = self
            .pool
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        idle.extend(self.connection.take());
        self.pool.returned.notify_one();
    }
}
