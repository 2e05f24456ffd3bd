//! Number to text: Lua's own notation (`tostring`), and C's `%e %f %g %a` with flags, width and precision.
//!
//! All writers append to a byte vector and lay out in place. The digits come from the standard library's exact
//! conversion (correct for any precision, ties to even), so the output agrees with a correct C library to the last digit.

use std::fmt::{self, Write as _};
use std::io::Write as _;

use super::Number;

/// Significant digits of a float in Lua's own notation (C's `%.14g`).
const LUA_DIGITS: usize = 14;
/// Integral floats below this have at most [`LUA_DIGITS`] digits, so they print without an exponent.
const PLAIN_LIMIT: f64 = 1e14;
/// Digits after the point when no precision is given.
const DEFAULT_PRECISION: usize = 6;

/// Appends `number` as `tostring` writes it.
pub fn write_number(number: Number, out: &mut Vec<u8>) {
    match number {
        Number::Int(i) => write_integer(i, out),
        Number::Float(f) => write_float(f, out),
    }
}

/// Appends the decimal digits of `integer`.
pub fn write_integer(integer: i64, out: &mut Vec<u8>) {
    if integer < 0 {
        out.push(b'-');
    }
    write_unsigned(integer.unsigned_abs(), out);
}

/// Appends `float` with 14 significant digits, marked as a float by `.0` where it would read as an integer.
pub fn write_float(float: f64, out: &mut Vec<u8>) {
    if float.abs() < PLAIN_LIMIT && float.trunc() == float {
        if float.is_sign_negative() {
            out.push(b'-');
        }
        write_unsigned(float.abs() as u64, out);
        out.extend_from_slice(b".0");
        return;
    }
    let start = out.len();
    let spec = FloatSpec::new(FloatStyle::General).precision(LUA_DIGITS);
    format_float(&spec, float, out);
    if out[start..].iter().all(|b| b.is_ascii_digit() || *b == b'-') {
        out.extend_from_slice(b".0");
    }
}

fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0u8; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Flags, width and precision of a C conversion specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// `-`: pad on the right.
    pub left: bool,
    /// `+`: a sign in front of positive numbers too.
    pub plus: bool,
    /// Space: a space where a positive number has no sign.
    pub space: bool,
    /// `#`: the alternative form (radix prefix, point always written).
    pub alternate: bool,
    /// `0`: pad numbers with zeros after the sign.
    pub zero: bool,
    /// The minimum number of bytes.
    pub width: usize,
    /// What follows the point; `None` if there was no point.
    pub precision: Option<usize>,
}

impl Layout {
    /// The bytes in front of the magnitude of a signed number.
    pub fn sign(&self, negative: bool) -> &'static [u8] {
        match (negative, self.plus, self.space) {
            (true, ..) => b"-",
            (false, true, _) => b"+",
            (false, false, true) => b" ",
            _ => b"",
        }
    }

    /// Pads `out[start..]` to the width. With `zeros_at`, the zero flag applies and its zeros go there (behind sign
    /// and radix prefix).
    pub fn pad(&self, start: usize, zeros_at: Option<usize>, out: &mut Vec<u8>) {
        let length = out.len();
        let missing = self.width.saturating_sub(length - start);
        if missing == 0 {
            return;
        }
        if self.left {
            out.resize(length + missing, b' ');
            return;
        }
        let (at, filler) = match zeros_at {
            Some(at) if self.zero => (at, b'0'),
            _ => (start, b' '),
        };
        out.resize(length + missing, filler);
        out.copy_within(at..length, at + missing);
        out[at..at + missing].fill(filler);
    }
}

/// Which notation a float is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FloatStyle {
    /// `%f`.
    Fixed,
    /// `%e`.
    Exponent,
    /// `%g`: the shorter of the two, by the size of the exponent.
    General,
    /// `%a`.
    Hexadecimal,
}

/// A complete C conversion specification for a float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FloatSpec {
    /// The notation.
    pub style: FloatStyle,
    /// Capital letters (`%E %G %A`).
    pub uppercase: bool,
    /// Flags, width, precision.
    pub layout: Layout,
}

impl FloatSpec {
    /// Lower case, no flags, no width, the default precision.
    pub fn new(style: FloatStyle) -> FloatSpec {
        FloatSpec { style, uppercase: false, layout: Layout::default() }
    }

