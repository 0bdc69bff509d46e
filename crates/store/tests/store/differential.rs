//! The same operations on memory and on SQLite give the same answers and the same rows.

use crate::sample::{START, child_entries, definition, entries, id, pause, row, service, trouble};
use banyan_core::Timestamp;
use banyan_core::saga::{Reason, ReasonCode, Status};
use banyan_store::{
    Change, Committed, Dealings, EndedQuery, Filter, LockChange, MemoryReader, Message, MessageKey,
    Reader, SagaRow, TroubleQuery, WakeQuery, Writer, memory, sqlite,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

const SAGAS: u64 = 8;
const NAMES: [&str; 3] = ["a", "b", "c"];

/// An operation; numbers choose among few names, so that operations meet.
#[derive(Clone, Debug)]
enum Operation {
    Start(Shape, Dealt),
    Append {
        shape: Shape,
        dealt: Dealt,
        records: u64,
        stale: bool,
    },
    Definition {
        name: usize,
        version: u32,
        hash: usize,
        active: bool,
    },
    Activate {
        name: usize,
        version: u32,
    },
    Accepting {
        name: usize,
        refuse: bool,
    },
    Service {
        name: usize,
        paused: bool,
    },
    DeleteService {
        name: usize,
    },
    TakeMessage {
        to: u64,
        from: u64,
        seq: u64,
    },
    Purge {
        saga: u64,
    },
    Forget {
        saga: u64,
    },
}

/// What a saga's dealings are drawn from.
#[derive(Clone, Debug)]
struct Dealt {
    sent: Vec<(u64, u64)>,
    taken: Vec<(u64, u64)>,
    lock: Option<(usize, usize)>,
}

fn dealt() -> impl Strategy<Value = Dealt> {
    let few = || prop_oneof![2 => Just(vec![]), 1 => vec((0..SAGAS, 0..3_u64), 1..3)];
    let lock = option::weighted(0.5, (0..4_usize, 0..2_usize));
    (few(), few(), lock).prop_map(|(sent, taken, lock)| Dealt { sent, taken, lock })
}

/// The dealings of a saga whose last record is `seq`.
fn dealings(dealt: &Dealt, row: &SagaRow) -> Dealings {
    let message = |(to, back): &(u64, u64)| {
        let seq = row.seq.saturating_sub(*back).max(1);
        Message {
            to: id(*to),
            from: row.id,
            seq,
            kind: NAMES[*back as usize].to_owned(),
            body: json!({"to": to, "amount": 12.50, "records": row.seq}),
        }
    };
    let key = |(from, seq): &(u64, u64)| MessageKey {
        from: id(*from),
        seq: 1 + seq,
    };
    let lock = dealt.lock.map(|(step, value)| {
        let value = ["5e".repeat(32), "no hash".to_owned()][value].clone();
        match step {
            0 => LockChange::Join { value },
            1 => LockChange::JoinFirst { value },
            2 => LockChange::Take,
            _ => LockChange::Leave,
        }
    });
    Dealings {
        messages: dealt.sent.iter().map(message).collect(),
        taken: dealt.taken.iter().map(key).collect(),
        lock,
        audit: Vec::new(),
    }
}

/// What a row is drawn from.
#[derive(Clone, Debug)]
struct Shape {
    saga: u64,
    names: [usize; 4],
    status: usize,
    times: [Option<i8>; 4],
    flags: [bool; 3],
}

fn shapes() -> impl Strategy<Value = Shape> {
    let times = [
        option::of(any::<i8>()),
        option::of(any::<i8>()),
        option::of(any::<i8>()),
        option::weighted(0.3, any::<i8>()),
    ];
    let names = [0..3_usize, 0..3, 0..3, 0..3];
    let drawn = (
        0..SAGAS,
        names,
        0..Status::ALL.len(),
        times,
        any::<[bool; 3]>(),
    );
    drawn.prop_map(|(saga, names, status, times, flags)| Shape {
        saga,
        names,
        status,
        times,
        flags,
    })
}

fn operations() -> impl Strategy<Value = Operation> {
    let name = || 0..3_usize;
    let version = || 1..4_u32;
    prop_oneof![
        4 => (shapes(), dealt()).prop_map(|(shape, dealt)| Operation::Start(shape, dealt)),
        8 => (shapes(), dealt(), 0..4_u64, prop::bool::weighted(0.15)).prop_map(
            |(shape, dealt, records, stale)| Operation::Append { shape, dealt, records, stale }),
        1 => (0..SAGAS, 0..SAGAS, 1..4_u64)
            .prop_map(|(to, from, seq)| Operation::TakeMessage { to, from, seq }),
        3 => (0..SAGAS).prop_map(|saga| Operation::Purge { saga }),
        1 => (0..SAGAS).prop_map(|saga| Operation::Forget { saga }),
        1 => (name(), version(), 0..2_usize, any::<bool>()).prop_map(
            |(name, version, hash, active)| Operation::Definition { name, version, hash, active }),
        1 => (name(), version())
            .prop_map(|(name, version)| Operation::Activate { name, version }),
        1 => (name(), any::<bool>())
            .prop_map(|(name, refuse)| Operation::Accepting { name, refuse }),
        1 => (name(), any::<bool>()).prop_map(|(name, paused)| Operation::Service { name, paused }),
        1 => name().prop_map(|name| Operation::DeleteService { name }),
    ]
}

fn shaped(shape: &Shape, seq: u64) -> SagaRow {
    let name = |place: usize| NAMES[shape.names[place]].to_owned();
    let time = |place: usize| shape.times[place].map(|at| Timestamp(START + i64::from(at)));
    let [labelled, in_flight, blamed] = shape.flags;
    let mut row = row(shape.saga, seq);
    row.namespace = name(0);
    row.definition = name(1);
    row.key = name(2);
    row.version = 1 + shape.names[3] as u32;
    if labelled {
        row.labels = BTreeMap::from([(name(3), name(2)), ("x".to_owned(), name(1))]);
    }
    row.status = Status::ALL[shape.status];
    row.step = blamed.then(|| name(3));
    row.service = labelled.then(|| name(2)).or(row.service);
    row.stuck = (row.status == Status::Stuck).then(|| "unreachable".to_owned());
    row.reason = blamed.then(|| Reason {
        code: [
            ReasonCode::Refused,
            ReasonCode::Deadline,
            ReasonCode::Cancelled,
        ][shape.names[0]],
        step: None,
        message: name(0),
        detail: BTreeMap::new(),
    });
    row.parked_since = time(0);
    if row.parked_since.is_some() {
        let others = NAMES.iter().zip([in_flight, blamed, labelled]);
        let others =
            others.filter(|(other, drawn)| *drawn && row.service.as_deref() != Some(**other));
        let since =
            |(other, _): (&&str, bool)| ((*other).to_owned(), time(1).unwrap_or(row.started_at));
        row.also_parked = others.map(since).collect();
    }
    row.wake_at = time(1);
    row.in_flight = in_flight && row.wake_at.is_some();
    row.ended_at = time(2);
    row.owner = blamed.then(|| name(0));
    row.trouble = time(3).map(|at| {
        let kind = if blamed { "stuck" } else { "retrying" };
        trouble(at.0, kind, &name(3))
    });
    row
}

/// The change that an operation comes to in the store as it is.
fn change(operation: &Operation, reader: &MemoryReader) -> Change {
    match operation.clone() {
        Operation::Start(shape, dealt) => {
            let row = shaped(&shape, 1 + shape.saga % 3);
            Change::Start {
                entries: match shape.flags[2] {
                    true => child_entries(&row, id((shape.saga + 1) % SAGAS)),
                    false => entries(&row, 1, row.seq),
                },
                request_hash: NAMES[shape.names[3]].repeat(64),
                dealings: dealings(&dealt, &row),
                row,
            }
        }
        Operation::Append {
            shape,
            dealt,
            records,
            stale,
        } => {
            let stored = reader.load(id(shape.saga)).unwrap();
            let expected_seq = stored.map_or(1, |stored| stored.row.seq) + u64::from(stale);
            let row = shaped(&shape, expected_seq + records);
            Change::Append {
                entries: entries(&row, expected_seq + 1, row.seq),
                expected_seq,
                dealings: dealings(&dealt, &row),
                row,
            }
        }
        Operation::Definition {
            name,
            version,
            hash,
            active,
        } => {
            let mut row = definition(NAMES[name], version, NAMES[hash]);
            row.active = active;
            row.refusal = active.then(|| "new".to_owned());
            Change::Definition(row)
        }
        Operation::Activate { name, version } => {
            let name = NAMES[name].to_owned();
            Change::Activate { name, version }
        }
        Operation::Accepting { name, refuse } => Change::Accepting {
            name: NAMES[name].to_owned(),
            refusal: refuse.then(|| "closed".to_owned()),
        },
        Operation::Service { name, paused } => {
            let mut row = service(NAMES[name]);
            row.paused = paused.then(|| pause("for a while"));
            Change::Service(row)
        }
        Operation::DeleteService { name } => {
            let name = NAMES[name].to_owned();
            Change::DeleteService { name }
        }
        Operation::TakeMessage { to, from, seq } => {
            let from = id(from);
            let key = MessageKey { from, seq };
            Change::TakeMessage { to: id(to), key }
        }
        Operation::Purge { saga } => Change::Purge { id: id(saga) },
        Operation::Forget { saga } => Change::Forget { id: id(saga) },
    }
}

fn filters() -> impl Strategy<Value = Filter> {
    let names = || prop_oneof![3 => Just(vec![]), 1 => vec(0..3_usize, 1..3)];
    let words =
        || names().prop_map(|names| names.iter().map(|one| NAMES[*one].to_owned()).collect());
    let time = || option::weighted(0.15, (-9..9_i64).prop_map(|at| Timestamp(START + at)));
    let codes = prop_oneof![
        3 => Just(vec![]),
        1 => Just(vec!["refused".to_owned()]),
        1 => Just(vec!["unreachable".to_owned(), "deadline".to_owned()]),
    ];
    let label = option::weighted(0.3, (0..4_usize, words()));
    let status = prop_oneof![2 => Just(vec![]), 1 => vec(0..Status::ALL.len(), 1..4)];
    let owner = prop_oneof![4 => Just(vec![]), 1 => words()];
    let texts = (words(), words(), words(), words(), words(), names(), owner);
    let times = (time(), time(), time(), time());
    (texts, status, codes, label, times).prop_map(|(texts, status, code, label, times)| Filter {
        namespace: texts.0,
        definition: texts.1,
        key: texts.2,
        step: texts.3,
        service: texts.4,
        version: texts.5.iter().map(|one| 1 + *one as u32).collect(),
        status: status.iter().map(|one| Status::ALL[*one]).collect(),
        owner: texts.6,
        code,
        label: label
            .map(|(name, values)| (["a", "b", "c", "x"][name].to_owned(), values))
            .into_iter()
            .collect(),
        started_after: times.0,
        started_before: times.1,
        ended_after: times.2,
        ended_before: times.3,
        stalled: false,
    })
}

/// Everything that can be read, as text that can be compared and shown.
fn everything(reader: &dyn Reader, filters: &[Filter], cut: u64) -> Vec<String> {
    let mut seen = Vec::new();
    for saga in 0..SAGAS {
        seen.push(format!("{:?}", reader.load(id(saga)).unwrap()));
    }
    for names in NAMES
        .iter()
        .flat_map(|one| NAMES.map(|other| (*one, other)))
    {
        for key in NAMES {
            seen.push(format!(
                "{:?}",
                reader.start_key(names.0, names.1, key).unwrap()
            ));
        }
    }
    dealings_seen(reader, cut, &mut seen);
    for filter in filters {
        let rows = reader.list(filter, None, 100).unwrap();
        seen.push(format!("{filter:?}: {rows:?}"));
        let page = reader.list(filter, Some(id(cut)), 2).unwrap();
        seen.push(format!("{filter:?} after {cut}: {page:?}"));
    }
    let after = [None, Some((Timestamp(START), id(cut)))];
    for (after, in_flight_only) in after.iter().flat_map(|one| [(*one, false), (*one, true)]) {
        let until = Timestamp(START + cut as i64 * 10);
        let limit = 3 + cut as usize;
        let query = WakeQuery {
            until,
            after,
            in_flight_only,
            limit,
        };
        seen.push(format!("{query:?}: {:?}", reader.wakes(&query).unwrap()));
        for name in NAMES {
            seen.push(format!("{:?}", reader.parked(name, after, limit).unwrap()));
        }
    }
    seen.push(format!("{:?}", reader.counts().unwrap()));
    for limit in [1, 3, 100] {
        let query = TroubleQuery {
            namespace: (limit == 3)
                .then(|| NAMES[0].to_owned())
                .into_iter()
                .collect(),
            status: Status::ALL.to_vec(),
            since: (limit == 1).then_some(Timestamp(START)),
            limit,
        };
        seen.push(format!("{:?}", reader.troubles(&query).unwrap()));
    }
    seen.push(format!("{:?}", reader.definitions().unwrap()));
    seen.push(format!("{:?}", reader.services().unwrap()));
    seen
}

fn dealings_seen(reader: &dyn Reader, cut: u64, seen: &mut Vec<String>) {
    let key = MessageKey {
        from: id(SAGAS / 2),
        seq: 2,
    };
    for (after, limit) in [(None, 100), (Some((id(cut), key)), 3)] {
        seen.push(format!("{:?}", reader.messages(after, limit).unwrap()));
    }
    for (after, limit) in [(None, 100), (Some(id(cut)), 1)] {
        seen.push(format!("{:?}", reader.granted(after, limit).unwrap()));
        let until = Timestamp(START + cut as i64 * 10 - 30);
        let query = EndedQuery {
            after,
            until,
            look: limit,
        };
        seen.push(format!("{:?}", reader.ended(&query).unwrap()));
        seen.push(format!("{:?}", reader.purged_until(until, limit).unwrap()));
    }
    for saga in 0..SAGAS {
        seen.push(format!("{:?}", reader.lock(id(saga)).unwrap()));
        seen.push(format!("{:?}", reader.purged(id(saga)).unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn memory_and_sqlite_answer_alike(
        batches in vec((vec(operations(), 0..8), any::<bool>()), 1..12),
        filters in vec(filters(), 12),
        cut in 0..SAGAS,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let model = memory::Store::new("model");
        let (mut memory, model_reader) = model.open();
        let mut disk = Some(sqlite::open(folder.path(), Default::default()).unwrap());
        for (batch, reopen) in batches {
            if reopen {
                disk = None;
                memory = model.open().0;
            }
            let (writer, _) = disk.get_or_insert_with(|| {
                sqlite::open(folder.path(), Default::default()).unwrap()
            });
            let changes: Vec<Change> =
                batch.iter().map(|one| change(one, &model_reader)).collect();
            let expected: Committed = memory.commit(&changes).unwrap();
            prop_assert_eq!(writer.commit(&changes).unwrap(), expected, "{:?}", changes);
        }
        let (_, reader) = disk.get_or_insert_with(|| {
            sqlite::open(folder.path(), Default::default()).unwrap()
        });
        let expected = everything(&*model_reader, &filters, cut);
        let found = everything(&**reader, &filters, cut);
        for (found, expected) in found.iter().zip(&expected) {
            prop_assert_eq!(found, expected);
        }
    }
}
