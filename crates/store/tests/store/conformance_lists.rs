//! The promises of lists and their filters, each run on every implementation.

use crate::conformance::{full_row, numbers};
use crate::sample::{START, ended, id, row, start};
use crate::suite::{Fresh, suite};
use banyan_core::saga::Status;
use banyan_store::{Change, Filter, SagaRow};
use serde_json::json;
use std::collections::BTreeMap;

suite![
    lists_are_newest_first_and_page_by_page,
    filters_name_alternatives_within_a_field_and_all_fields_together,
    empty_brackets_in_a_step_mean_every_item,
];

fn lists_are_newest_first_and_page_by_page((mut writer, reader): Fresh) {
    let starts: Vec<Change> = [3, 1, 5, 2, 4].map(|number| start(&row(number, 1))).into();
    writer.commit(&starts).unwrap();
    let page = |after: Option<u64>, limit| {
        let after = after.map(id);
        numbers(reader.list(&Filter::default(), after, limit).unwrap())
    };
    assert_eq!(page(None, 10), [5, 4, 3, 2, 1]);
    assert_eq!(page(None, 2), [5, 4]);
    assert_eq!(page(Some(4), 2), [3, 2]);
    assert!(page(Some(1), 2).is_empty());
    assert!(page(None, 0).is_empty());
}

fn empty_brackets_in_a_step_mean_every_item((mut writer, reader): Fresh) {
    let steps = [
        "lines[0].reserve",
        "lines[12].reserve",
        "lines[0].parts[3].reserve",
        "lines[1]",
        "reserve",
        "lines[0].parts[30].cut",
    ];
    let at = |(number, step): (usize, &&str)| SagaRow {
        step: Some((*step).to_owned()),
        status: [Status::Running, Status::Stuck][number % 2],
        ..row(number as u64, 1)
    };
    let rows: Vec<Change> = steps
        .iter()
        .enumerate()
        .map(at)
        .map(|row| start(&row))
        .collect();
    writer.commit(&rows).unwrap();
    for (wanted, expected) in [
        (&["lines[].reserve"][..], vec![1, 0]),
        (&["lines[0].reserve"], vec![0]),
        (&["lines[]"], vec![3]),
        (&["lines[].parts[].cut", "reserve"], vec![5, 4]),
        (&["lines[0].parts[].reserve"], vec![2]),
        (
            &["lines[].parts[].reserve", "lines[].reserve"],
            vec![2, 1, 0],
        ),
        (&["lines[].*"], vec![]),
        (&["line?[].reserve"], vec![]),
    ] {
        let mut filter = Filter {
            step: wanted.iter().map(|step| (*step).to_owned()).collect(),
            ..Filter::default()
        };
        let found = numbers(reader.list(&filter, None, 10).unwrap());
        assert_eq!(found, expected, "{wanted:?}");
        filter.status = vec![Status::Stuck];
        let stuck = numbers(reader.list(&filter, None, 10).unwrap());
        let odd: Vec<u64> = expected
            .into_iter()
            .filter(|number| number % 2 == 1)
            .collect();
        assert_eq!(stuck, odd, "{wanted:?}");
    }
}

fn filtered_rows() -> Vec<SagaRow> {
    let mut rows: Vec<SagaRow> = (0..6).map(|number| row(number, 1)).collect();
    rows[0].namespace = "other".to_owned();
    rows[1].definition = "refund".to_owned();
    rows[1].version = 3;
    rows[2] = full_row(2);
    rows[3] = ended(rows[3].clone(), Status::Completed, 1);
    rows[4].labels = BTreeMap::from([("city".to_owned(), "Ghent".to_owned())]);
    rows[4].step = Some("ship".to_owned());
    rows[5].labels = BTreeMap::from([
        ("city".to_owned(), "Bruges".to_owned()),
        ("tier".to_owned(), "gold".to_owned()),
    ]);
    rows[5].service = Some("stock".to_owned());
    rows[5].status = Status::Stuck;
    rows
}

fn filters_name_alternatives_within_a_field_and_all_fields_together((mut w, reader): Fresh) {
    let rows = filtered_rows();
    w.commit(&rows.iter().map(start).collect::<Vec<_>>())
        .unwrap();
    let cases = [
        (json!({}), vec![5, 4, 3, 2, 1, 0]),
        (json!({"namespace": ["other", "third"]}), vec![0]),
        (json!({"definition": ["refund"]}), vec![1]),
        (json!({"version": [3, 4]}), vec![1]),
        (json!({"status": ["stuck"]}), vec![5]),
        (json!({"status": ["stuck", "compensating"]}), vec![5, 2]),
        (json!({"status": ["completed", "stuck"]}), vec![5, 3]),
        (json!({"key": ["key-1", "key-4"]}), vec![4, 1]),
        (
            json!({"key": ["key-1", "key-4"], "definition": ["order"], "namespace": ["default"]}),
            vec![4],
        ),
        (
            json!({"key": ["key-0"], "definition": ["order"], "namespace": ["default", "other"]}),
            vec![0],
        ),
        (json!({"step": ["ship"]}), vec![4]),
        (
            json!({"service": ["stock", "payments"], "namespace": ["default"]}),
            vec![5, 4, 2, 1],
        ),
        (json!({"code": ["undo_refused"]}), vec![2]),
        (json!({"code": ["undone_by_operator", "x"]}), vec![2]),
        (json!({"code": ["x"]}), vec![]),
        (json!({"owner": ["Ada", "Bob"]}), vec![2]),
        (json!({"owner": ["Bob"]}), vec![]),
        (json!({"stalled": true}), vec![]),
        (json!({"label": {"city": ["Ghent", "Bruges"]}}), vec![5, 4]),
        (
            json!({"label": {"city": ["Ghent", "Bruges"], "tier": ["gold"]}}),
            vec![5],
        ),
        (
            json!({"label": {"city": ["Ghent"]}, "namespace": ["other"]}),
            vec![],
        ),
        (
            json!({"label": {"city": ["Gh\"ent\n"]}, "namespace": ["default"]}),
            vec![2],
        ),
        (json!({"label": {"city": []}}), vec![]),
        (
            json!({"started_after": START + 1, "started_before": START + 4}),
            vec![3, 2],
        ),
        (json!({"ended_after": START}), vec![3]),
        (json!({"ended_after": START + 4}), vec![]),
        (json!({"ended_before": START + 5}), vec![3, 2]),
    ];
    for (filter, expected) in cases {
        let parsed: Filter = serde_json::from_value(filter.clone()).unwrap();
        let found = numbers(reader.list(&parsed, None, 10).unwrap());
        assert_eq!(found, expected, "{filter}");
        let after = numbers(reader.list(&parsed, Some(id(4)), 10).unwrap());
        let expected: Vec<u64> = expected.into_iter().filter(|one| *one < 4).collect();
        assert_eq!(after, expected, "{filter} after 4");
    }
}
