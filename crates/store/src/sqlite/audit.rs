//! The audit: rows are added, and go from the oldest on.

use super::checksum::checksum;
use super::{error, reader, row};
use crate::audit::{AuditEntry, AuditQuery, AuditRow, Standing};
use crate::port::ReadError;
use banyan_core::id::Id;
use banyan_core::{Json, Timestamp};
use rusqlite::types::{ToSql, Value, ValueRef};
use rusqlite::{Connection, Row};

/// Columns that the checksum covers: all but the number and itself.
const COVERED: usize = 12;

/// Adds a row.
pub(crate) fn add(
    connection: &Connection,
    row: &AuditRow,
    scratch: &mut Vec<u8>,
) -> rusqlite::Result<()> {
    let detail = (!row.detail.is_null()).then(|| row::json(&row.detail));
    let text =
        |text: Option<&'_ str>| text.map_or(Value::Null, |text| Value::from(text.to_owned()));
    let blob = |id: Option<Id>| id.map_or(Value::Null, |id| Value::Blob(id.as_bytes().to_vec()));
    let status = |standing: Option<Standing>| text(standing.map(|one| one.status.as_str()));
    let seq = |standing: Option<Standing>| {
        let seq = standing.map(|one| i64::try_from(one.seq).unwrap_or(i64::MAX));
        seq.map_or(Value::Null, Value::from)
    };
    let values = [
        Value::from(row.at.0),
        text(Some(&row.actor)),
        text(Some(&row.verb)),
        blob(row.saga),
        text(row.name.as_deref()),
        blob(row.operation),
        text(Some(&row.reason)),
        status(row.before),
        seq(row.before),
        status(row.after),
        seq(row.after),
        text(detail.as_deref()),
    ];
    let covered: Vec<ValueRef<'_>> = values.iter().map(ValueRef::from).collect();
    let check = Value::from(checksum(&covered, scratch));
    connection
        .prepare_cached(
            "INSERT INTO audit (at, actor, verb, saga_id, name, operation_id, reason,
                 before_status, before_seq, after_status, after_seq, detail, checksum)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(rusqlite::params_from_iter(values.iter().chain([&check])))?;
    Ok(())
}

/// Rows, newest first.
pub(crate) fn audit(
    connection: &Connection,
    query: &AuditQuery,
) -> Result<Vec<AuditEntry>, ReadError> {
    let mut values: Vec<Value> = Vec::new();
    let mut conditions = vec!["true".to_owned()];
    let mut among = |column: &str, wanted: Vec<Value>| {
        if wanted.is_empty() {
            return;
        }
        let first = values.len() + 1;
        values.extend(wanted);
        let places = (first..=values.len()).map(|place| format!("?{place}"));
        let places: Vec<String> = places.collect();
        conditions.push(format!("{column} IN ({})", places.join(", ")));
    };
    let texts = |texts: &[String]| texts.iter().cloned().map(Value::from).collect();
    let ids = query.saga.iter().map(|id| id.as_bytes().to_vec().into());
    among("saga_id", ids.collect());
    among("actor", texts(&query.actor));
    among("verb", texts(&query.verb));
    let bounds = [
        ("at >", query.after.map(|after| after.0)),
        ("number <", query.below.map(signed)),
    ];
    for (comparison, bound) in bounds {
        if let Some(bound) = bound {
            values.push(bound.into());
            conditions.push(format!("{comparison} ?{}", values.len()));
        }
    }
    let sql = format!(
        "SELECT at, actor, verb, saga_id, name, operation_id, reason, before_status, before_seq,
             after_status, after_seq, detail, checksum, number
         FROM audit WHERE {} ORDER BY number DESC LIMIT {}",
        conditions.join(" AND "),
        reader::count(query.limit),
    );
    let parameters: Vec<&dyn ToSql> = values.iter().map(|value| value as &dyn ToSql).collect();
    let mut scratch = Vec::new();
    reader::query(connection, &sql, &parameters, |row| {
        decode(row, &mut scratch)
    })
}

