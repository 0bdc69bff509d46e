//! A saga whose first attempt another build sent: this one computes other bytes, sends nothing
//! under that key, and every verb of the runbook's page does what the page says.

use crate::world::{World, soon};
use banyan_core::id::Id;
use banyan_core::json;
use banyan_core::language::{Surroundings, check};
use banyan_core::saga::{
    Ask, Asked, Context, Leg, ParkCause, Plan, Record, Retry, Road, Saga, Services, Settle,
    Settlement, Start, Status, StuckCode,
};
use banyan_core::time::Duration;
use banyan_core::{Json, Timestamp};
use banyan_engine::{AskError, row};
use banyan_store::{Change, Dealings, Writer};
use serde_json::json;
use std::collections::BTreeMap;

/// An hour before the world's clock begins.
const AN_HOUR_AGO: i64 = 1_763_721_000_000 - 3_600_000;

const PAID: &str = "
saga: paid
version: 1
steps:
  - payment:
      do: POST payments /charges
      body: { amount: 5 }
      undo: { do: POST payments /refunds, repeatable: true, look_again: never }
  - stock: { do: POST stock /reservations, undo: DELETE stock /reservations/1 }
";

struct Open;

impl Services for Open {
    fn admit(&self, _: &Road<'_>) -> Result<(), ParkCause> {
        Ok(())
    }

    fn keys_kept(&self, _: &str) -> Duration {
        Duration::from_secs(86_400)
    }
}

/// A saga as a former build left it: its first call is out, with other bytes.
fn left_by_another_build(number: u64) -> Change {
    let definition = check(PAID, &Surroundings::default()).definition;
    let now = Timestamp(AN_HOUR_AGO);
    let start = Start {
        id: Id::new(AN_HOUR_AGO as u64, number, 1),
        plan: Plan::new(definition.unwrap()),
        namespace: "default".into(),
        key: format!("k{number}"),
        call_seed: "world".into(),
        input: json!({}),
        labels: BTreeMap::new(),
        deadline: None,
        park_limit: Duration::from_secs(3_600),
        children: BTreeMap::new(),
        parent: None,
        not_after: None,
        refused: None,
    };
    let context = Context {
        now,
        random: 7,
        services: &Open,
    };
    let (saga, mut turn) = Saga::start(start, &context);
    let sent = turn
        .entries
        .iter_mut()
        .find_map(|entry| match &mut entry.record {
            Record::AttemptStarted { body_hash, .. } => Some(body_hash),
            _ => None,
        });
    *sent.unwrap() = json::sha256_hex(b"what another build sent");
    Change::Start {
        row: row(&saga, saga.id.shard(4), saga.wake_at(now)),
        request_hash: "hash".into(),
        entries: turn.entries,
        dealings: Dealings::default(),
    }
}

fn settle(settlement: Settlement, result: Option<Json>) -> Ask {
    Ask::Settle(Settle {
        step: "payment".into(),
        leg: Leg::Do,
        settlement,
        result,
        evidence: "seen in its books".into(),
    })
}

fn asked(what: Ask) -> Asked {
    Asked {
        what,
        reason: "sent before the upgrade".into(),
        actor: "ann".into(),
        expected_seq: None,
        operation: None,
    }
}

#[tokio::test]
async fn what_another_build_sent_is_not_sent_again_and_each_verb_of_its_page_helps() {
    let done = settle(Settlement::Done, Some(json!({"id": "c-4"})));
    let table = [
        (done, Status::Completed, vec!["stock do 1"]),
        (
            settle(Settlement::NotHappened, None),
            Status::Compensated,
            vec![],
        ),
        (Ask::Cancel, Status::Compensated, vec!["payment undo 1"]),
        (Ask::Abandon, Status::Abandoned, vec![]),
    ];
    for (number, (verb, ends, calls)) in table.into_iter().enumerate() {
        let world = World::new().await;
        world.register(PAID).await;
        let (mut writer, _) = world.store.open();
        let change = left_by_another_build(number as u64);
        let Change::Start { row, .. } = &change else {
            unreachable!("it is a start");
        };
        let id = row.id;
        writer.commit(std::slice::from_ref(&change)).unwrap();
        let world = world.crash().await;
        let saga = world.engine.get(id).await.unwrap().unwrap();
        let saga = world.rest(&saga).await;
        assert_eq!(saga.stuck().unwrap().code, StuckCode::BodyChanged);
        let retry = asked(Ask::Retry(Retry::default()));
        let refused = soon(world.engine.ask(id, retry)).await;
        assert!(
            matches!(refused, Err(AskError::NotAllowedNow { .. })),
            "it may have happened: {refused:?}"
        );
        assert!(world.script.calls().is_empty(), "nothing was sent");
        soon(world.engine.ask(id, asked(verb))).await.unwrap();
        assert_eq!(world.rest(&saga).await.status(), ends);
        assert_eq!(world.script.calls(), calls);
    }
}
