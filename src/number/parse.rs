//! Text to number, by the rules of Lua numerals (manual §3.1) and of the coercion of strings (§3.4.3).
//!
//! The same function serves the lexer (which hands over a numeral without sign or spaces) and `tonumber`. Results are
//! correctly rounded: decimal text through the standard library's parser, hexadecimal text here.

use super::Number;

/// Reads a complete numeral, optionally signed and surrounded by white space.
///
/// Decimal integers that do not fit in 64 bits become floats; hexadecimal integers wrap around. `None` if the text is
/// anything else, which includes `inf`, `nan`, the empty text and trailing characters.
pub fn parse_number(text: &[u8]) -> Option<Number> {
    let (negative, digits) = split_sign(trim(text));
    if let [b'0', b'x' | b'X', hex @ ..] = digits {
        return parse_hex(hex, negative);
    }
    match parse_decimal_integer(digits, negative)? {
        Some(integer) => Some(Number::Int(integer)),
        None => parse_decimal_float(digits, negative).map(Number::Float),
    }
}

/// Reads an integer written in `base` (2 to 36), as `tonumber(text, base)` does; too large values wrap around.
pub fn parse_integer_in_base(text: &[u8], base: u32) -> Option<i64> {
    debug_assert!((2..=36).contains(&base));
    let (negative, digits) = split_sign(trim(text));
    if digits.is_empty() {
        return None;
    }
    let mut value = 0u64;
    for &byte in digits {
        let digit = char::from(byte).to_digit(base)?;
        value = value.wrapping_mul(u64::from(base)).wrapping_add(u64::from(digit));
    }
    Some(with_sign(value, negative))
}

/// C's `isspace` in the C locale; Rust's own test lacks the vertical tab.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = text
        && is_space(*first)
    {
        text = rest;
    }
    while let [rest @ .., last] = text
        && is_space(*last)
    {
        text = rest;
    }
    text
}

fn split_sign(text: &[u8]) -> (bool, &[u8]) {
    match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    }
}

fn with_sign(magnitude: u64, negative: bool) -> i64 {
    let value = magnitude as i64;
    if negative { value.wrapping_neg() } else { value }
}

/// The outer `None`: no number at all. The inner one: no integer, but perhaps a float.
fn parse_decimal_integer(digits: &[u8], negative: bool) -> Option<Option<i64>> {
    if digits.is_empty() {
        return None;
    }
    let limit = i64::MAX as u64 + u64::from(negative);
    let mut value = 0u64;
    for &byte in digits {
        if !byte.is_ascii_digit() {
            return Some(None);
        }
        let digit = u64::from(byte - b'0');
        match value.checked_mul(10).and_then(|v| v.checked_add(digit)) {
            Some(next) if next <= limit => value = next,
            _ => return Some(None),
        }
    }
    Some(Some(with_sign(value, negative)))
}

fn parse_decimal_float(digits: &[u8], negative: bool) -> Option<f64> {
    // Rust also reads words (`inf`, `nan`, `infinity`) and a second sign; everything else it accepts, Lua does too.
    let only_numeral = digits.iter().all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if !only_numeral || matches!(digits.first(), Some(b'+' | b'-')) {
        return None;
    }
    let value: f64 = str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if negative { -value } else { value })
}

/// Reads what follows `0x`.
fn parse_hex(text: &[u8], negative: bool) -> Option<Number> {
    if !text.is_empty() && text.iter().all(u8::is_ascii_hexdigit) {
        let value = text.iter().fold(0u64, |value, &byte| (value << 4) | hex_digit(byte).unwrap_or(0));
        return Some(Number::Int(with_sign(value, negative)));
    }
    let value = parse_hex_float(text)?;
    Some(Number::Float(if negative { -value } else { value }))
}

fn hex_digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

