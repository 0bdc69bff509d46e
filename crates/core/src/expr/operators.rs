//! `+ - * / %` over every type that they take, and counting.

use super::ast::Math;
use super::eval::{Sink, wrong_type};
use super::functions::{describe, strings};
use super::meter::Meter;
use super::number::{Num, arithmetic};
use super::order;
use super::value::{List, Members, Res, Str, Val};
use rust_decimal::Decimal;
use std::rc::Rc;

/// Steps of one operation on decimals: the worst of them divides 96 bits by 96 bits, digit by
/// digit.
const DECIMAL_STEPS: u64 = 2;

/// An operation on two values.
pub(super) fn math<'a>(
    math: Math,
    left: Val<'a>,
    right: Val<'a>,
    meter: &Meter,
) -> Res<'a, Val<'a>> {
    match (math, left, right) {
        (_, Val::Number(left), Val::Number(right)) => decimals(math, &left, &right, meter),
        (Math::Add, Val::Null, other) | (Math::Add, other, Val::Null) => Ok(other),
        (Math::Add, Val::Text(left), Val::Text(right)) => concatenate(left, &right, meter),
        (Math::Add, Val::Array(left), Val::Array(right)) => left.append(&right, meter),
        (Math::Add, Val::Object(left), Val::Object(right)) => merge(left, &right, meter),
        (Math::Sub, Val::Array(left), Val::Array(right)) => without(&left, &right, meter),
        (Math::Mul, Val::Text(text), Val::Number(times))
        | (Math::Mul, Val::Number(times), Val::Text(text)) => repeat(&text, &times, meter),
        (Math::Mul, Val::Object(left), Val::Object(right)) => merge_deep(left, &right, meter),
        (Math::Div, Val::Text(text), Val::Text(by)) => strings::split(&text, by.as_str(), meter),
        (_, left, right) => Err(wrong_type(format!(
            "{} and {} cannot be {}",
            describe(&left),
            describe(&right),
            match math {
                Math::Add => "added",
                Math::Sub => "subtracted",
                Math::Mul => "multiplied",
                Math::Div | Math::Rem => "divided",
            }
        ))),
    }
}

fn decimals<'a>(math: Math, left: &Num<'a>, right: &Num<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    meter.steps(DECIMAL_STEPS)?;
    let (left, right) = (left.decimal(meter)?, right.decimal(meter)?);
    let zeros = left.is_zero() || right.is_zero();
    let result = match math {
        Math::Add => left.checked_add(right),
        Math::Sub => left.checked_sub(right),
        // A product that is lost below the last digit is no zero.
        Math::Mul => left
            .checked_mul(right)
            .filter(|product| zeros || !product.is_zero()),
        Math::Div | Math::Rem if right.is_zero() => {
            return Err(arithmetic(format!("{left} is divided by zero")));
        }
        Math::Div => left
            .checked_div(right)
            .filter(|ratio| zeros || !ratio.is_zero()),
        Math::Rem => {
            let (left, right) = (left.trunc(), right.trunc());
            if right.is_zero() {
                return Err(arithmetic(format!("{left} is divided by zero")));
            }
            left.checked_rem(right)
        }
    };
    match result {
        Some(decimal) => Ok(Val::Number(Num::Decimal(decimal))),
        None => Err(arithmetic(format!(
            "{left} {} {right} has more than the 28 digits that can be computed with",
            math.as_str()
        ))),
    }
}

/// The opposite of a number.
pub(super) fn negate<'a>(value: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    match value {
        Val::Number(number) => {
            let decimal = number.decimal(meter)?;
            let negative = if decimal.is_zero() { decimal } else { -decimal };
            Ok(Val::Number(Num::Decimal(negative)))
        }
        other => Err(wrong_type(format!("{} has no opposite", describe(other)))),
    }
}

/// A text with another at its end; it grows in place when nobody else holds it.
pub(super) fn concatenate<'a>(left: Str<'a>, right: &Str<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    if right.as_str().is_empty() {
        return Ok(Val::Text(left));
    }
    if left.as_str().is_empty() {
        return Ok(Val::Text(right.clone()));
    }
    let mut text = match left {
        // Nobody else holds it, so this moves and never copies.
        Str::Shared(text) if Rc::strong_count(&text) == 1 => Rc::unwrap_or_clone(text),
        other => {
            let mut text = meter.string(other.as_str().len() + right.as_str().len())?;
            text.push_str(other.as_str());
            text
        }
    };
    meter.append(&mut text, right.as_str())?;
    Ok(Val::text(text))
}

fn merge<'a>(left: Members<'a>, right: &Members<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut entries = left.into_entries(meter)?;
    for (key, value) in right.iter() {
        entries.insert(key, value, meter)?;
    }
    Ok(entries.into_value())
}

/// Recurses as deep as both objects nest.
fn merge_deep<'a>(left: Members<'a>, right: &Members<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut entries = left.into_entries(meter)?;
    for (key, value) in right.iter() {
        let merged = match (entries.take(key.as_str()), value) {
            (Some(Val::Object(left)), Val::Object(right)) => merge_deep(left, &right, meter)?,
            (_, value) => value,
        };
        entries.insert(key, merged, meter)?;
    }
    Ok(entries.into_value())
}

fn without<'a>(left: &List<'a>, right: &List<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let mut kept = meter.list(0)?;
    for item in left.iter() {
        let mut removed = false;
        for other in right.iter() {
            if order::equal(&item, &other, meter)? {
                removed = true;
                break;
            }
        }
        meter.steps(1)?;
        if !removed {
            meter.push(&mut kept, item)?;
        }
    }
    Val::array(kept)
}

fn repeat<'a>(text: &Str<'a>, times: &Num<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let times = times.decimal(meter)?;
    if times <= Decimal::ZERO {
        return Ok(Val::Null);
    }
    let times: usize = times.floor().try_into().unwrap_or(usize::MAX).max(1);
    let text = text.as_str();
    let mut repeated = meter.string(text.len().saturating_mul(times).min(usize::MAX / 2))?;
    if !text.is_empty() {
        meter.elements(times)?;
        for _ in 0..times {
            repeated.push_str(text);
        }
    }
    Ok(Val::text(repeated))
}

/// A count of values to take or to skip.
pub(super) fn count<'a>(value: &Val<'a>, meter: &Meter) -> Res<'a, u64> {
    match value {
        Val::Number(number) => u64::try_from(number.whole(meter)?)
            .map_err(|_| wrong_type("a count cannot be negative".to_owned())),
        other => Err(wrong_type(format!(
            "a count is a number, not {}",
            describe(other)
        ))),
    }
}

/// The numbers from one up to before another.
pub(super) fn range<'a>(
    from: &Val<'a>,
    to: &Val<'a>,
    meter: &Meter,
    sink: Sink<'_, 'a>,
) -> Res<'a, ()> {
    let (Val::Number(from), Val::Number(to)) = (from, to) else {
        return Err(wrong_type(format!(
            "`range` needs numbers, not {} and {}",
            describe(from),
            describe(to)
        )));
    };
    let (mut next, to) = (from.decimal(meter)?, to.decimal(meter)?);
    while next < to {
        meter.steps(1)?;
        sink(Val::Number(Num::Decimal(next)))?;
        next = next
            .checked_add(Decimal::ONE)
            .ok_or_else(|| arithmetic("`range` runs over 28 digits".to_owned()))?;
    }
    Ok(())
}
