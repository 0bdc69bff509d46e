//! Paths of steps as people write them: `lines[3].reserve` is one item's step, `lines[].reserve`
//! that of every item.
//!
//! It knows no definition: whether there is such a step, and such an item, others say.

/// Does `wanted` mean the step at this path of a saga? Empty brackets mean every item.
///
/// ```
/// use banyan_core::path::means;
/// assert!(means("lines[].reserve", "lines[12].reserve"));
/// assert!(!means("lines[].reserve", "lines[12].parts[0].reserve"));
/// assert!(!means("lines[1].reserve", "lines[12].reserve"));
/// ```
pub fn means(wanted: &str, path: &str) -> bool {
    let mut rest = path;
    for (position, part) in wanted.split("[]").enumerate() {
        if position > 0 {
            let Some(behind) = rest.strip_prefix('[').map(without_number) else {
                return false;
            };
            let Some(behind) = behind.strip_prefix(']') else {
                return false;
            };
            rest = behind;
        }
        let Some(behind) = rest.strip_prefix(part) else {
            return false;
        };
        rest = behind;
    }
    rest.is_empty()
}

fn without_number(text: &str) -> &str {
    text.trim_start_matches(|letter: char| letter.is_ascii_digit())
}

/// Does `wanted` mean the step at this path, or one that it is a part of?
pub fn covers(wanted: &str, path: &str) -> bool {
    let above = path.match_indices(['.', '[']).map(|(end, _)| &path[..end]);
    means(wanted, path) || above.into_iter().any(|above| means(wanted, above))
}

/// It means every item of some `each`.
pub fn is_general(wanted: &str) -> bool {
    wanted.contains("[]")
}

/// A path without the numbers of its items: `lines[3].reserve` is `lines[].reserve`.
pub fn general(path: &str) -> String {
    let mut kept = String::with_capacity(path.len());
    let mut inside = false;
    for letter in path.chars() {
        inside &= letter != ']';
        if !inside {
            kept.push(letter);
        }
        inside |= letter == '[';
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_brackets_mean_every_item_and_nothing_else() {
        for (wanted, path, expected) in [
            ("charge", "charge", true),
            ("charge", "charges", false),
            ("charge", "both.charge", false),
            ("lines[]", "lines[3]", true),
            ("lines[]", "lines", false),
            ("lines[]", "lines[3].reserve", false),
            ("lines[].reserve", "lines[3].reserve", true),
            ("lines[3].reserve", "lines[3].reserve", true),
            ("lines[3].reserve", "lines[33].reserve", false),
            ("lines[].parts[].cut", "lines[3].parts[10].cut", true),
            ("lines[3].parts[].cut", "lines[3].parts[10].cut", true),
            ("lines[3].parts[].cut", "lines[4].parts[10].cut", false),
            ("lines[].cut", "lines[3].parts[10].cut", false),
            ("", "", true),
            ("[]", "x", false),
        ] {
            assert_eq!(means(wanted, path), expected, "{wanted} {path}");
        }
    }

    #[test]
    fn a_step_covers_its_parts_and_an_each_its_items() {
        for (wanted, path, expected) in [
            ("both", "both.charge", true),
            ("both", "bothers.charge", false),
            ("both.charge", "both", false),
            ("lines", "lines[3].reserve", true),
            ("lines[3]", "lines[3].reserve", true),
            ("lines[]", "lines[3].reserve", true),
            ("lines[3]", "lines[30].reserve", false),
            ("lines[].reserve", "lines[3].reserve", true),
        ] {
            assert_eq!(covers(wanted, path), expected, "{wanted} {path}");
        }
    }

    #[test]
    fn items_of_a_path_are_not_told_apart() {
        for (path, kept) in [
            ("charge", "charge"),
            ("both.book", "both.book"),
            ("lines[3].reserve", "lines[].reserve"),
            ("lines[12]", "lines[]"),
        ] {
            assert_eq!(general(path), kept);
            assert!(means(kept, path));
        }
    }
}
