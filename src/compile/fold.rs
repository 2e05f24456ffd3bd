//! Constant folding of numbers.
//!
//! An operation is folded only if it cannot raise an error and its result survives being a constant: NaN has no
//! identity and -0.0 would be merged with 0.0 by whoever compares constants with `==`. Strings are never converted.

use crate::number::{Number, float_floor_div, float_mod, float_pow, int_floor_div, int_mod, shift_left, shift_right};
use crate::syntax::ast::{BinOp, UnOp};

/// `a op b`, if it can be computed now.
pub(super) fn binary(op: BinOp, a: Number, b: Number) -> Option<Number> {
    match op {
        BinOp::Add => arithmetic(a, b, i64::wrapping_add, |a, b| a + b),
        BinOp::Sub => arithmetic(a, b, i64::wrapping_sub, |a, b| a - b),
        BinOp::Mul => arithmetic(a, b, i64::wrapping_mul, |a, b| a * b),
        BinOp::Mod | BinOp::IDiv | BinOp::Div if b.to_float() == 0.0 => None,
        BinOp::Mod => arithmetic(a, b, int_mod, float_mod),
        BinOp::IDiv => arithmetic(a, b, int_floor_div, float_floor_div),
        BinOp::Div => float(a.to_float() / b.to_float()),
        BinOp::Pow => float(float_pow(a.to_float(), b.to_float())),
        BinOp::BAnd => Some(Number::Int(a.to_int()? & b.to_int()?)),
        BinOp::BOr => Some(Number::Int(a.to_int()? | b.to_int()?)),
        BinOp::BXor => Some(Number::Int(a.to_int()? ^ b.to_int()?)),
        BinOp::Shl => Some(Number::Int(shift_left(a.to_int()?, b.to_int()?))),
        BinOp::Shr => Some(Number::Int(shift_right(a.to_int()?, b.to_int()?))),
        _ => None,
    }
}

/// `op a`, if it can be computed now.
pub(super) fn unary(op: UnOp, a: Number) -> Option<Number> {
    match (op, a) {
        (UnOp::Neg, Number::Int(a)) => Some(Number::Int(a.wrapping_neg())),
        (UnOp::Neg, Number::Float(a)) => float(-a),
        (UnOp::BNot, a) => Some(Number::Int(!a.to_int()?)),
        _ => None,
    }
}

fn arithmetic(a: Number, b: Number, ints: fn(i64, i64) -> i64, floats: fn(f64, f64) -> f64) -> Option<Number> {
    match (a, b) {
        (Number::Int(a), Number::Int(b)) => Some(Number::Int(ints(a, b))),
        _ => float(floats(a.to_float(), b.to_float())),
    }
}

fn float(value: f64) -> Option<Number> {
    let is_odd = value.is_nan() || (value == 0.0 && value.is_sign_negative());
    (!is_odd).then_some(Number::Float(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use Number::{Float, Int};

    #[test]
    fn folds_what_cannot_fail() {
        assert_eq!(binary(BinOp::Add, Int(i64::MAX), Int(1)), Some(Int(i64::MIN)));
        assert_eq!(binary(BinOp::Div, Int(1), Int(2)), Some(Float(0.5)));
        assert_eq!(binary(BinOp::BOr, Float(1.0), Int(2)), Some(Int(3)));
        assert_eq!(binary(BinOp::IDiv, Int(-7), Int(2)), Some(Int(-4)));
        assert_eq!(unary(UnOp::BNot, Int(0)), Some(Int(-1)));
    }

    #[test]
    fn leaves_errors_and_odd_floats_to_run_time() {
        assert_eq!(binary(BinOp::Mod, Int(1), Int(0)), None);
        assert_eq!(binary(BinOp::Div, Int(0), Float(0.0)), None);
        assert_eq!(binary(BinOp::BAnd, Float(1.5), Int(2)), None);
        assert_eq!(unary(UnOp::Neg, Float(0.0)), None);
        assert_eq!(unary(UnOp::Len, Int(0)), None);
        assert_eq!(binary(BinOp::Sub, Float(f64::INFINITY), Float(f64::INFINITY)), None);
    }
}
