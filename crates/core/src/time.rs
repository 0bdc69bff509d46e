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

    /// The last moment that the calendar here knows, to the second: 9999-12-30T22:00:00Z, so
    /// that it is within year 9999 wherever it is shown.
    pub const LATEST: Timestamp = Timestamp(253_402_207_200_000);

    /// The moment that a value names: RFC 3339 text, or milliseconds since the epoch.
    ///
    /// # Errors
    /// It names none, or one past [`Timestamp::LATEST`].
    pub fn from_json(value: &crate::Json) -> Result<Timestamp, InvalidMoment> {
        let moment = match value {
            crate::Json::String(text) => match text.parse::<jiff::Timestamp>() {
                Ok(moment) => Timestamp(moment.as_millisecond()),
                Err(_) if is_past_the_calendar(text) => return Err(InvalidMoment::TooFar),
                Err(_) => return Err(InvalidMoment::None),
            },
            crate::Json::Number(number) => match number.as_i64() {
                Some(millis) => Timestamp(millis),
                // Whole and past the range of an i64: far past the calendar.
                None if number.as_f64().is_some_and(|size| size > i64::MAX as f64) => {
                    return Err(InvalidMoment::TooFar);
                }
                None => return Err(InvalidMoment::None),
            },
            crate::Json::Null
            | crate::Json::Bool(_)
            | crate::Json::Array(_)
            | crate::Json::Object(_) => return Err(InvalidMoment::None),
        };
        if moment > Timestamp::LATEST {
            return Err(InvalidMoment::TooFar);
        }
        Ok(moment)
    }

    /// Milliseconds from `earlier` to this moment, 0 when `earlier` is later.
    pub fn since(self, earlier: Timestamp) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

/// Why a value is no moment that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMoment {
    /// It names none.
    #[error("is no moment: give RFC 3339 (2026-11-21T10:42:07Z) or milliseconds since 1970")]
    None,
    /// It lies past [`Timestamp::LATEST`].
    #[error("is too far away: at most {}", Timestamp::LATEST)]
    TooFar,
}

/// A date and time with its offset, well written, in the last days of year 9999.
fn is_past_the_calendar(text: &str) -> bool {
    let pieces = jiff::fmt::temporal::Pieces::parse(text);
    pieces.is_ok_and(|pieces| {
        pieces.time().is_some() && pieces.offset().is_some() && pieces.date().year() == 9999
    })
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
    fn a_value_names_a_moment_within_the_calendar() {
        use serde_json::json;
        let latest = Timestamp::LATEST;
        assert_eq!(latest.to_string(), "9999-12-30T22:00:00.000Z");
        for (value, expected) in [
            (json!("1970-01-01T00:00:01Z"), Ok(Timestamp(1_000))),
            (json!("1970-01-01T01:00:01+01:00"), Ok(Timestamp(1_000))),
            (json!(-1), Ok(Timestamp(-1))),
            (json!("9999-12-30T22:00:00Z"), Ok(latest)),
            (json!(latest.0), Ok(latest)),
            (json!("9999-12-31T23:59:59Z"), Err(InvalidMoment::TooFar)),
            (json!("9999-12-30T23:00:00Z"), Err(InvalidMoment::TooFar)),
            (json!(latest.0 + 1), Err(InvalidMoment::TooFar)),
            (json!(1e300), Err(InvalidMoment::TooFar)),
            (json!("9999-12-31"), Err(InvalidMoment::None)),
            (json!("9999-13-31T23:59:59Z"), Err(InvalidMoment::None)),
            (json!("soon"), Err(InvalidMoment::None)),
            (json!(1.5), Err(InvalidMoment::None)),
            (json!(null), Err(InvalidMoment::None)),
        ] {
            assert_eq!(Timestamp::from_json(&value), expected, "{value}");
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
