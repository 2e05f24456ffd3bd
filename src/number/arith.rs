//! Operators whose meaning in Lua is not the one of Rust's operator (manual §3.4.1–§3.4.4).
//!
//! Addition, subtraction and multiplication are absent: they are Rust's `wrapping_*` and the float operators.

/// 2^63, the first float above every integer. Its negation is the smallest integer, exactly.
const TWO_63: f64 = 9_223_372_036_854_775_808.0;

/// `a // b` on integers, rounded towards minus infinity. `b` must not be zero; `mininteger // -1` wraps around.
#[inline]
pub fn int_floor_div(a: i64, b: i64) -> i64 {
    let quotient = a.wrapping_div(b);
    if (a ^ b) < 0 && quotient.wrapping_mul(b) != a { quotient - 1 } else { quotient }
}

/// `a % b` on integers, with the sign of `b`. `b` must not be zero.
#[inline]
pub fn int_mod(a: i64, b: i64) -> i64 {
    let rest = a.wrapping_rem(b);
    if rest != 0 && (rest ^ b) < 0 { rest + b } else { rest }
}

/// `a // b` on floats.
#[inline]
pub fn float_floor_div(a: f64, b: f64) -> f64 {
    floor(a / b)
}

/// The largest float without fraction that is not above `f`.
#[inline]
fn floor(f: f64) -> f64 {
    // Zero keeps its sign, and so does what becomes zero.
    floor_to_int(f).map_or(f, |integer| (integer as f64).copysign(f))
}

/// `a % b` on floats: the rest of the truncating division, moved to the sign of `b`.
#[inline]
pub fn float_mod(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest * b < 0.0 { rest + b } else { rest }
}

/// `a ^ b`.
#[inline]
pub fn float_pow(a: f64, b: f64) -> f64 {
    // Squares are by far the most frequent power; the product is also the more exact answer.
    if b == 2.0 { a * a } else { a.powf(b) }
}

/// `a << by`: a logical shift; a negative `by` shifts to the right, 64 or more bits leave zero.
#[inline]
pub fn shift_left(a: i64, by: i64) -> i64 {
    match by {
        0..=63 => ((a as u64) << by) as i64,
        -63..=-1 => ((a as u64) >> -by) as i64,
        _ => 0,
    }
}

/// `a >> by`, the mirror image of [`shift_left`].
#[inline]
pub fn shift_right(a: i64, by: i64) -> i64 {
    // `-mininteger` wraps to itself, which is still a shift by more than 63 bits.
    shift_left(a, by.wrapping_neg())
}

/// The integer equal to `f`, if there is one.
#[inline]
pub fn float_to_int(f: f64) -> Option<i64> {
    let integer = f as i64;
    // The cast saturates, and the largest integer converts to 2^63 like the excluded float 2^63 itself.
    if integer as f64 == f && f < TWO_63 { Some(integer) } else { None }
}

/// The largest integer not above `f`, if it is in range.
#[inline]
pub fn floor_to_int(f: f64) -> Option<i64> {
    let integer = f as i64;
    // The cast rounds towards zero (and saturates); a fraction lost below zero is one too many.
    in_range(f).then(|| integer - i64::from(integer as f64 > f))
}

/// The smallest integer not below `f`, if it is in range.
#[inline]
pub fn ceil_to_int(f: f64) -> Option<i64> {
    let integer = f as i64;
    in_range(f).then(|| integer + i64::from((integer as f64) < f))
}

/// Whether the floor and the ceiling of `f` are integers of 64 bits. (Floats of that size have no fraction.)
#[inline]
fn in_range(f: f64) -> bool {
    (-TWO_63..TWO_63).contains(&f)
}