    /// The same with a precision.
    pub fn precision(mut self, precision: usize) -> FloatSpec {
        self.layout.precision = Some(precision);
        self
    }
}

/// Appends `float` as C's `printf` writes it under `spec`. The precision is at most 99, as in `string.format`.
pub fn format_float(spec: &FloatSpec, float: f64, out: &mut Vec<u8>) {
    debug_assert!(spec.layout.precision.is_none_or(|p| p < 100));
    let start = out.len();
    out.extend_from_slice(spec.layout.sign(float.is_sign_negative()));
    let mut zeros_at = Some(out.len());
    let magnitude = float.abs();
    if magnitude.is_finite() {
        match spec.style {
            FloatStyle::Fixed => write_fixed(&spec.layout, magnitude, out),
            FloatStyle::Exponent => write_exponent(&spec.layout, magnitude, out),
            FloatStyle::General => write_general(&spec.layout, magnitude, out),
            FloatStyle::Hexadecimal => {
                out.extend_from_slice(b"0x");
                zeros_at = Some(out.len());
                write_hexadecimal(&spec.layout, magnitude, out);
            }
        }
    } else {
        zeros_at = None;
        out.extend_from_slice(if magnitude.is_nan() { b"nan" } else { b"inf" });
    }
    if spec.uppercase {
        out[start..].make_ascii_uppercase();
    }
    spec.layout.pad(start, zeros_at, out);
}

/// The significant digits of a finite float, rounded to a given number of them.
struct Digits {
    bytes: [u8; Digits::CAPACITY],
    length: usize,
    /// The decimal exponent of the first digit.
    exponent: i32,
}

impl Digits {
    /// One digit, a point, 99 digits, and an exponent like `e-324`.
    const CAPACITY: usize = 128;