/// The numbers of the oldest rows, up to the first that is later or belongs to an operation
/// that is open.
pub(crate) fn audit_until(
    connection: &Connection,
    until: Timestamp,
    limit: usize,
) -> Result<Vec<u64>, ReadError> {
    let sql = "SELECT number, at <= ?1 AND NOT EXISTS
                   (SELECT 1 FROM operation WHERE id = audit.operation_id AND open = 1)
               FROM audit ORDER BY number LIMIT ?2";
    let parameters: [&dyn ToSql; 2] = [&until.0, &reader::count(limit)];
    let rows = reader::query(connection, sql, &parameters, |row| {
        let read = |error: rusqlite::Error| error::read(&error);
        let number: i64 = row.get(0).map_err(read)?;
        let due: bool = row.get(1).map_err(read)?;
        Ok((u64::try_from(number).unwrap_or_default(), due))
    })?;
    let due = rows.into_iter().take_while(|(_, due)| *due);
    Ok(due.map(|(number, _)| number).collect())
}

/// Removes a row; false when there is none, or an open operation counts on it.
pub(crate) fn forget(connection: &Connection, number: u64) -> rusqlite::Result<bool> {
    let gone = connection
        .prepare_cached(
            "DELETE FROM audit WHERE number = ?1 AND NOT EXISTS
                 (SELECT 1 FROM operation WHERE id = audit.operation_id AND open = 1)",
        )?
        .execute([signed(number)])?;
    Ok(gone == 1)
}

/// Those of these sagas that an operation has done its verb to.
pub(crate) fn taken_by(
    connection: &Connection,
    operation: Id,
    sagas: &[Id],
) -> Result<Vec<Id>, ReadError> {
    let sql = "SELECT 1 FROM audit INDEXED BY audit_saga
               WHERE saga_id = ?1 AND operation_id = ?2 LIMIT 1";
    let mut taken = Vec::new();
    for saga in sagas {
        let parameters: [&dyn ToSql; 2] = [saga.as_bytes(), operation.as_bytes()];
        let found = reader::query(connection, sql, &parameters, |_| Ok(()))?;
        taken.extend(found.first().map(|()| *saga));
    }
    Ok(taken)
}

fn decode(row: &Row<'_>, scratch: &mut Vec<u8>) -> Result<AuditEntry, ReadError> {
    let failed = |error: rusqlite::Error| error::read(&error);
    let number: i64 = row.get(COVERED + 1).map_err(failed)?;
    let damaged = |what: &str| ReadError::Damaged {
        message: format!("row {number} of the audit: {what}"),
    };
    let mut columns = [ValueRef::Null; COVERED];
    for (place, column) in columns.iter_mut().enumerate() {
        *column = row.get_ref(place).map_err(failed)?;
    }
    let check: i64 = row.get(COVERED).map_err(failed)?;
    if check != checksum(&columns, scratch) {
        return Err(damaged("its checksum is wrong"));
    }
    let parsed = read(&columns).ok_or_else(|| damaged("it does not parse"))?;
    Ok(AuditEntry {
        number: u64::try_from(number).unwrap_or_default(),
        row: parsed,
    })
}

fn read(columns: &[ValueRef<'_>; COVERED]) -> Option<AuditRow> {
    let text = |place: usize| columns[place].as_str().ok().map(str::to_owned);
    let optional = |place: usize| columns[place].as_str_or_null().ok();
    let id = |place: usize| match columns[place].as_blob_or_null().ok()? {
        None => Some(None),
        Some(bytes) => Some(Some(Id::from_bytes(bytes.try_into().ok()?))),
    };
    let standing = |place: usize| match (optional(place)?, columns[place + 1]) {
        (None, _) => Some(None),
        (Some(status), seq) => Some(Some(Standing {
            status: row::read_status(status)?,
            seq: u64::try_from(seq.as_i64().ok()?).ok()?,
        })),
    };
    Some(AuditRow {
        at: Timestamp(columns[0].as_i64().ok()?),
        actor: text(1)?,
        verb: text(2)?,
        saga: id(3)?,
        name: optional(4)?.map(str::to_owned),
        operation: id(5)?,
        reason: text(6)?,
        before: standing(7)?,
        after: standing(9)?,
        detail: match optional(11)? {
            None => Json::Null,
            Some(text) => serde_json::from_str(text).ok()?,
        },
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