/// The limit of an integer `for` loop whose limit is the float `limit`, clipped to the integers; `None` if the loop
/// does not run at all, whatever its start (manual §3.3.5).
pub fn for_limit(limit: f64, step: i64) -> Option<i64> {
    if limit.is_nan() {
        return None;
    }
    let upwards = step > 0;
    match if upwards { floor_to_int(limit) } else { ceil_to_int(limit) } {
        Some(limit) => Some(limit),
        None if limit > 0.0 => upwards.then_some(i64::MAX),
        None => (!upwards).then_some(i64::MIN),
    }
}

/// `i < f`, exact for every pair of values.
#[inline]
pub fn int_lt_float(i: i64, f: f64) -> bool {
    // For an integer, "below f" is "below the next integer at or above f". NaN fails both comparisons.
    if f >= TWO_63 { true } else { f > -TWO_63 && i < f.ceil() as i64 }
}

/// `i <= f`, exact for every pair of values.
#[inline]
pub fn int_le_float(i: i64, f: f64) -> bool {
    if f >= TWO_63 { true } else { f >= -TWO_63 && i <= f.floor() as i64 }
}

/// `f < i`, exact for every pair of values.
#[inline]
pub fn float_lt_int(f: f64, i: i64) -> bool {
    if f < -TWO_63 { true } else { f < TWO_63 && (f.floor() as i64) < i }
}

