//! What was printed, compared with what a page says is printed.

/// Whether a line is as a page has it: `…` stands for anything, blanks for blanks. How often
/// a call was tried differs from run to run, for the shop loses answers now and then.
pub(crate) fn fits(line: &str, shown: &str) -> bool {
    let plain = |text: &str| {
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        (2..9).fold(words, |text, times| {
            text.replace(&format!(", {times} attempts"), "")
        })
    };
    let line = plain(line);
    let mut rest = line.as_str();
    plain(shown).split('…').all(|piece| {
        let found = rest.split_once(piece.trim());
        rest = found.map_or("", |(_, after)| after);
        found.is_some()
    })
}
