//! The promises of troubles, each run on every implementation.

use crate::sample::{START, append, ended, id, row, start, trouble};
use crate::suite::{Fresh, suite};
use banyan_core::Timestamp;
use banyan_core::saga::Status;
use banyan_store::{Change, Group, SagaRow, TroubleQuery, Troubles};

suite![
    troubles_are_counted_by_definition_and_cause,
    a_trouble_goes_with_its_cause_and_with_its_saga,
    a_row_that_nothing_wakes_is_found,
    no_more_than_the_limit_is_counted_of_each_status_and_what_was_left_out_is_said,
];

fn query(limit: usize) -> TroubleQuery {
    TroubleQuery {
        status: Status::ALL.to_vec(),
        limit,
        ..TroubleQuery::default()
    }
}

fn troubled(number: u64, status: Status, since: i64, kind: &str, code: &str) -> SagaRow {
    let mut row = row(number, 1);
    row.status = status;
    row.trouble = Some(trouble(START + since, kind, code));
    row
}

type Figures = (String, String, u64, i64, i64, u64);

fn figures(troubles: &Troubles) -> Vec<Figures> {
    let group = |group: &Group| {
        let (first, last) = (group.first.0 - START, group.last.0 - START);
        let sample = crate::sample::number(group.sample);
        let (definition, code) = (group.definition.clone(), group.cause.code.clone());
        (definition, code, group.sagas, first, last, sample)
    };
    troubles.groups.iter().map(group).collect()
}

fn told(named: &str, sagas: u64, times: (i64, i64), sample: u64) -> Figures {
    let (definition, code) = named.split_once(' ').unwrap();
    let (definition, code) = (definition.to_owned(), code.to_owned());
    (definition, code, sagas, times.0, times.1, sample)
}

fn a_few() -> Vec<SagaRow> {
    let mut rows = vec![
        troubled(1, Status::Stuck, 10, "stuck", "undo_refused"),
        troubled(2, Status::Compensating, 30, "stuck", "undo_refused"),
        troubled(3, Status::Stuck, 20, "stuck", "undo_refused"),
        troubled(4, Status::Running, 5, "retrying", "unknown"),
        troubled(5, Status::Running, 6, "retrying", "unknown"),
        row(6, 1),
    ];
    rows[3].definition = "refund".to_owned();
    rows[4].namespace = "other".to_owned();
    rows
}

fn troubles_are_counted_by_definition_and_cause((mut writer, reader): Fresh) {
    let starts: Vec<Change> = a_few().iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let all = reader.troubles(&query(10)).unwrap();
    let expected = [
        told("order undo_refused", 3, (10, 30), 2),
        told("order unknown", 1, (6, 6), 5),
        told("refund unknown", 1, (5, 5), 4),
    ];
    assert_eq!(figures(&all), expected);
    assert!(all.cut.is_empty());
    let others = TroubleQuery {
        namespace: vec!["other".to_owned()],
        ..query(10)
    };
    assert_eq!(figures(&reader.troubles(&others).unwrap()), expected[1..2]);
    let stuck = TroubleQuery {
        status: vec![Status::Stuck],
        since: Some(Timestamp(START + 20)),
        ..query(10)
    };
    let newer = [told("order undo_refused", 1, (20, 20), 3)];
    assert_eq!(figures(&reader.troubles(&stuck).unwrap()), newer);
}

fn a_trouble_goes_with_its_cause_and_with_its_saga((mut writer, reader): Fresh) {
    let first = troubled(1, Status::Stuck, 10, "stuck", "undo_refused");
    let second = troubled(2, Status::Running, 10, "retrying", "unknown");
    writer.commit(&[start(&first), start(&second)]).unwrap();
    let mut worse = second.clone();
    worse.seq = 2;
    worse.trouble = Some(trouble(START + 11, "retrying", "not_sent"));
    let changes = [append(&row(1, 2), 1), append(&worse, 1)];
    writer.commit(&changes).unwrap();
    let left = figures(&reader.troubles(&query(10)).unwrap());
    assert_eq!(left, [told("order not_sent", 1, (11, 11), 2)]);
    let mut over = ended(worse, Status::Compensated, 3);
    over.trouble = Some(trouble(START + 12, "compensated", "refused"));
    writer.commit(&[append(&over, 2)]).unwrap();
    let left = figures(&reader.troubles(&query(10)).unwrap());
    assert_eq!(left, [told("order refused", 1, (12, 12), 2)]);
    writer.commit(&[Change::Purge { id: id(2) }]).unwrap();
    assert_eq!(reader.troubles(&query(10)).unwrap(), Troubles::default());
}

fn no_more_than_the_limit_is_counted_of_each_status_and_what_was_left_out_is_said(
    (mut writer, reader): Fresh,
) {
    let mut starts: Vec<Change> = (1..=5)
        .map(|number| troubled(number, Status::Stuck, number as i64, "stuck", "odd"))
        .map(|row| start(&row))
        .collect();
    let running = troubled(6, Status::Running, 1, "retrying", "unknown");
    starts.push(start(&running));
    writer.commit(&starts).unwrap();
    let counted = reader.troubles(&query(3)).unwrap();
    let groups = counted.groups.iter();
    let sagas: Vec<u64> = groups.map(|group| group.sagas).collect();
    assert_eq!(sagas, [3, 1], "the newest of each status");
    let oldest = Timestamp(START + 3);
    assert_eq!(counted.cut, [(Status::Stuck, oldest)].into());
    assert!(reader.troubles(&query(5)).unwrap().cut.is_empty());
}

fn a_row_that_nothing_wakes_is_found((mut writer, reader): Fresh) {
    let asleep = |number: u64, status: Status, wake: Option<i64>| {
        let mut row = row(number, 1);
        (row.status, row.in_flight) = (status, false);
        row.wake_at = wake.map(|at| Timestamp(START + at));
        row
    };
    let mut rows = vec![
        asleep(1, Status::Running, Some(1)),
        asleep(2, Status::Running, None),
        asleep(3, Status::Compensating, None),
        asleep(4, Status::Stuck, None),
        asleep(5, Status::Completed, None),
    ];
    let starts: Vec<Change> = rows.iter().map(start).collect();
    writer.commit(&starts).unwrap();
    let found = |after: Option<u64>, limit| {
        let found = reader.sleepless(after.map(id), limit).unwrap();
        found
            .into_iter()
            .map(crate::sample::number)
            .collect::<Vec<_>>()
    };
    assert_eq!(found(None, 9), [2, 3]);
    assert_eq!(found(None, 1), [2]);
    assert_eq!(found(Some(2), 9), [3]);
    let mut woken = rows.swap_remove(1);
    woken.seq = 2;
    woken.wake_at = Some(Timestamp(START));
    writer.commit(&[append(&woken, 1)]).unwrap();
    assert_eq!(found(None, 9), [3]);
}
