//! Numbers: kept as they were written while they are only moved, compared exactly whatever
//! their size, and computed with as decimals of 28 digits.

use super::Cause;
use super::meter::Meter;
use super::value::{Res, Stop, Val};
use rust_decimal::Decimal;
use serde_json::Number;
use std::cmp::Ordering;
use std::rc::Rc;

/// A number.
#[derive(Clone, Debug)]
pub(super) enum Num<'a> {
    /// As an input or the expression wrote it.
    Written(&'a Number),
    /// As a text that was converted wrote it.
    Kept(Rc<Number>),
    /// Computed.
    Decimal(Decimal),
}

/// Digits of a decimal that are exact whatever they are.
const EXACT_CHARS: usize = 28;

impl<'a> Num<'a> {
    /// Reads a number as JSON writes it.
    pub(super) fn parse(text: &str) -> Option<Num<'a>> {
        let number: Number = text.parse().ok()?;
        Some(Num::Kept(Rc::new(number)))
    }

    fn written(&self) -> Option<&str> {
        match self {
            Num::Written(number) => Some(number.as_str()),
            Num::Kept(number) => Some(number.as_str()),
            Num::Decimal(_) => None,
        }
    }

    /// At most how many bytes its text has.
    pub(super) fn text_bytes(&self) -> usize {
        self.written().map_or(32, str::len)
    }

    /// Its text: as written, or the shortest of what was computed.
    pub(super) fn to_text(&self) -> String {
        match self {
            Num::Written(number) => number.as_str().to_owned(),
            Num::Kept(number) => number.as_str().to_owned(),
            Num::Decimal(decimal) => decimal.normalize().to_string(),
        }
    }

    pub(super) fn into_json(self) -> Number {
        match self {
            Num::Written(number) => number.clone(),
            Num::Kept(number) => Rc::unwrap_or_clone(number),
            // A decimal's text is a JSON number; zero stands for what cannot be.
            Num::Decimal(decimal) => decimal
                .normalize()
                .to_string()
                .parse()
                .unwrap_or_else(|_| Number::from(0)),
        }
    }

    /// For arithmetic.
    pub(super) fn decimal(&self, meter: &Meter) -> Res<'a, Decimal> {
        let text = match self {
            Num::Decimal(decimal) => return Ok(*decimal),
            Num::Written(number) => number.as_str(),
            Num::Kept(number) => number.as_str(),
        };
        meter.read(text.len())?;
        parse_decimal(text).ok_or_else(|| {
            let shown: String = text.chars().take(40).collect();
            arithmetic(format!(
                "the number {shown} has more than the 28 digits that can be computed with"
            ))
        })
    }

    /// Its whole part, for positions and counts; far away numbers are the nearest end.
    pub(super) fn whole(&self, meter: &Meter) -> Res<'a, i64> {
        let decimal = self.decimal(meter)?.floor();
        Ok(decimal.try_into().unwrap_or(if decimal.is_sign_negative() {
            i64::MIN
        } else {
            i64::MAX
        }))
    }

    /// Which is greater, as numbers: `1.0` and `1` are equal.
    pub(super) fn compare(&self, other: &Num<'_>, meter: &Meter) -> Res<'a, Ordering> {
        meter.steps(1)?;
        if let (Some(left), Some(right)) = (self.exact(), other.exact()) {
            return Ok(left.cmp(&right));
        }
        meter.read(4 * (self.text_bytes() + other.text_bytes()))?;
        // The digits of both are copied without their dot.
        meter.allocate(2 * (self.text_bytes() + other.text_bytes()) + 64)?;
        Ok(Digits::of(&self.to_text()).cmp(&Digits::of(&other.to_text())))
    }

    fn exact(&self) -> Option<Decimal> {
        match self {
            Num::Decimal(decimal) => Some(*decimal),
            Num::Written(_) | Num::Kept(_) => {
                let text = self.written()?;
                (text.len() <= EXACT_CHARS && !text.contains(['e', 'E']))
                    .then(|| Decimal::from_str_exact(text).ok())
                    .flatten()
            }
        }
    }
}

fn parse_decimal(text: &str) -> Option<Decimal> {
    let decimal = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()?
    } else {
        text.parse().ok()?
    };
    // A number so small that its digits are lost is no zero.
    let zero = !text
        .split(['e', 'E'])
        .next()?
        .contains(|digit: char| matches!(digit, '1'..='9'));
    (zero || !decimal.is_zero()).then_some(decimal)
}

/// A number's digits without zeros at either end, and the power of ten before the first.
#[derive(PartialEq, Eq)]
struct Digits {
    negative: bool,
    power: i128,
    digits: Vec<u8>,
}

impl Digits {
    fn of(text: &str) -> Digits {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
        let leading = all.iter().take_while(|digit| **digit == b'0').count();
        let digits: Vec<u8> = match all.iter().rposition(|digit| *digit != b'0') {
            Some(last) => all[leading..=last].to_vec(),
            None => Vec::new(),
        };
        if digits.is_empty() {
            return Digits {
                negative: false,
                power: 0,
                digits,
            };
        }
        // Beyond 36 digits an exponent is as good as endless.
        let exponent = exponent.parse().unwrap_or(if exponent.starts_with('-') {
            i128::MIN / 2
        } else {
            i128::MAX / 2
        });
        Digits {
            negative,
            power: exponent + whole.len() as i128 - leading as i128,
            digits,
        }
    }
}

impl Ord for Digits {
    fn cmp(&self, other: &Self) -> Ordering {
        let sign = |number: &Digits| match (number.digits.is_empty(), number.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let size = (self.power, &self.digits).cmp(&(other.power, &other.digits));
            if self.negative { size.reverse() } else { size }
        })
    }
}

impl PartialOrd for Digits {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// An error of arithmetic.
pub(super) fn arithmetic<'a>(message: String) -> Box<Stop<'a>> {
    Box::new(Stop::Raised(Cause::Arithmetic, Val::text(message)))
}
