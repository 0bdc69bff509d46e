//! An operation over a hundred thousand sagas: previewed, paused, killed while it is paused,
//! resumed, killed in the middle and carried on by itself. One in a hundred refuses the verb, one
//! in a hundred changes after the preview. The figures add up, every saga ends as it should, the
//! audit tells each cancelled one once, and the ledger of the service shows each effect once.

use crate::crowd::{PAGE, each, every};
use crate::ledger::{Count, Ledger};
use crate::server::{PATIENCE, Server};
use banyan_sdk::api::{
    Operation, OperationAnswer, OperationPreview, OperationRequest, OperationState, SagaStatus,
    ServiceRequest, StartRequest,
};
use banyan_sdk::{Client, SagaFilter, Wait};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// In a release build; an unoptimised one would only be slow at showing the same.
const SAGAS: usize = if cfg!(debug_assertions) {
    2_000
} else {
    100_000
};
/// One in a hundred.
const PART: usize = SAGAS / 100;
/// Started while the operation is paused: it is not about them.
const LATE: usize = 64;
/// Sagas a second: fast enough for a test, slow enough that it is met under way.
const RATE: u32 = if cfg!(debug_assertions) { 400 } else { 10_000 };

const FILE: &str = r#"
saga: order
version: 1
input: { type: object, required: [number] }
steps:
  - charge:
      do: POST shop /charges
      body: { number: $input.number }
      undo: "DELETE shop /charges/{$key}"
  - approval:
      wait: approve
      for: 30d
  - shipment:
      do: POST shop /shipments
      body: { number: $input.number }
      pivot: true
  - arrival:
      wait: arrive
      for: 30d
"#;

/// What the test does to a saga.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Lot {
    /// Nothing: it is for the operation to cancel.
    Left,
    /// It passes its pivot before the preview: it cannot be cancelled any more.
    Shipped,
    /// It passes its pivot after the preview.
    ShippedLater,
    /// It completes after the preview.
    Arrived,
    /// Somebody cancels it after the preview.
    CalledOff,
    /// It is started after the preview.
    Late,
}

impl Lot {
    /// Lots lie evenly over the sagas in the order of their starts.
    fn of(number: usize) -> Lot {
        if number >= SAGAS {
            return Lot::Late;
        }
        let place = number * 7_919 % SAGAS;
        match (place / PART, place % 3) {
            (0, _) => Lot::Shipped,
            (1, 0) => Lot::ShippedLater,
            (1, 1) => Lot::Arrived,
            (1, _) => Lot::CalledOff,
            _ => Lot::Left,
        }
    }

    fn numbers(self) -> Vec<usize> {
        (0..SAGAS + LATE)
            .filter(|number| Lot::of(*number) == self)
            .collect()
    }

    /// The status in the end.
    fn status(self) -> SagaStatus {
        match self {
            Lot::Left | Lot::CalledOff => SagaStatus::Compensated,
            Lot::Shipped | Lot::ShippedLater | Lot::Late => SagaStatus::Running,
            Lot::Arrived => SagaStatus::Completed,
        }
    }