/// `f <= i`, exact for every pair of values.
#[inline]
pub fn float_le_int(f: f64, i: i64) -> bool {
    // Rounding up may saturate below 2^63, never past the comparison: there are no fractions that large.
    if f <= -TWO_63 { true } else { f < TWO_63 && (f.ceil() as i64) <= i }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    const MIN: i64 = i64::MIN;
    const MAX: i64 = i64::MAX;

    #[test]
    fn integer_division_rounds_down() {
        assert_eq!(int_floor_div(7, 2), 3);
        assert_eq!(int_floor_div(-7, 2), -4);
        assert_eq!(int_floor_div(7, -2), -4);
        assert_eq!(int_floor_div(-7, -2), 3);
        assert_eq!(int_floor_div(MIN, -1), MIN);
        assert_eq!(int_floor_div(MIN, MAX), -2);
        assert_eq!(int_mod(-7, 2), 1);
        assert_eq!(int_mod(7, -2), -1);
        assert_eq!(int_mod(MIN, -1), 0);
        assert_eq!(int_mod(MIN, MAX), MAX - 1);
        assert_eq!(int_mod(MAX, MIN), -1);
    }

    #[test]
    fn float_division_rounds_down() {
        assert_eq!(float_mod(-5.5, 2.0), 0.5);
        assert_eq!(float_mod(5.5, -2.0), -0.5);
        assert_eq!(float_mod(1.0, f64::INFINITY), 1.0);
        assert_eq!(float_mod(-1.0, f64::INFINITY), f64::INFINITY);
        assert_eq!(float_mod(1.0, f64::NEG_INFINITY), f64::NEG_INFINITY);
        assert!(float_mod(1.0, 0.0).is_nan());
        assert!(float_mod(-6.0, 2.0).is_sign_negative());
        assert_eq!(float_floor_div(-5.5, 2.0), -3.0);
        assert_eq!(float_floor_div(1.0, 0.0), f64::INFINITY);
    }

    #[test]
    fn shifts_are_logical() {
        assert_eq!(shift_left(1, 63), MIN);
        assert_eq!(shift_left(1, 64), 0);
        assert_eq!(shift_left(-1, -60), 15);
        assert_eq!(shift_right(-1, 1), MAX);
        assert_eq!(shift_right(-1, 64), 0);
        assert_eq!(shift_right(-1, MIN), 0);
        assert_eq!(shift_left(-1, MIN), 0);
        assert_eq!(shift_right(1, -4), 16);
    }

    #[test]
    fn floats_with_integer_value() {
        assert_eq!(float_to_int(3.0), Some(3));
        assert_eq!(float_to_int(-0.0), Some(0));
        assert_eq!(float_to_int(3.5), None);
        assert_eq!(float_to_int(TWO_63), None);
        assert_eq!(float_to_int(-TWO_63), Some(MIN));
        assert_eq!(float_to_int(9_223_372_036_854_774_784.0), Some(9_223_372_036_854_774_784));
        assert_eq!(float_to_int(f64::NAN), None);
        assert_eq!(float_to_int(f64::INFINITY), None);
        assert_eq!(float_to_int(f64::NEG_INFINITY), None);
        assert_eq!(floor_to_int(-0.5), Some(-1));
        assert_eq!(ceil_to_int(-0.5), Some(0));
    }

    #[test]
    fn loop_limits_are_clipped() {
        assert_eq!(for_limit(3.7, 1), Some(3));
        assert_eq!(for_limit(3.2, -1), Some(4));
        assert_eq!(for_limit(f64::INFINITY, 1), Some(MAX));
        assert_eq!(for_limit(f64::INFINITY, -1), None);
        assert_eq!(for_limit(f64::NEG_INFINITY, 1), None);
        assert_eq!(for_limit(f64::NEG_INFINITY, -1), Some(MIN));
        assert_eq!(for_limit(f64::NAN, 1), None);
        assert_eq!(for_limit(f64::NAN, -1), None);
    }

    /// Compares through 128-bit integers: floats beyond 2^100 clip, fractions decide ties.
    fn exact(i: i64, f: f64) -> Option<Ordering> {
        if f.is_nan() {
            return None;
        }
        let whole = f.floor().clamp(-1e30, 1e30) as i128;
        Some(i128::from(i).cmp(&whole).then(if f.fract() != 0.0 { Ordering::Less } else { Ordering::Equal }))
    }

    fn check_comparisons(i: i64, f: f64) {
        let order = exact(i, f);
        assert_eq!(int_lt_float(i, f), order == Some(Ordering::Less), "{i} < {f}");
        assert_eq!(int_le_float(i, f), matches!(order, Some(Ordering::Less | Ordering::Equal)), "{i} <= {f}");
        assert_eq!(float_lt_int(f, i), order == Some(Ordering::Greater), "{f} < {i}");
        assert_eq!(float_le_int(f, i), matches!(order, Some(Ordering::Greater | Ordering::Equal)), "{f} <= {i}");
    }

    #[test]
    fn comparisons_at_the_edges() {
        let around_two_53 = [(1i64 << 53) - 1, 1 << 53, (1 << 53) + 1];
        let ints = [MIN, MIN + 1, -1, 0, 1, MAX - 1, MAX, MAX - 1023].into_iter().chain(around_two_53);
        let floats = [
            -TWO_63,
            -TWO_63 * 2.0,
            TWO_63,
            TWO_63.next_down(),
            (-TWO_63).next_up(),
            0.0,
            -0.0,
            0.5,
            -0.5,
            1e308,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            9_007_199_254_740_992.0,
            5e-324,
            -5e-324,
        ];
        for i in ints {
            for f in floats {
                check_comparisons(i, f);
            }
        }
    }

    proptest! {
        #[test]
        fn comparisons_are_exact(i: i64, bits: u64, nudge in -2i64..3) {
            check_comparisons(i, f64::from_bits(bits));
            let near = i as f64;
            check_comparisons(i, near);
            check_comparisons(i.wrapping_add(nudge), near);
            check_comparisons(i, near.next_up());
            check_comparisons(i, near + 0.5);
        }

        #[test]
        fn quotient_and_rest_belong_together(a: i64, b: i64) {
            prop_assume!(b != 0);
            let rest = int_mod(a, b);
            prop_assert_eq!(int_floor_div(a, b).wrapping_mul(b).wrapping_add(rest), a);
            prop_assert!(rest == 0 || (rest < 0) == (b < 0));
            prop_assert!(rest.unsigned_abs() < b.unsigned_abs());
        }
    }
}
