//! Bounds stand together, each with its reason: in a crate's `limits.rs`, or beside the schema
//! for what the store persists. A bound elsewhere is a bound that nobody finds.

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
            if is_bound(text) || has_literal_channel(text) {
                complaints.push(format!(
                    "{path}:{line}: move this bound to the crate's limits.rs, with its reason"
                ));
            }
        }
    }
    complaints
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
