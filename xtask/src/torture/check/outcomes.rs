//! I-10 and I-11: wholly done, or wholly undone, by the services' own books.

use super::Story;
use crate::torture::findings::Findings;
use crate::torture::ledger::Leg;

pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    match story.status().as_str() {
        "completed" => completed(story, findings),
        "compensated" => compensated(story, findings),
        _ => {} // I-8 has found it.
    }
}

fn completed(story: &Story<'_>, findings: &mut Findings) {
    for step in story.plan.steps {
        let counts = story.effects(step.path);
        let undos = story.arrivals(step.path, Leg::Undo).count();
        findings.look("I-10", counts == (1, 0) && undos == 0, || {
            let (done, undone) = counts;
            format!("{} is completed; {} took effect {done} times, was undone {undone} times in {undos} calls", story.id, step.path)
        });
    }
}

fn compensated(story: &Story<'_>, findings: &mut Findings) {
    for step in story.plan.steps {
        let (done, undone) = story.effects(step.path);
        findings.look("I-11", done == undone && done <= 1, || {
            format!(
                "{} is compensated; {} took effect {done} times, was undone {undone} times",
                story.id, step.path
            )
        });
    }
}
