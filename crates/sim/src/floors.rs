//! What a short form must have shown, so that "every invariant held" says something: how often
//! each invariant was held against the runs, what came to pass, and that every key of the
//! language was at work. It knows nothing of why a figure is what it is.

use banyan_core::testkit;
use banyan_sim::Figures;

/// The invariants that every short form must have exercised.
const NEEDED: [u32; 24] = [
    1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 22, 25, 39, 44, 45, 46,
];
/// How often, at least, for each seed on average.
const FLOORS: [(u32, u64); 9] = [
    (6, 30),
    (11, 10),
    (17, 8),
    (22, 50),
    (25, 12),
    (39, 40),
    (44, 10),
    (45, 3),
    (46, 5),
];
/// What must have come to pass so often, at least, in a hundred seeds.
const KINDS: [(&str, u64); 36] = [
    ("accepted_do", 150),
    ("accepted_undo", 40),
    ("accepted_confirm", 60),
    ("effect_of_do", 120),
    ("effect_of_undo", 40),
    ("effect_of_confirm", 60),
    ("effect_early", 30),
    ("reply_lost", 30),
    ("reply_doubled", 30),
    ("reply_replayed", 60),
    ("reply_forged", 30),
    ("reply_after_its_time", 20),
    ("reply_after_the_end", 10),
    ("reply_done_after_refused", 15),
    ("reply_refused_after_done", 20),
    ("late_effect_undone", 1),
    ("yes_to_nothing", 1),
    ("pending_do", 80),
    ("pending_undo", 15),
    ("pending_confirm", 25),
    ("pending_for_ever", 8),
    ("pending_lost", 40),
    ("move_made", 100),
    ("move_not_safe", 30),
    ("moved_and_completed", 25),
    ("moved_and_compensated", 25),
    ("retried_fresh", 200),
    ("retried_mended", 1),
    ("settled_do_done", 30),
    ("settled_do_not_happened", 60),
    ("settled_undo_done", 8),
    ("settled_undo_not_happened", 3),
    ("settled_confirm_done", 4),
    ("settled_confirm_not_happened", 2),
    ("settled_late", 3),
    ("child_taken_back_by_hand", 2),
];
/// What must have become of verbs so often, at least, in a hundred seeds: taken, refused, asked
/// of a saga that had changed since, and cut off by a death, before their commit or after it.
const VERBS: [(&str, u64); 26] = [
    ("cancel taken", 15),
    ("cancel not_allowed", 50),
    ("cancel changed_since", 4),
    ("cancel died", 2),
    ("cancel stood_after_a_death", 1),
    ("retry taken", 800),
    ("retry not_allowed", 300),
    ("retry changed_since", 90),
    ("retry died", 5),
    ("retry stood_after_a_death", 3),
    ("settle taken", 150),
    ("settle not_allowed", 8),
    ("settle changed_since", 12),
    ("settle died", 1),
    ("settle stood_after_a_death", 1),
    ("undo taken", 50),
    ("undo not_allowed", 60),
    ("undo changed_since", 8),
    ("undo died", 2),
    ("undo stood_after_a_death", 2),
    ("abandon taken", 80),
    ("abandon not_allowed", 10),
    ("abandon changed_since", 8),
    ("note taken", 50),
    ("note changed_since", 4),
    ("note stood_after_a_death", 1),
];

/// What was not shown, or too seldom, in words; what needs many seeds only in the whole form.
pub(crate) fn missing(total: &Figures, seeds: u64, whole: bool) -> Vec<String> {
    let mut lines = Vec::new();
    let faults = |name: &str| total.faults.get(name).copied().unwrap_or(0);
    let verbs = |name: &str| total.verbs.get(name).copied().unwrap_or(0);
    let kinds = KINDS
        .into_iter()
        .map(|(name, least)| (name, least, faults(name)));
    let became = VERBS
        .into_iter()
        .map(|(name, least)| (name, least, verbs(name)));
    let rare: Vec<&str> = kinds
        .chain(became)
        .filter(|(_, least, seen)| seen * 100 < least * seeds)
        .map(|(name, ..)| name)
        .collect();
    if whole && !rare.is_empty() {
        lines.push(format!("never came to pass, or too seldom: {rare:?}"));
    }
    let (seldom, _) = unseen(total);
    if whole && !seldom.is_empty() {
        lines.push(format!(
            "keys of the language that were never at work: {seldom:?}"
        ));
    }
    let missing: Vec<u32> = NEEDED
        .into_iter()
        .filter(|number| {
            let floor = FLOORS.iter().find(|(known, _)| known == number);
            let least = floor.map_or(1, |(_, each)| each * seeds);
            total.checked.get(number).copied().unwrap_or(0) < least
        })
        .collect();
    if !missing.is_empty() {
        lines.push(format!("never exercised, or too seldom: {missing:?}"));
    }
    lines
}

/// How many keys of the language were at work, and the one that was used least.
pub(crate) fn of_keys(total: &Figures) -> String {
    let (_, least) = unseen(total);
    let keys = total.keys.len();
    format!("{keys} keys of the language were at work, {least}")
}

/// The keys of the language that no saga has used, and the one that was used least.
fn unseen(total: &Figures) -> (Vec<String>, String) {
    let of_steps = testkit::pairs().into_iter();
    let of_steps = of_steps.map(|(kind, key)| format!("{kind}: {key}"));
    let of_files = testkit::keys_of_file().into_iter();
    let all = of_steps.chain(of_files.map(|key| format!("file: {key}")));
    let times = |key: &String| total.keys.get(key).copied().unwrap_or(0);
    let mut all: Vec<String> = all.collect();
    all.sort_by_key(times);
    let least = all
        .first()
        .map(|key| format!("{key} {} times, the least", times(key)));
    all.retain(|key| times(key) == 0);
    (all, least.unwrap_or_default())
}
