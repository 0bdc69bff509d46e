//! Stalls: planted beneath the engine, each is found and told; what waits as it should is not.

use crate::world::{APPROVAL, ORDER, World, http, test_config};
use banyan_core::id::Id;
use banyan_core::language::{Surroundings, check};
use banyan_core::saga::{
    Context, Entry, Leg, ParkCause, Plan, Record, Road, Saga, Services, Start, Started, Status,
    WaitingKind,
};
use banyan_core::time::Duration;
use banyan_core::{Json, Timestamp};
use banyan_engine::{Deed, OperationRequest, StallKind, row};
use banyan_store::memory::Store;
use banyan_store::{Change, Dealings, Filter, LockChange, Message, SagaRow, Writer};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Two hours before the world's clock begins.
const LONG_AGO: i64 = 1_763_721_000_000 - 2 * 3_600_000;
const HOUR: i64 = 3_600_000;

const PARENT: &str = "
saga: parcel
version: 1
steps:
  - shelf: { run: shelf }
";

const CHILD: &str = "
saga: shelf
version: 1
steps:
  - take: { do: POST stock /reservations, undo: DELETE stock /reservations/1 }
";

const NAP: &str = "
saga: nap
version: 1
steps:
  - nap: { sleep: 20d }
";

fn id(number: u64) -> Id {
    Id::new(LONG_AGO as u64, number, 1)
}

/// The row of an open saga of a definition that no engine has: nobody can move it.
fn foreign(number: u64, wake_at: Option<i64>) -> SagaRow {
    SagaRow {
        id: id(number),
        namespace: "default".into(),
        definition: "missing".into(),
        version: 1,
        definition_hash: "5e".repeat(32),
        shard: id(number).shard(4),
        key: format!("planted-{number}"),
        labels: BTreeMap::new(),
        status: Status::Running,
        reason: None,
        stuck: None,
        step: Some("order".into()),
        service: Some("orders".into()),
        parked_since: None,
        also_parked: Default::default(),
        wake_at: wake_at.map(|at| Timestamp(LONG_AGO + at)),
        in_flight: false,
        seq: 1,
        started_at: Timestamp(LONG_AGO),
        updated_at: Timestamp(LONG_AGO),
        ended_at: None,
        deadline: None,
        owner: None,
        trouble: None,
    }
}

fn start(row: SagaRow, dealings: Dealings) -> Change {
    let record = Record::Started(Box::new(Started {
        definition: row.definition.clone(),
        version: row.version,
        definition_hash: row.definition_hash.clone(),
        namespace: row.namespace.clone(),
        key: row.key.clone(),
        call_seed: "seed".into(),
        input: Json::Null,
        labels: BTreeMap::new(),
        deadline: None,
        park_limit: Duration::from_secs(3_600),
        children: BTreeMap::new(),
        parent: None,
        lock: None,
    }));
    let at = row.started_at;
    Change::Start {
        entries: vec![Entry { seq: 1, at, record }],
        request_hash: "hash".into(),
        dealings,
        row,
    }
}

fn dealing(lock: LockChange) -> Dealings {
    Dealings {
        lock: Some(lock),
        ..Dealings::default()
    }
}

fn join(value: &str) -> Dealings {
    let value = value.repeat(32);
    dealing(LockChange::Join { value })
}

struct Open;

impl Services for Open {
    fn admit(&self, _: &Road<'_>) -> Result<(), ParkCause> {
        Ok(())
    }

    fn keys_kept(&self, _: &str) -> Duration {
        Duration::from_secs(86_400)
    }
}

