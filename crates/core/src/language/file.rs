//! The bytes of a file before there is a text: a file that cannot be read, or is not UTF-8, is
//! one problem of that file, so that those checked beside it are checked all the same.

use super::Diagnostic;
use super::codes::Code;
use super::node::Place;
use super::problems::diagnostic;

/// What is said of a file that could not be read. `why` is the system's word.
pub fn unreadable(why: &str) -> Diagnostic {
    let start = Place {
        line: 1,
        column: 1,
        length: 1,
    };
    diagnostic(
        Code::UnreadableFile,
        start,
        format!("the file cannot be read: {why}"),
        "look at its path, and whether this user may read it".to_owned(),
    )
}

/// The text of a file.
///
/// # Errors
/// Where the first byte stands that is not UTF-8.
///
/// ```
/// let problem = banyan_core::language::decode(b"saga: caf\xe9\n").unwrap_err();
/// assert_eq!((problem.code, problem.line, problem.column), ("unreadable_file", 1, 10));
/// ```
pub fn decode(bytes: &[u8]) -> Result<&str, Diagnostic> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (before, rest) = bytes.split_at(error.valid_up_to());
        // What lies before the first bad byte is valid.
        let before = String::from_utf8_lossy(before);
        let place = Place {
            line: before.matches('\n').count() + 1,
            column: before.rsplit('\n').next().unwrap_or("").chars().count() + 1,
            length: 1,
        };
        let byte = rest.first().copied().unwrap_or_default();
        let wide = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
        let what = if wide {
            "it begins like UTF-16".to_owned()
        } else {
            format!("the byte 0x{byte:02X} stands here")
        };
        diagnostic(
            Code::UnreadableFile,
            place,
            format!("the file is not UTF-8: {what}"),
            "save the file as UTF-8".to_owned(),
        )
    })
}