fn parse_hex_float(mut text: &[u8]) -> Option<f64> {
    let mut mantissa = 0u64;
    let mut exponent = 0i64;
    let mut any_digit = false;
    let mut after_point = false;
    while let [byte, rest @ ..] = text {
        if let Some(digit) = hex_digit(*byte) {
            any_digit = true;
            if mantissa >> 60 == 0 {
                mantissa = (mantissa << 4) | digit;
                exponent -= if after_point { 4 } else { 0 };
            } else {
                // No room left: the digit only matters as "not exactly half way".
                mantissa |= u64::from(digit != 0);
                exponent += if after_point { 0 } else { 4 };
            }
        } else if *byte == b'.' && !after_point {
            after_point = true;
        } else {
            break;
        }
        text = rest;
    }
    if !any_digit {
        return None;
    }
    if let [b'p' | b'P', rest @ ..] = text {
        let (negative, digits) = split_sign(rest);
        if digits.is_empty() {
            return None;
        }
        let mut power = 0i64;
        for &byte in digits {
            if !byte.is_ascii_digit() {
                return None;
            }
            // Saturation leaves room for the digits' own exponent; both extremes are far outside the range of floats.
            power = (power * 10 + i64::from(byte - b'0')).min(i64::MAX / 32);
        }
        exponent += if negative { -power } else { power };
    } else if !text.is_empty() {
        return None;
    }
    Some(scale_by_power_of_two(mantissa, exponent))
}