    fn ships(self) -> bool {
        matches!(self, Lot::Shipped | Lot::ShippedLater | Lot::Arrived)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_over_very_many_sagas_adds_up_whatever_happens_meanwhile() {
    let data = tempfile::tempdir().unwrap();
    let ledger = Ledger::start().await;
    let mut told = Told::new();
    let server = Server::start(data.path()).await;
    let client = server.client();
    register(&client, &ledger).await;
    start(&client, (0..SAGAS).collect()).await;
    ledger
        .until("charges", |book| book.effects("charges") == SAGAS)
        .await;
    signal(&client, Lot::Shipped, "approve").await;
    stand_at(&client, "arrival", Lot::Shipped.numbers().len()).await;
    told.stage("started");

    let preview = preview(&client).await;
    change(&client).await;
    told.stage("previewed, and changed after that");

    let id = begin(&client, &preview).await.id.to_string();
    until(&client, &id, |operation| {
        operation.left < SAGAS as u64 * 3 / 4
    })
    .await;
    let held = turn(&client, &id, "pause").await;
    assert_eq!(held.state, OperationState::Paused);
    nothing_moves(&client, &ledger, &held).await;
    told.stage("paused");

    server.kill();
    let server = Server::start(data.path()).await;
    let client = server.client();
    assert_eq!(client.operation(&id).await.unwrap(), held, "still paused");
    turn(&client, &id, "resume").await;
    until(&client, &id, |operation| operation.left < SAGAS as u64 / 2).await;
    server.kill();
    told.stage("killed");

    let server = Server::start(data.path()).await;
    let client = server.client();
    let ended = until(&client, &id, |operation| operation.ended_at.is_some()).await;
    told.stage("over");
    adds_up(&ended);
    nobody_is(&client, "compensating").await;
    told.stage("undone");
    everybody_ended_as_expected(&client).await;
    told.stage("listed");
    the_ledger_shows_each_effect_once(&ledger);
    the_audit_tells_each_once(&client, &ended).await;
    told.stage("audited");
}

/// Says how long each part took; nothing depends on it.
struct Told(Instant);

impl Told {
    #[expect(clippy::disallowed_methods, reason = "says how long each part took")]
    fn new() -> Told {
        Told(Instant::now())
    }

    fn stage(&mut self, what: &str) {
        println!("{what}: {:.1} s", self.0.elapsed().as_secs_f32());
        *self = Told::new();
    }
}

fn key(number: usize) -> String {
    format!("order-{number}")
}

async fn register(client: &Client, ledger: &Ledger) {
    let service = ServiceRequest {
        instances: vec![format!("http://{}", ledger.address)],
        ..ServiceRequest::default()
    };
    client.put_service("shop", &service).await.unwrap();
    client.register("order", 1, FILE, true).await.unwrap();
}

async fn start(client: &Client, numbers: Vec<usize>) {
    each(client, numbers, |client, number| async move {
        let start = StartRequest {
            definition: "order".into(),
            input: json!({ "number": number }),
            ..StartRequest::default()
        };
        let started = client.start(&start, &key(number), &Wait::default()).await;
        started.unwrap();
    })
    .await;
}

async fn signal(client: &Client, lot: Lot, signal: &'static str) {
    each(client, lot.numbers(), move |client, number| async move {
        let (key, body) = (key(number), json!({}));
        let sent = client.signal_by_key(("order", &key), signal, &body, signal);
        sent.await.unwrap();
    })
    .await;
}

/// What happens between the preview and the operation.
async fn change(client: &Client) {
    signal(client, Lot::ShippedLater, "approve").await;
    signal(client, Lot::Arrived, "approve").await;
    signal(client, Lot::Arrived, "arrive").await;
    each(
        client,
        Lot::CalledOff.numbers(),
        |client, number| async move {
            let saga = client.saga_by_key("order", &key(number)).await.unwrap();
            let id = saga.id.to_string();
            client.cancel(&id, "the customer called").await.unwrap();
        },
    )
    .await;
    for lot in [Lot::Arrived, Lot::CalledOff] {
        each(client, lot.numbers(), move |client, number| async move {
            let saga = client.saga_by_key("order", &key(number)).await.unwrap();
            let rest = client.saga(&saga.id.to_string(), Some(60)).await.unwrap();
            assert_eq!(rest.status, lot.status());
        })
        .await;
    }
    let beyond = Lot::Shipped.numbers().len() + Lot::ShippedLater.numbers().len();
    stand_at(client, "arrival", beyond).await;
}

fn cancel_all() -> OperationRequest {
    let request = json!({
        "verb": "cancel",
        "filter": { "definition": "order", "status": "running" },
        "reason": "the shop closes",
        "rate": RATE,
    });
    serde_json::from_value(request).unwrap()
}

async fn preview(client: &Client) -> OperationPreview {
    let request = OperationRequest {
        dry_run: true,
        ..cancel_all()
    };
    let OperationAnswer::Preview(preview) =
        client.begin_operation(&request, "close").await.unwrap()
    else {
        panic!("a dry run begins nothing");
    };
    assert_eq!(preview.selected, SAGAS as u64);
    let counts: Vec<_> = preview
        .counts
        .iter()
        .map(|one| (one.status.clone(), one.sagas))
        .collect();
    assert_eq!(counts, [(SagaStatus::Running, SAGAS as u64)]);
    let refused: u64 = preview.refused.iter().map(|one| one.sagas).sum();
    assert_eq!(preview.allowed + refused, preview.looked_at);
    assert!(
        preview
            .refused
            .iter()
            .all(|one| one.code == "not_allowed_now")
    );
    for sample in preview.sample.iter().filter(|one| one.after.is_some()) {
        assert_eq!(sample.after, Some(SagaStatus::Compensating));
        assert_eq!(sample.calls.len(), 1, "the undo of its charge: {sample:?}");
    }
    *preview
}

async fn begin(client: &Client, preview: &OperationPreview) -> Operation {
    let request = OperationRequest {
        preview: Some(preview.preview.clone()),
        ..cancel_all()
    };
    let OperationAnswer::Begun(operation) =
        client.begin_operation(&request, "close").await.unwrap()
    else {
        panic!("it is no dry run");
    };
    assert_eq!(operation.selected, SAGAS as u64);
    *operation
}

async fn turn(client: &Client, id: &str, verb: &str) -> Operation {
    let turned = client.turn_operation(id, verb, "to see what it does").await;
    turned.unwrap()
}

/// Waits until an operation is as it is waited for. Patience begins anew whenever it goes on.
#[expect(clippy::disallowed_methods, reason = "polls another process")]
async fn until(client: &Client, id: &str, holds: impl Fn(&Operation) -> bool) -> Operation {
    let (mut left, mut since) = (u64::MAX, Instant::now());
    loop {
        let operation = client.operation(id).await.unwrap();
        if holds(&operation) {
            return operation;
        }
        if operation.left < left {
            (left, since) = (operation.left, Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "it stands still: {operation:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// While it is paused others are started and charged, and it does nothing.
async fn nothing_moves(client: &Client, ledger: &Ledger, held: &Operation) {
    let done = usize::try_from(held.done).unwrap() + Lot::CalledOff.numbers().len();
    ledger
        .until("undos", |book| book.taken_back("charges") == done)
        .await;
    start(client, Lot::Late.numbers()).await;
    ledger
        .until("charges", |book| book.effects("charges") == SAGAS + LATE)
        .await;
    let still = client.operation(&held.id.to_string()).await.unwrap();
    assert_eq!(still, *held);
    assert_eq!(ledger.book().taken_back("charges"), done);
}

/// Waits until so many sagas that are running stand at a step.
async fn stand_at(client: &Client, step: &str, count: usize) {
    let filter = SagaFilter::default()
        .with("status", "running")
        .with("step", step);
    poll(|| async { every(client, &filter).await.len() == count }).await;
}

async fn nobody_is(client: &Client, status: &str) {
    let filter = SagaFilter::default().with("status", status);
    poll(|| async {
        client
            .sagas(&filter, 1, None)
            .await
            .unwrap()
            .items
            .is_empty()
    })
    .await;
}

#[expect(clippy::disallowed_methods, reason = "polls another process")]
async fn poll<W: Future<Output = bool>>(mut holds: impl FnMut() -> W) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn adds_up(ended: &Operation) {
    let changed = [Lot::ShippedLater, Lot::Arrived, Lot::CalledOff];
    let changed: usize = changed.iter().map(|lot| lot.numbers().len()).sum();
    assert_eq!(changed, PART);
    assert_eq!(ended.state, OperationState::Completed);
    assert_eq!((ended.selected, ended.left), (SAGAS as u64, 0));
    assert_eq!(ended.done, (SAGAS - 2 * PART) as u64);
    let failed = BTreeMap::from([("not_allowed_now".to_owned(), PART as u64)]);
    assert_eq!((ended.failed, &ended.failed_by), (PART as u64, &failed));
    let skipped = BTreeMap::from([("changed_since_preview".to_owned(), changed as u64)]);
    assert_eq!((ended.skipped, &ended.skipped_by), (PART as u64, &skipped));
    let failures = &ended.failures;
    assert_eq!(failures.len(), PART.min(100), "the first are named");
    assert!(failures.iter().all(|one| one.code == "not_allowed_now"));
}

async fn everybody_ended_as_expected(client: &Client) {
    let sagas = every(client, &SagaFilter::default().with("definition", "order")).await;
    let status: BTreeMap<String, SagaStatus> = sagas
        .iter()
        .map(|saga| (saga.key.clone(), saga.status.clone()))
        .collect();
    assert_eq!((sagas.len(), status.len()), (SAGAS + LATE, SAGAS + LATE));
    for number in 0..SAGAS + LATE {
        let lot = Lot::of(number);
        assert_eq!(status[&key(number)], lot.status(), "{number}: {lot:?}");
    }
}

fn the_ledger_shows_each_effect_once(ledger: &Ledger) {
    let book = ledger.book();
    assert_eq!(book.wrong, [""; 0]);
    let (charges, shipments) = (book.by_number("charges"), book.by_number("shipments"));
    for number in 0..SAGAS + LATE {
        let lot = Lot::of(number);
        let back = usize::from(lot.status() == SagaStatus::Compensated);
        let charged = Count { effects: 1, back };
        assert_eq!(charges.get(&number), Some(&charged), "{number}: {lot:?}");
        let shipped = lot.ships().then_some(Count {
            effects: 1,
            back: 0,
        });
        assert_eq!(
            shipments.get(&number),
            shipped.as_ref(),
            "{number}: {lot:?}"
        );
    }
    println!("calls that were repeated after a kill: {}", book.repeats());
}

/// One row for each saga that was cancelled, by the operation or by hand, and none beside.
async fn the_audit_tells_each_once(client: &Client, ended: &Operation) {
    let (mut by_hand, mut rows, mut cursor) = (0, BTreeMap::new(), None);
    loop {
        let page = client.audit(&[("verb", "cancel")], PAGE, cursor.as_deref());
        let page = page.await.unwrap();
        for row in page.items {
            by_hand += usize::from(row.operation.is_none());
            assert!(row.operation.is_none_or(|id| id == ended.id));
            *rows.entry(row.saga.unwrap()).or_default() += 1;
        }
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert!(rows.values().all(|times: &usize| *times == 1));
    assert_eq!(by_hand, Lot::CalledOff.numbers().len());
    assert_eq!(rows.len(), by_hand + Lot::Left.numbers().len());
}
