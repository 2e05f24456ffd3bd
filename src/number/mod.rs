//! Lua's two kinds of number and what can be computed with them alone: conversion, arithmetic, comparison, text.
//!
//! Nothing here knows the virtual machine. Every function is total: the cases in which Lua raises an error (division
//! by zero, a float without integer representation) show as a precondition or as `None`, and the caller words the error.
//!
//! | file | room |
//! | --- | --- |
//! | [`parse`] | text → number |
//! | [`mod@format`] | number → text, C's `%e %f %g %a` |
//! | [`arith`] | operators and comparisons whose Lua meaning differs from Rust's |

pub mod arith;
pub mod format;
pub mod parse;

pub use arith::{
    ceil_to_int, float_floor_div, float_le_int, float_lt_int, float_mod, float_pow, float_to_int, floor_to_int,
    for_limit, int_floor_div, int_le_float, int_lt_float, int_mod, shift_left, shift_right,
};
pub use format::{FloatSpec, FloatStyle, Layout, format_float, write_float, write_integer, write_number};
pub use parse::{parse_integer_in_base, parse_number};

/// A Lua number: one of the two subtypes (manual §2.1).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// A 64-bit integer; arithmetic wraps around.
    Int(i64),
    /// A double-precision float.
    Float(f64),
}

impl Number {
    /// The value as a float, rounded to the nearest one when an integer has more than 53 significant bits.
    #[inline]
    pub fn to_float(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(f) => f,
        }
    }

    /// The value as an integer if it has an exact integer representation (manual §3.4.3).
    #[inline]
    pub fn to_int(self) -> Option<i64> {
        match self {
            Number::Int(i) => Some(i),
            Number::Float(f) => float_to_int(f),
        }
    }
}
