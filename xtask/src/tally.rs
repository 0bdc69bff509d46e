//! What passed and what failed, and the one line at the end that says so.

/// Counts of checks.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    failures: Vec<String>,
}

impl Tally {
    /// One check of our own.
    pub(crate) fn check(&mut self, name: &str, held: bool) {
        if held {
            self.passed += 1;
        } else {
            self.failed += 1;
            self.failures.push(name.to_owned());
        }
    }

    /// What a test binary counted.
    pub(crate) fn add(&mut self, name: &str, passed: u64, failed: u64) {
        self.passed += passed;
        self.failed += failed;
        if failed > 0 {
            self.failures.push(format!("{name}: {failed} test(s)"));
        }
    }

    /// Prints what failed, then the one line that programs read.
    pub(crate) fn finish(&self) -> bool {
        for failure in &self.failures {
            println!("failed: {failure}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        self.failed == 0 && self.passed > 0
    }
}

/// The counts in a line `test result: ok. 12 passed; 0 failed; …` of a test binary.
pub(crate) fn test_result(line: &str) -> Option<(u64, u64)> {
    let rest = line.trim_start().strip_prefix("test result: ")?;
    let (_, counts) = rest.split_once(". ")?;
    let mut numbers = counts.split("; ").map(|part| {
        let (number, word) = part.split_once(' ')?;
        Some((number.parse::<u64>().ok()?, word))
    });
    match (numbers.next()??, numbers.next()??) {
        ((passed, "passed"), (failed, "failed")) => Some((passed, failed)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_read_from_a_test_binarys_last_line() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(test_result(line), Some((12, 3)));
        assert_eq!(test_result("test tests::a ... ok"), None);
    }

    #[test]
    fn an_empty_tally_is_no_success() {
        assert!(!Tally::default().finish());
    }
}
