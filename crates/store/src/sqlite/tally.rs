//! What a commit changes in the counts of sagas: added up in memory, written once a commit.

use banyan_core::saga::Status;
use rusqlite::Connection;
use std::collections::BTreeMap;

/// Sums of one commit.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    status: [i64; Status::ALL.len()],
    parked: BTreeMap<String, i64>,
}

impl Tally {
    /// Forgets the commit before.
    pub(crate) fn clear(&mut self) {
        self.status = Default::default();
        self.parked.clear();
    }

    /// So many more (or fewer) sagas of a status.
    pub(crate) fn status(&mut self, status: &str, more: i64) {
        for (sum, one) in self.status.iter_mut().zip(Status::ALL) {
            if one.as_str() == status {
                *sum += more;
            }
        }
    }

    /// So many more (or fewer) sagas parked for a service.
    pub(crate) fn parked(&mut self, service: &str, more: i64) {
        if let Some(sum) = self.parked.get_mut(service) {
            *sum += more;
        } else {
            self.parked.insert(service.to_owned(), more);
        }
    }

    /// Writes the sums, within the commit's transaction.
    pub(crate) fn write(&self, connection: &Connection) -> rusqlite::Result<()> {
        let status = Status::ALL.iter().map(|status| status.as_str());
        let status = status
            .zip(&self.status)
            .map(|(name, sum)| ("status", name, *sum));
        let parked = self.parked.iter();
        let parked = parked.map(|(name, sum)| ("parked", name.as_str(), *sum));
        for (kind, name, sum) in status.chain(parked).filter(|(.., sum)| *sum != 0) {
            connection
                .prepare_cached(
                    "INSERT INTO saga_count (kind, name, sagas) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET sagas = sagas + excluded.sagas",
                )?
                .execute((kind, name, sum))?;
        }
        Ok(())
    }
}
