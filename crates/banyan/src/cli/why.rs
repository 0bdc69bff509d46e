//! Reasons on the command line: a blank one is none, and is refused before anything is sent.

/// Reads the words of `--reason`.
///
/// # Errors
/// When nothing is said.
pub(super) fn why(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("it is blank: say who asked for it, what was found, a ticket".to_owned());
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_taken_as_it_is_and_a_blank_is_nothing() {
        assert_eq!(why(" ticket 812 ").unwrap(), " ticket 812 ");
        for blank in ["", "  ", "\t\n"] {
            assert!(why(blank).unwrap_err().contains("blank"));
        }
    }
}
