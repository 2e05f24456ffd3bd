//! The directives of `string.format` (manual §6.4): parsing, and writing what needs no virtual machine.
//!
//! The caller walks the format string, copies literal text and `%%`, fetches the argument that fits
//! [`Directive::conversion`], and hands it to the writer for it. Texts of errors are those of the reference
//! implementation; the caller adds which argument is to blame.

use std::fmt;

use crate::number::{FloatSpec, FloatStyle, Layout, Number, format_float, write_integer};

/// More flags than this cannot all be different.
const MAX_FLAGS: usize = 5;
/// From this length on a string without precision is copied as it is, as padding could not matter.
const LONG_STRING: usize = 100;

/// Why a directive cannot be obeyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// The letter is no conversion; zero at the end of the format.
    InvalidOption(u8),
    /// More flags than there are.
    RepeatedFlags,
    /// Three digits.
    TooLong,
    /// A string with zero bytes under `%s` with modifiers.
    StringContainsZeros,
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            FormatError::InvalidOption(letter @ b' '..=b'~') => {
                write!(f, "invalid option '%{}' to 'format'", char::from(letter))
            }
            FormatError::InvalidOption(byte) => write!(f, "invalid option '%<\\{byte}>' to 'format'"),
            FormatError::RepeatedFlags => f.write_str("invalid format (repeated flags)"),
            FormatError::TooLong => f.write_str("invalid format (width or precision too long)"),
            FormatError::StringContainsZeros => f.write_str("string contains zeros"),
        }
    }
}

impl std::error::Error for FormatError {}

/// How an integer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Radix {
    /// `%d`, `%i`.
    Signed,
    /// `%u`.
    Unsigned,
    /// `%o`.
    Octal,
    /// `%x`, `%X`.
    Hexadecimal {
        /// `%X`.
        uppercase: bool,
    },
}

/// What a directive converts, hence which argument it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// `%c`: an integer, the byte with that value.
    Character,
    /// `%d %i %u %o %x %X`: an integer.
    Integer(Radix),
    /// `%e %E %f %g %G %a %A`: a float.
    Float {
        /// The notation.
        style: FloatStyle,
        /// Capital letters.
        uppercase: bool,
    },
    /// `%q`: a string, number, boolean or nil as a literal.
    Quoted,
    /// `%s`: anything, by `tostring`.
    String,
}

/// One directive: what follows a `%`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Directive {
    /// The kind of argument and its notation.
    pub conversion: Conversion,
    /// Flags, width, precision.
    pub layout: Layout,
}

/// Reads the directive at the beginning of `text`, which is what follows a `%` (and is not another `%`). Returns it
/// with its length.
pub fn parse_directive(text: &[u8]) -> Result<(Directive, usize), FormatError> {
    let mut layout = Layout::default();
    let mut at = 0;
    while let Some(flag) = text.get(at).and_then(|&byte| flag(&mut layout, byte)) {
        *flag = true;
        at += 1;
    }
    if at > MAX_FLAGS {
        return Err(FormatError::RepeatedFlags);
    }
    layout.width = two_digits(text, &mut at);
    if text.get(at) == Some(&b'.') {
        at += 1;
        layout.precision = Some(two_digits(text, &mut at));
    }
    let letter = text.get(at).copied().unwrap_or(0);
    if letter.is_ascii_digit() {
        return Err(FormatError::TooLong);
    }
    let float = |style| Conversion::Float { style, uppercase: letter.is_ascii_uppercase() };
    let conversion = match letter {
        b'c' => Conversion::Character,
        b'd' | b'i' => Conversion::Integer(Radix::Signed),
        b'u' => Conversion::Integer(Radix::Unsigned),
        b'o' => Conversion::Integer(Radix::Octal),
        b'x' | b'X' => Conversion::Integer(Radix::Hexadecimal { uppercase: letter == b'X' }),
        b'e' | b'E' => float(FloatStyle::Exponent),
        b'f' => float(FloatStyle::Fixed),
        b'g' | b'G' => float(FloatStyle::General),
        b'a' | b'A' => float(FloatStyle::Hexadecimal),
        b'q' => Conversion::Quoted,
        b's' => Conversion::String,
        _ => return Err(FormatError::InvalidOption(letter)),
    };
    Ok((Directive { conversion, layout }, at + 1))
}

fn flag(layout: &mut Layout, byte: u8) -> Option<&mut bool> {
    match byte {
        b'-' => Some(&mut layout.left),
        b'+' => Some(&mut layout.plus),
        b' ' => Some(&mut layout.space),
        b'#' => Some(&mut layout.alternate),
        b'0' => Some(&mut layout.zero),
        _ => None,
    }
}

fn two_digits(text: &[u8], at: &mut usize) -> usize {
    let mut value = 0;
    let end = *at + 2;
    while *at < end
        && let Some(digit @ b'0'..=b'9') = text.get(*at)
    {
        value = value * 10 + usize::from(digit - b'0');
        *at += 1;
    }
    value
}

