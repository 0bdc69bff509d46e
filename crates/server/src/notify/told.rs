//! Which stuck and stalled sagas were told, so that a restart tells none of them again and
//! none that was not: `notify.told` in the data folder, one line each.
//!
//! A line is written after the receiver took the event. A crash in between tells it again,
//! under the same id; a line that the crash tore counts as not written. Times of the wall clock
//! are only compared for being the same.

use super::event::Mark;
use banyan_core::Timestamp;
use banyan_core::id::Id;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const FILE: &str = "notify.told";
/// Marks that are remembered. Beyond it those of the oldest sagas are forgotten, and told again
/// after a restart.
const MARKS: usize = 100_000;

/// What was told.
#[derive(Debug)]
pub(crate) struct Told {
    path: PathBuf,
    marks: BTreeSet<Mark>,
    file: File,
    lines: usize,
}

impl Told {
    /// Reads what was told before.
    pub(crate) fn open(folder: &Path) -> io::Result<Told> {
        let path = folder.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error),
        };
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let marks: BTreeSet<Mark> = whole.lines().filter_map(mark).collect();
        let lines = whole.lines().count();
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)?;
        let mut told = Told {
            path,
            marks,
            file,
            lines,
        };
        if whole.len() + 1 < text.len() {
            told.rewrite()?;
        }
        Ok(told)
    }

    /// Whether this was told.
    pub(crate) fn contains(&self, mark: &Mark) -> bool {
        self.marks.contains(mark)
    }

    /// Remembers what was told now, also over a crash. What cannot be written is remembered
    /// until the restart only.
    pub(crate) fn add(&mut self, marks: &[Mark]) -> io::Result<()> {
        let mut text = String::new();
        for mark in marks {
            if self.marks.insert(*mark) {
                text += &line(mark);
                self.lines += 1;
            }
        }
        while self.marks.len() > MARKS {
            self.marks.pop_first();
        }
        if self.lines > 2 * MARKS {
            return self.rewrite();
        }
        self.file.write_all(text.as_bytes())?;
        self.file.sync_data()
    }

    /// Forgets all but those that hold still.
    pub(crate) fn retain(&mut self, holds: impl Fn(&Mark) -> bool) -> io::Result<()> {
        self.marks.retain(holds);
        if self.lines > self.marks.len() {
            return self.rewrite();
        }
        Ok(())
    }

    /// Writes all marks to a new file that takes the place of the old one.
    fn rewrite(&mut self) -> io::Result<()> {
        let fresh = self.path.with_extension("told.new");
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(&fresh)?;
        let text: String = self.marks.iter().map(line).collect();
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        self.lines = self.marks.len();
        Ok(())
    }
}

fn line(mark: &Mark) -> String {
    format!("{} {}\n", mark.saga, mark.since.0)
}

/// Reads a line; what is none is passed over: at worst something is told again.
fn mark(line: &str) -> Option<Mark> {
    let (saga, since) = line.split_once(' ')?;
    Some(Mark {
        saga: saga.parse::<Id>().ok()?,
        since: Timestamp(since.parse().ok()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(number: u64) -> Mark {
        Mark {
            saga: Id::new(number, 0, 0),
            since: Timestamp(7),
        }
    }

    #[test]
    fn what_was_told_is_known_after_a_restart_also_when_the_last_line_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let mut told = Told::open(folder.path()).unwrap();
        told.add(&[of(1), of(2)]).unwrap();
        told.add(&[of(2), of(3)]).unwrap();
        drop(told);
        let path = folder.path().join(FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), 3);
        for cut in 1..40 {
            std::fs::write(&path, &text[..text.len() - cut]).unwrap();
            let mut told = Told::open(folder.path()).unwrap();
            assert!(told.contains(&of(2)) && !told.contains(&of(3)), "{cut}");
            told.add(&[of(3)]).unwrap();
            assert!(Told::open(folder.path()).unwrap().contains(&of(3)), "{cut}");
        }
        std::fs::write(&path, "what is this\n\u{0}\n").unwrap();
        assert!(!Told::open(folder.path()).unwrap().contains(&of(1)));
    }

    #[test]
    fn what_no_longer_holds_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let mut told = Told::open(folder.path()).unwrap();
        told.add(&[of(1), of(2)]).unwrap();
        told.retain(|mark| *mark == of(2)).unwrap();
        told.add(&[of(3)]).unwrap();
        let again = Told::open(folder.path()).unwrap();
        assert!(!again.contains(&of(1)) && again.contains(&of(2)) && again.contains(&of(3)));
    }
}
