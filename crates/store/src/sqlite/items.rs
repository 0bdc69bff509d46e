//! Steps of every item, as SQLite compares texts: `lines[].reserve` by two patterns, of which a
//! path that it means matches the first and not the second. Together they mean the same as
//! [`banyan_core::path::means`].

/// What a path has to be like, and what unlike.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Globs {
    /// Anything where the numbers stand.
    pub(super) like: String,
    /// The same with something there that is no digit, such as the bracket of a part further
    /// inside. Every place of a number is such a way to be unlike.
    pub(super) unlike: Vec<String>,
}

/// The patterns of a path with empty brackets.
pub(super) fn globs(path: &str) -> Globs {
    let parts: Vec<String> = path.split("[]").map(literal).collect();
    let places = parts.len() - 1;
    // A bracket that closes stands for itself outside a set.
    let at = |odd: Option<usize>| {
        let mut pattern = parts[0].clone();
        for (place, part) in parts[1..].iter().enumerate() {
            let number = if odd == Some(place) { "*[^0-9]*" } else { "*" };
            pattern.push_str("[[]");
            pattern.push_str(number);
            pattern.push(']');
            pattern.push_str(part);
        }
        pattern
    };
    Globs {
        like: at(None),
        unlike: (0..places).map(|place| at(Some(place))).collect(),
    }
}

/// A text of which no character means anything but itself.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '*' | '?' | '[' => {
                pattern.push('[');
                pattern.push(letter);
                pattern.push(']');
            }
            other => pattern.push(other),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_anything_and_nothing_but_digits() {
        let found = globs("lines[].parts[2].cut[]");
        assert_eq!(found.like, "lines[[]*].parts[[]2].cut[[]*]");
        assert_eq!(
            found.unlike,
            [
                "lines[[]*[^0-9]*].parts[[]2].cut[[]*]",
                "lines[[]*].parts[[]2].cut[[]*[^0-9]*]",
            ]
        );
        assert_eq!(globs("a*?[]").like, "a[*][?][[]*]");
    }
}