impl Directive {
    /// Writes the argument of [`Conversion::Character`]: its lowest byte.
    pub fn write_character(&self, value: i64, out: &mut Vec<u8>) {
        let start = out.len();
        out.push(value as u8);
        self.layout.pad(start, None, out);
    }

    /// Writes the argument of [`Conversion::Integer`].
    pub fn write_int(&self, radix: Radix, value: i64, out: &mut Vec<u8>) {
        let layout = &self.layout;
        let start = out.len();
        let magnitude = match radix {
            Radix::Signed => {
                out.extend_from_slice(layout.sign(value < 0));
                value.unsigned_abs()
            }
            _ => value as u64,
        };
        let mut buffer = [0; 22];
        let digits = digits(radix, magnitude, &mut buffer);
        if layout.alternate
            && magnitude != 0
            && let Radix::Hexadecimal { uppercase } = radix
        {
            out.extend_from_slice(if uppercase { b"0X" } else { b"0x" });
        }
        let zeros_at = out.len();
        // A zero with precision zero has no digits at all.
        let shown = if magnitude == 0 && layout.precision == Some(0) { &[][..] } else { digits };
        let mut least = layout.precision.unwrap_or(1);
        if layout.alternate && radix == Radix::Octal && shown.first() != Some(&b'0') {
            least = least.max(shown.len() + 1);
        }
        out.resize(zeros_at + least.saturating_sub(shown.len()), b'0');
        out.extend_from_slice(shown);
        // A precision already says how many zeros there are.
        layout.pad(start, layout.precision.is_none().then_some(zeros_at), out);
    }

    /// Writes the argument of [`Conversion::Float`].
    pub fn write_float(&self, style: FloatStyle, uppercase: bool, value: f64, out: &mut Vec<u8>) {
        format_float(&FloatSpec { style, uppercase, layout: self.layout }, value, out);
    }

    /// Writes the argument of [`Conversion::String`]. Modifiers are refused for strings with zero bytes.
    pub fn write_bytes(&self, text: &[u8], out: &mut Vec<u8>) -> Result<(), FormatError> {
        if self.layout == Layout::default() {
            out.extend_from_slice(text);
            return Ok(());
        }
        if text.contains(&0) {
            return Err(FormatError::StringContainsZeros);
        }
        if self.layout.precision.is_none() && text.len() >= LONG_STRING {
            out.extend_from_slice(text);
            return Ok(());
        }
        let start = out.len();
        out.extend_from_slice(&text[..self.layout.precision.map_or(text.len(), |most| most.min(text.len()))]);
        self.layout.pad(start, None, out);
        Ok(())
    }
}

fn digits(radix: Radix, mut value: u64, buffer: &mut [u8; 22]) -> &[u8] {
    let (base, alphabet) = match radix {
        Radix::Signed | Radix::Unsigned => (10, b"0123456789abcdef"),
        Radix::Octal => (8, b"0123456789abcdef"),
        Radix::Hexadecimal { uppercase: false } => (16, b"0123456789abcdef"),
        Radix::Hexadecimal { uppercase: true } => (16, b"0123456789ABCDEF"),
    };
    let mut first = buffer.len();
    loop {
        first -= 1;
        buffer[first] = alphabet[(value % base) as usize];
        value /= base;
        if value == 0 {
            return &buffer[first..];
        }
    }
}

/// Writes `text` as a string literal that Lua reads back (`%q`).
pub fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for (at, &byte) in text.iter().enumerate() {
        match byte {
            b'"' | b'\\' | b'\n' => out.extend([b'\\', byte]),
            byte if byte.is_ascii_control() => {
                out.push(b'\\');
                // A digit that follows must not be read as part of the escape.
                if text.get(at + 1).is_some_and(u8::is_ascii_digit) {
                    out.extend([b'0' + byte / 100, b'0' + byte / 10 % 10, b'0' + byte % 10]);
                } else {
                    write_integer(i64::from(byte), out);
                }
            }
            byte => out.push(byte),
        }
    }
    out.push(b'"');
}

