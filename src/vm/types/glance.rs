//! What a glance at a value tells: numbers and lengths within limits, and the values of literals, pass without walking the
//! type.
//!
//! House rule: a glance is sure only of what passes. Whatever it does not know is looked at properly.

use super::set::judged_by;
use super::{Shape, TypeRef};
use crate::bytecode::types::{Literal, Rule};
use crate::vm::intern::StringSet;
use crate::vm::object::MAX_SHORT;
use crate::vm::raw::string_bytes;
use crate::vm::value::{Value, tag};

/// Up to here every integer is a float.
const EXACT: i64 = 1 << 53;

/// See the module header.
#[derive(Clone)]
pub(super) enum Glance {
    /// Nothing but the tag tells.
    Blind,
    /// These values pass.
    Values(Box<[Value]>),
    /// What is within the limits passes.
    Limits(Limits),
}

/// From and to, both included; nothing is within limits that are the wrong way round.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    integers: (i64, i64),
    floats: (f64, f64),
    /// Of strings.
    lengths: (u64, u64),
}

impl Limits {
    const NONE: Limits = Limits { integers: (1, 0), floats: (1.0, 0.0), lengths: (1, 0) };
    const ALL: Limits =
        Limits { integers: (i64::MIN, i64::MAX), floats: (f64::NEG_INFINITY, f64::INFINITY), lengths: (0, u64::MAX) };

    fn new(inner: TypeRef, rules: &[Rule]) -> Limits {
        let mut limits = Limits::ALL;
        for rule in rules {
            match rule {
                Rule::Min(limit) => match among_both(limit, f64::ceil) {
                    Some((integer, float)) => {
                        limits.integers.0 = limits.integers.0.max(integer);
                        limits.floats.0 = limits.floats.0.max(float);
                    }
                    None => return Limits::NONE,
                },
                Rule::Max(limit) => match among_both(limit, f64::floor) {
                    Some((integer, float)) => {
                        limits.integers.1 = limits.integers.1.min(integer);
                        limits.floats.1 = limits.floats.1.min(float);
                    }
                    None => return Limits::NONE,
                },
                Rule::MinLen(limit) => limits.lengths.0 = limits.lengths.0.max(*limit),
                Rule::MaxLen(limit) => limits.lengths.1 = limits.lengths.1.min(*limit),
                Rule::Integer => limits.floats = Limits::NONE.floats,
                Rule::Pattern(_) => limits.lengths = Limits::NONE.lengths,
                Rule::Closed => {}
                Rule::Host(_) => return Limits::NONE,
            }
        }
        let judged = rules.iter().fold(0, |judged, rule| judged | judged_by(rule));
        let decides = |tag: u8| inner.passes & judged & 1 << tag != 0;
        if !decides(tag::INT) {
            limits.integers = Limits::NONE.integers;
        }
        if !decides(tag::FLOAT) {
            limits.floats = Limits::NONE.floats;
        }
        if !decides(tag::STRING) {
            limits.lengths = Limits::NONE.lengths;
        }
        limits
    }
}

/// A limit among the integers and among the floats, unless it is too large for one to say what the other says.
fn among_both(limit: &Literal, round: fn(f64) -> f64) -> Option<(i64, f64)> {
    let (integer, float) = match limit {
        Literal::Integer(integer) => (*integer, *integer as f64),
        Literal::Float(bits) => (round(f64::from_bits(*bits)) as i64, f64::from_bits(*bits)),
        Literal::Boolean(_) | Literal::String(_) => return None,
    };
    (-EXACT..=EXACT).contains(&integer).then_some((integer, float))
}

impl Glance {
    /// The glance at values of a shape. Strings to compare with are interned in `strings`.
    pub(super) fn new(shape: &Shape, strings: &StringSet) -> Glance {
        let value = |shape: &Shape| match shape {
            Shape::Literal(Literal::Integer(integer)) => Some(Value::int(*integer)),
            Shape::Literal(Literal::String(bytes)) if bytes.len() <= MAX_SHORT => {
                Some(Value::string(strings.intern(bytes)))
            }
            _ => None,
        };
        match shape {
            Shape::Optional(inner) => inner.glance.clone(),
            Shape::Literal(_) => value(shape).map_or(Glance::Blind, |value| Glance::Values([value].into())),
            Shape::Union(members) => {
                let values: Box<[_]> = members.iter().filter_map(|member| value(&member.shape)).collect();
                if values.is_empty() { Glance::Blind } else { Glance::Values(values) }
            }
            Shape::Validated(inner, rules) => Glance::Limits(Limits::new(*inner, rules)),
            _ => Glance::Blind,
        }
    }

    /// Whether a value is sure to pass.
    #[inline(always)]
    pub(super) fn passes(&self, value: Value) -> bool {
        match self {
            Glance::Blind => false,
            Glance::Values(values) => values.iter().any(|known| known.same(value)),
            Glance::Limits(limits) => match value.tag() {
                tag::INT => within(limits.integers, value.as_int()),
                tag::FLOAT => within(limits.floats, value.as_float()),
                tag::STRING => within(limits.lengths, string_bytes(value).len() as u64),
                _ => false,
            },
        }
    }
}

#[inline(always)]
fn within<T: PartialOrd>((from, to): (T, T), value: T) -> bool {
    from <= value && value <= to
}
