//! The order of values: null, false, true, numbers, strings, arrays, objects, as in jq. Equality
//! is being neither less nor greater, so `1.0 == 1`.
//!
//! Sorting is our own, because a comparison may end the evaluation, and the standard library's
//! sort may panic when one gives up half way.

use super::meter::Meter;
use super::value::{List, Members, Res, Str, Val};
use std::cmp::Ordering;

/// Compares two values, charged for what it reads.
pub(super) fn compare<'a>(left: &Val<'a>, right: &Val<'a>, meter: &Meter) -> Res<'a, Ordering> {
    meter.steps(1)?;
    match (left, right) {
        (Val::Number(left), Val::Number(right)) => left.compare(right, meter),
        (Val::Text(left), Val::Text(right)) => {
            let (left, right) = (left.as_str(), right.as_str());
            meter.read(left.len().min(right.len()))?;
            Ok(left.cmp(right))
        }
        (Val::Array(left), Val::Array(right)) => compare_lists(left, right, meter),
        (Val::Object(left), Val::Object(right)) => compare_objects(left, right, meter),
        _ => Ok(rank(left).cmp(&rank(right))),
    }
}

/// Whether two values are equal.
pub(super) fn equal<'a>(left: &Val<'a>, right: &Val<'a>, meter: &Meter) -> Res<'a, bool> {
    // Values of different size are told apart without looking into them.
    match (left, right) {
        (Val::Text(left), Val::Text(right)) if left.as_str().len() != right.as_str().len() => {
            meter.steps(1)?;
            Ok(false)
        }
        (Val::Object(left), Val::Object(right)) if left.len() != right.len() => {
            meter.steps(1)?;
            Ok(false)
        }
        _ => Ok(compare(left, right, meter)?.is_eq()),
    }
}

fn rank(value: &Val<'_>) -> u8 {
    match value {
        Val::Null => 0,
        Val::Bool(false) => 1,
        Val::Bool(true) => 2,
        Val::Number(_) => 3,
        Val::Text(_) => 4,
        Val::Array(_) => 5,
        Val::Object(_) => 6,
    }
}

fn compare_lists<'a>(left: &List<'a>, right: &List<'a>, meter: &Meter) -> Res<'a, Ordering> {
    for (left, right) in left.iter().zip(right.iter()) {
        let order = compare(&left, &right, meter)?;
        if order.is_ne() {
            return Ok(order);
        }
    }
    Ok(left.len().cmp(&right.len()))
}

/// First by their sorted keys, then value by value in that order.
fn compare_objects<'a>(
    left: &Members<'a>,
    right: &Members<'a>,
    meter: &Meter,
) -> Res<'a, Ordering> {
    let left_keys = sorted_keys(left, meter)?;
    let right_keys = sorted_keys(right, meter)?;
    for (left, right) in left_keys.iter().zip(&right_keys) {
        meter.read(left.as_str().len())?;
        let order = left.as_str().cmp(right.as_str());
        if order.is_ne() {
            return Ok(order);
        }
    }
    if left_keys.len() != right_keys.len() {
        return Ok(left_keys.len().cmp(&right_keys.len()));
    }
    for key in &left_keys {
        meter.steps(2)?;
        if let (Some(left), Some(right)) = (left.get(key.as_str()), right.get(key.as_str())) {
            let order = compare(&left, &right, meter)?;
            if order.is_ne() {
                return Ok(order);
            }
        }
    }
    Ok(Ordering::Equal)
}

/// An object's keys in order, charged.
pub(super) fn sorted_keys<'a>(members: &Members<'a>, meter: &Meter) -> Res<'a, Vec<Str<'a>>> {
    let count = members.len();
    meter.allocate(count * size_of::<Str<'_>>())?;
    meter.elements(count * (usize::BITS - count.leading_zeros()) as usize)?;
    let mut keys = Vec::with_capacity(count);
    let mut longest = 0;
    for (key, _) in members.iter() {
        longest = longest.max(key.as_str().len());
        keys.push(key);
    }
    // Comparing two keys reads at most the second longest, and there cannot be many long ones
    // in an input; still, each comparison is charged for the longest.
    meter.read(longest.saturating_mul(count.min(64)))?;
    keys.sort_unstable_by(|left, right| left.as_str().cmp(right.as_str()));
    Ok(keys)
}

/// Values in order, equal ones as they came.
pub(super) fn sort<'a>(values: Vec<Val<'a>>, meter: &Meter) -> Res<'a, Vec<Val<'a>>> {
    let order = sorted_places(&values, meter)?;
    let mut sorted = meter.list(values.len())?;
    sorted.extend(order.into_iter().map(|place| values[place].clone()));
    Ok(sorted)
}

/// The places of values in the order of the values: merged runs, from single ones upward.
pub(super) fn sorted_places<'a>(values: &[Val<'a>], meter: &Meter) -> Res<'a, Vec<usize>> {
    meter.allocate(2 * size_of_val(values))?;
    let mut places: Vec<usize> = (0..values.len()).collect();
    let mut merged: Vec<usize> = Vec::with_capacity(values.len());
    let mut run = 1;
    while run < places.len() {
        for pair in places.chunks(2 * run) {
            let (left, right) = pair.split_at(run.min(pair.len()));
            merge(values, left, right, &mut merged, meter)?;
        }
        std::mem::swap(&mut places, &mut merged);
        merged.clear();
        run *= 2;
    }
    Ok(places)
}

fn merge<'a>(
    values: &[Val<'a>],
    mut left: &[usize],
    mut right: &[usize],
    merged: &mut Vec<usize>,
    meter: &Meter,
) -> Res<'a, ()> {
    while let ([first_left, rest_left @ ..], [first_right, rest_right @ ..]) = (left, right) {
        let order = compare(&values[*first_left], &values[*first_right], meter)?;
        if order.is_le() {
            merged.push(*first_left);
            left = rest_left;
        } else {
            merged.push(*first_right);
            right = rest_right;
        }
    }
    merged.extend_from_slice(left);
    merged.extend_from_slice(right);
    Ok(())
}
