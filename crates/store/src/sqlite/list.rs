//! Lists by filter: one query whose way in is the most selective thing that the filter names.
//!
//! Start keys with namespace and definition come from the start keys' table, labels from
//! theirs, open statuses from the index of open sagas. Everything else walks back in time from
//! the newest saga, within the bounds that the filter sets.

use super::row;
use super::writer::key_hash;
use super::{error, items, reader};
use crate::operations::{Item, Selection};
use crate::port::{Cursor, Filter, ReadError, SagaRow};
use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::limits::DEFINITION_LEVELS;
use banyan_core::path::is_general;
use banyan_core::saga::Status;
use rusqlite::Connection;
use rusqlite::types::Value;

/// How far a saga's start and the moment in its id can lie apart.
const HOUR_MS: i64 = 60 * 60 * 1_000;

/// Word for word the condition of the index `saga_open`, which SQLite then knows to use.
pub(super) const OPEN: &str = "(status = 'running' OR status = 'compensating' OR status = 'stuck')";

/// Start keys are looked up one by one up to so many.
const KEY_LOOKUPS: usize = 1_000;

/// Rows by filter, newest first. One that is damaged is told in the log and left out, so that it
/// hides no other.
pub(crate) fn list(
    connection: &Connection,
    filter: &Filter,
    mut after: Option<Cursor>,
    limit: usize,
) -> Result<Vec<SagaRow>, ReadError> {
    let mut decoded = Vec::new();
    loop {
        let wanted = limit - decoded.len();
        let seen = stretch(connection, filter, (after, wanted), &mut decoded)?;
        match seen.last() {
            Some(last) if seen.len() == wanted && decoded.len() < limit => after = Some(*last),
            Some(_) | None => return Ok(decoded),
        }
    }
}

/// The rows that a stretch of the list has, whole ones; the ids of all that it came by.
fn stretch(
    connection: &Connection,
    filter: &Filter,
    (after, limit): (Option<Cursor>, usize),
    decoded: &mut Vec<SagaRow>,
) -> Result<Vec<Cursor>, ReadError> {
    let mut query = Query::of(filter);
    if let Some(after) = after {
        query.compare("saga.id <", id(after));
    }
    let sql = format!(
        "SELECT {} FROM {} WHERE {} ORDER BY {} DESC LIMIT {}",
        row::COLUMNS,
        query.from,
        query.conditions.join(" AND "),
        query.order,
        reader::count(limit),
    );
    let mut seen = Vec::new();
    query.run(connection, &sql, |row| {
        seen.push(row::read_id(row, 0)?);
        match row::decode(row) {
            Ok(whole) => decoded.push(whole),
            Err(error @ ReadError::Damaged { .. }) => tracing::error!(%error, "it is left out"),
            Err(error @ ReadError::Unavailable { .. }) => return Err(error),
        }
        Ok(())
    })?;
    Ok(seen)
}

/// What a filter selects, newest first, out of one snapshot.
pub(crate) fn select(
    connection: &Connection,
    filter: &Filter,
    most: usize,
) -> Result<Selection, ReadError> {
    let query = Query::of(filter);
    let sql = format!(
        "SELECT saga.id, saga.seq, saga.definition, saga.status FROM {}
         WHERE {} ORDER BY {} DESC LIMIT {}",
        query.from,
        query.conditions.join(" AND "),
        query.order,
        reader::count(most.saturating_add(1)),
    );
    let mut selection = Selection::default();
    query.run(connection, &sql, |row| {
        let failed = |error: rusqlite::Error| error::read(&error);
        let id = row::read_id(row, 0)?;
        let definition = row.get_ref(2).map_err(failed)?.as_str().unwrap_or_default();
        let status = row.get_ref(3).map_err(failed)?.as_str().unwrap_or_default();
        let (Ok(seq), Some(status)) = (row.get::<_, i64>(1), row::read_status(status)) else {
            let message = format!("the row of saga {id} does not parse");
            return Err(ReadError::Damaged { message });
        };
        let seq = u64::try_from(seq).unwrap_or_default();
        selection.add(most, Item { id, seq }, definition, status);
        Ok(())
    })?;
    Ok(selection)
}