/// `mantissa · 2^exponent`, rounded once, to the nearest float, ties to even. The lowest bit of a mantissa of more than
/// 60 bits may stand for any non-zero rest.
fn scale_by_power_of_two(mantissa: u64, exponent: i64) -> f64 {
    const MANTISSA_BITS: i64 = 52;
    const MAX_EXPONENT: i64 = 1023;
    const MIN_EXPONENT: i64 = -1022;
    if mantissa == 0 {
        return 0.0;
    }
    let shift = mantissa.leading_zeros();
    let normalised = mantissa << shift;
    let leading = exponent - i64::from(shift) + 63;
    if leading > MAX_EXPONENT {
        return f64::INFINITY;
    }
    let dropped = 63 - MANTISSA_BITS + (MIN_EXPONENT - leading).max(0);
    if dropped > 64 {
        return 0.0;
    }
    let wide = u128::from(normalised);
    let kept = (wide >> dropped) as u64;
    let rest = wide & ((1u128 << dropped) - 1);
    let half = 1u128 << (dropped - 1);
    let rounded = kept + u64::from(rest > half || (rest == half && kept & 1 == 1));
    // The leading one of a normal mantissa adds itself to the exponent field; so does a carry out of rounding, which
    // yields infinity or the smallest normal number where it should.
    let field = (leading - MIN_EXPONENT).max(0) as u64;
    f64::from_bits((field << MANTISSA_BITS) + rounded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::{FloatSpec, FloatStyle, format_float};
    use proptest::prelude::*;

    fn int(text: &str) -> i64 {
        match parse_number(text.as_bytes()) {
            Some(Number::Int(i)) => i,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn float(text: &str) -> f64 {
        match parse_number(text.as_bytes()) {
            Some(Number::Float(f)) => f,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn integers() {
        assert_eq!(int("0"), 0);
        assert_eq!(int(" \t\n\r\x0b\x0c12 \x0b"), 12);
        assert_eq!(int("-7"), -7);
        assert_eq!(int("+7"), 7);
        assert_eq!(int("00012"), 12);
        assert_eq!(int("9223372036854775807"), i64::MAX);
        assert_eq!(int("-9223372036854775808"), i64::MIN);
        assert_eq!(int("0x10"), 16);
        assert_eq!(int("-0XfF"), -255);
        assert_eq!(int("0xffffffffffffffff"), -1);
        assert_eq!(int("0x1ffffffffffffffff"), -1);
        assert_eq!(int("-0x8000000000000000"), i64::MIN);
    }

    #[test]
    fn floats() {
        assert_eq!(float("9223372036854775808"), 9223372036854775808.0);
        assert_eq!(float("-9223372036854775809"), -9223372036854775808.0);
        assert_eq!(float("1."), 1.0);
        assert_eq!(float(".5"), 0.5);
        assert_eq!(float("3e2"), 300.0);
        assert_eq!(float("3.5E-2"), 0.035);
        assert_eq!(float("1e+5"), 1e5);
        assert_eq!(float("1e9999"), f64::INFINITY);
        assert_eq!(float("1e-9999"), 0.0);
        assert!(float("-0.0").is_sign_negative());
        assert_eq!(float(&format!("0.{}1", "0".repeat(400))), 0.0);
    }

    #[test]
    fn hexadecimal_floats() {
        assert_eq!(float("0x.8"), 0.5);
        assert_eq!(float("0x1."), 1.0);
        assert_eq!(float("0xA.8p1"), 21.0);
        assert_eq!(float("0x1p-1074"), 5e-324);
        assert_eq!(float("0x1p-1075"), 0.0);
        assert_eq!(float("0x1.0000000001p-1075"), 5e-324);
        assert_eq!(float("0x1.8p-1074"), 1e-323);
        assert_eq!(float("0x1p1023"), 8.98846567431158e307);
        assert_eq!(float("0x1p1024"), f64::INFINITY);
        assert_eq!(float("0x1.fffffffffffff8p1023"), f64::INFINITY);
        assert_eq!(float("0x0.0p99999999999999999999999"), 0.0);
        assert_eq!(float("0x1p99999999999999999999999"), f64::INFINITY);
        assert_eq!(float("0x1p-99999999999999999999999"), 0.0);
        // A tie broken by a digit beyond the 64 bits that are kept.
        assert_eq!(float("0x10000000000000800000000000000p0"), 16f64.powi(28));
        assert_eq!(float("0x10000000000000800000000000001p0"), 16f64.powi(28) * (1.0 + f64::EPSILON));
        assert_eq!(float(&format!("0x0.{}1p4004", "0".repeat(1000))), 1.0);
        assert_eq!(float(&format!("0x1{}p-4000", "0".repeat(1000))), 1.0);
    }

    #[test]
    fn refused() {
        for text in [
            "", " ", "-", "+", ".", "e1", ".e1", "1e", "1e+", "0x", "0x.", "0xp1", "0x1p", "0x1p+", "0x1pz", "0x1.2.3",
            "1 2", "1x", "--1", "- 1", "+-1", "inf", "nan", "-inf", "infinity", "NaN", "1\0", "0x1g", "1_0", "1e5.0",
            "0b1",
        ] {
            assert_eq!(parse_number(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn other_bases() {
        assert_eq!(parse_integer_in_base(b" 1010 ", 2), Some(10));
        assert_eq!(parse_integer_in_base(b"-zZ", 36), Some(-1295));
        assert_eq!(parse_integer_in_base(b"+ff", 16), Some(255));
        assert_eq!(parse_integer_in_base(b"8", 8), None);
        assert_eq!(parse_integer_in_base(b"", 10), None);
        assert_eq!(parse_integer_in_base(b"-", 10), None);
        assert_eq!(parse_integer_in_base(b"1.0", 10), None);
        assert_eq!(parse_integer_in_base(b"ffffffffffffffff", 16), Some(-1));
    }

    proptest! {
        #[test]
        fn every_float_survives_17_digits(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let spec = FloatSpec::new(FloatStyle::General).precision(17);
            let mut text = Vec::new();
            format_float(&spec, value, &mut text);
            prop_assert_eq!(parse_number(&text).expect("printed number").to_float(), value);
        }

        #[test]
        fn every_float_survives_hexadecimal(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let mut text = Vec::new();
            format_float(&FloatSpec::new(FloatStyle::Hexadecimal), value, &mut text);
            prop_assert_eq!(parse_number(&text).expect("printed number").to_float(), value);
        }

        #[test]
        fn hexadecimal_agrees_with_decimal(mantissa: u64, power in -1200i32..1200) {
            // `u64 as f64` rounds like the parser; scaling by a power of two in the normal range is exact.
            let value = parse_number(format!("0x{mantissa:x}.p{power}").as_bytes()).expect("numeral").to_float();
            let nearest = mantissa as f64;
            if power.abs() < 950 {
                prop_assert_eq!(value, nearest * 2f64.powi(power));
            }
        }
    }
}
