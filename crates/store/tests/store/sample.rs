//! Rows and records to store.

use banyan_core::Timestamp;
use banyan_core::id::Id;
use banyan_core::saga::{Entry, Leg, Meaning, Next, Parent, Record, Started, Status, Value};
use banyan_core::time::Duration;
use banyan_store::{Change, Dealings, DefinitionRow, Pause, SagaRow, ServiceRow, Trouble};
use serde_json::json;
use std::collections::BTreeMap;

/// The moment at which all samples begin.
pub(crate) const START: i64 = 1_763_721_727_000;

/// The id of the sample saga with this number.
pub(crate) fn id(number: u64) -> Id {
    Id::new(START as u64 + number, number, 7)
}

/// The number of a sample saga.
pub(crate) fn number(wanted: Id) -> u64 {
    (0..10_000).find(|number| id(*number) == wanted).unwrap()
}

/// The row of a running sample saga whose journal has `seq` records.
pub(crate) fn row(number: u64, seq: u64) -> SagaRow {
    SagaRow {
        id: id(number),
        namespace: "default".to_owned(),
        definition: "order".to_owned(),
        version: 1,
        definition_hash: "5e".repeat(32),
        shard: 7,
        key: format!("key-{number}"),
        labels: BTreeMap::new(),
        status: Status::Running,
        reason: None,
        stuck: None,
        step: Some("charge".to_owned()),
        service: Some("payments".to_owned()),
        parked_since: None,
        also_parked: BTreeMap::new(),
        wake_at: Some(Timestamp(START + 30_000)),
        in_flight: true,
        seq,
        started_at: Timestamp(START + number as i64),
        updated_at: Timestamp(START + number as i64 + seq as i64),
        ended_at: None,
        deadline: None,
        owner: None,
        trouble: None,
    }
}

/// Records from `first` to `last`, two of each moment.
pub(crate) fn entries(row: &SagaRow, first: u64, last: u64) -> Vec<Entry> {
    (first..=last)
        .map(|seq| Entry {
            seq,
            at: Timestamp(row.started_at.0 + (seq as i64 + 1) / 2),
            record: record(row, seq),
        })
        .collect()
}

/// The records of a saga that another one runs.
pub(crate) fn child_entries(row: &SagaRow, parent: Id) -> Vec<Entry> {
    let mut all = entries(row, 1, row.seq);
    if let Record::Started(started) = &mut all[0].record {
        started.parent = Some(Parent {
            saga: parent,
            definition: "order".to_owned(),
            step: "charge".to_owned(),
        });
    }
    all
}

fn record(row: &SagaRow, seq: u64) -> Record {
    match seq {
        1 => Record::Started(Box::new(Started {
            definition: row.definition.clone(),
            version: row.version,
            definition_hash: row.definition_hash.clone(),
            namespace: row.namespace.clone(),
            key: row.key.clone(),
            call_seed: "seed".to_owned(),
            input: json!({"order": row.key, "total": "12.50", "lines": [1, 2.50, null]}),
            labels: row.labels.clone(),
            deadline: row.deadline,
            park_limit: Duration::from_secs(3_600),
            children: std::collections::BTreeMap::new(),
            parent: None,
            lock: None,
        })),
        even if even % 2 == 0 => Record::AttemptStarted {
            step: "charge".to_owned(),
            leg: Leg::Do,
            round: 1,
            attempt: even as u32 / 2,
            key: "kq0Yy3h1Zb2sR9cVd4TfWg".to_owned(),
            body_hash: "0a".repeat(32),
            until: Timestamp(START + 30_000),
            keys_until: Timestamp(START + 86_400_000),
        },
        odd => Record::AttemptEnded {
            step: "charge".to_owned(),
            leg: Leg::Do,
            attempt: odd as u32 / 2,
            status: Some(200),
            took_ms: 12,
            meaning: Meaning::Done,
            message: None,
            instance: Some("http://127.0.0.1:7001".to_owned()),
            interrupted: false,
            next: Next::Done {
                result: Value::Json(json!({"receipt": "r-1", "amount": 12.50})),
            },
        },
    }
}

/// The start of a row with its first records.
pub(crate) fn start(row: &SagaRow) -> Change {
    Change::Start {
        row: row.clone(),
        request_hash: "c0".repeat(32),
        entries: entries(row, 1, row.seq),
        dealings: Dealings::default(),
    }
}

/// The next records of a saga, up to the row's `seq`.
pub(crate) fn append(row: &SagaRow, expected_seq: u64) -> Change {
    Change::Append {
        row: row.clone(),
        expected_seq,
        entries: entries(row, expected_seq + 1, row.seq),
        dealings: Dealings::default(),
    }
}

/// A start or an append with these dealings.
pub(crate) fn with(mut change: Change, wanted: Dealings) -> Change {
    match &mut change {
        Change::Start { dealings, .. } | Change::Append { dealings, .. } => *dealings = wanted,
        other => panic!("it has no dealings: {other:?}"),
    }
    change
}

/// The row once it has come to its end.
pub(crate) fn ended(mut row: SagaRow, status: Status, seq: u64) -> SagaRow {
    row.status = status;
    row.step = None;
    row.service = None;
    row.wake_at = None;
    row.in_flight = false;
    row.parked_since = None;
    row.also_parked.clear();
    row.trouble = None;
    row.seq = seq;
    row.ended_at = Some(Timestamp(row.started_at.0 + seq as i64));
    row
}

/// What goes wrong with a saga.
pub(crate) fn trouble(since: i64, kind: &str, code: &str) -> Trouble {
    let cause = json!({
        "kind": kind, "step": "charge", "leg": "undo", "service": "payments", "code": code,
    });
    Trouble {
        since: Timestamp(since),
        cause: serde_json::from_value(cause).unwrap(),
    }
}

/// A version of a definition.
pub(crate) fn definition(name: &str, version: u32, hash: &str) -> DefinitionRow {
    DefinitionRow {
        name: name.to_owned(),
        version,
        hash: hash.to_owned(),
        source: format!("saga: {name}\n"),
        resolved: json!({"name": name, "limit": 1.50}),
        registered_at: Timestamp(START),
        active: false,
        refusal: None,
    }
}

/// A pause.
pub(crate) fn pause(reason: &str) -> Pause {
    Pause {
        reason: reason.to_owned(),
        by: "ada".to_owned(),
        since: Timestamp(START),
    }
}

/// A service.
pub(crate) fn service(name: &str) -> ServiceRow {
    ServiceRow {
        name: name.to_owned(),
        settings: json!({"url": "http://127.0.0.1:7001", "keys_kept": "24h"}),
        paused: None,
        changed_at: Timestamp(START),
    }
}