/// A query in the making. Values are bound, never spliced in.
struct Query {
    from: &'static str,
    order: &'static str,
    conditions: Vec<String>,
    values: Vec<Value>,
}

impl Default for Query {
    fn default() -> Query {
        Query {
            from: "saga",
            order: "saga.id",
            conditions: vec!["true".to_owned()],
            values: Vec::new(),
        }
    }
}

impl Query {
    fn of(filter: &Filter) -> Query {
        let mut query = Query::default();
        query.way_in(filter);
        query.columns(filter);
        query.labels(filter);
        query.times(filter);
        if filter.stalled {
            // Nobody here knows which these are: none, rather than all.
            query.conditions.push("false".to_owned());
        }
        query
    }

    /// Runs it; its statement is not cached, since filters have countless shapes.
    fn run(
        &self,
        connection: &Connection,
        sql: &str,
        mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), ReadError>,
    ) -> Result<(), ReadError> {
        let failed = |error: rusqlite::Error| error::read(&error);
        let mut statement = connection.prepare(sql).map_err(failed)?;
        let parameters = rusqlite::params_from_iter(&self.values);
        let mut rows = statement.query(parameters).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            take(row)?;
        }
        Ok(())
    }

    fn way_in(&mut self, filter: &Filter) {
        let keys = filter.namespace.len() * filter.definition.len() * filter.key.len();
        if (1..=KEY_LOOKUPS).contains(&keys) {
            self.from = "start_key CROSS JOIN saga ON saga.id = start_key.saga_id";
            self.among("start_key.hash", key_hashes(filter));
        } else if let Some((name, values)) = filter.label.iter().next() {
            self.from = "label CROSS JOIN saga ON saga.id = label.saga_id";
            self.order = "label.saga_id";
            self.compare("label.name =", name.clone().into());
            self.texts("label.value", values);
            if !filter.namespace.is_empty() {
                self.texts("label.namespace", &filter.namespace);
            }
        } else if !filter.status.is_empty() && filter.status.iter().all(is_open) {
            self.from = "saga INDEXED BY saga_open";
            self.conditions.push(OPEN.to_owned());
        }
    }

    fn columns(&mut self, filter: &Filter) {
        let texts = [
            ("saga.namespace", &filter.namespace),
            ("saga.definition", &filter.definition),
            ("saga.key", &filter.key),
            ("saga.owner", &filter.owner),
        ];
        for (column, values) in texts {
            if !values.is_empty() {
                self.texts(column, values);
            }
        }
        if !filter.step.is_empty() {
            self.steps(&filter.step);
        }
        if !filter.service.is_empty() {
            self.services(&filter.service);
        }
        if !filter.version.is_empty() {
            let versions = filter.version.iter().map(|version| Value::from(*version));
            self.among("saga.version", versions.collect());
        }
        if !filter.status.is_empty() {
            let status = filter
                .status
                .iter()
                .map(|status| status.as_str().to_owned());
            self.among("saga.status", status.map(Value::from).collect());
        }
        if !filter.code.is_empty() {
            self.texts("saga.reason", &filter.code);
            let reason = self.conditions.pop().unwrap_or_default();
            self.texts("saga.stuck", &filter.code);
            let stuck = self.conditions.pop().unwrap_or_default();
            self.conditions.push(format!("({reason} OR {stuck})"));
        }
    }

    /// The step that a saga stands at: this one, or that of any item.
    fn steps(&mut self, wanted: &[String]) {
        let (general, exact): (Vec<String>, Vec<String>) =
            wanted.iter().cloned().partition(|path| is_general(path));
        let mut ways = Vec::new();
        if !exact.is_empty() {
            self.texts("saga.step", &exact);
            ways.extend(self.conditions.pop());
        }
        // No path has more, and no more are looked for.
        let can_be = |path: &&String| path.matches("[]").count() <= DEFINITION_LEVELS;
        for path in general.iter().filter(can_be) {
            let globs = items::globs(path);
            let first = self.conditions.len();
            self.compare("saga.step GLOB", globs.like.into());
            for unlike in globs.unlike {
                self.compare("saga.step NOT GLOB", unlike.into());
            }
            ways.push(self.conditions.split_off(first).join(" AND "));
        }
        if ways.is_empty() {
            ways.push("false".to_owned());
        }
        self.conditions.push(format!("({})", ways.join(" OR ")));
    }

    /// The service that a saga waits on, or one of the others that it is parked for.
    fn services(&mut self, wanted: &[String]) {
        self.texts("saga.service", wanted);
        let waits = self.conditions.pop().unwrap_or_default();
        self.texts("parked.service", wanted);
        let parked = self.conditions.pop().unwrap_or_default();
        self.conditions.push(format!(
            "({waits} OR (saga.parked_since IS NOT NULL AND EXISTS (
                 SELECT 1 FROM parked WHERE parked.saga_id = saga.id AND {parked})))"
        ));
    }

    /// Every label of the filter, also the one that was the way in.
    fn labels(&mut self, filter: &Filter) {
        for (name, values) in &filter.label {
            self.compare("other.name =", name.clone().into());
            let named = self.conditions.pop().unwrap_or_default();
            self.texts("other.value", values);
            let valued = self.conditions.pop().unwrap_or_default();
            self.conditions.push(format!(
                "EXISTS (SELECT 1 FROM label AS other WHERE {named} AND {valued}
                 AND other.namespace = saga.namespace AND other.saga_id = saga.id)"
            ));
        }
    }

    fn times(&mut self, filter: &Filter) {
        let times = [
            ("saga.started_at >", filter.started_after),
            ("saga.started_at <", filter.started_before),
            ("saga.ended_at >", filter.ended_after),
            ("saga.ended_at <", filter.ended_before),
        ];
        for (comparison, at) in times {
            if let Some(at) = at {
                self.compare(comparison, at.0.into());
            }
        }
        // Nothing ends before it starts; ids bound the walk, as they are in order of time.
        if let Some(after) = filter.started_after {
            self.compare("saga.id >=", at(after, -HOUR_MS));
        }
        let before = [filter.started_before, filter.ended_before];
        if let Some(before) = before.into_iter().flatten().min() {
            self.compare("saga.id <", at(before, HOUR_MS));
        }
    }

    fn compare(&mut self, left: &str, value: Value) {
        self.values.push(value);
        self.conditions
            .push(format!("{left} ?{}", self.values.len()));
    }

    fn texts(&mut self, column: &str, values: &[String]) {
        self.among(column, values.iter().cloned().map(Value::from).collect());
    }

    fn among(&mut self, column: &str, values: Vec<Value>) {
        let first = self.values.len() + 1;
        self.values.extend(values);
        let places: Vec<String> = (first..=self.values.len())
            .map(|place| format!("?{place}"))
            .collect();
        self.conditions
            .push(format!("{column} IN ({})", places.join(", ")));
    }
}

fn is_open(status: &Status) -> bool {
    matches!(
        status,
        Status::Running | Status::Compensating | Status::Stuck
    )
}

fn key_hashes(filter: &Filter) -> Vec<Value> {
    let mut hashes = Vec::new();
    for namespace in &filter.namespace {
        for definition in &filter.definition {
            for key in &filter.key {
                hashes.push(key_hash(namespace, definition, key).to_vec().into());
            }
        }
    }
    hashes
}

fn id(id: Id) -> Value {
    Value::Blob(id.as_bytes().to_vec())
}

/// The lowest id of a moment.
fn at(moment: Timestamp, add: i64) -> Value {
    let millis = moment.0.saturating_add(add).clamp(0, (1 << 48) - 1);
    // An id begins with its moment, in six bytes.
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
    Value::Blob(bytes.to_vec())
}