/// A parent whose word to its child was lost.
fn orphan(number: u64) -> Change {
    let definition = check(PARENT, &Surroundings::default()).definition;
    let start = Start {
        id: id(number),
        plan: Plan::new(definition.expect("a definition")),
        namespace: "default".into(),
        key: "orphan".into(),
        call_seed: "world".into(),
        input: json!({}),
        labels: BTreeMap::new(),
        deadline: None,
        park_limit: Duration::from_secs(3_600),
        children: BTreeMap::from([("shelf".to_owned(), 1)]),
        parent: None,
        not_after: None,
        refused: None,
    };
    let now = Timestamp(LONG_AGO);
    let context = Context {
        now,
        random: 7,
        services: &Open,
    };
    let (saga, turn) = Saga::start(start, &context);
    assert_eq!(turn.messages.len(), 1, "it tells its child to start");
    Change::Start {
        row: row(&saga, id(number).shard(4), saga.wake_at(now)),
        request_hash: "hash".into(),
        entries: turn.entries,
        dealings: Dealings::default(),
    }
}

/// Everything that can stall, and the kind by which each is to be found.
fn planted() -> (Vec<Change>, BTreeMap<Id, StallKind>) {
    let far = Some(1_000 * HOUR);
    let mut unanswered = foreign(2, Some(HOUR));
    unanswered.in_flight = true;
    let mut holder = foreign(5, None);
    holder.status = Status::Completed;
    holder.ended_at = Some(holder.updated_at);
    let take = Change::Append {
        row: holder.clone(),
        expected_seq: 1,
        entries: Vec::new(),
        dealings: dealing(LockChange::Take),
    };
    let mut sender = foreign(9, None);
    sender.status = Status::Completed;
    let letter = Dealings {
        messages: vec![Message {
            to: id(4),
            from: id(9),
            seq: 1,
            kind: "told".into(),
            body: json!({}),
        }],
        ..Dealings::default()
    };
    let changes = vec![
        start(foreign(1, Some(HOUR)), Dealings::default()),
        start(unanswered, Dealings::default()),
        start(foreign(3, None), Dealings::default()),
        start(foreign(4, far), Dealings::default()),
        start(sender, letter),
        start(holder, join("aa")),
        take,
        start(foreign(6, far), join("aa")),
        start(foreign(7, far), join("bb")),
        orphan(8),
    ];
    let kinds = [
        (1, StallKind::Overdue),
        (2, StallKind::Unanswered),
        (3, StallKind::NoWake),
        (4, StallKind::Message),
        (6, StallKind::Lock),
        (7, StallKind::Lock),
        (8, StallKind::Child),
    ];
    (
        changes,
        kinds.map(|(number, kind)| (id(number), kind)).into(),
    )
}

async fn world(changes: &[Change]) -> World {
    let store = Store::new("world");
    let (mut writer, _) = store.open();
    let committed = writer.commit(changes).unwrap();
    let done = |one: &banyan_store::Applied| *one == banyan_store::Applied::Done;
    assert!(committed.applied.iter().all(done), "{committed:?}");
    let (writer, reader) = store.open();
    let world = World::around(store.clone(), Box::new(writer), reader, test_config()).await;
    for source in [CHILD, PARENT, ORDER, APPROVAL, NAP] {
        world.register(source).await;
    }
    world
}

