//! Bounds are found where one looks for them: those that more than one module knows stand in
//! the crate's `limits.rs`; one that a single module keeps for itself says why it is what it is.

use super::source::Source;

/// Words that make a constant a bound of the product.
const BOUNDS: [&str; 8] = [
    "_MAX", "MAX_", "LIMIT", "_BYTES", "CAPACITY", "_CAP", "BOUND", "INBOX",
];

/// Constants that are bounds, and channels with a literal bound, outside the files of limits.
pub(super) fn check(sources: &[Source]) -> Vec<String> {
    let mut complaints = Vec::new();
    for source in sources {
        let path = source.path.display().to_string();
        let product = path.starts_with("crates/")
            && !path.starts_with("crates/sim/")
            && !path.starts_with("crates/banyan/src/demo/");
        if !product || path.ends_with("/limits.rs") {
            continue;
        }
        for (line, text) in source.product_lines() {
            let shared = text.trim_start().starts_with("pub");
            if has_literal_channel(text) || is_bound(text) && shared {
                complaints.push(format!(
                    "{path}:{line}: move this bound to the crate's limits.rs, with its reason"
                ));
            } else if is_bound(text) && !has_comment_above(source, line) {
                complaints.push(format!("{path}:{line}: say above this bound why it is so"));
            }
        }
    }
    complaints
}

fn has_comment_above(source: &Source, line: usize) -> bool {
    let above = line
        .checked_sub(2)
        .and_then(|index| source.text.lines().nth(index));
    above.is_some_and(|text| text.trim_start().starts_with("//"))
}

fn is_bound(line: &str) -> bool {
    let words: Vec<&str> = line.split_whitespace().collect();
    let Some(at) = words.iter().position(|word| *word == "const") else {
        return false;
    };
    let Some(name) = words.get(at + 1).and_then(|word| word.strip_suffix(':')) else {
        return false;
    };
    let number = words
        .get(at + 2)
        .is_some_and(|kind| ["u8", "u16", "u32", "u64", "usize", "i64", "Duration"].contains(kind));
    number && BOUNDS.iter().any(|bound| name.contains(bound))
}

fn has_literal_channel(line: &str) -> bool {
    let Some((_, rest)) = line.split_once("channel(") else {
        return false;
    };
    // One place is a hand-over, not a queue.
    rest.starts_with(|c: char| c.is_ascii_digit()) && !rest.starts_with("1)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_recognised() {
        assert!(is_bound("pub(crate) const BODY_MAX: usize = 5;"));
        assert!(!is_bound("const NAME: &str = x;"));
        assert!(!is_bound("pub const fn limit() {"));
        assert!(has_literal_channel("let (a, b) = mpsc::channel(64);"));
        assert!(!has_literal_channel(
            "let (a, b) = mpsc::channel(limits::INBOX);"
        ));
    }
}
