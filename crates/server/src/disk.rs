//! How much room the disk of the data folder has, and when that is too little.

use crate::config::ConfigError;
use std::path::Path;

/// Bytes of a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Space {
    /// That a server may still write.
    pub(crate) free: u64,
    /// In all.
    pub(crate) total: u64,
}

/// How much room the disk of this folder has; none when the system cannot tell. It asks the
/// system: not to be called where waiting is dear.
pub(crate) fn space(folder: &Path) -> Option<Space> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(Space {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        total: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// Below how much free room the disk is low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Low {
    /// So many bytes.
    Bytes(u64),
    /// So many hundredths of the disk.
    Percent(u8),
    /// 1 GiB, or a tenth of a disk on which that is less: a saga takes some kilobytes, so that
    /// hundreds of thousands still fit, and a person has time to make room.
    Usual,
}

/// What [`Low::Usual`] is at most.
const USUAL: u64 = 1 << 30;

impl Low {
    /// The bytes below which a disk of this size is low.
    pub(crate) fn bytes(self, total: u64) -> u64 {
        match self {
            Low::Bytes(bytes) => bytes,
            Low::Percent(percent) => total / 100 * u64::from(percent),
            Low::Usual => USUAL.min(total / 10),
        }
    }

    /// Reads the setting: `10%`, or bytes as `500MB`, `1GiB`.
    ///
    /// # Errors
    /// What it can be.
    pub(crate) fn read((name, value): (String, String)) -> Result<Low, ConfigError> {
        parse(&value).ok_or_else(|| ConfigError::Value {
            name,
            value,
            why: "it is a part of the disk, such as 10%, or bytes, such as 500MB or 1GiB".into(),
        })
    }
}

fn parse(text: &str) -> Option<Low> {
    if let Some(percent) = text.strip_suffix('%') {
        let percent = percent.trim().parse().ok()?;
        return (percent <= 100).then_some(Low::Percent(percent));
    }
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
    ];
    let (number, unit) = units
        .iter()
        .find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes)))?;
    let number: u64 = number.trim().parse().ok()?;
    number.checked_mul(unit).map(Low::Bytes)
}

/// Whether the disk is low, with some room between low and well, so that one saga more or less
/// is no news.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gauge {
    pub(crate) is_low: bool,
}

impl Gauge {
    /// Looks; true when it turned from well to low or back.
    pub(crate) fn look(&mut self, space: Space, low: Low) -> bool {
        let bound = low.bytes(space.total);
        let was = self.is_low;
        self.is_low = if was {
            space.free < bound.saturating_add(bound / 4)
        } else {
            space.free < bound
        };
        was != self.is_low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_is_a_part_of_the_disk_or_bytes() {
        const GIB: u64 = 1 << 30;
        for (text, total, bytes) in [
            ("10%", 200, 20),
            ("0%", 200, 0),
            ("100 %", 200, 200),
            ("500MB", 1, 500_000_000),
            ("2GiB", 1, 2 * GIB),
        ] {
            assert_eq!(parse(text).unwrap().bytes(total), bytes, "{text}");
        }
        assert_eq!(Low::Usual.bytes(100 * GIB), GIB);
        assert_eq!(Low::Usual.bytes(5 * GIB), GIB / 2);
        for text in [
            "",
            "101%",
            "-1%",
            "1",
            "1 G",
            "99999999TiB",
            "GiB",
            "1.5GiB",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_disk_is_told_once_when_it_gets_low_and_once_when_it_is_well() {
        let mut gauge = Gauge::default();
        let mut turns = String::new();
        for free in [100, 99, 101, 124, 90, 125, 101, 99] {
            let space = Space { free, total: 1_000 };
            turns.push(match (gauge.look(space, Low::Bytes(100)), gauge.is_low) {
                (false, _) => '.',
                (true, true) => 'L',
                (true, false) => 'w',
            });
        }
        assert_eq!(turns, ".L...w.L");
    }

    #[test]
    fn the_disk_of_a_folder_has_room() {
        let folder = tempfile::tempdir().unwrap();
        let space = space(folder.path()).unwrap();
        assert!(space.total > 0 && space.free <= space.total, "{space:?}");
        assert_eq!(super::space(&folder.path().join("nowhere")), None);
    }
}