    fn new(magnitude: f64, after_first: usize) -> Digits {
        let mut digits = Digits { bytes: [0; Digits::CAPACITY], length: 0, exponent: 0 };
        write!(digits, "{magnitude:.after_first$e}").expect("at most 99 digits, so the buffer suffices");
        let text = &digits.bytes[..digits.length];
        let mark = text.iter().rposition(|b| *b == b'e').expect("scientific notation has an exponent");
        digits.exponent = str::from_utf8(&text[mark + 1..])
            .ok()
            .and_then(|text| text.parse().ok())
            .expect("the exponent is a small decimal integer");
        // Close the gap left by the point.
        digits.bytes.copy_within(2..mark.max(2), 1);
        digits.length = after_first + 1;
        digits
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn drop_trailing_zeros(&mut self) {
        while self.length > 1 && self.bytes[self.length - 1] == b'0' {
            self.length -= 1;
        }
    }
}

impl fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length + text.len();
        self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

fn write_fixed(layout: &Layout, magnitude: f64, out: &mut Vec<u8>) {
    let precision = layout.precision.unwrap_or(DEFAULT_PRECISION);
    write!(out, "{magnitude:.precision$}").expect("a vector takes everything");
    if precision == 0 && layout.alternate {
        out.push(b'.');
    }
}

fn write_exponent(layout: &Layout, magnitude: f64, out: &mut Vec<u8>) {
    let digits = Digits::new(magnitude, layout.precision.unwrap_or(DEFAULT_PRECISION));
    write_scientific(&digits, layout.alternate, out);
}

fn write_scientific(digits: &Digits, keep_point: bool, out: &mut Vec<u8>) {
    let (first, rest) = digits.as_bytes().split_at(1);
    out.extend_from_slice(first);
    if !rest.is_empty() || keep_point {
        out.push(b'.');
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(if digits.exponent < 0 { b"e-" } else { b"e+" });
    let exponent = digits.exponent.unsigned_abs();
    if exponent < 10 {
        out.push(b'0');
    }
    write_unsigned(u64::from(exponent), out);
}

fn write_general(layout: &Layout, magnitude: f64, out: &mut Vec<u8>) {
    let significant = layout.precision.unwrap_or(DEFAULT_PRECISION).max(1);
    let mut digits = Digits::new(magnitude, significant - 1);
    let exponent = digits.exponent;
    if !layout.alternate {
        digits.drop_trailing_zeros();
    }
    if exponent < -4 || exponent >= significant as i32 {
        write_scientific(&digits, layout.alternate, out);
        return;
    }
    let bytes = digits.as_bytes();
    if exponent < 0 {
        out.extend_from_slice(b"0.");
        out.resize(out.len() + (-1 - exponent) as usize, b'0');
        out.extend_from_slice(bytes);
        return;
    }
    let before_point = exponent as usize + 1;
    let (whole, fraction) = bytes.split_at(before_point.min(bytes.len()));
    out.extend_from_slice(whole);
    out.resize(out.len() + before_point - whole.len(), b'0');
    if !fraction.is_empty() || layout.alternate {
        out.push(b'.');
    }
    out.extend_from_slice(fraction);
}

fn write_hexadecimal(layout: &Layout, magnitude: f64, out: &mut Vec<u8>) {
    const FRACTION_BITS: usize = 52;
    const FRACTION_DIGITS: usize = FRACTION_BITS / 4;
    let bits = magnitude.to_bits();
    let field = (bits >> FRACTION_BITS) as i64;
    let mut mantissa = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = match field {
        0 if mantissa == 0 => 0,
        0 => -1022,
        _ => {
            mantissa |= 1 << FRACTION_BITS;
            field - 1023
        }
    };
    if let Some(precision) = layout.precision
        && precision < FRACTION_DIGITS
    {
        let dropped = (FRACTION_DIGITS - precision) * 4;
        let (kept, rest) = (mantissa >> dropped, mantissa & ((1 << dropped) - 1));
        let half = 1 << (dropped - 1);
        let up = rest > half || (rest == half && kept & 1 == 1);
        // A carry into the leading digit stays there (`0x2p+0`), as in the GNU C library.
        mantissa = (kept + u64::from(up)) << dropped;
    }
    out.push(b'0' + (mantissa >> FRACTION_BITS) as u8);
    let fraction = mantissa & ((1 << FRACTION_BITS) - 1);
    let shortest = FRACTION_DIGITS - (fraction.trailing_zeros() as usize / 4).min(FRACTION_DIGITS);
    let precision = layout.precision.unwrap_or(shortest);
    if precision > 0 || layout.alternate {
        out.push(b'.');
    }
    for position in 0..precision {
        let digit = match FRACTION_DIGITS.checked_sub(position + 1) {
            Some(place) => (fraction >> (place * 4)) as u8 & 0xf,
            None => 0,
        };
        out.push(b"0123456789abcdef"[usize::from(digit)]);
    }
    out.extend_from_slice(if exponent < 0 { b"p-" } else { b"p+" });
    write_unsigned(exponent.unsigned_abs(), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(number: Number) -> String {
        let mut out = Vec::new();
        write_number(number, &mut out);
        String::from_utf8(out).expect("ASCII")
    }

    fn float(value: f64) -> String {
        shown(Number::Float(value))
    }

    #[test]
    fn lua_notation() {
        assert_eq!(shown(Number::Int(0)), "0");
        assert_eq!(shown(Number::Int(i64::MIN)), "-9223372036854775808");
        assert_eq!(shown(Number::Int(i64::MAX)), "9223372036854775807");
        assert_eq!(float(1.0), "1.0");
        assert_eq!(float(-0.0), "-0.0");
        assert_eq!(float(0.1), "0.1");
        assert_eq!(float(std::f64::consts::PI), "3.1415926535898");
        assert_eq!(float(99999999999999.0), "99999999999999.0");
        assert_eq!(float(1e14), "1e+14");
        assert_eq!(float(123456789012345.0), "1.2345678901234e+14");
        assert_eq!(float(9007199254740992.0), "9.007199254741e+15");
        assert_eq!(float(1e100), "1e+100");
        assert_eq!(float(1e-5), "1e-05");
        assert_eq!(float(0.0001), "0.0001");
        assert_eq!(float(-1e-310), "-1e-310");
        assert_eq!(float(0.99999999999999999), "1.0");
        assert_eq!(float(1.0 - 1e-15), "1.0");
        assert_eq!(float(99999999999999.9), "1e+14");
        assert_eq!(float(9999999999999.99), "10000000000000.0");
        assert_eq!(float(f64::INFINITY), "inf");
        assert_eq!(float(f64::NEG_INFINITY), "-inf");
        assert_eq!(float(f64::NAN.copysign(1.0)), "nan");
        assert_eq!(float(f64::NAN.copysign(-1.0)), "-nan");
    }

    fn spec(text: &str) -> FloatSpec {
        let mut layout = Layout::default();
        let mut rest = text.trim_start_matches(|c| {
            match c {
                '-' => layout.left = true,
                '+' => layout.plus = true,
                ' ' => layout.space = true,
                '#' => layout.alternate = true,
                '0' => layout.zero = true,
                _ => return false,
            }
            true
        });
        let letter = rest.pop_last();
        if let Some((width, precision)) = rest.split_once('.') {
            layout.precision = Some(precision.parse().unwrap_or(0));
            rest = width;
        }
        layout.width = rest.parse().unwrap_or(0);
        let style = match letter.to_ascii_lowercase() {
            'f' => FloatStyle::Fixed,
            'e' => FloatStyle::Exponent,
            'g' => FloatStyle::General,
            _ => FloatStyle::Hexadecimal,
        };
        FloatSpec { style, uppercase: letter.is_ascii_uppercase(), layout }
    }

    trait PopLast {
        fn pop_last(&mut self) -> char;
    }

    impl PopLast for &str {
        fn pop_last(&mut self) -> char {
            let (rest, last) = self.split_at(self.len() - 1);
            *self = rest;
            char::from(last.as_bytes()[0])
        }
    }

    fn check(format: &str, value: f64, expected: &str) {
        let mut out = b"<".to_vec();
        format_float(&spec(format), value, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), format!("<{expected}"), "%{format} of {value:?}");
    }

    #[test]
    fn fixed() {
        check("f", 1.5, "1.500000");
        check(".0f", 0.5, "0");
        check(".0f", 1.5, "2");
        check(".0f", 2.5, "2");
        check("#.0f", 1.0, "1.");
        check(".3f", 2.0005, "2.001");
        check(".1f", 0.25, "0.2");
        check("+.1f", 0.35, "+0.3");
        check("010.2f", -1.5, "-000001.50");
        check("-10.2f", 1.5, "1.50      ");
        check(" f", 1.0, " 1.000000");
        check("010f", f64::INFINITY, "       inf");
        check("F", f64::NEG_INFINITY, "-INF");
        check(".99f", 0.1, &format!("0.1000000000000000055511151231257827021181583404541015625{}", "0".repeat(44)));
    }

    #[test]
    fn exponent() {
        check("e", 0.0, "0.000000e+00");
        check("E", 12345.678, "1.234568E+04");
        check(".0e", 2.5, "2e+00");
        check("#.0e", 1.0, "1.e+00");
        check(".3e", 1e-300, "1.000e-300");
        check("015.3e", -1.0, "-000001.000e+00");
    }

    #[test]
    fn general() {
        check("g", 100000.0, "100000");
        check("g", 1e6, "1e+06");
        check("g", 0.0001, "0.0001");
        check("g", 0.00001, "1e-05");
        check("#g", 1.0, "1.00000");
        check("#g", 0.0001, "0.000100000");
        check(".0g", 15.0, "2e+01");
        check(".3g", 1234.0, "1.23e+03");
        check(".3g", 999.9, "1e+03");
        check(".17g", 0.1, "0.10000000000000001");
        check(".20g", 1e15, "1000000000000000");
        check("G", 1e-10, "1E-10");
        check("g", 0.0, "0");
    }

    #[test]
    fn hexadecimal() {
        check("a", 1.0, "0x1p+0");
        check("A", 1.0, "0X1P+0");
        check("a", 0.0, "0x0p+0");
        check("a", -0.0, "-0x0p+0");
        check("a", 5e-324, "0x0.0000000000001p-1022");
        check("a", 1e-310, "0x0.012688b70e62bp-1022");
        check(".3a", 5e-324, "0x0.000p-1022");
        check(".2a", 1.999, "0x2.00p+0");
        check(".1a", 1.96875, "0x2.0p+0");
        check(".0a", 1.5, "0x2p+0");
        check(".0a", 1.25, "0x1p+0");
        check("#.0a", 1.0, "0x1.p+0");
        check(".13a", 0.1, "0x1.999999999999ap-4");
        check(".20a", 0.1, "0x1.999999999999a0000000p-4");
        check("25a", 0.1, "     0x1.999999999999ap-4");
        check("025a", 0.1, "0x000001.999999999999ap-4");
        check("+a", 1.0, "+0x1p+0");
    }
}