/// Writes `number` as a numeral with exactly that value and subtype (`%q`). Infinities and NaN have none: as in the
/// reference implementation, they become names.
pub fn write_quoted_number(number: Number, out: &mut Vec<u8>) {
    match number {
        // Its decimal digits would read as the negation of a float.
        Number::Int(i64::MIN) => out.extend_from_slice(b"0x8000000000000000"),
        Number::Int(integer) => write_integer(integer, out),
        Number::Float(float) => format_float(&FloatSpec::new(FloatStyle::Hexadecimal), float, out),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive(text: &str) -> Directive {
        let (directive, length) = parse_directive(text.as_bytes()).expect("valid directive");
        assert_eq!(length, text.len());
        directive
    }

    #[track_caller]
    fn int(text: &str, value: i64, expected: &str) {
        let directive = directive(text);
        let mut out = b"<".to_vec();
        match directive.conversion {
            Conversion::Integer(radix) => directive.write_int(radix, value, &mut out),
            Conversion::Character => directive.write_character(value, &mut out),
            Conversion::Float { style, uppercase } => directive.write_float(style, uppercase, value as f64, &mut out),
            other => panic!("{other:?}"),
        }
        assert_eq!(String::from_utf8_lossy(&out), format!("<{expected}"), "%{text}");
    }

    #[test]
    fn integers() {
        int("d", i64::MIN, "-9223372036854775808");
        int("i", 3, "3");
        int("+d", 5, "+5");
        int("+ d", 5, "+5");
        int(" d", 5, " 5");
        int("05d", -5, "-0005");
        int("-5d", 5, "5    ");
        int("0-5d", 5, "5    ");
        int(".3d", 5, "005");
        int(".0d", 0, "");
        int(".d", 0, "");
        int("5.3d", 5, "  005");
        int("05.3d", -5, " -005");
        int("+.3u", 5, "005");
        int("u", -1, "18446744073709551615");
        int("x", -1, "ffffffffffffffff");
        int("#x", 255, "0xff");
        int("#X", 255, "0XFF");
        int("#x", 0, "0");
        int("#.0x", 0, "");
        int("08x", 255, "000000ff");
        int("#08x", 255, "0x0000ff");
        int("-#08x", 255, "0xff    ");
        int("#.5x", 255, "0x000ff");
        int("#o", 8, "010");
        int("#o", 0, "0");
        int("#.0o", 0, "0");
        int("#.3o", 8, "010");
        int("o", -1, "1777777777777777777777");
        int("+X", 255, "FF");
    }

    #[test]
    fn characters_and_floats() {
        int("c", 65, "A");
        int("5c", 65, "    A");
        int("05c", 65, "    A");
        int("-5c", 65, "A    ");
        int("5.1f", 2, "  2.0");
        int("A", 1, "0X1P+0");
        int("+.3e", 100, "+1.000e+02");
    }

    #[test]
    fn strings() {
        let write = |text: &str, value: &[u8]| {
            let mut out = Vec::new();
            directive(text).write_bytes(value, &mut out).map(|()| String::from_utf8_lossy(&out).into_owned())
        };
        assert_eq!(write("s", b"a\0b").as_deref(), Ok("a\0b"));
        assert_eq!(write("5s", b"a\0b"), Err(FormatError::StringContainsZeros));
        assert_eq!(write("5s", b"abc").as_deref(), Ok("  abc"));
        assert_eq!(write("-5s", b"abc").as_deref(), Ok("abc  "));
        assert_eq!(write("05s", b"a").as_deref(), Ok("    a"));
        assert_eq!(write(".2s", b"abc").as_deref(), Ok("ab"));
        assert_eq!(write(".s", b"abc").as_deref(), Ok(""));
        assert_eq!(write("5.1s", b"abc").as_deref(), Ok("    a"));
        assert_eq!(write(".20s", &[b'x'; 200]).as_deref(), Ok("x".repeat(20).as_str()));
        assert_eq!(write("20s", &[b'x'; 200]).as_deref(), Ok("x".repeat(200).as_str()));
    }

    #[test]
    fn errors() {
        let error = |text: &str| parse_directive(text.as_bytes()).expect_err("invalid").to_string();
        assert_eq!(error("y"), "invalid option '%y' to 'format'");
        assert_eq!(error(""), "invalid option '%<\\0>' to 'format'");
        assert_eq!(error("10."), "invalid option '%<\\0>' to 'format'");
        assert_eq!(error("F"), "invalid option '%F' to 'format'");
        assert_eq!(error("1-d"), "invalid option '%-' to 'format'");
        assert_eq!(error("5%"), "invalid option '%%' to 'format'");
        assert_eq!(error("\u{e9}"), "invalid option '%<\\195>' to 'format'");
        assert_eq!(error("--+-#0d"), "invalid format (repeated flags)");
        assert_eq!(error("123d"), "invalid format (width or precision too long)");
        assert_eq!(error(".123d"), "invalid format (width or precision too long)");
        directive("#-0+ d");
    }

    #[test]
    fn quoting() {
        let mut out = Vec::new();
        write_quoted(b"a\0b\x001\r\n\t\xC8\"\\\x7F\x7F9", &mut out);
        assert_eq!(out, b"\"a\\0b\\0001\\13\\\n\\9\xC8\\\"\\\\\\127\\1279\"");
        let number = |number| {
            let mut out = Vec::new();
            write_quoted_number(number, &mut out);
            String::from_utf8(out).expect("ASCII")
        };
        assert_eq!(number(Number::Int(12)), "12");
        assert_eq!(number(Number::Int(i64::MIN)), "0x8000000000000000");
        assert_eq!(number(Number::Float(2.0)), "0x1p+1");
        assert_eq!(number(Number::Float(f64::INFINITY)), "inf");
        assert_eq!(number(Number::Float(f64::NEG_INFINITY)), "-inf");
        assert_eq!(number(Number::Float(f64::NAN.copysign(1.0))), "nan");
        assert_eq!(number(Number::Float(f64::NAN.copysign(-1.0))), "-nan");
    }
}
