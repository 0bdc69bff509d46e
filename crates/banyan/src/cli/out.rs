//! Standard output: one place that writes to it. A reader that went away (`banyan list | head`)
//! ends the command silently, as it ends every other tool.

use super::fail::{Exit, Fail};
use serde::Serialize;
use std::io::{ErrorKind, Write};

/// Writes a text as it is.
pub(crate) fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        let gone = error.kind() == ErrorKind::BrokenPipe;
        std::process::exit(if gone { 0 } else { Exit::Error as i32 });
    }
}

/// Writes a value as JSON, for programs: indented, one newline at the end.
pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Fail> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Fail::Here(format!("the answer cannot be written: {error}")))?;
    text.push('\n');
    print(&text);
    Ok(())
}

/// Writes a value as JSON on one line, for programs that read line by line.
pub(crate) fn print_json_line(value: &impl Serialize) -> Result<(), Fail> {
    let mut text = serde_json::to_string(value)
        .map_err(|error| Fail::Here(format!("the answer cannot be written: {error}")))?;
    text.push('\n');
    print(&text);
    Ok(())
}
