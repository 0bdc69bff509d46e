//! Verbs in families: a child is mended where it stands, and its parent goes on; one that was
//! given up leaves its parent to a person.

use crate::children::{INSURED, play};
use banyan_core::saga::Status;

/// The parent was refused further on, and the undo of the child's policy is refused.
fn stuck_child() -> crate::family::Family {
    let back = [
        ("trip", "hotel 409 {\"message\": \"full\"}"),
        ("insure", "undo policy 409 {\"message\": \"it has begun\"}"),
    ];
    play(&[&INSURED[..], &back].concat())
}

fn status(family: &crate::family::Family, name: &str) -> Status {
    family.members[&family.of(name)[0]].saga.status()
}

fn statuses(family: &crate::family::Family) -> (Status, Status) {
    (status(family, "trip"), status(family, "insure"))
}

#[test]
fn a_stuck_child_is_mended_by_itself_and_its_parent_goes_on() {
    for mend in [
        &["verb retry", "undo policy 200 {}"][..],
        &["verb settle undo policy done"][..],
        &["verb settle undo policy not_happened", "undo policy 200 {}"][..],
    ] {
        let mut family = stuck_child();
        assert_eq!(statuses(&family), (Status::Stuck, Status::Stuck));
        for line in mend {
            family.line("insure", line);
        }
        family.line("insure", "undo quote 200 {}");
        assert_eq!(
            statuses(&family),
            (Status::Compensating, Status::Compensated)
        );
        family.line("trip", "undo flight 200 {}");
        assert_eq!(status(&family, "trip"), Status::Compensated);
        family.verify();
    }
}

#[test]
fn what_became_of_a_child_is_asked_of_the_child_until_it_is_given_up() {
    let mut family = stuck_child();
    let (parent, child) = (family.root, family.of("insure")[0]);
    for words in [
        "retry undo insurance",
        "settle undo insurance done",
        "settle undo insurance not_happened",
    ] {
        let refused = family.ask(parent, words).expect_err(words);
        assert!(refused.to_string().contains("insur"), "{words}: {refused}");
    }
    family.line("insure", "verb abandon");
    assert_eq!(statuses(&family), (Status::Stuck, Status::Abandoned));
    let left = &family.members[&child].saga.left;
    let left: Vec<&str> = left.iter().map(|one| one.step.as_str()).collect();
    assert_eq!(left, ["quote", "policy"]);
    family
        .ask(parent, "settle undo insurance not_happened")
        .expect_err("nothing can undo it from here");
    family.line("trip", "verb settle undo insurance done");
    family.line("trip", "undo flight 200 {}");
    assert_eq!(statuses(&family), (Status::Compensated, Status::Abandoned));
}

#[test]
fn a_parent_that_is_given_up_leaves_its_child_to_itself() {
    let mut family = stuck_child();
    family.line("trip", "verb abandon");
    assert_eq!(statuses(&family), (Status::Abandoned, Status::Stuck));
    let left = &family.members[&family.root].saga.left;
    let left: Vec<&str> = left.iter().map(|one| one.step.as_str()).collect();
    assert_eq!(left, ["flight", "insurance"]);
    family.line("insure", "verb retry");
    family.line("insure", "undo policy 200 {}");
    family.line("insure", "undo quote 200 {}");
    assert_eq!(
        statuses(&family),
        (Status::Abandoned, Status::Compensated),
        "it comes to its end although nobody waits for it"
    );
}
