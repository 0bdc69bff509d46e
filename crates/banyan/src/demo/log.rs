//! The clients' log: what was sent and what was told, line by line, each line written before
//! the next thing happens. It is the outside truth that `demo verify` holds the rest against.

use banyan_core::Json;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line {
    /// A start is about to be sent.
    Sent {
        /// The caller's key; the order's number.
        key: String,
        /// The definition.
        definition: String,
        /// The input.
        input: Json,
    },
    /// The server accepted it.
    Accepted {
        /// The caller's key.
        key: String,
        /// The saga.
        id: String,
    },
    /// The server refused it.
    Refused {
        /// The caller's key.
        key: String,
        /// The error code.
        code: String,
    },
}

/// The log, open for writing.
pub(super) struct Log {
    file: Mutex<std::fs::File>,
}

impl Log {
    /// Opens it for adding lines.
    pub(super) fn open(path: &Path) -> std::io::Result<Log> {
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)?;
        Ok(Log {
            file: Mutex::new(file),
        })
    }

    /// Adds a line; when this returns, the system has it.
    pub(super) fn write(&self, line: &Line) -> std::io::Result<()> {
        let mut text = serde_json::to_string(line)?;
        text.push('\n');
        // A panic elsewhere cannot have left half a line: each is one write.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(text.as_bytes())?;
        file.flush()
    }
}

/// An order as its client knows it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    /// The definition.
    pub(super) definition: String,
    /// What was sent.
    pub(super) input: Json,
    /// What was told, once something was.
    pub(super) told: Option<Told>,
}

/// What a client was told of its start.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Told {
    /// Accepted, as this saga.
    Accepted(String),
    /// Refused, with this code.
    Refused(String),
}

/// Reads the log: orders by key. A last line that was cut off by a kill is left out; any other
/// line that cannot be read is an error.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, Order>, String> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    let mut orders = BTreeMap::new();
    let whole = text.rfind('\n').map_or(0, |end| end + 1);
    for (position, line) in text[..whole].lines().enumerate() {
        let read: Line = serde_json::from_str(line)
            .map_err(|error| format!("{}:{}: {error}", path.display(), position + 1))?;
        add(&mut orders, read)
            .map_err(|key| format!("{}:{}: {key} was never sent", path.display(), position + 1))?;
    }
    Ok(orders)
}

fn add(orders: &mut BTreeMap<String, Order>, line: Line) -> Result<(), String> {
    let (key, told) = match line {
        Line::Sent {
            key,
            definition,
            input,
        } => {
            orders.entry(key).or_insert(Order {
                definition,
                input,
                told: None,
            });
            return Ok(());
        }
        Line::Accepted { key, id } => (key, Told::Accepted(id)),
        Line::Refused { key, code } => (key, Told::Refused(code)),
    };
    match orders.get_mut(&key) {
        Some(order) => order.told = Some(told),
        None => return Err(key),
    }
    Ok(())
}
