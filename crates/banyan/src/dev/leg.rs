//! The legs of a step as a service can tell them apart.

use std::fmt;

/// A leg of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leg {
    /// Its action.
    Do,
    /// The question what became of it.
    Check,
    /// Its compensation.
    Undo,
    /// Its second half.
    Confirm,
}

impl Leg {
    /// The leg that a word names.
    pub(super) fn from_word(word: &str) -> Option<Leg> {
        [Leg::Do, Leg::Check, Leg::Undo, Leg::Confirm]
            .into_iter()
            .find(|leg| leg.to_string() == word)
    }

    /// The leg that an idempotency key tells of, and the key of the step's do. A check asks
    /// under the key of the do and is not told apart by it.
    pub(super) fn of_key(key: &str) -> (Leg, &str) {
        let whole = key.trim_end_matches(|c: char| c.is_ascii_digit());
        let base = if whole.len() < key.len() {
            whole.strip_suffix('-').unwrap_or(key)
        } else {
            key
        };
        if let Some(of_do) = base.strip_suffix("-undo") {
            (Leg::Undo, of_do)
        } else if let Some(of_do) = base.strip_suffix("-confirm") {
            (Leg::Confirm, of_do)
        } else {
            (Leg::Do, key)
        }
    }
}

impl fmt::Display for Leg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Leg::Do => "do",
            Leg::Check => "check",
            Leg::Undo => "undo",
            Leg::Confirm => "confirm",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Leg;

    #[test]
    fn a_key_tells_its_leg_and_its_do() {
        for (key, leg, of_do) in [
            ("abc", Leg::Do, "abc"),
            ("abc-undo", Leg::Undo, "abc"),
            ("abc-undo-2", Leg::Undo, "abc"),
            ("abc-confirm", Leg::Confirm, "abc"),
            ("ab-12", Leg::Do, "ab-12"),
            ("ab3", Leg::Do, "ab3"),
        ] {
            assert_eq!(Leg::of_key(key), (leg, of_do));
        }
    }
}
