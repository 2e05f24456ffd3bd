//! Numerals, minimal.

/// A number as Lua has it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Number {
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
}

/// Parses a numeral.
pub fn parse_number(text: &[u8]) -> Option<Number> {
    let text = std::str::from_utf8(text).ok()?;
    if let Some(hex) = text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        if hex.is_empty() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        return Some(Number::Int(
            hex.chars().fold(0i64, |v, c| v.wrapping_mul(16).wrapping_add(i64::from(c.to_digit(16).unwrap_or(0)))),
        ));
    }
    if let Ok(int) = text.parse() {
        return Some(Number::Int(int));
    }
    if !text.bytes().all(|b| b.is_ascii_digit() || b"eE+-.".contains(&b)) {
        return None;
    }
    text.parse().ok().map(Number::Float)
}
