//! Sagas parked for a service: by the one that stands in their row, and by the others, which
//! have a table of their own. A saga that is parked for one service, like nearly all that are
//! parked at all, has nothing in that table.

use super::reader::{count, from, moment_and_id, query};
use super::tally::Tally;
use crate::port::ReadError;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use rusqlite::Connection;
use rusqlite::types::ToSql;
use std::collections::BTreeMap;

/// Both halves are in the order of their index, so that they are merged and nothing is sorted.
const PARKED: &str = "
    SELECT parked_since, id FROM saga INDEXED BY saga_parked
    WHERE parked_since IS NOT NULL AND service = ?1 AND (parked_since, id) > (?2, ?3)
    UNION ALL
    SELECT parked_since, saga_id FROM parked
    WHERE service = ?1 AND (parked_since, saga_id) > (?2, ?3)
    ORDER BY 1, 2 LIMIT ?4";

/// Sagas with a leg parked for this service, oldest parked first.
pub(crate) fn parked(
    connection: &Connection,
    service: &str,
    after: Option<(Timestamp, Id)>,
    limit: usize,
) -> Result<Vec<(Timestamp, Id)>, ReadError> {
    let (at, id) = from(after);
    let limit = count(limit);
    let parameters: [&dyn ToSql; 4] = [&service, &at, &id, &limit];
    query(connection, PARKED, &parameters, moment_and_id)
}

/// The other services that a saga is parked for are these from now on. `some` says whether there
/// may be any so far.
pub(crate) fn replace(
    connection: &Connection,
    tally: &mut Tally,
    id: Id,
    some: bool,
    wanted: &BTreeMap<String, Timestamp>,
) -> rusqlite::Result<()> {
    let stored = match some {
        true => stored(connection, id)?,
        false => Stored::default(),
    };
    if stored.whole && stored.rows == *wanted {
        return Ok(());
    }
    if !stored.rows.is_empty() || !stored.whole {
        connection
            .prepare_cached("DELETE FROM parked WHERE saga_id = ?1")?
            .execute([id.as_bytes()])?;
    }
    for (service, since) in wanted {
        connection
            .prepare_cached(
                "INSERT INTO parked (service, parked_since, saga_id) VALUES (?1, ?2, ?3)",
            )?
            .execute((service, since.0, id.as_bytes()))?;
        tally.parked(service, 1);
    }
    for service in stored.rows.keys() {
        tally.parked(service, -1);
    }
    Ok(())
}

/// What stands in the table for a saga.
struct Stored {
    rows: BTreeMap<String, Timestamp>,
    /// All of it can be read. These rows have no checksum: what cannot be read is written anew.
    whole: bool,
}

impl Default for Stored {
    fn default() -> Stored {
        Stored {
            rows: BTreeMap::new(),
            whole: true,
        }
    }
}

fn stored(connection: &Connection, id: Id) -> rusqlite::Result<Stored> {
    let mut statement =
        connection.prepare_cached("SELECT service, parked_since FROM parked WHERE saga_id = ?1")?;
    let mut rows = statement.query([id.as_bytes()])?;
    let mut stored = Stored::default();
    while let Some(row) = rows.next()? {
        match (row.get(0), row.get(1)) {
            (Ok(service), Ok(since)) => drop(stored.rows.insert(service, Timestamp(since))),
            _ => stored.whole = false,
        }
    }
    Ok(stored)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parked_sagas_of_a_service_are_read_off_two_indexes_and_nothing_is_sorted() {
        let folder = tempfile::tempdir().unwrap();
        crate::sqlite::open(folder.path(), Default::default()).unwrap();
        let connection = Connection::open(folder.path().join(crate::sqlite::FILE)).unwrap();
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {PARKED}"))
            .unwrap();
        let plan = statement
            .query_map(("stock", 0, [0_u8; 16], 10), |row| row.get(3))
            .unwrap();
        let plan: Vec<String> = plan.collect::<Result<_, _>>().unwrap();
        assert!(
            plan.iter()
                .all(|step| !step.contains("TEMP B-TREE") && !step.starts_with("SCAN")),
            "{plan:#?}"
        );
        assert!(
            plan.iter().any(|step| step.contains("saga_parked")),
            "{plan:#?}"
        );
        assert!(
            plan.iter()
                .any(|step| step.contains("parked USING PRIMARY KEY")),
            "{plan:#?}"
        );
    }
}
