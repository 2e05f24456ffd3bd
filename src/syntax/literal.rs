//! Literals: where they end, what they mean, and what is wrong with them (manual §3.1).
//!
//! The scanner of quoted strings runs twice over a string that is kept: once in the lexer, which only wants to know
//! where it ends, and once in the parser, which wants its bytes. Both use [`scan_quoted`] with a different [`Sink`], so
//! they cannot disagree. A malformed literal is scanned a third time by [`explain`], which makes the message.

use std::ops::Range;

/// Receives the bytes of a string as the scanner decodes them.
pub(super) trait Sink {
    /// Appends decoded bytes.
    fn push(&mut self, bytes: &[u8]);
}

/// A sink for those who only want to know where the string ends.
pub(super) struct Discard;

impl Sink for Discard {
    fn push(&mut self, _bytes: &[u8]) {}
}

impl Sink for Vec<u8> {
    fn push(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// A scanned literal, with offsets relative to its first byte.
#[derive(Debug)]
pub(super) struct Scan {
    /// After its last byte.
    pub end: usize,
    /// How many newlines it contains.
    pub newlines: u32,
}

/// Why a quoted string is malformed.
#[derive(Debug)]
pub(super) struct Fault {
    /// Lua's words for it.
    pub message: &'static str,
    /// The piece that does not decode, relative to the opening quote; empty if the string just does not end.
    pub raw: Range<usize>,
    /// The source ended inside the string.
    pub at_eof: bool,
    /// Newlines before the fault.
    pub newlines: u32,
}

/// The length of the newline sequence at `at`: 2 if `\r\n` or `\n\r`, else 1.
fn newline_length(bytes: &[u8], at: usize) -> usize {
    match (bytes[at], bytes.get(at + 1)) {
        (b'\r', Some(b'\n')) | (b'\n', Some(b'\r')) => 2,
        _ => 1,
    }
}

/// Scans a quoted string. `bytes` begins with the opening quote and need not end with the string.
pub(super) fn scan_quoted(bytes: &[u8], sink: &mut impl Sink) -> Result<Scan, Fault> {
    let quote = bytes[0];
    let mut newlines = 0;
    let mut at = 1;
    loop {
        let plain = bytes[at..].iter().position(|&byte| byte == quote || matches!(byte, b'\\' | b'\n' | b'\r'));
        let Some(plain) = plain else {
            let raw = bytes.len()..bytes.len();
            return Err(Fault { message: "unfinished string", raw, at_eof: true, newlines });
        };
        sink.push(&bytes[at..at + plain]);
        at += plain;
        match bytes[at] {
            b'\\' => at = scan_escape(bytes, at, sink, &mut newlines)?,
            b'\n' | b'\r' => {
                return Err(Fault { message: "unfinished string", raw: at..at, at_eof: false, newlines });
            }
            _ => return Ok(Scan { end: at + 1, newlines }),
        }
    }
}

/// Scans the escape sequence whose backslash is at `start`; returns the offset after it.
fn scan_escape(bytes: &[u8], start: usize, sink: &mut impl Sink, newlines: &mut u32) -> Result<usize, Fault> {
    // Lua shows the sequence up to and including the byte that made it invalid.
    let fault = |message, at: usize, newlines: u32| {
        Err(Fault { message, raw: start..bytes.len().min(at + 1), at_eof: false, newlines })
    };
    let at = start + 1;
    let Some(&letter) = bytes.get(at) else {
        return Err(Fault { message: "unfinished string", raw: at..at, at_eof: true, newlines: *newlines });
    };
    let simple = match letter {
        b'a' => 0x07,
        b'b' => 0x08,
        b'f' => 0x0C,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0B,
        b'\\' | b'"' | b'\'' => letter,
        b'\n' | b'\r' => {
            *newlines += 1;
            sink.push(b"\n");
            return Ok(at + newline_length(bytes, at));
        }
        b'z' => {
            let mut at = at + 1;
            while let Some(&byte) = bytes.get(at) {
                match byte {
                    b'\n' | b'\r' => {
                        *newlines += 1;
                        at += newline_length(bytes, at);
                    }
                    b' ' | b'\t' | 0x0B | 0x0C => at += 1,
                    _ => break,
                }
            }
            return Ok(at);
        }
        b'x' => {
            let mut value = 0;
            for at in [at + 1, at + 2] {
                match hex_digit(bytes, at) {
                    Some(digit) => value = value * 16 + digit as u8,
                    None => return fault("hexadecimal digit expected", at, *newlines),
                }
            }
            sink.push(&[value]);
            return Ok(at + 3);
        }
        b'u' => {
            if bytes.get(at + 1) != Some(&b'{') {
                return fault("missing '{'", at + 1, *newlines);
            }
            let mut at = at + 2;
            let Some(mut value) = hex_digit(bytes, at) else {
                return fault("hexadecimal digit expected", at, *newlines);
            };
            at += 1;
            while let Some(digit) = hex_digit(bytes, at) {
                if value > 0x10FFFF >> 4 {
                    return fault("UTF-8 value too large", at, *newlines);
                }
                value = value * 16 + digit;
                at += 1;
            }
            if bytes.get(at) != Some(&b'}') {
                return fault("missing '}'", at, *newlines);
            }
            push_utf8(value, sink);
            return Ok(at + 1);
        }
        b'0'..=b'9' => {
            let digits = bytes[at..].iter().take(3).take_while(|byte| byte.is_ascii_digit());
            let (value, count) =
                digits.fold((0u32, 0), |(value, count), byte| (value * 10 + u32::from(byte - b'0'), count + 1));
            let Ok(byte) = u8::try_from(value) else {
                return fault("decimal escape too large", at + count, *newlines);
            };
            sink.push(&[byte]);
            return Ok(at + count);
        }
        _ => return fault("invalid escape sequence", at, *newlines),
    };
    sink.push(&[simple]);
    Ok(at + 1)
}

fn hex_digit(bytes: &[u8], at: usize) -> Option<u32> {
    char::from(*bytes.get(at)?).to_digit(16)
}

/// Encodes a code point up to 10FFFF. Lua encodes surrogates like any other.
fn push_utf8(value: u32, sink: &mut impl Sink) {
    let tail = |shift: u32| 0x80 | (value >> shift & 0x3F) as u8;
    match value {
        0..0x80 => sink.push(&[value as u8]),
        0x80..0x800 => sink.push(&[0xC0 | (value >> 6) as u8, tail(0)]),
        0x800..0x1_0000 => sink.push(&[0xE0 | (value >> 12) as u8, tail(6), tail(0)]),
        _ => sink.push(&[0xF0 | (value >> 18) as u8, tail(12), tail(6), tail(0)]),
    }
}

/// The level of the long bracket that opens at the start of `bytes`: the number of `=` in it.
pub(super) fn long_bracket_level(bytes: &[u8]) -> Option<usize> {
    let rest = bytes.strip_prefix(b"[")?;
    let level = rest.iter().take_while(|&&byte| byte == b'=').count();
    (rest.get(level) == Some(&b'[')).then_some(level)
}

/// Scans a long bracket of `level`, which opens at the start of `bytes`. `None`: it does not end.
pub(super) fn scan_long_bracket(bytes: &[u8], level: usize) -> Option<Scan> {
    let mut newlines = 0;
    let mut at = level + 2;
    loop {
        at += bytes[at..].iter().position(|&byte| matches!(byte, b']' | b'\n' | b'\r'))?;
        if bytes[at] != b']' {
            newlines += 1;
            at += newline_length(bytes, at);
            continue;
        }
        let equals = bytes[at + 1..].iter().take_while(|&&byte| byte == b'=').count();
        at += 1 + equals;
        // Another `]` may itself begin the closing bracket, so it is consumed only by the right one.
        if equals == level && bytes.get(at) == Some(&b']') {
            return Some(Scan { end: at + 1, newlines });
        }
    }
}

/// The contents of a long bracket, given without its delimiters: one newline at the start is dropped, and every newline
/// sequence becomes `\n`.
fn long_bracket_contents(body: &[u8]) -> Vec<u8> {
    let mut contents = Vec::with_capacity(body.len());
    let mut at = 0;
    while at < body.len() {
        if matches!(body[at], b'\n' | b'\r') {
            if at > 0 {
                contents.push(b'\n');
            }
            at += newline_length(body, at);
        } else {
            let run = body[at..].iter().position(|&byte| matches!(byte, b'\n' | b'\r'));
            let end = run.map_or(body.len(), |run| at + run);
            contents.extend_from_slice(&body[at..end]);
            at = end;
        }
    }
    contents
}

/// The value of a well-formed string literal, quoted or long.
pub(super) fn decode_string(literal: &[u8]) -> Box<[u8]> {
    if let Some(level) = long_bracket_level(literal) {
        return long_bracket_contents(&literal[level + 2..literal.len() - level - 2]).into();
    }
    let body = &literal[1..literal.len() - 1];
    if !body.contains(&b'\\') {
        return body.into();
    }
    let mut bytes = Vec::with_capacity(body.len());
    scan_quoted(literal, &mut bytes).expect("the lexer accepted this string");
    bytes.into()
}

/// A string literal as Lua quotes it in a message: with its delimiters, but decoded and cut at the first zero byte. Lua
/// keeps no closing quote if the literal holds a zero byte before it.
pub(super) fn quote_string(literal: &[u8]) -> Vec<u8> {
    let delimiter = long_bracket_level(literal).map_or(1, |level| level + 2);
    let mut shown = literal[..delimiter].to_vec();
    shown.extend_from_slice(&decode_string(literal));
    shown.extend_from_slice(&literal[literal.len() - delimiter..]);
    if let Some(zero) = shown.iter().position(|&byte| byte == 0) {
        shown.truncate(zero);
    }
    shown
}

/// What is wrong with a malformed literal.
#[derive(Debug)]
pub(super) struct Malformed {
    /// Lua's words for it.
    pub message: String,
    /// What the message shows as `near`; `None` is the end of the source.
    pub near: Option<Vec<u8>>,
    /// The line the message names.
    pub line: u32,
}

/// Explains an error token. `bytes` is the source from the token's start on, `length` the token's length and `line` the
/// line of its start.
pub(super) fn explain(bytes: &[u8], length: usize, line: u32) -> Malformed {
    let bracket = bytes.strip_prefix(b"--").unwrap_or(bytes);
    if long_bracket_level(bracket).is_some() {
        let what = if bracket.len() == bytes.len() { "string" } else { "comment" };
        let message = format!("unfinished long {what} (starting at line {line})");
        let last = line + count_newlines(bytes);
        return Malformed { message, near: None, line: last };
    }
    if let b'"' | b'\'' = bytes[0] {
        let mut shown = vec![bytes[0]];
        if let Err(fault) = scan_quoted(bytes, &mut shown) {
            shown.extend_from_slice(&bytes[fault.raw.clone()]);
            let near = (!fault.at_eof).then_some(shown);
            return Malformed { message: fault.message.into(), near, line: line + fault.newlines };
        }
    }
    let message = if bytes[0] == b'[' { "invalid long string delimiter" } else { "malformed number" };
    Malformed { message: message.into(), near: Some(bytes[..length].into()), line }
}

fn count_newlines(bytes: &[u8]) -> u32 {
    let mut newlines = 0;
    let mut at = 0;
    while at < bytes.len() {
        if matches!(bytes[at], b'\n' | b'\r') {
            newlines += 1;
            at += newline_length(bytes, at);
        } else {
            at += 1;
        }
    }
    newlines
}
