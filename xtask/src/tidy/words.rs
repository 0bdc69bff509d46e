//! Words that must stand in the code, and words that must not.

use super::source::Source;

/// Every file opens with `//!`.
pub(super) fn module_docs(sources: &[Source]) -> Vec<String> {
    let bare = sources
        .iter()
        .filter(|source| !source.text.starts_with("//!"));
    let complain = |source: &Source| {
        format!(
            "{}: begin with //! and say what the module is",
            source.path.display()
        )
    };
    bare.map(complain).collect()
}

/// No `unsafe`, no stubs, no queue without a bound.
pub(super) fn forbidden(sources: &[Source]) -> Vec<String> {
    let words = [
        ("unsafe ", "there is no unsafe code here"),
        ("todo!(", "a stub is a defect: build it, or leave it out"),
        (
            "unimplemented!(",
            "a stub is a defect: build it, or leave it out",
        ),
        ("unbounded_channel", "give the channel a bound"),
        ("unbounded()", "give the channel a bound"),
        ("dbg!(", "leave no debugging behind"),
        ("#[ignore", "a test that does not run proves nothing"),
    ];
    let mut complaints = Vec::new();
    for source in sources {
        for (index, line) in source.code.iter().enumerate() {
            for (word, why) in words {
                if line.contains(word) {
                    let (path, line) = (source.path.display(), index + 1);
                    complaints.push(format!("{path}:{line}: `{}`: {why}", word.trim()));
                }
            }
        }
    }
    complaints
}

/// `allow` and `expect` attributes give a reason.
pub(super) fn silenced(sources: &[Source]) -> Vec<String> {
    let openings = ["#[allow(", "#![allow(", "#[expect(", "#![expect("];
    let mut complaints = Vec::new();
    for source in sources {
        for (index, line) in source.code.iter().enumerate() {
            let opens = openings
                .iter()
                .any(|opening| line.trim_start().starts_with(opening));
            let attribute = source.code[index..].iter().take(8);
            let end = attribute
                .clone()
                .position(|line| line.contains(")]"))
                .unwrap_or(0);
            let has_reason = attribute
                .take(end + 1)
                .any(|line| line.contains("reason ="));
            if opens && !has_reason {
                let (path, line) = (source.path.display(), index + 1);
                complaints.push(format!("{path}:{line}: add `reason = \"…\"`"));
            }
        }
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn source(text: &str) -> [Source; 1] {
        [Source::new(
            Path::new("crates/core/src/a.rs"),
            text.to_owned(),
        )]
    }

    #[test]
    fn words_are_found_in_code_and_nowhere_else() {
        let bad = "fn a() {\n    todo!()\n}\n";
        assert_eq!(forbidden(&source(bad)).len(), 1);
        assert!(forbidden(&source("// todo!()\nconst A: &str = \"todo!()\";\n")).is_empty());
    }

    #[test]
    fn a_silenced_lint_without_its_reason_is_found() {
        assert_eq!(
            silenced(&source("#[allow(dead_code)]\nfn a() {}\n")).len(),
            1
        );
        assert!(
            silenced(&source(
                "#[expect(\n    dead_code,\n    reason = \"x\"\n)]\n"
            ))
            .is_empty()
        );
    }
}
