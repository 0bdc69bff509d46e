//! Functions of one number.

use super::describe;
use crate::expr::ast::Native;
use crate::expr::eval::wrong_type;
use crate::expr::meter::Meter;
use crate::expr::number::{Num, arithmetic};
use crate::expr::value::{Res, Val};
use rust_decimal::{Decimal, MathematicalOps, RoundingStrategy};

/// Steps of a square root: it is found by some twenty divisions.
const ROOT_STEPS: u64 = 100;

pub(super) fn call<'a>(native: Native, input: &Val<'a>, meter: &Meter) -> Res<'a, Val<'a>> {
    let Val::Number(number) = input else {
        return Err(wrong_type(format!(
            "a number is needed, not {}",
            describe(input)
        )));
    };
    let decimal = match number.decimal(meter) {
        Ok(decimal) => decimal,
        // What is positive is its own absolute value, however many digits it has.
        Err(_) if native == Native::Abs && !number.to_text().starts_with('-') => {
            return Ok(input.clone());
        }
        Err(stop) => return Err(stop),
    };
    let result = match native {
        Native::Floor => decimal.floor(),
        Native::Ceil => decimal.ceil(),
        Native::Round => decimal.round_dp_with_strategy(0, RoundingStrategy::MidpointAwayFromZero),
        Native::Sqrt => {
            meter.steps(ROOT_STEPS)?;
            decimal
                .sqrt()
                .ok_or_else(|| arithmetic(format!("{decimal} has no square root")))?
        }
        // The same number keeps its digits.
        _ if decimal.is_sign_positive() => return Ok(input.clone()),
        _ => decimal.abs(),
    };
    let result = if result.is_zero() {
        Decimal::ZERO
    } else {
        result
    };
    Ok(Val::Number(Num::Decimal(result)))
}
