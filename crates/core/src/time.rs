//! Moments and durations: milliseconds since the epoch, and the short spelling of durations
//! (`200ms`, `30s`, `5m`, `1h30m`, `2d`).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// A moment, in milliseconds since 1970-01-01T00:00:00Z. The store's clock gives it; the core
/// never reads a clock.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This moment and `duration` more. Saturates instead of wrapping.
    pub fn plus(self, duration: Duration) -> Timestamp {
        Timestamp(
            self.0
                .saturating_add(i64::try_from(duration.millis()).unwrap_or(i64::MAX)),
        )
    }

    /// The moment that a value names: RFC 3339 text, or milliseconds since the epoch.
    pub fn from_json(value: &crate::Json) -> Option<Timestamp> {
        match value {
            crate::Json::String(text) => text
                .parse::<jiff::Timestamp>()
                .ok()
                .map(|moment| Timestamp(moment.as_millisecond())),
            crate::Json::Number(number) => number.as_i64().map(Timestamp),
            crate::Json::Null
            | crate::Json::Bool(_)
            | crate::Json::Array(_)
            | crate::Json::Object(_) => None,
        }
    }

    /// Milliseconds from `earlier` to this moment, 0 when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds: `2026-11-21T10:42:07.123Z`. A moment beyond the years
    /// that it can name is shown as the last, or the first, that it can.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (jiff::Timestamp::MIN, jiff::Timestamp::MAX);
        let nearest = if self.0 < 0 { first } else { last };
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or(nearest);
        write!(f, "{moment:.3}")
    }
}

/// A length of time in whole milliseconds. Written `200ms`, `30s`, `5m`, `2h`, `3d`, or
/// several of these in falling order (`1h30m`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Duration(u64);

const UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

impl Duration {
    /// No time at all.
    pub const ZERO: Duration = Duration(0);

    /// A duration of so many milliseconds.
    pub const fn from_millis(millis: u64) -> Duration {
        Duration(millis)
    }

    /// A duration of so many seconds.
    pub const fn from_secs(secs: u64) -> Duration {
        Duration(secs * 1_000)
    }

    /// Its whole milliseconds.
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// As the standard library's duration.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, millis) in UNITS {
            if rest >= millis {
                write!(f, "{}{unit}", rest / millis)?;
                rest %= millis;
            }
        }
        Ok(())
    }
}

/// The text is no duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a duration is a whole number with its unit, such as 200ms, 30s, 5m, 2h, 3d or 1h30m")]
pub struct InvalidDuration;

impl FromStr for Duration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Duration, InvalidDuration> {
        let mut rest = text;
        let mut total: u64 = 0;
        let mut units = UNITS.iter();
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let number: u64 = rest[..digits].parse().map_err(|_| InvalidDuration)?;
            rest = &rest[digits..];
            let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (_, millis) = units
                .find(|(unit, _)| *unit == &rest[..letters])
                .ok_or(InvalidDuration)?;
            total = number
                .checked_mul(*millis)
                .and_then(|part| total.checked_add(part))
                .ok_or(InvalidDuration)?;
            rest = &rest[letters..];
        }
        if text.is_empty() {
            Err(InvalidDuration)
        } else {
            Ok(Duration(total))
        }
    }
}

impl TryFrom<String> for Duration {
    type Error = InvalidDuration;
    fn try_from(text: String) -> Result<Duration, InvalidDuration> {
        text.parse()
    }
}

impl From<Duration> for String {
    fn from(duration: Duration) -> String {
        duration.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print_alike() {
        for text in ["200ms", "30s", "5m", "2h", "3d", "1h30m", "1d2h3m4s5ms"] {
            assert_eq!(text.parse::<Duration>().unwrap().to_string(), text);
        }
        assert_eq!("90s".parse::<Duration>().unwrap().to_string(), "1m30s");
        for text in [
            "",
            "5",
            "m",
            "5 m",
            "-5s",
            "1.5s",
            "5s2m",
            "5y",
            "99999999999999999999s",
        ] {
            assert_eq!(text.parse::<Duration>(), Err(InvalidDuration), "{text}");
        }
    }

    #[test]
    fn moments_print_as_rfc_3339() {
        assert_eq!(
            Timestamp(1_763_721_727_123).to_string(),
            "2025-11-21T10:42:07.123Z"
        );
        for far in [i64::MAX, i64::MIN] {
            let shown = Timestamp(far).to_string();
            shown.parse::<jiff::Timestamp>().unwrap();
        }
    }
}