/// Lets the engine look so often, half a minute after another.
async fn looks(world: &World, times: u32) {
    for _ in 0..times {
        let before = world.engine.metrics().await.stall_looks;
        world.clock.advance(std::time::Duration::from_secs(31));
        crate::world::soon(async {
            while world.engine.metrics().await.stall_looks == before {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
}

/// Lists show those that stall, page by page.
async fn listed(world: &World, expected: &BTreeMap<Id, StallKind>) {
    let only = Filter {
        stalled: true,
        ..Filter::default()
    };
    let mut seen = BTreeSet::new();
    let mut after = None;
    loop {
        let page = world.engine.list(only.clone(), after, 3).await.unwrap();
        seen.extend(page.items.iter().map(|row| row.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, expected.keys().copied().collect(), "page by page");
    let parcels = Filter {
        definition: vec!["parcel".into()],
        ..only
    };
    let page = world.engine.list(parcels, None, 9).await.unwrap();
    assert_eq!(page.items.len(), 1, "the rest of the filter holds too");
}

#[tokio::test]
async fn what_stalls_is_found_and_told_and_what_waits_as_it_should_is_not() {
    let (changes, expected) = planted();
    let world = world(&changes).await;
    let waits = world.begin("approval", "waits").await;
    world.until(&waits, |saga| !saga.in_flight()).await;
    world.begin("nap", "sleeps").await;
    let refused = [http(409, json!({})), http(409, json!({}))];
    for (leg, (step, what)) in [Leg::Do, Leg::Undo]
        .iter()
        .zip(["stock", "order"].into_iter().zip(refused))
    {
        world.script.answer(step, *leg, what);
    }
    let stuck = world.begin("order", "stuck").await;
    assert_eq!(world.rest(&stuck).await.status(), Status::Stuck);
    world
        .engine
        .pause("orders", crate::world::by())
        .await
        .unwrap();
    let parked = world.begin("order", "parked").await;
    let is_parked = |saga: &Saga| saga.waiting_on()[0].kind == WaitingKind::Parked;
    world.until(&parked, is_parked).await;

    looks(&world, 1).await;
    assert!(world.engine.stalled().is_empty(), "once is no stall yet");
    looks(&world, 14).await;
    let found = world.engine.stalled();
    let kinds: BTreeMap<Id, StallKind> = found.iter().map(|one| (one.id, one.kind)).collect();
    assert_eq!(kinds, expected, "{found:#?}");
    let figures = world.engine.metrics().await.stalled;
    assert_eq!(
        (figures["lock"], figures["child"], figures["damaged"]),
        (2, 1, 0)
    );

    listed(&world, &expected).await;
    let parent = world.engine.get(id(8)).await.unwrap().unwrap();
    let told = world.engine.waiting_on(&parent).swap_remove(0);
    assert!(
        told.message.starts_with("stalled: it waits for the saga"),
        "{}",
        told.message
    );
    assert!(
        told.message.contains("which does not exist"),
        "{}",
        told.message
    );
    assert!(told.help.starts_with("restart"), "{}", told.help);
    selected(&world, &expected).await;
}

/// A verb over many takes them, and leaves alone who went on since.
async fn selected(world: &World, expected: &BTreeMap<Id, StallKind>) {
    let request = |definition: &[&str]| OperationRequest {
        deed: Deed::Note {
            text: Some("it stalls".into()),
            owner: None,
        },
        filter: Filter {
            stalled: true,
            definition: definition.iter().map(|name| (*name).to_owned()).collect(),
            ..Filter::default()
        },
        asked: json!({"stalled": true}),
        reason: "somebody looks".into(),
        actor: "ada".into(),
        rate: 10_000,
        preview: None,
        key: None,
    };
    let preview = world.engine.preview_operation(&request(&[])).await.unwrap();
    assert_eq!(preview.selected as usize, expected.len());
    let engine = &world.engine;
    let preview = engine
        .preview_operation(&request(&["parcel"]))
        .await
        .unwrap();
    assert_eq!((preview.selected, preview.verdicts.allowed), (1, 1));
    let begun = engine.begin_operation(request(&["parcel"])).await.unwrap();
    let id = begun.operation.id;
    let ended = crate::world::soon(async {
        loop {
            let operation = engine.operation(id).await.unwrap();
            if !operation.state.is_open() {
                return operation;
            }
            tokio::task::yield_now().await;
        }
    });
    let ended = ended.await;
    assert_eq!((ended.selected, ended.done), (1, 1), "{ended:?}");
}

#[tokio::test]
async fn what_moves_again_is_no_longer_told() {
    let world = world(&[start(foreign(3, None), Dealings::default())]).await;
    looks(&world, 3).await;
    assert_eq!(world.engine.stalled().len(), 1);
    let (mut writer, _) = world.store.open();
    let mut over = foreign(3, None);
    over.status = Status::Abandoned;
    over.ended_at = Some(over.updated_at);
    let change = Change::Append {
        row: over,
        expected_seq: 1,
        entries: Vec::new(),
        dealings: Dealings::default(),
    };
    writer.commit(&[change]).unwrap();
    looks(&world, 2).await;
    assert!(world.engine.stalled().is_empty());
}
